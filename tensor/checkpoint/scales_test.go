package checkpoint_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

func f32(shape []int, x ...float32) checkpoint.Entry {
	return checkpoint.Entry{DType: checkpoint.F32, Shape: shape, Data: bytesview.Bytes(x)}
}

func named(name string, e checkpoint.Entry) checkpoint.Entry { e.Name = name; return e }

// Weights are the values of their blocks times their scale; the rest is as it was.
func TestApplyScales(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	blocks := make([]byte, tensor.NVFP4.Bytes(3*4*128))
	for i := range blocks {
		blocks[i] = byte(r.Uint32())
	}
	values := make([]float32, 3*4*128)
	tensor.NVFP4.Decode(values, blocks)
	one, each := make([]float32, len(values)), make([]float32, len(values))
	scales := []float32{0.5, -3, 1.0 / 3}
	for i, v := range values {
		one[i], each[i] = v*scales[2], v*scales[i/(4*128)]
	}
	nv := func(name string, shape ...int) checkpoint.Entry {
		return checkpoint.Entry{Name: name, DType: checkpoint.NVFP4, Shape: shape, Data: blocks}
	}
	rest := []checkpoint.Entry{nv("bare.weight", 12, 128), named("alone.scale", f32([]int{1}, 3))}
	src, err := checkpoint.Memory(append([]checkpoint.Entry{nv("a.weight", 12, 128), named("a.scale", f32([]int{1}, scales[2])), named("a.input_scale", f32([]int{1}, 9)),
		nv("experts.weight", 3, 4, 128), named("experts.scale", f32([]int{3}, scales...))}, rest...)...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.ApplyScales(src)
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, got, append([]checkpoint.Entry{named("a.weight", f32([]int{12, 128}, one...)), named("experts.weight", f32([]int{3, 4, 128}, each...))}, rest...))
	src, err = checkpoint.Memory(rest...)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := checkpoint.ApplyScales(src); same != src || err != nil {
		t.Errorf("without scales: %v, %v", same, err)
	}
}

func TestApplyScalesErrors(t *testing.T) {
	weight := checkpoint.Entry{Name: "a.weight", DType: checkpoint.NVFP4, Shape: []int{2, 64}, Data: make([]byte, 72)}
	for what, c := range map[string]struct {
		scale checkpoint.Entry
		read  bool // the error comes when the tensor is read
	}{
		"of another shape": {f32([]int{2}, 1, 2), false},
		"an integer":       {checkpoint.Entry{DType: "I32", Shape: []int{1}, Data: make([]byte, 4)}, false},
		"infinite":         {f32([]int{1}, float32(math.Inf(1))), true},
	} {
		src, err := checkpoint.Memory(weight, named("a.scale", c.scale))
		if err != nil {
			t.Fatal(err)
		}
		got, err := checkpoint.ApplyScales(src)
		if c.read && err == nil {
			_, err = got.Bytes("a.weight")
		}
		if !errors.Is(err, checkpoint.ErrScale) {
			t.Errorf("a scale that is %s: %v", what, err)
		}
	}
}
