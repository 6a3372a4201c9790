package checkpoint_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

func TestMultiplyScales(t *testing.T) {
	const elements, size = 64, 36
	blocks := make([]byte, 2*3*size) // [2, 3, 64] of NVFP4
	for i := range blocks {
		blocks[i] = byte(i * 29)
	}
	for i := range blocks {
		if i%size < 4 { // scales
			blocks[i] = byte(0x30 + i%5)
		}
	}
	values := make([]float32, 2*3*elements)
	tensor.NVFP4.Decode(values, blocks)
	expected := func(scale func(i int) float32) (b []byte) {
		for i, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v*scale(i)))
		}
		return b
	}
	entry := func(name string, shape ...int) checkpoint.Entry {
		return checkpoint.Entry{Name: name, DType: checkpoint.DType(tensor.NVFP4.String()), Shape: shape, Data: blocks}
	}
	other := checkpoint.Float32("c.weight", tensor.From([]float32{1, 2}, 2))
	src, err := checkpoint.MultiplyScales(checkpointtest.Memory(t, entry("a.weight", 2, 3, 64), entry("b.weight", 6, 64), other,
		checkpoint.Float32("a.scale", tensor.From([]float32{0.5, 3}, 2)), checkpoint.Float32("b.scale", tensor.From([]float32{7}, 1)),
		checkpoint.Float32("b.input_scale", tensor.From([]float32{9}, 1))))
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, src, []checkpoint.Entry{
		{Name: "a.weight", DType: checkpoint.F32, Shape: []int{2, 3, 64}, Data: expected(func(i int) float32 { return []float32{0.5, 3}[i/(3*elements)] })},
		{Name: "b.weight", DType: checkpoint.F32, Shape: []int{6, 64}, Data: expected(func(int) float32 { return 7 })}, other})

	number := func(x float32) checkpoint.Entry { return checkpoint.Float32("a.scale", tensor.From([]float32{x}, 1)) }
	for _, c := range []struct {
		entries []checkpoint.Entry
		want    checkpoint.Kind
	}{
		{[]checkpoint.Entry{number(1)}, checkpoint.ErrScale},
		{[]checkpoint.Entry{entry("a.weight", 6, 64), checkpoint.Float32("a.scale", tensor.New(3))}, checkpoint.ErrScale},
		{[]checkpoint.Entry{entry("a.weight", 6, 64), {Name: "a.scale", DType: checkpoint.F16, Shape: []int{1}, Data: []byte{0, 0}}}, checkpoint.ErrScale},
		{[]checkpoint.Entry{{Name: "a.weight", DType: "I8", Shape: []int{1}, Data: []byte{0}}, number(1)}, checkpoint.ErrUnsupported},
	} {
		if _, err := checkpoint.MultiplyScales(checkpointtest.Memory(t, c.entries...)); !errors.Is(err, c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	src, err = checkpoint.MultiplyScales(checkpointtest.Memory(t, entry("a.weight", 6, 64), number(float32(math.Inf(1)))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Bytes("a.weight"); !errors.Is(err, checkpoint.ErrScale) {
		t.Errorf("an infinite scale: %v", err)
	}
}
