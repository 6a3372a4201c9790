package model_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

const wordLevel = `{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}}}`

// folders returns the folder of one model for each opener, with its opener.
func folders(t testing.TB) []struct {
	fsys fstest.MapFS
	open func(fs.FS) error
} {
	g, s := plain(t, "llama"), seq2seqGoldens(t)[0]
	decoder := g.folder(t, tensor.F32, nil)
	decoder["tokenizer.json"] = &fstest.MapFile{Data: []byte(wordLevel)}
	decoder["tokenizer_config.json"] = &fstest.MapFile{Data: []byte("{}")}
	decoder["generation_config.json"] = &fstest.MapFile{Data: []byte("{}")}

	var e encoderGolden
	for _, c := range encoderGoldens(t) {
		if c.Name == "bert-plain" {
			e = c
		}
	}
	src := e.weights(t, tensor.F32)
	encoder := fstest.MapFS{"config.json": {Data: e.Config}, "model.safetensors": {Data: written(t, src)},
		"vocab.txt": {Data: []byte("[UNK]\n[CLS]\n[SEP]\n")}, "special_tokens_map.json": {Data: []byte("{}")}}
	both := fstest.MapFS{"config.json": {Data: s.Config}, "model.safetensors": {Data: written(t, s.weights(t, tensor.F32))},
		"tokenizer.json": decoder["tokenizer.json"], "generation_config.json": decoder["generation_config.json"],
		"tokenizer_config.json": {Data: []byte(`{"tokenizer_class": "PreTrainedTokenizerFast"}`)}}

	return []struct {
		fsys fstest.MapFS
		open func(fs.FS) error
	}{
		{decoder, func(fsys fs.FS) error { _, err := model.OpenDecoder(fsys, model.Options{}); return err }},
		{encoder, func(fsys fs.FS) error { _, err := model.OpenEncoder(fsys, model.Options{}); return err }},
		{both, func(fsys fs.FS) error { _, err := model.OpenEncoderDecoder(fsys, model.Options{}); return err }},
	}
}

// Files that are no files, or not as long as they say, give an error that names them.
func TestHostileFiles(t *testing.T) {
	for _, c := range folders(t) {
		for file := range c.fsys {
			errs := hostile.Check(t, hostile.Folders(t, c.fsys, file), 80<<20, c.open)
			for name, err := range errs {
				if err != nil && !strings.Contains(err.Error(), file) {
					t.Errorf("%s: %s: %v", file, name, err)
				}
			}
		}
	}
}

// A folder of the Hugging Face hub's cache is full of links to files beside it. It opens through an os.Root
// that holds both; a root of the folder alone does not let the links out.
func TestHubCache(t *testing.T) {
	for _, c := range folders(t) {
		cache := t.TempDir()
		snapshot := filepath.Join(cache, "snapshots", "0a1b2c")
		for _, dir := range []string{snapshot, filepath.Join(cache, "blobs")} {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for name, f := range c.fsys {
			if err := os.WriteFile(filepath.Join(cache, "blobs", "blob-of-"+name), f.Data, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join("..", "..", "blobs", "blob-of-"+name), filepath.Join(snapshot, name)); err != nil {
				t.Skip(err)
			}
		}
		fsys := inRoot(t, cache, "snapshots/0a1b2c")
		if err := c.open(fsys); err != nil {
			t.Errorf("in a root that holds the blobs: %v", err)
		}
		if err := c.open(os.DirFS(snapshot)); err != nil {
			t.Errorf("without a root: %v", err)
		}
		if err := c.open(inRoot(t, snapshot, ".")); err == nil || !strings.Contains(err.Error(), "config.json") || !strings.Contains(err.Error(), "escapes") {
			t.Errorf("in a root without the blobs: %v", err)
		}
	}
}

// inRoot returns a folder in an os.Root.
func inRoot(t *testing.T, root, folder string) fs.FS {
	t.Helper()
	r, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fsys, err := fs.Sub(r.FS(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// A link to a file that has gone is no reason to do without it.
func TestBrokenLinks(t *testing.T) {
	c := folders(t)[0]
	for _, file := range []string{"generation_config.json", "tokenizer.json", "tokenizer_config.json"} {
		dir := t.TempDir()
		rest := maps.Clone(c.fsys)
		delete(rest, file)
		if err := os.CopyFS(dir, rest); err != nil {
			t.Fatal(err)
		}
		if err := c.open(os.DirFS(dir)); err != nil {
			t.Errorf("without %s: %v", file, err)
		}
		if err := os.Symlink("nowhere", filepath.Join(dir, file)); err != nil {
			t.Skip(err)
		}
		if err := c.open(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "link") {
			t.Errorf("%s is a link to nothing: %v", file, err)
		}
	}
}

// A model does without its files: they may be cut, or go, once it is open.
func TestFilesAreNotNeeded(t *testing.T) {
	c := folders(t)[0]
	dir := t.TempDir()
	if err := os.CopyFS(dir, c.fsys); err != nil {
		t.Fatal(err)
	}
	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := alone(t, d, model.SessionOptions{}, []int{1, 2, 3})
	for name := range c.fsys {
		if err := os.Truncate(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	same(t, "without files", alone(t, d, model.SessionOptions{}, []int{1, 2, 3}), want)
}
