package checkpoint_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// A tensor is in place under its own name and under another, in one source and in a joined one, where the bytes are
// those of memory or of a mapped file; and a file that changes is noticed.
func TestInPlace(t *testing.T) {
	data := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	mem, err := checkpoint.Memory(checkpoint.Entry{Name: "a.w", DType: checkpoint.F32, Shape: []int{2}, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, mem, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "m.safetensors")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	onDisk, err := safetensors.Open(os.DirFS(dir), "m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer onDisk.Close()
	read, err := safetensors.Open(fstest.MapFS{"m.safetensors": &fstest.MapFile{Data: file.Bytes()}}, "m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	_, mapped := onDisk.InPlace("a.w")
	if !mapped {
		t.Log("this system maps no files")
	}
	for _, c := range []struct {
		src  checkpoint.Source
		want bool
	}{{mem, true}, {onDisk, mapped}, {read, false}} {
		renamed, err := checkpoint.Rename(c.src, checkpoint.TrimPrefix("a."))
		if err != nil {
			t.Fatal(err)
		}
		joined, err := checkpoint.Join(renamed)
		if err != nil {
			t.Fatal(err)
		}
		for name, src := range map[string]checkpoint.Source{"a.w": c.src, "w": joined} {
			in := src.(checkpoint.InPlace)
			s, ok := in.InPlace(name)
			if ok != c.want || ok && !bytes.Equal(s.Data, data) || in.Check() != nil {
				t.Errorf("%s of %T: %v, %v; %v", name, src, s.Data, ok, in.Check())
			}
			if _, ok := in.InPlace("b"); ok {
				t.Errorf("%T: a tensor that is not there is in place", src)
			}
		}
	}
	if !mapped {
		return
	}
	if err := os.Truncate(name, int64(file.Len()-1)); err == nil {
		if err := onDisk.Check(); !errors.Is(err, checkpoint.ErrReadFile) {
			t.Errorf("a file that has become shorter: %v", err)
		}
	}
	onDisk.Close()
	if _, ok := onDisk.InPlace("a.w"); ok || onDisk.Check() == nil {
		t.Error("a closed file has tensors in place")
	}
}

// Of a source that computes some of its tensors, the others are in place.
func TestInPlaceComputed(t *testing.T) {
	mem, err := checkpoint.Memory(
		checkpoint.Entry{Name: "w", DType: checkpoint.F32, Shape: []int{1}, Data: []byte{1, 2, 3, 4}},
		checkpoint.Entry{Name: "q_blocks", DType: "U8", Shape: []int{1, 1, 16}, Data: make([]byte, 16)},
		checkpoint.Entry{Name: "q_scales", DType: "U8", Shape: []int{1, 1}, Data: []byte{127}})
	if err != nil {
		t.Fatal(err)
	}
	src, err := checkpoint.JoinMXFP4(mem)
	if err != nil {
		t.Fatal(err)
	}
	in := src.(checkpoint.InPlace)
	for name, want := range map[string]bool{"w": true, "q": false, "q_blocks": false, "q_scales": false} {
		if _, ok := in.InPlace(name); ok != want {
			t.Errorf("%s in place: %v", name, ok)
		}
	}
	if err := in.Check(); err != nil {
		t.Error(err)
	}
}
