package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// llamaGGUF returns a golden checkpoint and its GGUF, without a tokenizer.
func llamaGGUF(t testing.TB) (*golden, []byte) {
	t.Helper()
	all := goldens(t)
	i := slices.IndexFunc(all, func(g golden) bool { return g.Name == "llama-gqa" })
	if i < 0 {
		t.Fatal("no golden llama-gqa")
	}
	file := readConverted(t, "llamacpp/testdata/converted/llama-gqa.json.gz").file(t, &all[i].goldenWeights)
	return &all[i], rewritten(t, file, func(m *gguf.Metadata) { m.Set("tokenizer.ggml.model", gguf.Of("none")) }, every)
}

// rewritten returns a file whose metadata are changed, with the tensors that keep asks for.
func rewritten(t testing.TB, file []byte, change func(*gguf.Metadata), keep func(name string) bool) []byte {
	t.Helper()
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: file}}, "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []checkpoint.Entry
	for name := range f.Names() {
		info, _ := f.Lookup(name)
		b, err := f.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		if keep(name) {
			entries = append(entries, checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: b})
		}
	}
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	m := f.Metadata().Clone()
	change(m)
	var b bytes.Buffer
	if err := gguf.Write(&b, m, src); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func every(string) bool { return true }

// A folder with a model in GGUF opens as the checkpoint that it was made from: mapped or read, in one file or in several.
func TestOpenGGUF(t *testing.T) {
	g, file := llamaGGUF(t)
	want := rowLogits(t, g.decoder(t, model.Options{}), g)
	part := func(no int) []byte {
		return rewritten(t, file, func(m *gguf.Metadata) {
			m.Set("split.no", gguf.Of(uint16(no)))
			m.Set("split.count", gguf.Of(uint16(2)))
		}, func(name string) bool { return strings.HasPrefix(name, "blk.1.") == (no == 1) })
	}
	disk := t.TempDir()
	if err := os.WriteFile(filepath.Join(disk, "m.gguf"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	one := &fstest.MapFile{Data: file}
	config := &fstest.MapFile{Data: []byte(`{"model_type": "unknown"}`)}
	for what, c := range map[string]struct {
		folder fs.FS
		name   string
	}{
		"mapped":                   {os.DirFS(disk), ""},
		"read":                     {fstest.MapFS{"m.gguf": one}, ""},
		"by name":                  {fstest.MapFS{"m.gguf": one, "other.gguf": {}}, "m.gguf"},
		"by name, beside a model":  {fstest.MapFS{"m.gguf": one, "config.json": config, "model.safetensors": {}}, "m.gguf"},
		"a config without weights": {fstest.MapFS{"m.gguf": one, "config.json": config}, ""},
		"weights without a config": {fstest.MapFS{"m.gguf": one, "model.safetensors": {}}, ""},
		"beside pictures":          {fstest.MapFS{"m.gguf": one, "mmproj-m.gguf": {}}, ""},
		"in two files":             {fstest.MapFS{"m-00001-of-00002.gguf": {Data: part(0)}, "m-00002-of-00002.gguf": {Data: part(1)}}, ""},
	} {
		d, err := model.OpenDecoder(c.folder, model.Options{GGUF: c.name})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := rowLogits(t, d, g); !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: other logits than the checkpoint's", what)
		}
		if d.Tokenizer != nil || d.Family != "llama" {
			t.Errorf("%s: %s, with a tokenizer: %v", what, d.Family, d.Tokenizer != nil)
		}
	}
}

// Weights in another form win, and Skipped is told.
func TestGGUFBesideSafetensors(t *testing.T) {
	g := plain(t, "llama")
	folder := g.folder(t, tensor.F32, func(name string) string { return name })
	folder["b.gguf"], folder["a.gguf"] = &fstest.MapFile{Data: []byte("x")}, &fstest.MapFile{Data: []byte("y")}
	var skipped []string
	if _, err := model.OpenDecoder(folder, model.Options{Skipped: func(name string) { skipped = append(skipped, name) }}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(skipped, []string{"a.gguf", "b.gguf"}) {
		t.Errorf("skipped %q", skipped)
	}
}

func TestBadGGUFFolders(t *testing.T) {
	_, file := llamaGGUF(t)
	one := &fstest.MapFile{Data: file}
	change := func(key string, v gguf.Value) *fstest.MapFile {
		return &fstest.MapFile{Data: rewritten(t, file, func(m *gguf.Metadata) { m.Set(key, v) }, every)}
	}
	many := fstest.MapFS{}
	for i := range 21 {
		many[fmt.Sprintf("a%d.gguf", i)] = one
	}
	for what, c := range map[string]struct {
		folder fstest.MapFS
		name   string
		says   string
	}{
		"two models":             {fstest.MapFS{"a.gguf": one, "b.gguf": one}, "", `2 models in GGUF, "a.gguf" "b.gguf": name one in Options.GGUF`},
		"two models in parts":    {fstest.MapFS{"a-00001-of-00002.gguf": one, "b-00002-of-00002.gguf": one}, "", `"a-00001-of-00002.gguf" "b-00002-of-00002.gguf"`},
		"a file that is not":     {fstest.MapFS{"a.gguf": one}, "b.gguf", "b.gguf"},
		"21 models":              {many, "", `"a20.gguf"`},
		"pictures":               {fstest.MapFS{"mmproj-a.gguf": change("general.architecture", gguf.Of("clip"))}, "", `"clip"`},
		"no such architecture":   {fstest.MapFS{"a.gguf": change("general.architecture", gguf.Of("new"))}, "", `"new" is not supported`},
		"no metadata":            {fstest.MapFS{"a.gguf": {Data: []byte("GGUF\x03\x00\x00\x00" + strings.Repeat("\x00", 16))}}, "", "general.architecture"},
		"a tensor is missing":    {fstest.MapFS{"a.gguf": {Data: rewritten(t, file, func(*gguf.Metadata) {}, func(name string) bool { return name != "blk.0.attn_q.weight" })}}, "", "q_proj"},
		"a key of another type":  {fstest.MapFS{"a.gguf": change("llama.block_count", gguf.Of("2"))}, "", `"llama.block_count" is string`},
		"a part is missing":      {fstest.MapFS{"a-00002-of-00002.gguf": change("split.count", gguf.Of(uint16(2)))}, "", "a-00001-of-00002.gguf"},
		"a tokenizer of no kind": {fstest.MapFS{"a.gguf": change("tokenizer.ggml.model", gguf.Of("new"))}, "", "tokenizer.ggml.model"},
	} {
		_, err := model.OpenDecoder(c.folder, model.Options{GGUF: c.name})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, expected %s", what, err, c.says)
		}
	}
}

// OpenDecoder refuses hostile files that are sound and hold no model by the name of what they lack.
func TestHostileGGUF(t *testing.T) {
	dir := os.DirFS(fromEnv(t, "TRANSFORMER_FIXTURES", "hostile/gguf"))
	names, err := fs.Glob(dir, "hostile/gguf/*.gguf")
	if err != nil || len(names) != 99 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		_, err := model.OpenDecoder(dir, model.Options{GGUF: name})
		var e *checkpoint.Error
		if err == nil || !errors.As(err, &e) && !strings.Contains(err.Error(), "general.architecture") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
