package model_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// unwritten are golden checkpoints of families that are written, with what an error names: the converter's file does not say
// it.
var unwritten = map[string]string{
	"gemma-exact-gelu":            `hidden_activation = "relu"`,
	"gemma2-layer-types":          "query_pre_attn_scalar is 20",
	"gemma2-softcaps":             "query_pre_attn_scalar is 20",
	"gemma3-defaults":             "query_pre_attn_scalar is 20",
	"gemma3-new-config":           "layer 1 has full_attention",
	"gemma3-old-config":           "layer 2 has full_attention",
	"granite-biases":              `hidden_act = "gelu"`,
	"llama-gelu-eps":              `hidden_act = "gelu"`,
	"llama-rope-dynamic":          `rope_type "dynamic"`,
	"llama-rope-dynamic-crossing": `rope_type "dynamic"`,
	"llama-rope-yarn-betas":       "truncate = false",
	"llama-rope-yarn-mscale":      "mscale_all_dim",
	"mistral-window":              "sliding_window is 9",
	"mixtral-one":                 `hidden_act = "gelu"`,
	"mixtral-window":              "sliding_window is 9",
	"olmo2-head-dim":              `hidden_act = "gelu"`,
	"olmoe-bias":                  "clip_qkv = 0.9",
	"olmoe-clip":                  "norm_topk_prob = true",
	"olmoe-plain":                 "rms_norm_eps = 0.01",
	"qwen2-layer-types":           "sliding_window is 9",
	"qwen2-window":                "sliding_window is 9",
	"qwen3-window":                "sliding_window is 9",
	"qwen3_moe-defaults":          "norm_topk_prob is false",
	"smollm3-layer-types":         "layer_types has sliding_attention",
	"starcoder2-epsilon":          "norm_epsilon is 0.01",
	"starcoder2-no-bias":          `hidden_act = "gelu"`,
	"starcoder2-window":           "sliding_window is 9",
	"smollm3-interval":            "no_rope_layer_interval = 2",
	"smollm3-window":              `hidden_act = "gelu"`,
}

// A golden checkpoint becomes the file that llama.cpp's converter makes of it: the same metadata, names, shapes and bits.
func TestConvertGGUF(t *testing.T) {
	n := 0
	for _, g := range goldens(t) {
		c, err := hf.ParseConfig("config.json", g.Config)
		if err != nil {
			t.Fatal(err)
		}
		record := filepath.FromSlash("llamacpp/testdata/converted/" + g.Name + ".json.gz")
		if found, _ := filepath.Glob(record); len(found) == 0 || !slices.Contains(llamacpp.Writable(), c.ModelType()) {
			continue
		}
		n++
		t.Run(g.Name, func(t *testing.T) {
			meta, src, err := llamacpp.Convert(c, g.weights(t, tensor.F32))
			if why := unwritten[g.Name]; why != "" {
				if err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("%v; want an error with %q", err, why)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if lost[g.Name] != "" {
				t.Errorf("it was written, and the file does not say %s", lost[g.Name])
			}
			var b bytes.Buffer
			if err := gguf.Write(&b, meta, src); err != nil {
				t.Fatal(err)
			}
			compareGGUF(t, b.Bytes(), readConverted(t, record).file(t, &g.goldenWeights))
		})
	}
	t.Log(n, "checkpoints")
}

// compareGGUF compares two files, but for the order of keys and tensors, and the tokenizer.
func compareGGUF(t *testing.T, got, want []byte) {
	t.Helper()
	fsys := fstest.MapFS{"got.gguf": {Data: got}, "want.gguf": {Data: want}}
	a, err := gguf.Open(fsys, "got.gguf")
	if err != nil {
		t.Fatal(err)
	}
	b, err := gguf.Open(fsys, "want.gguf")
	if err != nil {
		t.Fatal(err)
	}
	keys := func(f *gguf.File) []string {
		return slices.Sorted(slices.Values(slices.DeleteFunc(f.Metadata().Keys(), func(key string) bool { return strings.HasPrefix(key, "tokenizer.") })))
	}
	if !slices.Equal(keys(a), keys(b)) {
		t.Errorf("keys %q\nwant %q", keys(a), keys(b))
	}
	for _, key := range keys(a) {
		x, _ := a.Metadata().Value(key)
		y, ok := b.Metadata().Value(key)
		if ok && !x.Equal(y) {
			t.Errorf("%s is %v, want %v", key, x, y)
		}
	}
	if got, want := slices.Sorted(a.Names()), slices.Sorted(b.Names()); !slices.Equal(got, want) {
		t.Fatalf("tensors %q\nwant %q", got, want)
	}
	for name := range a.Names() {
		x, _ := a.Lookup(name)
		y, _ := b.Lookup(name)
		got, err := a.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := b.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Shape, y.Shape) || !bytes.Equal(got, want) {
			t.Errorf("%s, %v, has other bits than %v", name, x.Shape, y.Shape)
		}
	}
}
