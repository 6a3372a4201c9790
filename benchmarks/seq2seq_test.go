package benchmarks

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// seq2seqShape is the size of an encoder–decoder whose heads have 64 dimensions and whose table is tied.
type seq2seqShape struct {
	name                           string
	dim, inner, layers, heads, ids int
	config                         string // what the dimensions do not say
}

var seq2seqShapes = []seq2seqShape{
	{"T5-small", 512, 2048, 6, 8, 32128, `"model_type": "t5", "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6,
		"num_decoder_layers": 6, "num_heads": 8, "vocab_size": 32128, "feed_forward_proj": "relu", "tie_word_embeddings": true,
		"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0`},
	{"BART-base", 768, 3072, 6, 12, 50265, `"model_type": "bart", "d_model": 768, "encoder_layers": 6, "decoder_layers": 6,
		"encoder_attention_heads": 12, "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072,
		"vocab_size": 50265, "activation_function": "gelu", "normalize_before": false, "max_position_embeddings": 1024,
		"tie_word_embeddings": true, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2`},
}

// Sources have as many tokens, and as many are generated, none of which ends the text.
const (
	seq2seqSource    = 512
	seq2seqGenerated = 64
	seq2seqBeams     = 4
)

// BenchmarkEncoderDecoder is a source of 512 tokens and a target of 64, greedy and by beam search.
//
//   - encode: the encoder alone.
//   - greedy and beams=4: the whole. ms-source is the time before the first step: the encoder, and the keys
//     and values of its output. tok/s and %bandwidth are of the steps, each of which reads the decoder's
//     weights and these keys and values once. x-greedy is the time of the steps by that of as many
//     greedy ones, taken by turns.
//
// int8 is [quantize.W8A8], and blocks8 [quantize.Encoder8]. Their share of the peak, too, is that of float32.
func BenchmarkEncoderDecoder(b *testing.B) {
	for _, s := range seq2seqShapes {
		b.Run(s.name, func(b *testing.B) { benchSeq2Seq(b, s, nil) })
		b.Run(s.name+"/int8", func(b *testing.B) { benchSeq2Seq(b, s, quantize.W8A8) })
		b.Run(s.name+"/blocks8", func(b *testing.B) { benchSeq2Seq(b, s, quantize.Encoder8) })
	}
}

func benchSeq2Seq(b *testing.B, s seq2seqShape, convert func(nn.Matrix) tensor.DType) {
	m, err := model.NewEncoderDecoder([]byte("{"+s.config+"}"), checkpoint.Random(1, tensor.F32), model.Options{Convert: convert})
	if err != nil {
		b.Fatal(err)
	}
	ids := tokens(seq2seqSource, s.ids)
	run(b, "encode", func(b *testing.B) {
		shape := bertShape{s.dim, s.inner, s.layers, s.heads}
		benchSource(b, m.Encoder, ids, shape.flops([]int{len(ids)}))
	})
	run(b, "greedy", func(b *testing.B) { benchTarget(b, m, ids, greedy, nil) })
	run(b, fmt.Sprintf("beams=%d", seq2seqBeams), func(b *testing.B) { benchTarget(b, m, ids, beams, greedy) })
}

func benchSource(b *testing.B, e *model.Encoder, ids []int, flops float64) {
	batch := []arch.Sequence{{IDs: ids}}
	see := func(int, []arch.Sequence, tensor.Tensor, *tensor.Arena) error { return nil }
	m := newMeter(b, ofPeak(flops))
	for b.Loop() {
		if err := e.Run(batch, see); err != nil {
			b.Fatal(err)
		}
		m.lap()
	}
	m.report()
	perSecond(b, "tok/s", float64(len(ids)))
}

// benchTarget measures one way to generate, beside another if there is one.
func benchTarget(b *testing.B, m *model.EncoderDecoder, ids []int, generate, other func(*model.Session) error) {
	var source, target, beside time.Duration
	meter := newMeter(b, ofBandwidth(seq2seqGenerated*float64(stepBytes(m.Decoder, len(ids)))))
	for b.Loop() {
		var src *model.Encoded
		source += meter.aside(func() {
			all, err := m.Encode(ids)
			if err != nil {
				b.Fatal(err)
			}
			src = all[0]
		})
		target += timed(b, m, src, generate)
		if other != nil {
			b.StopTimer()
			beside += meter.aside(func() { timed(b, m, src, other) })
			b.StartTimer()
		}
		meter.lap()
	}
	meter.report()
	b.ReportMetric(1e3*source.Seconds()/float64(b.N), "ms-source")
	b.ReportMetric(seq2seqGenerated*float64(b.N)/target.Seconds(), "tok/s")
	if other != nil {
		b.ReportMetric(target.Seconds()/beside.Seconds(), "x-greedy")
	}
}

// aside does something within a slice that its share leaves out, and returns how long it took.
func (m *meter) aside(f func()) time.Duration {
	start := time.Now()
	f()
	took := time.Since(start)
	m.start = m.start.Add(took)
	return took
}

func timed(b *testing.B, m *model.EncoderDecoder, src *model.Encoded, generate func(*model.Session) error) time.Duration {
	start := time.Now()
	if err := generate(m.NewSession(src, model.SessionOptions{})); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// neverEnding are the options of a target of which no token is the last before its time.
var neverEnding = model.GenerateOptions{MaxTokens: seq2seqGenerated, Processors: &sample.LogitsProcessors{MinNewTokens: seq2seqGenerated}}

func greedy(s *model.Session) error {
	for _, err := range s.Generate(context.Background(), nil, new(sample.Sampler), neverEnding) {
		if err != nil {
			return err
		}
	}
	return ofLength(s.Len())
}

func beams(s *model.Session) error {
	found, err := s.BeamSearch(context.Background(), nil, beam.Options{NumBeams: seq2seqBeams, LengthPenalty: 1}, neverEnding)
	if err != nil {
		return err
	}
	return ofLength(len(found[0].IDs))
}

// ofLength complains of a target that is not as long as all are to be, with its start token.
func ofLength(n int) error {
	if n != 1+seq2seqGenerated {
		return fmt.Errorf("a target of %d tokens, expected %d", n, 1+seq2seqGenerated)
	}
	return nil
}

// stepBytes returns the bytes that a step of the decoder reads: its weights, and keys and values of a
// source.
func stepBytes(d *model.Decoder, source int) int64 {
	n := d.Head.Weight.Bytes()
	for _, blk := range d.Blocks {
		for _, r := range blk {
			switch op := r.Op.(type) {
			case *attention.MultiHead:
				n += matrixBytes(op.QKV, op.Out)
			case *attention.CrossAttention:
				n += matrixBytes(op.Query, op.Out) + int64(source)*int64(op.KV.Weight.Out)*4
			case *block.MLP:
				n += matrixBytes(op.Up, op.Down)
			default:
				panic(fmt.Sprintf("benchmarks: a layer of type %T", op))
			}
		}
	}
	return n
}

func matrixBytes(layers ...nn.Linear) int64 {
	n := int64(0)
	for _, l := range layers {
		n += l.Weight.Bytes()
	}
	return n
}
