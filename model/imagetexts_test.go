package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// textsGolden is what the reference makes of texts, of testdata/texts/texts.json.gz.
type textsGolden struct {
	Name, Model, Folder string
	Files               map[string]string
	Length              int
	TextConfig          json.RawMessage `json:"text_cfg"` // nil: not a folder of OpenCLIP
	Texts               []string
	IDs                 [][]int
	Keys                []int // 0: no mask
}

func textsGoldens(t *testing.T) (all []textsGolden) {
	t.Helper()
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/texts/texts.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// folder returns the golden model, made for texts of the case's length, with the tokenizer of the case.
func (g *textsGolden) folder(t *testing.T) fstest.MapFS {
	t.Helper()
	sub, part, config, weights := "towers/", "text_config", "config.json", "model.safetensors"
	if g.TextConfig != nil {
		sub, part, config, weights = "", "text_cfg", "open_clip_config.json", "open_clip_model.safetensors"
	}
	m := readGoldens[towerGolden](t, "testdata/golden/"+sub+g.Model+".json.gz", 1)[0]
	positions := g.Length
	if m.Family == "altclip" {
		positions += 2 // that of padding, and one before it
	}
	for name, x := range m.Tensors {
		if strings.Contains(name, "position") && !strings.Contains(name, "vis") {
			x.Shape[0] = positions
		}
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(m.Config, &parts); err != nil {
		t.Fatal(err)
	}
	text := parts[part]
	if g.TextConfig == nil {
		text = edited(t, text, fmt.Sprintf(`{"max_position_embeddings": %d}`, positions))
	} else {
		text = edited(t, edited(t, text, `{"hf_tokenizer_name": "", "tokenizer_kwargs": {}}`), string(g.TextConfig))
	}
	whole := edited(t, m.Config, fmt.Sprintf(`{%q: %s}`, part, text))
	if g.TextConfig != nil {
		whole = fmt.Appendf(nil, `{"model_cfg": %s, "preprocess_cfg": {}}`, whole)
	}
	var safe bytes.Buffer
	if err := safetensors.Write(&safe, m.weights(t, tensor.F32), nil); err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{}
	classes := tensortest.Zip(t, "../tokenizer/testdata/classes/folders.zip.gz")
	files, err := fs.Glob(classes, g.Folder+"/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := fs.ReadFile(classes, f)
		if err != nil {
			t.Fatal(err)
		}
		folder[path.Base(f)] = &fstest.MapFile{Data: data}
	}
	delete(folder, "config.json")
	for f, data := range g.Files {
		folder[f] = &fstest.MapFile{Data: []byte(data)}
	}
	folder[config], folder[weights] = &fstest.MapFile{Data: whole}, &fstest.MapFile{Data: safe.Bytes()}
	return folder
}

// Texts become what the processors of transformers and the tokenizers of open_clip give the text towers.
func TestImageTextSequences(t *testing.T) {
	for _, g := range textsGoldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			m, err := model.OpenImageText(g.folder(t), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Sequences(g.Texts)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range got {
				want := g.IDs[i]
				for g.TextConfig != nil && m.Length == 0 && len(want) > len(s.IDs) && want[len(want)-1] == 0 {
					want = want[:len(want)-1] // padding that the tower does not see
				}
				if !slices.Equal(s.IDs, want) {
					t.Errorf("%q:\ngot  %v\nwant %v", g.Texts[i], s.IDs, want)
				}
				if g.Keys != nil && s.Keys != g.Keys[i] && g.Keys[i] < len(want) {
					t.Errorf("%q: %d tokens are attended to, want %d", g.Texts[i], s.Keys, g.Keys[i])
				}
			}
		})
	}
}

// A folder whose tokenizer is missing, or is treated in a way that is not known, opens for pictures; texts get an error that
// names what is wrong.
func TestImageTextRefused(t *testing.T) {
	all := map[string]textsGolden{}
	for _, g := range textsGoldens(t) {
		all[g.Name] = g
	}
	for _, c := range []struct {
		name, edit string
		remove     []string
		want       []string
	}{
		{"openclip", `{}`, []string{"vocab.json", "merges.txt"}, []string{"no tokenizer", "CLIP's", "open_clip_config.json"}},
		{"openclip-bert", `{}`, []string{"vocab.txt"}, []string{"no tokenizer", "bert-base-uncased"}},
		{"siglip", `{}`, []string{"spiece.model"}, []string{"no tokenizer"}},
		{"openclip", `{"tokenizer_kwargs": {"clean": "whitespace"}}`, nil, []string{"clean", "whitespace"}},
		{"openclip-bert", `{"tokenizer_kwargs": {"clean": "ftfy"}}`, nil, []string{"clean", "ftfy"}},
		{"openclip", `{"tokenizer_kwargs": {"reduction_mask": "simple"}}`, nil, []string{"reduction_mask", "simple"}},
		{"openclip", `{"tokenizer_kwargs": {"additional_special_tokens": ["x"]}}`, nil, []string{"additional_special_tokens"}},
		{"openclip-bert", `{"tokenizer_kwargs": {"language": "fr"}}`, nil, []string{"language"}},
		{"openclip-bert", `{"tokenizer_kwargs": {"clean": 3}}`, nil, []string{"clean"}},
		{"openclip-bert", `{"tokenizer_mode": "clips"}`, nil, []string{"tokenizer_mode", "clips"}},
		{"siglip2", "left", nil, []string{"padding_side", "attention_mask"}},
	} {
		g := all[c.name]
		if c.edit == "left" {
			g.Files = map[string]string{"tokenizer_config.json": `{"tokenizer_class": "GemmaTokenizer"}`}
		} else if g.TextConfig != nil {
			g.TextConfig = edited(t, g.TextConfig, c.edit)
		}
		folder := g.folder(t)
		for _, f := range c.remove {
			delete(folder, f)
		}
		m, err := model.OpenImageText(folder, model.Options{})
		if err != nil {
			t.Errorf("%s %s: %v", c.name, c.edit, err)
			continue
		}
		if _, err := m.ImageFeatures([]tensor.Tensor{tensor.New(3, 20, 20)}); err != nil {
			t.Errorf("%s %s: a picture: %v", c.name, c.edit, err)
		}
		_, err = m.Sequences([]string{"a cat"})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v, want %q in it", c.name, c.edit, err, want)
			}
		}
	}
}
