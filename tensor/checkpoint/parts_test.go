package checkpoint_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

func ExampleParts() {
	src, err := checkpoint.Memory(checkpoint.Float32("qkv", tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2)))
	if err != nil {
		log.Fatal(err)
	}
	parts, err := checkpoint.Parts(src,
		checkpoint.Part{Name: "q", Of: "qkv", Shape: []int{1, 2}},
		checkpoint.Part{Name: "vk", Of: "qkv", Shape: []int{2, 2}, First: 1, Order: func(row int) int { return 1 - row }})
	if err != nil {
		log.Fatal(err)
	}
	vk, err := checkpoint.ReadFloat32(parts, "vk")
	fmt.Println(vk.Data, err)
	// Output: [5 6 3 4] <nil>
}

// partsOf returns a Source of parts of a tensor of blocks, a vector and a stack, and what they must hold.
func partsOf(t *testing.T, wrap func(checkpoint.Source) checkpoint.Source) (checkpoint.Source, []checkpoint.Entry) {
	t.Helper()
	blocks := make([]byte, 4*2*17) // [4, 64] of MXFP4
	for i := range blocks {
		blocks[i] = byte(i)
	}
	stack := make([]byte, 2*3*2*2) // [2, 3, 2] of F16
	for i := range stack {
		stack[i] = byte(100 + i)
	}
	vector := tensor.From([]float32{1, 1.5, 0.75, 3}, 4)
	src := checkpointtest.Memory(t,
		checkpoint.Entry{Name: "b", DType: checkpoint.MXFP4, Shape: []int{4, 64}, Data: blocks},
		checkpoint.Entry{Name: "s", DType: checkpoint.F16, Shape: []int{2, 3, 2}, Data: stack},
		checkpoint.Float32("v", vector))
	order := []int{0, 2, 1, 3}
	swap := func(i int) int { return order[i] }
	parts, err := checkpoint.Parts(wrap(src),
		checkpoint.Part{Name: "moved", Of: "b", Order: swap},
		checkpoint.Part{Name: "s.0", Of: "s", Shape: []int{3, 2}},
		checkpoint.Part{Name: "s.1", Of: "s", Shape: []int{3, 2}, First: 3},
		checkpoint.Part{Name: "less", Of: "v", Add: -1},
		checkpoint.Part{Name: "mixed", Of: "v", Order: swap},
		checkpoint.Part{Name: "both", Of: "v", Shape: []int{2}, First: 1, Order: func(i int) int { return 1 - i }, Add: 1})
	if err != nil {
		t.Fatal(err)
	}
	f32 := func(x ...float32) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	return parts, []checkpoint.Entry{
		{Name: "moved", DType: checkpoint.MXFP4, Shape: []int{4, 64}, Data: slices.Concat(blocks[:34], blocks[68:102], blocks[34:68], blocks[102:])},
		{Name: "s.0", DType: checkpoint.F16, Shape: []int{3, 2}, Data: stack[:12]},
		{Name: "s.1", DType: checkpoint.F16, Shape: []int{3, 2}, Data: stack[12:]},
		{Name: "less", DType: checkpoint.F32, Shape: []int{4}, Data: f32(0, 0.5, -0.25, 2)},
		{Name: "mixed", DType: checkpoint.F32, Shape: []int{4}, Data: f32(1, 0.75, 1.5, 3)},
		{Name: "both", DType: checkpoint.F32, Shape: []int{2}, Data: f32(1.75, 2.5)},
	}
}

func TestParts(t *testing.T) {
	src, want := partsOf(t, func(s checkpoint.Source) checkpoint.Source { return s })
	checkpointtest.Check(t, src, want)
	for name, in := range map[string]bool{"s.0": true, "s.1": true, "moved": false, "less": false, "none": false} {
		s, ok := src.(checkpoint.InPlace).InPlace(name)
		i := slices.IndexFunc(want, func(e checkpoint.Entry) bool { return e.Name == name })
		if ok != in || ok && !slices.Equal(s.Data, want[i].Data) {
			t.Errorf("%s in place: %v %v, want %v", name, s.Data, ok, in)
		}
	}
}

// counted counts how often a tensor is read, and whether it is released.
type counted struct {
	checkpoint.Source
	reads, releases map[string]int
}

func (c *counted) Bytes(name string) ([]byte, error) { c.reads[name]++; return c.Source.Bytes(name) }
func (c *counted) Release(name string)               { c.releases[name]++; c.Source.Release(name) }

// A stack is read once for all its parts, and released with the last.
func TestPartsHold(t *testing.T) {
	c := &counted{reads: map[string]int{}, releases: map[string]int{}}
	src, _ := partsOf(t, func(s checkpoint.Source) checkpoint.Source { c.Source = s; return c })
	for round := 1; round <= 2; round++ {
		for i, name := range []string{"s.0", "s.1"} {
			if _, err := src.Bytes(name); err != nil {
				t.Fatal(err)
			}
			src.Release(name)
			if c.reads["s"] != round || c.releases["s"] != round-1+i {
				t.Errorf("round %d, %s: read %d times, released %d times", round, name, c.reads["s"], c.releases["s"])
			}
		}
	}
}

func TestPartsErrors(t *testing.T) {
	src := checkpointtest.Memory(t,
		checkpoint.Entry{Name: "b", DType: checkpoint.MXFP4, Shape: []int{2, 32}, Data: make([]byte, 34)},
		checkpoint.Entry{Name: "flat", DType: checkpoint.MXFP4, Shape: []int{64}, Data: make([]byte, 34)},
		checkpoint.Float32("v", tensor.New(4)))
	for _, c := range []struct {
		part checkpoint.Part
		want checkpoint.Kind
	}{
		{checkpoint.Part{Name: "x", Of: "none"}, checkpoint.ErrNotFound},
		{checkpoint.Part{Name: "x", Of: "b", Shape: []int{2, 16}}, checkpoint.ErrShape},
		{checkpoint.Part{Name: "x", Of: "b", Shape: []int{2, 32}, First: 1}, checkpoint.ErrShape},
		{checkpoint.Part{Name: "x", Of: "b", Shape: []int{math.MaxInt, math.MaxInt, 32}}, checkpoint.ErrShape},
		{checkpoint.Part{Name: "x", Of: "b", First: -1}, checkpoint.ErrShape},
		{checkpoint.Part{Name: "x", Of: "flat"}, checkpoint.ErrUnsupported},
		{checkpoint.Part{Name: "x", Of: "b", Add: 1}, checkpoint.ErrUnsupported},
	} {
		if _, err := checkpoint.Parts(src, c.part); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %q", c.part, err, c.want)
		}
	}
	if _, err := checkpoint.Parts(src, checkpoint.Part{Name: "x", Of: "v"}, checkpoint.Part{Name: "x", Of: "b"}); !errors.Is(err, checkpoint.ErrDuplicate) {
		t.Errorf("two of one name: %v", err)
	}
	parts, err := checkpoint.Parts(src, checkpoint.Part{Name: "x", Of: "v"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parts.Bytes("v"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("a stored name: %v", err)
	}
}
