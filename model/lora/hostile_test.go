package lora_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/lora"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// zeros returns a tensor of float32.
func zeros(name string, shape ...int) checkpoint.Entry {
	n := 4
	for _, d := range shape {
		n *= d
	}
	return checkpoint.Entry{Name: name, DType: checkpoint.F32, Shape: shape, Data: make([]byte, n)}
}

// small is a base with one layer, of which the adapters below know.
func small(t testing.TB) checkpoint.Source {
	return checkpointtest.Memory(t, zeros("shared.weight", 7, 4), zeros("model.embed_tokens.weight", 7, 4), zeros("model.layers.0.q.weight", 6, 4), zeros("model.layers.0.q.bias", 6),
		zeros("model.layers.0.conv.weight", 6, 4, 3), checkpoint.Entry{Name: "model.layers.0.ids.weight", DType: "I64", Shape: []int{1, 1}, Data: make([]byte, 8)},
		zeros("encoder.layers.0.twice.weight", 6, 4), zeros("decoder.layers.0.twice.weight", 6, 4))
}

// pair returns the matrices of a module.
func pair(module string, r, in, out int) []checkpoint.Entry {
	return []checkpoint.Entry{zeros("base_model.model."+module+".lora_A.weight", r, in), zeros("base_model.model."+module+".lora_B.weight", out, r)}
}

// merged opens an adapter with these keys more than a plain one has, and merges it.
func merged(t testing.TB, keys, config string, entries ...checkpoint.Entry) (checkpoint.Source, error) {
	t.Helper()
	c := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(`{"peft_type": "LORA", "r": 2, "target_modules": ["q", "conv", "ids", "twice", "embed_tokens", "none"], "base_model_name_or_path": "org/base"}`), &c); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte("{"+keys+"}"), &c); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := lora.Open(fstest.MapFS{"adapter_config.json": {Data: text}, "adapter_model.safetensors": safe(t, checkpointtest.Memory(t, entries...))})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { a.Close() })
	base, err := hf.ParseConfig("config.json", []byte("{"+config+"}"))
	if err != nil {
		t.Fatal(err)
	}
	return a.Merge(small(t), base)
}

// What is not an adapter that can be merged is refused, and the error names it.
func TestRefused(t *testing.T) {
	q := pair("model.layers.0.q", 2, 4, 6)
	for name, c := range map[string]struct {
		keys, config string
		entries      []checkpoint.Entry
		want         string
	}{
		"sound":                     {"", "", q, ""},
		"sound, without a prefix":   {"", "", pair("layers.0.q", 2, 4, 6), ""},
		"sound, with a prefix more": {"", "", pair("bert.model.layers.0.q", 2, 4, 6), ""},

		"another type":        {`"peft_type": "IA3"`, "", q, `peft_type is "IA3": LORA alone can be merged; the adapter is for "org/base"`},
		"QA-LoRA":             {`"use_qalora": true`, "", q, "use_qalora is set"},
		"aLoRA":               {`"alora_invocation_tokens": [1]`, "", q, "alora_invocation_tokens is set"},
		"trained tokens":      {`"trainable_token_indices": [1]`, "", q, "trainable_token_indices is set"},
		"parameters":          {`"target_parameters": ["experts.down_proj"]`, "", q, "target_parameters is set"},
		"layers repeated":     {`"layer_replication": [[0, 1]]`, "", q, "layer_replication is set"},
		"block-diagonal":      {`"use_bdlora": {"nblocks": 2}`, "", q, "use_bdlora is set"},
		"Arrow":               {`"arrow_config": {"top_k": 3}`, "", q, "arrow_config is set"},
		"KaSA":                {`"kasa_config": {"x": 1}`, "", q, "kasa_config is set"},
		"a key of the future": {`"use_new_lora": true`, "", q, "use_new_lora is set"},
		"PiSSA":               {`"init_lora_weights": "pissa_niter_4"`, "", q, "path_initial_model_for_weight_conversion"},
		"OLoRA":               {`"init_lora_weights": "OLoRA"`, "", q, "olora"},
		"bias":                {`"bias": "some"`, "", q, `bias is "some"`},
		"rank 0":              {`"r": 0`, "", q, "r is 0"},
		"rank pattern":        {`"rank_pattern": {"q": 2.5}`, "", q, `"q" is 2.5`},
		"rank pattern, list":  {`"rank_pattern": [1]`, "", q, "rank_pattern is no object"},
		"expression":          {`"target_modules": "(q"`, "", q, "target_modules"},
		"expression, far":     {`"target_modules": "((((a{100}){100}){100}){100})"`, "", q, "target_modules"},
		"alpha, look ahead":   {`"alpha_pattern": {"(?!a)q": 3}`, "", q, "alpha_pattern"},

		"no target":          {`"target_modules": ["k"]`, "", q, "target_modules does not name the module"},
		"excluded":           {`"exclude_modules": "model.*q"`, "", q, "exclude_modules names the module"},
		"another layer":      {`"layers_to_transform": [1, 2]`, "", q, "layers_to_transform leaves the module out"},
		"saved and adapted":  {`"modules_to_save": ["q"]`, "", q, "modules_to_save names the module"},
		"no such module":     {"", "", pair("model.layers.7.none", 2, 4, 6), `the base has no tensor "model.layers.7.none.weight" (the adapter is for "org/base")`},
		"which of two":       {"", "", pair("layers.0.twice", 2, 4, 6), "may be"},
		"three dimensions":   {"", "", pair("model.layers.0.conv", 2, 4, 6), "floating-point matrices"},
		"integers":           {"", "", pair("model.layers.0.ids", 2, 1, 1), "I64"},
		"another rank":       {`"r": 3`, "", q, "has shape [2 4]; adapter_config.json and the base ask for [3 4]"},
		"another width":      {"", "", pair("model.layers.0.q", 2, 5, 6), "ask for [2 4]"},
		"A alone":            {"", "", q[:1], `no "model.layers.0.q.lora_B.weight"`},
		"B alone":            {"", "", q[1:], `no "model.layers.0.q.lora_A.weight"`},
		"DoRA without":       {`"use_dora": true`, "", q, "lora_magnitude_vector"},
		"DoRA unsaid":        {"", "", append(q[:2:2], zeros("base_model.model.model.layers.0.q.lora_magnitude_vector", 6)), "says nothing of it"},
		"bias without":       {`"lora_bias": true`, "", q, "lora_B.bias"},
		"bias of none":       {`"lora_bias": true`, "", append(pair("encoder.layers.0.twice", 2, 4, 6), zeros("base_model.model.encoder.layers.0.twice.lora_B.bias", 6)), "which has none"},
		"another part":       {"", "", append(q[:2:2], zeros("base_model.model.model.layers.0.q.lora_C.weight", 6)), "lora_C"},
		"a tensor more":      {"", "", append(q[:2:2], zeros("base_model.model.model.layers.0.q.weight", 6, 4)), "fits nothing"},
		"a bias unsaid":      {"", "", append(q[:2:2], zeros("base_model.model.model.layers.0.q.bias", 6)), "fits nothing"},
		"a bias of none":     {`"bias": "all"`, "", append(q[:2:2], zeros("base_model.model.model.layers.0.k.bias", 6)), `the base has no "model.layers.0.k.bias"`},
		"tokens added":       {"", "", append(q[:2:2], zeros("base_model.model.model.embed_tokens.weight", 9, 4)), "resize_token_embeddings"},
		"no tensors":         {"", "", nil, "no tensors"},
		"not finite":         {"", "", []checkpoint.Entry{nan(q[0]), q[1]}, "not finite"},
		"table of all":       {`"target_modules": ["shared"]`, `"is_encoder_decoder": true`, []checkpoint.Entry{zeros("base_model.model.shared.lora_embedding_A", 2, 7), zeros("base_model.model.shared.lora_embedding_B", 4, 2)}, "no part of the running model reads"},
		"names too long":     {"", "", pair(strings.Repeat("x", 300), 2, 4, 6), "names of 256"},
		"expressions of all": {`"layers_to_transform": 1, "target_modules": ".*"`, "", q, "layers_to_transform has no meaning"},
	} {
		src, err := merged(t, c.keys, c.config, c.entries...)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error lacks %q: %v", name, c.want, err)
		case err == nil:
			src.Close()
		}
	}
}

func nan(e checkpoint.Entry) checkpoint.Entry {
	return checkpoint.Float32(e.Name, tensor.From([]float32{0, float32(math.NaN()), 0, 0, 0, 0, 0, 0}, 2, 4))
}

// A division by a length of 0 gives no weights.
func TestZeroLength(t *testing.T) {
	src, err := merged(t, `"use_dora": true`, "", append(pair("model.layers.0.q", 2, 4, 6), zeros("base_model.model.model.layers.0.q.lora_magnitude_vector", 6))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Bytes("model.layers.0.q.weight"); err == nil || !strings.Contains(err.Error(), "not finite once") {
		t.Errorf("error %v", err)
	}
}

// Folders that are not what they say give an error that names the file.
func TestHostileFiles(t *testing.T) {
	g := goldens(t)[0]
	base, adapters := g.folders(t, false)
	for _, file := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		errs := hostile.Check(t, hostile.Folders(t, adapters[0].(fstest.MapFS), file), 2<<20, func(f fs.FS) error {
			_, err := model.OpenDecoder(base, model.Options{Adapters: []fs.FS{f}})
			if err != nil && strings.Contains(err.Error(), "OpenEncoder") {
				_, err = model.OpenEncoder(base, model.Options{Adapters: []fs.FS{f}})
			}
			return err
		})
		for name, err := range errs {
			if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "Adapters[0]") {
				t.Errorf("%s: %s: %v", file, name, err)
			}
		}
	}
	_, err := lora.Open(fstest.MapFS{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "adapter_model.safetensors") {
		t.Errorf("error %v", err)
	}
	if _, err := lora.Open(fstest.MapFS{"adapter_config.json": {Data: []byte(`{"peft_type": "LORA"}`)}}); err == nil || !strings.Contains(err.Error(), "adapter_model.bin") {
		t.Errorf("error %v", err)
	}
	a, err := lora.Open(adapters[0])
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Merge(checkpoint.Zeros(tensor.F32), nil); err == nil {
		t.Error("weights on request take an adapter")
	}
}

// Merging keeps nothing: reading takes the memory of a piece.
func TestMemory(t *testing.T) {
	const rows, cols = 4096, 1024
	a, err := lora.Open(fstest.MapFS{"adapter_config.json": {Data: []byte(`{"peft_type": "LORA", "r": 2, "target_modules": ["q"]}`)},
		"adapter_model.safetensors": safe(t, checkpointtest.Memory(t, pair("q", 2, cols, rows)...))})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c, err := hf.ParseConfig("config.json", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := a.Merge(checkpointtest.Memory(t, zeros("q.weight", rows, cols)), c)
	if err != nil {
		t.Fatal(err)
	}
	const piece = 64 << 10
	got := tensortest.Allocated(func() {
		for b, err := range src.Chunks("q.weight", piece) {
			if err != nil || len(b) != piece {
				t.Fatalf("%d bytes, %v", len(b), err)
			}
		}
	})
	if most := uint64(4*piece + 1<<20); got > most {
		t.Errorf("%d bytes allocated, at most %d expected", got, most)
	}
}

// No config makes merging panic or hang.
func FuzzConfig(f *testing.F) {
	for _, g := range goldens(f) {
		for _, a := range g.Adapters {
			f.Add([]byte(a.Config))
		}
	}
	f.Add([]byte(`{"peft_type": "LORA", "layers_to_transform": 3, "layers_pattern": ["(", "a"], "rank_pattern": {"": NaN}, "target_modules": "(a*)*{3}"}`))
	q := safe(f, checkpointtest.Memory(f, append(pair("model.layers.0.q", 2, 4, 6), zeros("base_model.model.score.weight", 3, 4))...))
	c, err := hf.ParseConfig("config.json", []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	base := small(f)
	f.Fuzz(func(t *testing.T, config []byte) {
		a, err := lora.Open(fstest.MapFS{"adapter_config.json": {Data: config}, "adapter_model.safetensors": q})
		if err != nil {
			return
		}
		defer a.Close()
		src, err := a.Merge(base, c)
		if err != nil {
			return
		}
		for name := range src.Names() {
			info, _ := src.Lookup(name)
			if b, err := src.Bytes(name); err == nil && int64(len(b)) != info.Size {
				t.Errorf("%q has %d bytes, want %d", name, len(b), info.Size)
			}
		}
	})
}

// Whatever an adapter says, opening and merging it takes memory in proportion to its files, and not for ever.
func TestHeap(t *testing.T) {
	if testing.Short() {
		t.Skip("memory is measured in the long form")
	}
	const size = 1 << 19
	list := func(item string, n int) string { return strings.Repeat(item+",", n-1) + item }
	patterns := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"(.*.){%d}x{900}":1,`, i%9)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	var thousands []checkpoint.Entry
	for i := range 20_000 {
		thousands = append(thousands, zeros(fmt.Sprintf("model.layers.0.q.lora_A.%d.weight", i), 0), zeros(fmt.Sprintf("m%d.q.lora_A.weight", i), 2, 4))
	}
	for name, c := range map[string]struct {
		keys    string
		entries []checkpoint.Entry
	}{
		"targets":           {`"target_modules": [` + list(`"q"`, size/4) + `]`, nil},
		"saved":             {`"modules_to_save": [` + list(`"q"`, size/4) + `]`, nil},
		"layers":            {`"layers_to_transform": [` + list(`1`, size/2) + `]`, nil},
		"ranks":             {`"rank_pattern": {` + patterns(4096) + `}`, nil},
		"ranks and alphas":  {`"rank_pattern": {` + patterns(20) + `}, "alpha_pattern": {` + patterns(20) + `}`, nil},
		"a long expression": {`"target_modules": "` + strings.Repeat("(.*a){9}", 400) + `"`, nil},
		"tensors":           {`"target_modules": ".*(a|q){100}.*"`, thousands},
	} {
		t.Run(name, func(t *testing.T) {
			entries := c.entries
			if entries == nil {
				entries = pair("model.layers.0.q", 2, 4, 6)
			}
			folder := fstest.MapFS{"adapter_config.json": {Data: []byte(`{"peft_type": "LORA", "r": 2, ` + c.keys + `}`)},
				"adapter_model.safetensors": safe(t, checkpointtest.Memory(t, entries...))}
			base := small(t)
			config, err := hf.ParseConfig("config.json", []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			hostile.CheckHeap(t, folder, 64<<20, func() error {
				a, err := lora.Open(folder)
				if err != nil {
					return err
				}
				defer a.Close()
				_, err = a.Merge(base, config)
				return err
			})
		})
	}
}
