// Package checkpointtest tests sources of weights: those of this library's file formats, and those of formats
// that you add. Only tests import it.
//
//	checkpointtest.EachFS(t, "model.toy", file, func(t *testing.T, fsys fs.FS) {
//		src, err := checkpoint.OpenFile(fsys, "model.toy", toy)
//		…
//		checkpointtest.Check(t, src, checkpointtest.Entries())
//	})
package checkpointtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Entries returns tensors of several types and shapes, among them a scalar, one without elements, one of five dimensions,
// and one whose name must be escaped in JSON.
func Entries() []checkpoint.Entry {
	return []checkpoint.Entry{
		checkpoint.Float32("b.weight", tensor.From([]float32{1, -2, 3.5, 0, 1e-40, 6}, 2, 3)),
		{Name: "a", DType: checkpoint.BF16, Shape: []int{2}, Data: []byte{0x80, 0x3f, 0, 0xc0}},
		{Name: "half", DType: checkpoint.F16, Shape: []int{1, 1, 2}, Data: []byte{0, 0x3c, 0, 0xc0}},
		{Name: "mask", DType: "BOOL", Shape: []int{1, 3}, Data: []byte{1, 0, 1}},
		{Name: "position_ids", DType: "I64", Shape: []int{1}, Data: []byte{7, 0, 0, 0, 0, 0, 0, 0}},
		{Name: "scalar", DType: checkpoint.F32, Data: []byte{0, 0, 0x80, 0x3f}},
		{Name: "none", DType: checkpoint.F32, Shape: []int{2, 0}},
		{Name: "five", DType: "U8", Shape: []int{1, 2, 1, 2, 1}, Data: []byte{1, 2, 3, 4}},
		{Name: "naïve \"<&>\"\n", DType: "U8", Shape: []int{1}, Data: []byte{9}},
	}
}

// Memory returns a Source of the entries, as [checkpoint.Memory] does, or ends the test.
func Memory(t testing.TB, entries ...checkpoint.Entry) checkpoint.Source {
	t.Helper()
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// Check fails the test unless src has exactly these tensors, gives them whole and in pieces of any size, before and after
// their release, and refuses others.
func Check(t testing.TB, src checkpoint.Source, entries []checkpoint.Entry) {
	t.Helper()
	if n := len(slices.Collect(src.Names())); n != len(entries) {
		t.Errorf("%d tensors, expected %d", n, len(entries))
	}
	for _, e := range entries {
		checkEntry(t, src, e)
	}
	if _, ok := src.Lookup("no such"); ok {
		t.Error("Lookup finds what is not there")
	}
	if _, err := src.Bytes("no such"); !errors.Is(err, checkpoint.ErrNotFound) || !strings.Contains(err.Error(), "no such") {
		t.Errorf("Bytes of what is not there: %v", err)
	}
	for _, err := range src.Chunks("no such", 1) {
		if !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Chunks of what is not there: %v", err)
		}
	}
	src.Release("no such")
}

func checkEntry(t testing.TB, src checkpoint.Source, e checkpoint.Entry) {
	t.Helper()
	info, ok := src.Lookup(e.Name)
	if !ok || info.Name != e.Name || info.DType != e.DType || !slices.Equal(info.Shape, e.Shape) || info.Size != int64(len(e.Data)) {
		t.Errorf("%q: %v %v, expected %s %v", e.Name, info, ok, e.DType, e.Shape)
	}
	for range 2 { // releasing loses nothing
		b, err := src.Bytes(e.Name)
		if err != nil || !bytes.Equal(b, e.Data) {
			t.Errorf("%q: %v %v, expected %v", e.Name, b, err, e.Data)
		}
		src.Release(e.Name)
	}
	for size := 1; size < 10; size++ {
		var got []byte
		for b, err := range src.Chunks(e.Name, size) {
			_, block, _ := e.DType.Block()
			if err != nil || len(b) == 0 || len(b) > max(size, block) || block > 0 && len(b)%block != 0 {
				t.Errorf("%q in chunks of %d: %d bytes, %v", e.Name, size, len(b), err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, e.Data) {
			t.Errorf("%q in chunks of %d: %v, expected %v", e.Name, size, got, e.Data)
		}
	}
}

// OnDisk returns the file system of a new folder with this file.
func OnDisk(t testing.TB, name string, data []byte) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

// EachFS runs f as a sub-test for each way in which files can be read, with a folder that has this file: mapped, by
// [io.ReaderAt], by [io.Seeker], and as a whole.
func EachFS(t *testing.T, name string, data []byte, f func(t *testing.T, fsys fs.FS)) {
	t.Helper()
	memory := fstest.MapFS{name: {Data: data}}
	t.Run("mapped", func(t *testing.T) { f(t, OnDisk(t, name, data)) })
	t.Run("read at", func(t *testing.T) { f(t, memory) })
	t.Run("sought", func(t *testing.T) { f(t, seekFS{memory}) })
	t.Run("read whole", func(t *testing.T) { f(t, plainFS{memory}) })
}

// plainFS hides what its files can do beside reading; seekFS leaves them seeking.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

type seekFS struct{ fs.FS }

func (p seekFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		fs.File
		io.Seeker
	}{f, f.(io.Seeker)}, nil
}
