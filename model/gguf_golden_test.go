package model_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// converted is a small golden checkpoint as llama.cpp's converter writes it: llamacpp/testdata/convert.py made the record.
type converted struct {
	Metadata [][3]json.RawMessage // key, type, value
	Tensors  [][3]json.RawMessage // name, shape, runs or numbers
}

// run is some rows of one of the checkpoint's tensors.
type run struct {
	source, kind   string
	first, step, n int
}

func (r *run) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&r.source, &r.kind, &r.first, &r.step, &r.n})
}

func readConverted(t testing.TB, name string) *converted {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c := &converted{}
	if err := json.NewDecoder(z).Decode(c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

func decode[T any](t testing.TB, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%.100s: %v", raw, err)
	}
	return v
}

// metadata returns the file's metadata, with a vocabulary of words without a meaning.
func (c *converted) metadata(t testing.TB, vocab int) *gguf.Metadata {
	m := &gguf.Metadata{}
	for _, kv := range c.Metadata {
		m.Set(decode[string](t, kv[0]), value(t, decode[string](t, kv[1]), kv[2]))
	}
	words, types := make([]string, vocab), make([]int32, vocab)
	for i := range words {
		words[i], types[i] = fmt.Sprintf("<%d>", i), 1
	}
	m.Set("tokenizer.ggml.tokens", gguf.ArrayOf(words))
	m.Set("tokenizer.ggml.token_type", gguf.ArrayOf(types))
	return m
}

func value(t testing.TB, kind string, raw json.RawMessage) gguf.Value {
	switch kind {
	case "string":
		return gguf.Of(decode[string](t, raw))
	case "uint32":
		return gguf.Of(decode[uint32](t, raw))
	case "int32":
		return gguf.Of(decode[int32](t, raw))
	case "uint64":
		return gguf.Of(decode[uint64](t, raw))
	case "bool":
		return gguf.Of(decode[bool](t, raw))
	case "float32":
		return gguf.Of(decode[float32](t, raw))
	case "array of string":
		return gguf.ArrayOf(decode[[]string](t, raw))
	case "array of bool":
		return gguf.ArrayOf(decode[[]bool](t, raw))
	case "array of uint32":
		return gguf.ArrayOf(decode[[]uint32](t, raw))
	case "array of int32":
		return gguf.ArrayOf(decode[[]int32](t, raw))
	case "array of float32":
		return gguf.ArrayOf(decode[[]float32](t, raw))
	}
	t.Fatalf("metadata of type %q", kind)
	return gguf.Value{}
}

// matrix returns a checkpoint's tensor as the rows that a run counts.
func (r run) matrix(t testing.TB, x tensor.Tensor) (rows func(i int) []float32) {
	t.Helper()
	rank := x.Shape.Rank()
	kind, width, add := strings.TrimSuffix(r.kind, "+1"), x.Shape[max(rank-1, 0)], float32(0)
	if kind != r.kind {
		add = 1
	}
	kind, groups, _ := strings.Cut(kind, "/")
	if kind == "element" || rank < 2 {
		width = 1
	}
	if kind != "column" {
		return func(i int) []float32 {
			row := slices.Clone(x.Data[i*width:][:width])
			for j := range row {
				row[j] += add
			}
			return row
		}
	}
	all := x.Shape[rank-2] // columns of [all, width], or of the first n rows of groups of them
	n := all
	if groups != "" {
		a, b, _ := strings.Cut(groups, "/")
		all, _ = strconv.Atoi(a)
		n, _ = strconv.Atoi(b)
	}
	return func(i int) []float32 {
		row := make([]float32, n)
		for j := range row {
			row[j] = x.Data[(i/width*all+j)*width+i%width]
		}
		return row
	}
}

// file returns the GGUF, with the values of the golden's formula.
func (c *converted) file(t testing.TB, g *goldenWeights) []byte {
	t.Helper()
	return c.fileOf(t, g.weights(t, tensor.F32))
}

// fileOf returns the GGUF of a checkpoint.
func (c *converted) fileOf(t testing.TB, source checkpoint.Source) []byte {
	t.Helper()
	var entries []checkpoint.Entry
	vocab := 0
	for _, x := range c.Tensors {
		e := checkpoint.Entry{Name: decode[string](t, x[0]), DType: checkpoint.F32, Shape: decode[[]int](t, x[1])}
		var runs []run
		values := []float32{}
		if strings.HasPrefix(string(x[2]), "[[") {
			runs = decode[[]run](t, x[2])
		} else {
			values = decode[[]float32](t, x[2])
		}
		for _, r := range runs {
			from, err := checkpoint.ReadFloat32(source, r.source)
			if err != nil {
				t.Fatal(err)
			}
			row := r.matrix(t, from)
			for i := range r.n {
				values = append(values, row(r.first+i*r.step)...)
			}
		}
		for _, v := range values {
			e.Data = binary.LittleEndian.AppendUint32(e.Data, math.Float32bits(v))
		}
		if e.Name == "token_embd.weight" {
			vocab = e.Shape[0]
		}
		entries = append(entries, e)
	}
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, c.metadata(t, vocab), src); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openGGUF opens a file's model.
func openGGUF(t testing.TB, file []byte) *llamacpp.Model {
	t.Helper()
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: file}}, "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	m, err := llamacpp.Open(f.Metadata(), f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lost has, for each case, the keys of its config that the converter does not write, and that no published model of the
// architecture has otherwise than this library takes them to be.
var lost = map[string]string{
	"cohere-defaults":             "hidden_act rope_scaling",
	"deepseek_v2-groups":          "rope_scaling",
	"deepseek_v3-halves":          "rope_interleave",
	"deepseek_v3-uneven-yarn":     "rope_scaling",
	"falcon-11b":                  "activation rope_parameters rope_theta",
	"gemma-exact-gelu":            "hidden_act",
	"gemma2-layer-types":          "query_pre_attn_scalar layer_types",
	"gemma2-softcaps":             "query_pre_attn_scalar",
	"gemma3-defaults":             "query_pre_attn_scalar",
	"gemma3-new-config":           "query_pre_attn_scalar layer_types",
	"gemma3-old-config":           "query_pre_attn_scalar sliding_window_pattern layer_types",
	"gpt2-gelu":                   "activation_function",
	"gpt2-inverse-layer-scale":    "scale_attn_by_inverse_layer_idx",
	"gpt2-relu":                   "activation_function",
	"gpt2-unscaled":               "scale_attn_weights",
	"gpt_neox-no-bias":            "hidden_act",
	"gpt_neox-rope-dynamic":       "rope_scaling rotary_emb_base",
	"gpt_neox-rope-linear":        "rope_scaling rotary_emb_base",
	"gpt_neox-rope-yarn":          "rope_scaling rotary_emb_base",
	"gpt_neox-sequential":         "hidden_act",
	"gpt_neox-tied":               "hidden_act",
	"gpt_oss-saved":               "layer_types swiglu_alpha swiglu_limit",
	"granite-biases":              "hidden_act",
	"granitemoe-bias":             "hidden_act",
	"llama-gelu-eps":              "hidden_act",
	"llama-rope-dynamic":          "rope_scaling",
	"llama-rope-dynamic-crossing": "rope_scaling",
	"llama-rope-yarn-betas":       "rope_scaling",
	"llama-rope-yarn-mscale":      "rope_scaling",
	"llama4_text-layer-types":     "attention_chunk_size attn_scale floor_scale layer_types no_rope_layers",
	"llama4_text-maverick":        "attention_chunk_size attn_scale floor_scale no_rope_layer_interval use_qk_norm",
	"llama4_text-scout":           "attention_chunk_size attn_scale floor_scale",
	"llama4_text-two-experts":     "attention_chunk_size attn_scale attn_temperature_tuning floor_scale layer_types no_rope_layers",
	"llama4_text-unchunked":       "attn_scale floor_scale hidden_act",
	"mistral-window":              "model_type sliding_window",
	"mixtral-one":                 "hidden_act",
	"mixtral-window":              "sliding_window",
	"olmo2-head-dim":              "hidden_act",
	"olmoe-bias":                  "clip_qkv",
	"olmoe-clip":                  "clip_qkv norm_topk_prob",
	"olmoe-plain":                 "rms_norm_eps",
	"phi-defaults":                "hidden_act",
	"phi-tied":                    "rope_parameters partial_rotary_factor rope_theta",
	"phi3-longrope-short":         "original_max_position_embeddings rope_scaling",
	"phimoe-jitter":               "router_jitter_noise",
	"phimoe-longrope-crossing":    "rope_scaling hidden_act",
	"phimoe-longrope-long":        "rope_scaling",
	"phimoe-plain":                "rope_scaling",
	"qwen2-layer-types":           "use_sliding_window sliding_window layer_types",
	"qwen2-window":                "use_sliding_window sliding_window max_window_layers",
	"qwen3-window":                "use_sliding_window sliding_window max_window_layers",
	"qwen3_moe-defaults":          "norm_topk_prob",
	"smollm3-interval":            "no_rope_layer_interval",
	"smollm3-layer-types":         "layer_types no_rope_layers sliding_window",
	"smollm3-window":              "layer_types no_rope_layers sliding_window use_sliding_window hidden_act",
	"starcoder2-epsilon":          "norm_epsilon",
	"starcoder2-no-bias":          "hidden_act",
	"starcoder2-window":           "sliding_window",
}

// The converter's file of a golden checkpoint gives the golden answers, and the bits of the checkpoint.
func TestGoldenGGUF(t *testing.T) {
	byName := map[string]*golden{}
	all := goldens(t)
	for i := range all {
		byName[all[i].Name] = &all[i]
	}
	files, _ := filepath.Glob("llamacpp/testdata/converted/*.json.gz")
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	tested := map[string]bool{}
	for _, name := range files {
		g := byName[strings.TrimSuffix(filepath.Base(name), ".json.gz")]
		if g == nil {
			continue // an encoder
		}
		tested[g.Name] = true
		t.Run(g.Name, func(t *testing.T) {
			m := openGGUF(t, readConverted(t, name).file(t, &g.goldenWeights))
			for _, form := range g.forms(attention.LatentAuto) {
				d, err := model.NewDecoder(restoreConfig(t, m.Config, g.Config, lost[g.Name]), m.Weights, model.Options{LatentForm: form})
				if err != nil {
					t.Fatalf("%v\nconfig: %s", err, m.Config)
				}
				g.checkStates(t, d)
				g.checkGreedy(t, d)
				got, want := rowLogits(t, d, g), rowLogits(t, g.decoder(t, model.Options{LatentForm: form}), g)
				if !slices.Equal(got.Data, want.Data) {
					t.Error("not the checkpoint's bits")
				}
			}
		})
	}
	for name := range lost {
		if !tested[name] {
			t.Errorf("no case %s", name)
		}
	}
}

// rowLogits returns the logits of the prompt.
func rowLogits(t testing.TB, d *model.Decoder, g *golden) tensor.Tensor {
	t.Helper()
	p := &attention.Pass{}
	p.Begin(attention.Seq{Rows: len(g.Prompt), Cache: newCache(t, d)})
	x := d.Forward(p, []arch.Sequence{{IDs: g.Prompt}}, g.Positions)
	y := tensor.New(x.Rows(), x.Shape.Last())
	copy(y.Data, x.Data)
	return y
}

// A family that the library does not have is shown to the program's own recipe: the tensors of the checkpoint, and its
// config as far as the file has it.
func TestForeignGGUF(t *testing.T) {
	for _, name := range []string{"stablelm", "sequential"} {
		dir := os.DirFS("../examples/family/testdata/" + name)
		src, err := safetensors.Open(dir, "model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		m := openGGUF(t, readConverted(t, "llamacpp/testdata/converted/folders/"+name+".json.gz").fileOf(t, src))
		if _, err := model.NewDecoder(m.Config, m.Weights, model.Options{}); err == nil || !strings.Contains(err.Error(), `"stablelm" is not supported`) {
			t.Errorf("without a recipe: %v", err)
		}
		var names []string
		for n := range src.Names() {
			want, err := src.Bytes(n)
			if err != nil {
				t.Fatal(err)
			}
			info, _ := src.Lookup(n)
			have, _ := m.Weights.Lookup(n)
			if got, err := m.Weights.Bytes(n); err != nil || !bytes.Equal(got, want) || !slices.Equal(have.Shape, info.Shape) {
				t.Errorf("%s: %v of %v, want %v: %v", n, have.Shape, len(got), info.Shape, err)
			}
			names = append(names, n)
		}
		if got := slices.Sorted(m.Weights.Names()); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
			t.Errorf("tensors %q, want %q", got, names)
		}
		text, err := fs.ReadFile(dir, "config.json")
		if err != nil {
			t.Fatal(err)
		}
		have, want := decode[map[string]json.RawMessage](t, m.Config), decode[map[string]json.RawMessage](t, text)
		for _, key := range []string{"model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
			"max_position_embeddings", "use_qkv_bias", "qk_layernorm", "use_parallel_residual", "tie_word_embeddings", "eos_token_id"} {
			if !bytes.Equal(have[key], want[key]) {
				t.Errorf("%s is %s, want %s", key, have[key], want[key])
			}
		}
		if string(have["partial_rotary_factor"]) != "0.25" || string(have["rope_theta"]) != "10000" || string(have["layer_norm_eps"]) != "0.00001" {
			t.Errorf("config: %s", m.Config)
		}
	}
}
