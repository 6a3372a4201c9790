package checkpoint_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// Weights behind a link are mapped in an os.Root as they are without one.
func TestRootsAreMapped(t *testing.T) {
	var file bytes.Buffer
	if err := safetensors.Write(&file, checkpointtest.Memory(t, checkpointtest.Entries()...), nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "snapshots", "1"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "blob"), file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "..", "blob"), filepath.Join(dir, "snapshots", "1", "model.safetensors")); err != nil {
		t.Skip(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, fsys := range []fs.FS{os.DirFS(dir), root.FS()} {
		fsys, err := fs.Sub(fsys, "snapshots/1")
		if err != nil {
			t.Fatal(err)
		}
		s, err := safetensors.Open(fsys, "model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		checkpointtest.Check(t, s, checkpointtest.Entries())
		first, err := s.Bytes("a")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Bytes("a"); err != nil || unsafe.SliceData(again) != unsafe.SliceData(first) && mapsFiles() {
			t.Errorf("%T: the file is not mapped", fsys)
		}
	}
}

// mapsFiles reports whether this system maps files.
func mapsFiles() bool {
	return runtime.GOOS != "js" && runtime.GOOS != "wasip1" && runtime.GOOS != "plan9"
}
