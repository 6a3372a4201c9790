package model_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Small models whose rows are whole blocks.
const (
	bert8 = `{"model_type": "bert", "vocab_size": 200, "hidden_size": 96, "intermediate_size": 224, "num_hidden_layers": 3,
		"num_attention_heads": 4, "max_position_embeddings": 160, "layer_norm_eps": 1e-5}`
	bart8 = `{"model_type": "bart", "vocab_size": 200, "d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
		"decoder_attention_heads": 2, "encoder_ffn_dim": 160, "decoder_ffn_dim": 96, "max_position_embeddings": 300, "activation_function": "gelu",
		"tie_word_embeddings": true, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}`
	t58 = `{"model_type": "t5", "vocab_size": 200, "d_model": 64, "d_kv": 32, "d_ff": 160, "num_layers": 2, "num_decoder_layers": 2,
		"num_heads": 4, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}`
)

// emulation computes layers of BERT and BART in float64; weights, and what they are multiplied by, are rounded to 8 bits.
type emulation struct {
	t   testing.TB
	src checkpoint.Source
	dt  tensor.DType // of the weights
}

// eightBits are the choices of 8-bit arithmetic, and the types that weights have in them.
var eightBits = []struct {
	name    string
	convert func(nn.Matrix) tensor.DType
	dt      tensor.DType
}{{"Encoder8", quantize.Encoder8, tensor.Q8_0}, {"W8A8", quantize.W8A8, tensor.W8}, {"W7A8", quantize.W7A8, tensor.W7}}

// eachEightBits runs a test with each choice on each instruction set.
func eachEightBits(t *testing.T, test func(t *testing.T, convert func(nn.Matrix) tensor.DType, dt tensor.DType)) {
	for _, c := range eightBits {
		t.Run(c.name, func(t *testing.T) {
			tensortest.EachSet(t, func(t *testing.T) { test(t, c.convert, c.dt) })
		})
	}
}

// matrix is a row for each token or output.
type matrix [][]float64

func matrixOf(x tensor.Tensor) matrix {
	m := make(matrix, x.Rows())
	for i := range m {
		for _, v := range x.Row(i) {
			m[i] = append(m[i], float64(v))
		}
	}
	return m
}

// read returns the tensor whose name ends so.
func (e emulation) read(end string) tensor.Tensor {
	e.t.Helper()
	for name := range e.src.Names() {
		if strings.HasSuffix("."+name, "."+end) {
			x, err := checkpoint.ReadFloat32(e.src, name)
			if err != nil {
				e.t.Fatal(err)
			}
			return x
		}
	}
	e.t.Fatalf("the model has no %s", end)
	return tensor.Tensor{}
}

// rounded is a row of activations as products take it.
func (e emulation) rounded(row []float64) []float64 {
	if e.dt.PerRow() {
		return roundedRow(row)
	}
	return rounded(row)
}

// roundedRow is a row as the nearest of 255 numbers from its least to its most, one of which is 0, in float32.
func roundedRow(row []float64) (out []float64) {
	lo, hi := float32(0), float32(0)
	for _, v := range row {
		lo, hi = min(lo, float32(v)), max(hi, float32(v))
	}
	up, down := hi*(1.0/254), lo*(1.0/254)
	scale := up - down
	by := 1 / scale
	zero := -127 - math.RoundToEven(float64(lo*by))
	for _, v := range row {
		code := min(127, math.RoundToEven(float64(float32(v)*by))+zero)
		out = append(out, (code-zero)*float64(scale))
	}
	return out
}

// rounded is a row of activations as the nearest of 255 multiples of a 127th of the largest of 32, in float32.
func rounded(row []float64) (out []float64) {
	for i := 0; i < len(row); i += 32 {
		most := float32(0)
		for _, v := range row[i : i+32] {
			most = max(most, float32(math.Abs(v)))
		}
		for _, v := range row[i : i+32] {
			out = append(out, math.RoundToEven(float64(float32(v)*(127/most)))*float64(most/127))
		}
	}
	return out
}

func (e emulation) linear(name string, x matrix) matrix {
	w, bias := e.read(name+".weight"), e.read(name+".bias").Data
	blocks := make([]byte, e.dt.Bytes(w.Shape.Last()))
	for i := range w.Rows() {
		e.dt.Encode(blocks, w.Row(i))
		e.dt.Decode(w.Row(i), blocks)
	}
	weights, out := matrixOf(w), make(matrix, len(x))
	for i := range x {
		row := e.rounded(x[i])
		for o := range weights {
			out[i] = append(out[i], dot64(row, weights[o])+float64(bias[o]))
		}
	}
	return out
}

func dot64(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// attention is that of x to what kv makes keys and values of.
func (e emulation) attention(names [4]string, x, kv matrix, heads int, causal bool) matrix {
	q, k, v := e.linear(names[0], x), e.linear(names[1], kv), e.linear(names[2], kv)
	out, dim := make(matrix, len(x)), len(x[0])/heads
	for i := range x {
		out[i] = make([]float64, len(x[0]))
		sees := len(kv)
		if causal {
			sees = i + 1
		}
		for h := 0; h < len(x[0]); h += dim {
			weights, sum := make([]float64, sees), 0.0
			for j := range weights {
				weights[j] = math.Exp(dot64(q[i][h:h+dim], k[j][h:h+dim]) / math.Sqrt(float64(dim)))
				sum += weights[j]
			}
			for j, w := range weights {
				for d := h; d < h+dim; d++ {
					out[i][d] += w / sum * v[j][d]
				}
			}
		}
	}
	return e.linear(names[3], out)
}

func (e emulation) network(up, down string, x matrix) matrix {
	hidden := e.linear(up, x)
	for _, row := range hidden {
		for i, v := range row {
			row[i] = v * (1 + math.Erf(v/math.Sqrt2)) / 2
		}
	}
	return e.linear(down, hidden)
}

// addNorm returns the layer norm of x + y.
func (e emulation) addNorm(name string, x, y matrix) matrix {
	weight, bias, out := e.read(name+".weight").Data, e.read(name+".bias").Data, make(matrix, len(x))
	for i := range x {
		mean, squares, n := 0.0, 0.0, float64(len(x[i]))
		for j := range x[i] {
			out[i] = append(out[i], x[i][j]+y[i][j])
			mean += out[i][j] / n
		}
		for _, v := range out[i] {
			squares += (v - mean) * (v - mean) / n
		}
		for j, v := range out[i] {
			out[i][j] = (v-mean)/math.Sqrt(squares+1e-5)*float64(weight[j]) + float64(bias[j])
		}
	}
	return out
}

func (e emulation) bertLayer(i int, x matrix) matrix {
	at := func(name string) string { return fmt.Sprintf("encoder.layer.%d.%s", i, name) }
	a := e.attention([4]string{at("attention.self.query"), at("attention.self.key"), at("attention.self.value"), at("attention.output.dense")}, x, x, 4, false)
	x = e.addNorm(at("attention.output.LayerNorm"), x, a)
	return e.addNorm(at("output.LayerNorm"), x, e.network(at("intermediate.dense"), at("output.dense"), x))
}

// bartLayer is a layer of the encoder, or with source, which is the encoder's output, of the decoder.
func (e emulation) bartLayer(i int, x, source matrix) matrix {
	side, heads := "encoder", 4
	if source != nil {
		side, heads = "decoder", 2
	}
	at := func(name string) string { return fmt.Sprintf("%s.layers.%d.%s", side, i, name) }
	parts := func(name string) [4]string {
		return [4]string{at(name + ".q_proj"), at(name + ".k_proj"), at(name + ".v_proj"), at(name + ".out_proj")}
	}
	x = e.addNorm(at("self_attn_layer_norm"), x, e.attention(parts("self_attn"), x, x, heads, source != nil))
	if source != nil {
		x = e.addNorm(at("encoder_attn_layer_norm"), x, e.attention(parts("encoder_attn"), x, source, heads, false))
	}
	return e.addNorm(at("final_layer_norm"), x, e.network(at("fc1"), at("fc2"), x))
}

// layers returns an observer that keeps the states between layers.
func layers(states *[]matrix) func(attention.Point) func(tensor.Tensor) {
	return func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != arch.StageEmbeddings && at.Stage != block.StageBlock {
			return nil
		}
		return func(x tensor.Tensor) { *states = append(*states, matrixOf(x)) }
	}
}

// checkLayers compares each layer's output with what layer makes of its input. Where float32 rounds a value to another
// code than float64 does, which is rare, a row differs by what a code weighs; all others by what float32 rounds.
func checkLayers(t *testing.T, states []matrix, n int, layer func(i int, x matrix) matrix) {
	t.Helper()
	if len(states) != n+1 {
		t.Fatalf("%d states between layers, want %d", len(states), n+1)
	}
	close, all, worst := 0, 0, 0.0
	for i := range n {
		want := layer(i, states[i])
		for j, row := range states[i+1] {
			most, off := 0.0, 0.0
			for k, v := range row {
				most, off = max(most, math.Abs(v)), max(off, math.Abs(v-want[j][k]))
			}
			all++
			if off <= 1e-5*most {
				close++
			}
			worst = max(worst, off/most)
		}
	}
	t.Logf("%d of %d rows are those of the emulation; the others differ by at most %.1e", close, all, worst)
	if close < all*9/10 || !(worst <= 1e-2) {
		t.Errorf("%d of %d rows are those of the emulation; the others differ by at most %.1e", close, all, worst)
	}
}

// checkKept tests that all products are with 8-bit activations.
func checkKept(t *testing.T, a model.Arithmetic) {
	t.Helper()
	for _, m := range a {
		if !m.Lookup && m.Precision != tensor.Int8Activations {
			t.Errorf("%v: some matrices are multiplied in float32", a)
		}
	}
}

// An encoder in 8 bits computes what its rounded weights and activations say, near float32, and the same bits in any
// company.
func TestEncoder8(t *testing.T) {
	src := checkpoint.Random(3, tensor.F32)
	wide, err := model.NewEncoder([]byte(bert8), src, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	batch := []arch.Sequence{{IDs: modeltest.RandomIDs(1, 40, 200)}}
	eachEightBits(t, func(t *testing.T, convert func(nn.Matrix) tensor.DType, dt tensor.DType) {
		e, err := model.NewEncoder([]byte(bert8), src, model.Options{Convert: convert})
		if err != nil {
			t.Fatal(err)
		}
		checkKept(t, e.Arithmetic())
		if err := modeltest.TestEncoder(e, nil); err != nil {
			t.Error(err)
		}
		var states []matrix
		e.Forward(&attention.Pass{Observer: layers(&states)}, batch)
		checkLayers(t, states, 3, emulation{t, src, dt}.bertLayer)
		got, want := e.Forward(&attention.Pass{}, batch), wide.Forward(&attention.Pass{}, batch)
		if off := furthest(got.Data, want.Data); off == 0 || !(off <= 0.03) {
			t.Errorf("hidden states differ from float32's by %.2g of the largest", off)
		} else {
			t.Logf("hidden states differ from float32's by %.2g of the largest", off)
		}
	})
}

// So does BART on both sides, with the keys and values of the encoder's output.
func TestBART8(t *testing.T) {
	src := checkpoint.Random(4, tensor.F32)
	source, target := modeltest.RandomIDs(2, 30, 200), modeltest.RandomIDs(3, 20, 200)
	eachEightBits(t, func(t *testing.T, convert func(nn.Matrix) tensor.DType, dt tensor.DType) {
		m, err := model.NewEncoderDecoder([]byte(bart8), src, model.Options{Convert: convert})
		if err != nil {
			t.Fatal(err)
		}
		var states []matrix
		m.Encoder.Forward(&attention.Pass{Observer: layers(&states)}, []arch.Sequence{{IDs: source}})
		em := emulation{t, src, dt}
		checkLayers(t, states, 2, func(i int, x matrix) matrix { return em.bartLayer(i, x, nil) })
		hidden := encode1(t, m, source)
		states = nil
		p := &attention.Pass{Observer: layers(&states)}
		p.Begin(attention.Seq{Rows: len(target), Cross: cross(t, m, hidden), Cache: newCache(t, m.Decoder)})
		m.Decoder.Forward(p, []arch.Sequence{{IDs: target}}, []int{len(target) - 1})
		checkLayers(t, states, 2, func(i int, x matrix) matrix { return em.bartLayer(i, x, matrixOf(hidden.Hidden)) })
	})
}

// Encoder–decoders in 8 bits have no product in float32, and give the same bits however sources and targets are fed.
func TestSeq2Seq8(t *testing.T) {
	sources := [][]int{modeltest.RandomIDs(6, 50, 200), modeltest.RandomIDs(7, 9, 200), modeltest.RandomIDs(8, 130, 200)}
	for name, config := range map[string]string{"bart": bart8, "t5": t58} {
		t.Run(name, func(t *testing.T) {
			src := checkpoint.Random(5, tensor.F32)
			eachEightBits(t, func(t *testing.T, convert func(nn.Matrix) tensor.DType, dt tensor.DType) {
				m, err := model.NewEncoderDecoder([]byte(config), src, model.Options{Convert: convert})
				if err != nil {
					t.Fatal(err)
				}
				checkKept(t, m.Arithmetic())
				checkSeq2SeqSplits(t, m, sources)
			})
		})
	}
}

// Logits in 8 bits are near the reference's in float32: each product adds about one in a hundred of its outputs, as one
// rounds values to a 127th of the largest, and there are a dozen. Feed-forward networks of these models are 48 wide, which
// is not whole blocks: their last matrices stay as they are.
func TestSeq2SeqGolden8(t *testing.T) {
	near := 0
	for _, g := range seq2seqGoldens(t) {
		if g.decoderOnly() || len(g.Outputs) > 0 {
			continue
		}
		m, err := model.NewEncoderDecoder(g.Config, g.weights(t, tensor.F32), model.Options{Convert: quantize.Encoder8})
		if err != nil {
			t.Fatal(err)
		}
		if m.Decoder.Dim%32 != 0 {
			continue
		}
		sources, err := m.Encode(g.Source...)
		if err != nil {
			t.Fatal(err)
		}
		seqs, batch, rows := g.targets(t, m, sources)
		for i := range seqs {
			seqs[i].Cache = newCache(t, m.Decoder)
		}
		p := &attention.Pass{}
		p.Begin(seqs...)
		off := furthest(m.Decoder.Forward(p, batch, rows).Data, g.Logits.tensor(t).Data)
		near++
		if t.Logf("%s: logits differ by %.2g of the largest", g.Name, off); off == 0 || !(off <= 0.1) {
			t.Errorf("%s: logits differ by %.2g of the largest", g.Name, off)
		}
	}
	if near < 5 {
		t.Errorf("%d models have rows of whole blocks", near)
	}
}
