package quantize_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func entry(r *rand.Rand, name string, dt tensor.DType, shape ...int) checkpoint.Entry {
	n := 1
	for _, d := range shape {
		n *= d
	}
	b := make([]byte, dt.Bytes(n))
	dt.Encode(b, tensortest.Normal(r, n))
	return checkpoint.Entry{Name: name, DType: checkpoint.DType(dt.String()), Shape: shape, Data: b}
}

// What the Source shows is what Encode makes of the values, in the types of the rules; the rest is as it was.
func TestSource(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	stored := []checkpoint.Entry{
		entry(r, "model.embed_tokens.weight", tensor.BF16, 50, 512), entry(r, "model.layers.0.self_attn.v_proj.weight", tensor.BF16, 33, 512),
		entry(r, "model.layers.0.mlp.experts.down_proj", tensor.F16, 3, 20, 256), entry(r, "model.layers.0.mlp.gate.weight", tensor.F32, 3, 512),
		entry(r, "model.layers.8.mlp.up_proj.weight", tensor.F32, 40, 576), entry(r, "model.norm.weight", tensor.F32, 512),
	}
	stored = append(stored, checkpoint.Entry{Name: "ids", DType: "I64", Shape: []int{1, 2}, Data: make([]byte, 16)})
	kept := []tensor.DType{tensor.Q6_K, tensor.Q6_K, tensor.Q6_K, tensor.F32, tensor.Q5_0, tensor.F32, 99}
	src, err := checkpoint.Memory(stored...)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	q, err := quantize.Source(src, quantize.Q4_K_M, func(m nn.Matrix, kept tensor.DType, d nn.Deviation) {
		told[m.Name] = fmt.Sprintf("%v %v", kept, d.Relative() > 0 && d.Relative() < 0.06)
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []checkpoint.Entry
	for i, e := range stored {
		if from, err := e.DType.Tensor(); err == nil && from != kept[i] {
			n := len(e.Data) / from.Bytes(1)
			values := make([]float32, n)
			from.Decode(values, e.Data)
			e.DType, e.Data = checkpoint.DType(kept[i].String()), make([]byte, kept[i].Bytes(n))
			kept[i].Encode(e.Data, values)
		}
		want = append(want, e)
	}
	checkpointtest.Check(t, q, want)
	if len(told) != 4 || told["model.layers.8.mlp.up_proj.weight"] != "Q5_0 true" {
		t.Errorf("told of %v", told)
	}
}

func TestSourceErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bad := entry(r, "a.weight", tensor.F32, 2, 32)
	bad.Data[3], bad.Data[2] = 0x7F, 0x80 // +Inf
	src, err := checkpoint.Memory(bad)
	if err != nil {
		t.Fatal(err)
	}
	q, err := quantize.Source(src, quantize.Q8_0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Bytes("a.weight"); err == nil || !strings.Contains(err.Error(), `"a.weight" has a value that is not finite`) {
		t.Errorf("infinite: %v", err)
	}
	if _, err := quantize.Source(src, nn.As(tensor.Q2_0), nil); err != nil { // rows of 32 become Q4_0
		t.Error(err)
	}
	if _, err := quantize.Source(src, nn.As(tensor.IQ1_S), nil); err != nil { // and IQ4_NL
		t.Error(err)
	}
	src, err = checkpoint.Memory(entry(r, "a.weight", tensor.F32, 2, 64))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := quantize.Source(src, nn.As(tensor.W8), nil); err == nil || err.Error() != `quantize: tensor "a.weight" is to be W8, which no file has` {
		t.Errorf("W8: %v", err)
	}
	if _, err := quantize.Source(src, nn.As(tensor.NVFP4), nil); err == nil || !strings.Contains(err.Error(), "nothing is converted to it") {
		t.Errorf("NVFP4: %v", err)
	}
}
