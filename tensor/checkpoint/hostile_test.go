package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
)

// Weights and indexes that are no files, or not as long as they say, give an error that names them.
func TestHostileFiles(t *testing.T) {
	shards := sharded(t, weightMap(t, "", ""))
	torch := &fstest.MapFile{Data: smallTorch()}
	for _, c := range []struct {
		folder fstest.MapFS
		file   string
	}{
		{fstest.MapFS{singleFile: {Data: mustWrite(t, nil, entries()...)}}, singleFile},
		{shards, indexFile},
		{shards, "two.safetensors"},
		{shards, "sub/3.safetensor"},
		{fstest.MapFS{torchFile: torch}, torchFile},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}, "part.bin": torch}, torchIndex},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}, "part.bin": torch}, "part.bin"},
	} {
		errs := hostile.Check(t, hostile.Folders(t, c.folder, c.file), 1<<20, func(fsys fs.FS) error {
			s, err := Open(fsys)
			if err != nil {
				return err
			}
			return s.Close()
		})
		for name, err := range errs {
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.file) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s: %v", c.file, name, err)
			}
		}
	}
}

// Weights behind a link are mapped in an os.Root as they are without one.
func TestRootsAreMapped(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "snapshots", "1"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "blob"), mustWrite(t, nil, entries()...), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "..", "blob"), filepath.Join(dir, "snapshots", "1", singleFile)); err != nil {
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
		s, err := Open(fsys)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		same(t, s, entries())
		if _, ok := s.shards[0].storage.(mapped); !ok && mapsFiles() {
			t.Errorf("%T: the file is not mapped", fsys)
		}
	}
}

// mapsFiles reports whether this system maps files.
func mapsFiles() bool {
	return runtime.GOOS != "js" && runtime.GOOS != "wasip1" && runtime.GOOS != "plan9"
}
