package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// folder returns a golden case as a folder that holds its weights as dt, under names that rename makes.
func (g *golden) folder(t testing.TB, dt tensor.DType, rename func(string) string) fstest.MapFS {
	t.Helper()
	src := g.weights(t, dt)
	if rename != nil {
		var err error
		if src, err = checkpoint.Rename(src, rename); err != nil {
			t.Fatal(err)
		}
	}
	return fstest.MapFS{"config.json": {Data: g.Config}, "model.safetensors": {Data: written(t, src)}}
}

func written(t testing.TB, src checkpoint.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, src, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A checkpoint of each type gives the same bits from a folder on disk and from one in memory, and kept
// in a wider type. In half precision it gives what its rounded weights give in float32.
func TestOpenTypes(t *testing.T) {
	ids := modeltest.RandomIDs(1, 20, 60)
	for _, family := range model.Decoders() {
		g := plain(t, family)
		for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
			fsys := g.folder(t, dt, nil)
			dir := t.TempDir()
			for name, f := range fsys {
				if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			var want []float32
			for name, fsys := range map[string]fs.FS{"memory": fsys, "disk": os.DirFS(dir)} {
				for _, wide := range []bool{false, true} {
					opt, last := model.Options{}, int64(-1)
					var total int64
					if wide {
						opt.Convert = nn.As(tensor.F32)
					}
					opt.Progress = func(done, all int64) {
						if done < last || done > all || total != 0 && all != total {
							t.Errorf("%s: %d of %d bytes read after %d of %d", family, done, all, last, total)
						}
						last, total = done, all
					}
					d, err := model.OpenDecoder(fsys, opt)
					if err != nil {
						t.Fatalf("%s, %v, %s: %v", family, dt, name, err)
					}
					if last != total || total == 0 {
						t.Errorf("%s: progress ends at %d of %d bytes", family, last, total)
					}
					if kept := d.Head.Weight.DType; !wide && kept != dt || wide && kept != tensor.F32 {
						t.Errorf("%s: %v is kept as %v", family, dt, kept)
					}
					got := alone(t, d, model.SessionOptions{}, ids)
					if want == nil {
						want = slices.Clone(got)
					}
					same(t, fmt.Sprintf("%s, %v, %s, widened %v", family, dt, name, wide), got, want)
				}
			}
			narrow := g.folder(t, tensor.F32, nil)
			d, err := model.OpenDecoder(narrow, model.Options{Convert: nn.As(dt)})
			if err != nil || d.Head.Weight.DType != dt {
				t.Errorf("%s: F32 kept as %v: %v", family, dt, err)
			}
		}
	}
}

// Bodies are stored with or without the prefix they have in a model with a head; a tied table under the
// embedding's name, the head's, or both.
func TestOpenNames(t *testing.T) {
	ids := modeltest.RandomIDs(1, 20, 60)
	for _, c := range []struct {
		name   string
		rename func(string) string
	}{
		{"llama-tied", checkpoint.TrimPrefix("model.")},
		{"llama-tied", func(name string) string { return strings.Replace(name, "model.embed_tokens", "lm_head", 1) }},
		{"gemma2-softcaps", checkpoint.TrimPrefix("model.")},
		{"llama-gqa", checkpoint.TrimPrefix("model.")},
		{"gpt2-plain", checkpoint.TrimPrefix("transformer.")},
		{"gpt2-untied", checkpoint.TrimPrefix("transformer.")},
		{"gpt2-published-names", checkpoint.AddPrefix("transformer.")},
	} {
		for _, g := range goldens(t) {
			if g.Name != c.name {
				continue
			}
			want := alone(t, g.decoder(t, model.Options{}), model.SessionOptions{}, ids)
			var done, total int64
			d, err := model.OpenDecoder(g.folder(t, tensor.F32, c.rename), model.Options{Progress: func(d, n int64) { done, total = d, n }})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if done != total {
				t.Errorf("%s: progress ends at %d of %d bytes", c.name, done, total)
			}
			same(t, c.name, alone(t, d, model.SessionOptions{}, ids), want)
		}
	}
}

// Tables that old checkpoints store are no weights, and no error.
func TestOpenIgnoresTables(t *testing.T) {
	for family, name := range map[string]string{"llama": "model.layers.0.self_attn.rotary_emb.inv_freq", "gpt2": "transformer.h.0.attn.masked_bias",
		"phi": "model.layers.1.self_attn.rotary_emb.inv_freq"} {
		g := plain(t, family)
		src := g.weights(t, tensor.F32)
		entries := []checkpoint.Entry{checkpoint.Float32(name, tensor.New(5))}
		for n := range src.Names() {
			x, err := checkpoint.ReadFloat32(src, n)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, checkpoint.Float32(n, x))
		}
		more, err := checkpoint.Memory(entries...)
		if err != nil {
			t.Fatal(err)
		}
		var done, total int64
		fsys := fstest.MapFS{"config.json": {Data: g.Config}, "model.safetensors": {Data: written(t, more)}}
		if _, err := model.OpenDecoder(fsys, model.Options{Progress: func(d, n int64) { done, total = d, n }}); err != nil || done != total {
			t.Errorf("%s: %v; %d of %d bytes", name, err, done, total)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	g := plain(t, "llama")
	whole := g.folder(t, tensor.F32, nil)
	without := func(names ...string) fstest.MapFS {
		m := maps.Clone(whole)
		for _, n := range names {
			delete(m, n)
		}
		return m
	}
	with := func(name, data string, without ...string) fstest.MapFS {
		m := maps.Clone(whole)
		for _, n := range without {
			delete(m, n)
		}
		m[name] = &fstest.MapFile{Data: []byte(data)}
		return m
	}
	index := `{"metadata": {}, "weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors", "lm_head.weight": "model-00002-of-00002.safetensors"}}`
	shards := with("model.safetensors.index.json", index, "model.safetensors")
	shards["model-00001-of-00002.safetensors"] = whole["model.safetensors"]
	file := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(file, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fsys fs.FS
		want []string
	}{
		"empty folder":      {fstest.MapFS{}, []string{"no config.json", "model.safetensors"}},
		"no such folder":    {os.DirFS(filepath.Join(t.TempDir(), "nowhere")), []string{"config.json"}},
		"a file":            {os.DirFS(file), []string{"config.json"}},
		"only weights":      {without("config.json"), []string{"no config.json"}},
		"only config":       {without("model.safetensors"), []string{"model.safetensors", "no weights"}},
		"pickle":            {with("pytorch_model.bin", "x", "model.safetensors"), []string{"pytorch_model.bin", "pickle"}},
		"missing shard":     {shards, []string{"model-00002-of-00002.safetensors", "missing"}},
		"bad index":         {with("model.safetensors.index.json", "{", "model.safetensors"), []string{"model.safetensors.index.json"}},
		"empty weights":     {with("model.safetensors", ""), []string{"model.safetensors"}},
		"cut weights":       {with("model.safetensors", string(whole["model.safetensors"].Data[:5000])), []string{"model.safetensors"}},
		"text as weights":   {with("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), []string{"model.safetensors", "git lfs pull"}},
		"text as tokenizer": {with("tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), []string{"tokenizer.json", "git lfs pull"}},
		"empty config":      {with("config.json", ""), []string{"config.json", "not a JSON object"}},
		"cut config":        {with("config.json", string(g.Config[:100])), []string{"config.json", "not a JSON object"}},
		"huge config":       {with("config.json", "{"+strings.Repeat(" ", sidefile.MaxConfig)+"}"), []string{"config.json", "bytes"}},
		"config is folder":  {with("config.json/x", "", "config.json"), []string{"config.json"}},
		"bad generation":    {with("generation_config.json", "[]"), []string{"generation_config.json", "not a JSON object"}},
		"wrong generation":  {with("generation_config.json", `{"eos_token_id": "</s>"}`), []string{"generation_config.json", "eos_token_id"}},
		"bad tokenizer":     {with("tokenizer.json", "{"), []string{"tokenizer"}},
		"no merges":         {with("vocab.json", "{}"), []string{"merges.txt"}},
		"bad sentencepiece": {with("tokenizer.model", "\xff\xff\xff"), []string{"tokenizer"}},
	} {
		d, err := model.OpenDecoder(c.fsys, model.Options{})
		if err == nil || d != nil {
			t.Errorf("%s: decoder %v, error %v", name, d != nil, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error lacks %q: %v", name, want, err)
			}
		}
	}
	if d, err := model.OpenDecoder(whole, model.Options{}); err != nil || d.Tokenizer != nil {
		t.Errorf("without a tokenizer: %v", err)
	}
}

// A checkpoint that the opener cannot take names those that can.
func TestOpenersOfOtherKinds(t *testing.T) {
	openers := map[string]func(config []byte, src checkpoint.Source) error{
		"OpenDecoder": func(c []byte, s checkpoint.Source) error {
			_, err := model.NewDecoder(c, s, model.Options{})
			return err
		},
		"OpenEncoder": func(c []byte, s checkpoint.Source) error {
			_, err := model.NewEncoder(c, s, model.Options{})
			return err
		},
		"OpenEncoderDecoder": func(c []byte, s checkpoint.Source) error {
			_, err := model.NewEncoderDecoder(c, s, model.Options{})
			return err
		},
	}
	var configs = map[string]json.RawMessage{}
	weights := map[string]checkpoint.Source{}
	for _, g := range goldens(t) {
		configs[g.Name], weights[g.Name] = g.Config, g.weights(t, tensor.F32)
	}
	for _, g := range encoderGoldens(t) {
		configs[g.Name], weights[g.Name] = g.Config, g.weights(t, tensor.F32)
	}
	for _, g := range seq2seqGoldens(t) {
		configs[g.Name], weights[g.Name] = g.Config, g.weights(t, tensor.F32)
	}
	for _, c := range []struct {
		name, opener string
		want         []string // nothing: it opens
	}{
		{"llama-gqa", "OpenEncoder", nil},
		{"llama-gqa", "OpenEncoderDecoder", []string{`"llama" is a decoder: open it with OpenDecoder`}},
		{"bert-plain", "OpenDecoder", []string{`"bert" is an encoder: open it with OpenEncoder`}},
		{"t5-whole", "OpenDecoder", []string{"\"t5\" is an encoder or an encoder–decoder: open it with OpenEncoder\x00"}}, // its class is an encoder's
		{"t5-whole", "OpenEncoder", nil},
		{"t5-plain", "OpenEncoderDecoder", []string{`"T5EncoderModel" is an encoder alone: open it with OpenEncoder`}},
		{"umt5-plain", "OpenEncoder", nil},
		{"gemma3-embedding", "OpenDecoder", []string{"use_bidirectional_attention is true", "OpenEncoder"}},
		{"gemma3-embedding", "OpenEncoder", nil},
		{"gemma3-old-config", "OpenEncoder", nil},
		{"gemma3-old-config", "OpenDecoder", nil},
		{"gemma3-old-config", "OpenEncoderDecoder", []string{`"gemma3_text" is a decoder or an encoder: open it with OpenDecoder or OpenEncoder`}},
	} {
		config, ok := configs[c.name]
		if !ok {
			t.Errorf("no golden case %s", c.name)
			continue
		}
		err := openers[c.opener](config, weights[c.name])
		if (err == nil) != (len(c.want) == 0) {
			t.Errorf("%s with %s: error %v", c.name, c.opener, err)
		}
		for _, want := range c.want {
			if err != nil && !strings.Contains(err.Error()+"\x00", want) {
				t.Errorf("%s with %s: error lacks %q: %v", c.name, c.opener, want, err)
			}
		}
	}
}

// Shards are one checkpoint, with an index and without.
func TestOpenShards(t *testing.T) {
	g := plain(t, "qwen3")
	src := g.weights(t, tensor.BF16)
	names := slices.Collect(src.Names())
	fsys := fstest.MapFS{"config.json": {Data: g.Config}}
	var weightMap []string
	for i := range 3 {
		file := fmt.Sprintf("model-%05d-of-00003.safetensors", i+1)
		part, err := checkpoint.Rename(src, func(name string) string {
			if slices.Index(names, name)%3 != i {
				return ""
			}
			return name
		})
		if err != nil {
			t.Fatal(err)
		}
		fsys[file] = &fstest.MapFile{Data: written(t, part)}
		for name := range part.Names() {
			weightMap = append(weightMap, fmt.Sprintf("%q: %q", name, file))
		}
	}
	fsys["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {` + strings.Join(weightMap, ", ") + "}}")}
	one, err := model.OpenDecoder(g.folder(t, tensor.BF16, nil), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := modeltest.RandomIDs(1, 20, one.Vocab)
	for _, what := range []string{"shards", "shards without an index"} {
		d, err := model.OpenDecoder(fsys, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, what, alone(t, d, model.SessionOptions{}, ids), alone(t, one, model.SessionOptions{}, ids))
		delete(fsys, "model.safetensors.index.json")
	}
	fsys["model-00002-of-00003.safetensors"] = fsys["model-00001-of-00003.safetensors"]
	if _, err := model.OpenDecoder(fsys, model.Options{}); !errors.Is(err, checkpoint.ErrDuplicate) {
		t.Errorf("a shard twice: %v", err)
	}
}
