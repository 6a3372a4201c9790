package benchmarks

import (
	"fmt"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// bertShape is the size of an encoder of the BERT form.
type bertShape struct {
	dim, inner, layers, heads int
}

// The shapes of all-MiniLM-L6 and of BERT base.
var (
	miniLM   = bertShape{384, 1536, 6, 12}
	bertBase = bertShape{768, 3072, 12, 12}
)

const bertVocab = 30522

func (s bertShape) random(opt model.Options) (*model.Encoder, error) {
	config := fmt.Appendf(nil, `{"model_type": "bert", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
		"num_attention_heads": %d, "vocab_size": %d, "max_position_embeddings": 512}`, s.dim, s.inner, s.layers, s.heads, bertVocab)
	return model.NewEncoder(config, checkpoint.Random(1, tensor.F32), opt)
}

// flops returns the floating-point operations of a batch with these lengths.
func (s bertShape) flops(lengths []int) float64 {
	total := 0
	for _, t := range lengths {
		total += t * (4*s.dim*s.dim + 2*s.dim*s.inner + 2*t*s.dim) * s.layers
	}
	return 2 * float64(total)
}

// BenchmarkEmbed is the speed of encoders, in sentences and tokens a second, for batches of equal lengths
// and of mixed ones, in which no token is padding: minilm-l6 is the shape of all-MiniLM-L6-v2. int8 is
// [quantize.W8A8], weights and activations of 8 bits; int7 has weights of 7 bits, and blocks8 is [quantize.Encoder8]. Their
// shares, too, are of the peak of float32.
func BenchmarkEmbed(b *testing.B) {
	for _, shape := range []struct {
		name string
		bertShape
		convert func(nn.Matrix) tensor.DType
	}{
		{"minilm-l6/f32", miniLM, nil}, {"minilm-l6/int8", miniLM, quantize.W8A8}, {"minilm-l6/int7", miniLM, quantize.W7A8}, {"minilm-l6/blocks8", miniLM, quantize.Encoder8},
		{"bert-base/f32", bertBase, nil}, {"bert-base/int8", bertBase, quantize.W8A8}, {"bert-base/int7", bertBase, quantize.W7A8}, {"bert-base/blocks8", bertBase, quantize.Encoder8},
	} {
		e, err := shape.random(model.Options{Convert: shape.convert})
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range [][2]int{{1, 16}, {1, 128}, {1, 512}, {8, 16}, {8, 128}, {8, 512}, {32, 16}, {32, 32}, {32, 128}, {256, 32}} {
			lengths := make([]int, c[0])
			for i := range lengths {
				lengths[i] = c[1]
			}
			run(b, fmt.Sprintf("%s/%dx%d", shape.name, c[0], c[1]), func(b *testing.B) { benchEmbed(b, e, shape.bertShape, lengths) })
		}
		mixed := make([]int, 64) // 16 to 112 tokens, 64 in the mean
		for i := range mixed {
			mixed[i] = 16 + i*37%97
		}
		run(b, shape.name+"/mixed", func(b *testing.B) { benchEmbed(b, e, shape.bertShape, mixed) })
	}
}

func benchEmbed(b *testing.B, e *model.Encoder, s bertShape, lengths []int) {
	tokenCount := 0
	batch := make([]arch.Sequence, len(lengths))
	for i, t := range lengths {
		batch[i].IDs = tokens(t, bertVocab)
		tokenCount += t
	}
	see := func(int, []arch.Sequence, tensor.Tensor, *tensor.Arena) error { return nil }
	m := newMeter(b, ofPeak(s.flops(lengths)))
	for b.Loop() {
		if err := e.Run(batch, see); err != nil {
			b.Fatal(err)
		}
		m.lap()
	}
	m.report()
	perSecond(b, "sentences/s", float64(len(lengths)))
	perSecond(b, "tok/s", float64(tokenCount))
}
