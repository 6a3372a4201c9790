package checkpoint_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

func TestShapes(t *testing.T) {
	s := checkpoint.NewShapes(checkpoint.BF16)
	s.Make("a", tensor.Of(3, 4))
	s.Make("b", tensor.Of(5))
	s.Make("a", tensor.Of(9, 9)) // it has a shape
	info, ok := s.Lookup("a")
	if !ok || !slices.Equal(info.Shape, []int{3, 4}) || info.Size != 24 {
		t.Errorf("a is %+v, %v", info, ok)
	}
	if n := s.Elements(); n != 17 {
		t.Errorf("%d elements, want 17", n)
	}
	if _, err := s.Bytes("a"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("bytes of a: %v", err)
	}
	for _, err := range s.Chunks("a", 8) {
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("chunks of a: %v", err)
		}
	}
	if got := slices.Collect(s.Names()); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names %q", got)
	}
}

// What is beyond every model is not made.
func TestShapesBounds(t *testing.T) {
	s := checkpoint.NewShapes(checkpoint.F32)
	s.Make("overflow", tensor.Of(1<<30, 1<<30, 1<<30))
	s.Make("huge", tensor.Of(1<<23, 1<<23))
	for _, name := range []string{"overflow", "huge"} {
		if _, ok := s.Lookup(name); ok {
			t.Errorf("%s is made", name)
		}
	}
	if testing.Short() {
		t.Skip("-short: a million tensors are named")
	}
	for i := range 1<<20 + 10 {
		s.Make(fmt.Sprint(i), tensor.Of(1))
	}
	if n := s.Elements(); n != 1<<20 {
		t.Errorf("%d tensors are made", n)
	}
}
