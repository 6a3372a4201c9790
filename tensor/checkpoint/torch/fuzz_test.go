package torch

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// check reads everything, whole and in pieces. size is that of the file.
func check(t *testing.T, b []byte) {
	f, err := openBytes(b)
	if err != nil {
		var e *checkpoint.Error
		if !errors.As(err, &e) || e.Kind == "" || e.File != weights {
			t.Fatalf("error %v", err)
		}
		return
	}
	defer f.Close()
	const share = 16 // times the file's bytes that all tensors may have
	var total int64
	for name := range f.Names() {
		info, ok := f.Lookup(name)
		if total += info.Size; !ok || total > share*int64(len(b)) {
			t.Fatalf("%q: %v, %d bytes so far in a file of %d", name, ok, total, len(b))
		}
		data, err := f.Bytes(name)
		if err != nil || int64(len(data)) != info.Size {
			t.Fatalf("%q: %d bytes of %d: %v", name, len(data), info.Size, err)
		}
		at := 0
		for piece, err := range f.Chunks(name, 1+len(data)/3) {
			if err != nil || !bytes.Equal(piece, data[at:at+len(piece)]) {
				t.Fatalf("%q from byte %d on: %v, expected %v: %v", name, at, piece, data, err)
			}
			at += len(piece)
		}
		if at != len(data) {
			t.Fatalf("%q: %d bytes in pieces, %d as a whole", name, at, len(data))
		}
		f.Release(name)
	}
}

// files returns the files of testdata.
func files(t testing.TB) [][]byte {
	names, err := filepath.Glob(filepath.Join(folder, "*.pt"))
	if err != nil || len(names) != 13 {
		t.Fatalf("%d files, expected 13: %v", len(names), err)
	}
	all := make([][]byte, len(names))
	for i, name := range names {
		if all[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func FuzzFile(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Add(smallTorch())
	f.Fuzz(check)
}

// FuzzPickle has pickles in sound files, with two storages.
func FuzzPickle(f *testing.F) {
	for _, b := range files(f) {
		if program := pickleIn(f, b); program != nil {
			f.Add(program)
		}
	}
	f.Add(torchfile.Pickle(torchfile.Contiguous("w", "FloatStorage", "0", 2, 3), torchfile.Contiguous("v", "BoolStorage", "1", 7)))
	f.Add(torchfile.Pickle(torchfile.Tensor{Name: "w", Class: "HalfStorage", Key: "0", Elements: 30, First: 2, Shape: []int{3, 2, 2}, Stride: []int{2, 9, 0}}))
	f.Fuzz(func(t *testing.T, program []byte) {
		check(t, torchfile.Zip(torchfile.State(program, bytes.Repeat([]byte{1, 2, 3, 4}, 40), make([]byte, 7))...))
	})
}

// pickleIn returns the pickle in a zip file, or nil if it is none.
func pickleIn(t testing.TB, b []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/data.pkl") {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			program, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return program
		}
	}
	t.Fatal("no pickle in the file")
	return nil
}
