package model_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

func TestFindGGUF(t *testing.T) {
	for _, c := range []struct {
		folder fstest.MapFS
		opt    model.Options
		want   string
	}{
		{files(), model.Options{}, ""},
		{files("a.gguf", "README.md"), model.Options{}, "a.gguf"},
		{files("a.gguf", "mmproj-a-f16.gguf"), model.Options{}, "a.gguf"},
		{files("mmproj-a-f16.gguf"), model.Options{}, "mmproj-a-f16.gguf"},
		{files("a-00001-of-00002.gguf", "a-00002-of-00002.gguf"), model.Options{}, "a-00001-of-00002.gguf"},
		{files("a.gguf", "config.json"), model.Options{}, "a.gguf"},
		{files("a.gguf", "model.safetensors"), model.Options{}, "a.gguf"},
		{files("a.gguf", "config.json", "model.safetensors"), model.Options{}, ""},
		{files("a.gguf", "config.json", "pytorch_model-00001-of-00002.bin"), model.Options{}, ""},
		{files("a.gguf", "config.json", "model.safetensors"), model.Options{GGUF: "a.gguf"}, "a.gguf"},
		{files("a.gguf", "b.gguf"), model.Options{GGUF: "b.gguf"}, "b.gguf"},
	} {
		if got, err := model.FindGGUF(c.folder, c.opt); err != nil || got != c.want {
			t.Errorf("%v: %q, %v; want %q", c.folder, got, err, c.want)
		}
	}
	if _, err := model.FindGGUF(files("a.gguf", "b.gguf"), model.Options{}); err == nil || !strings.Contains(err.Error(), "Options.GGUF") {
		t.Errorf("two models: %v", err)
	}
}

// ggufFolder is a folder with the GGUF of a small LLaMA, whose metadata change alters.
func ggufFolder(t testing.TB, change func(m *gguf.Metadata)) fstest.MapFS {
	t.Helper()
	const name = "llamacpp/testdata/converted/llama-mha.json.gz"
	all := goldens(t)
	g := &all[slices.IndexFunc(all, func(g golden) bool { return g.Name == "llama-mha" })]
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: readConverted(t, name).file(t, &g.goldenWeights)}}, "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	m := f.Metadata().Clone()
	if change != nil {
		change(m)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, m, f); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"m.gguf": {Data: b.Bytes()}}
}

// The tokenizer of a folder with a GGUF is that of its metadata, or none; what is wrong with it names the file.
func TestTokenizerGGUF(t *testing.T) {
	merges := func(m *gguf.Metadata) { m.Set("tokenizer.ggml.merges", gguf.ArrayOf([]string{})) }
	d, err := model.OpenDecoder(ggufFolder(t, merges), model.Options{})
	if err != nil || d.Tokenizer == nil {
		t.Fatal(err)
	}
	if token, ok := d.Tokenizer.Token(3); !ok || token != "<3>" {
		t.Errorf("token 3 is %q", token)
	}
	d, err = model.OpenDecoder(ggufFolder(t, func(m *gguf.Metadata) { m.Set("tokenizer.ggml.model", gguf.Of("none")) }), model.Options{})
	if err != nil || d.Tokenizer != nil {
		t.Errorf("none: %v, %v", d, err)
	}
	unknown := ggufFolder(t, func(m *gguf.Metadata) { merges(m); m.Set("tokenizer.ggml.pre", gguf.Of("mine")) })
	if _, err := model.OpenDecoder(unknown, model.Options{}); err == nil || !strings.Contains(err.Error(), "m.gguf") || !strings.Contains(err.Error(), `"mine"`) {
		t.Errorf("an unknown pre-tokenizer: %v", err)
	}
	if _, err := model.OpenDecoder(unknown, model.Options{PreTokenizer: "gpt-2"}); err != nil {
		t.Errorf("with a name for it: %v", err)
	}
}
