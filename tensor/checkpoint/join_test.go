package checkpoint_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

func TestJoin(t *testing.T) {
	source := func(names ...string) checkpoint.Source {
		var entries []checkpoint.Entry
		for i, n := range names {
			entries = append(entries, checkpoint.Float32(n, tensor.From([]float32{float32(i), 7}, 2)))
		}
		m, err := checkpoint.Memory(entries...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	j, err := checkpoint.Join(source("a", "b"), source("c"))
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Collect(j.Names()); !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("names %v", names)
	}
	x, err := checkpoint.ReadFloat32(j, "b")
	if err != nil || x.Data[0] != 1 || x.Data[1] != 7 {
		t.Errorf("b is %v, %v", x.Data, err)
	}
	n := 0
	for b, err := range j.Chunks("c", 4) {
		n += len(b)
		if err != nil {
			t.Error(err)
		}
	}
	if n != 8 {
		t.Errorf("chunks of c hold %d bytes", n)
	}
	j.Release("a")
	j.Release("none")
	if _, err := j.Bytes("none"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("a tensor that is not there: %v", err)
	}
	for _, err := range j.Chunks("none", 4) {
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("chunks of a tensor that is not there: %v", err)
		}
	}
	if _, ok := j.Lookup("none"); ok {
		t.Error("a tensor that is not there was found")
	}
	if _, err := checkpoint.Join(source("a"), source("b", "a")); !errors.Is(err, checkpoint.ErrDuplicate) {
		t.Errorf("two tensors of one name: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
