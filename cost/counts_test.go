package cost_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

const goldens = "../model/testdata/golden"

// golden is the part of a golden file that says what a model is made of.
type golden struct {
	Config  json.RawMessage
	Tensors map[string]struct {
		Shape []int
		Like  string
	}
}

// eachGolden calls f with every golden file that has a config.
func eachGolden(t *testing.T, f func(t *testing.T, name string, g golden)) {
	n := 0
	err := filepath.WalkDir(goldens, func(path string, d fs.DirEntry, err error) error {
		pictures := []string{"pictures", "towers", "openclip"} // package cost does not count models that read pictures
		if err != nil || d.IsDir() && (d.Name() == "next" || slices.Contains(pictures, d.Name())) {
			return fs.SkipDir
		}
		name, ok := strings.CutSuffix(path, ".json.gz")
		if !ok {
			return nil
		}
		var g golden
		if json.Unmarshal(tensortest.ReadFile(t, path), &g) != nil || g.Config == nil {
			return nil
		}
		name, _ = filepath.Rel(goldens, name)
		name = filepath.ToSlash(name)
		n++
		t.Run(name, func(t *testing.T) { f(t, name, g) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 200 {
		t.Errorf("%d golden files, want more than 200", n)
	}
}

// count is what the reference's model has: see testdata/counts.py.
type count struct {
	Class      string
	Parameters int64
	Tower      int64
	Buffers    map[string]int64
}

func (c count) all() int64 {
	n := c.Parameters
	for _, b := range c.Buffers {
		n += b
	}
	return n
}

func counts(t *testing.T) map[string]count {
	data := tensortest.ReadFile(t, "testdata/counts.json.gz")
	var all map[string]count
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The parameters of every golden config are those of the reference's model.
func TestReference(t *testing.T) {
	all := counts(t)
	eachGolden(t, func(t *testing.T, name string, g golden) {
		want, ok := all["golden/"+name]
		if !ok {
			t.Skip("the reference has not counted it")
		}
		m, err := cost.New(g.Config, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Parameters != want.all() {
			t.Errorf("%d parameters, the reference's %s has %d", m.Parameters, want.Class, want.all())
		}
	})
}

// others are golden files that do not hold what their class has in memory.
var others = map[string]string{
	"encoders/bert-prefixed-base":       "a base model that was saved with a head",
	"encoders/bert-tied-with-decoder":   "the table is stored twice",
	"encoders/deberta-masked-lm-new":    "a head by its published names",
	"encoders/deberta-v2-masked-lm-new": "a head by its published names",
	"encoders/deberta-v2-v3-unnamed":    "a base model that was saved with heads",
	"encoders/t5-buckets":               "a table by another of its names",
	"encoders/t5-whole":                 "the encoder of a whole model",
	"gemma3-pictures-inner-names":       "layers of the tower have the names of the text model's",
	"seq2seq/t5-encoder-name":           "a table by another of its names",
	"seq2seq/t5-separate":               "the table is stored three times",
}

// notRead matches tensors of files that no model reads, and computed those that files leave out: they have a formula,
// or are zero.
var (
	notRead  = regexp.MustCompile(`vision_tower|vision_model|multi_modal_projector|attn\.bias|attention\.(masked_)?bias|inv_freq|version|embed_positions\.weights|lm_head\.weight`)
	computed = regexp.MustCompile(`embed_positions\.weight|position_embeddings\.weight|final_logits_bias`)
)

// The tensors of every golden model are those that its config asks for, by name and shape. Files may have other
// prefixes than the class has in memory.
func TestTensors(t *testing.T) {
	eachGolden(t, func(t *testing.T, name string, g golden) {
		if why := others[name]; why != "" {
			t.Skip(why)
		}
		m, err := cost.New(g.Config, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, shape := range m.Tensors() {
			stored := g.find(name)
			if stored == "" && computed.MatchString(name) {
				continue
			} else if stored == "" {
				t.Errorf("%s %v is not in the file", name, shape)
			} else if got := g.Tensors[stored].Shape; !slices.Equal(got, shape) {
				t.Errorf("%s is %v, in the file %v", name, shape, got)
			}
			delete(g.Tensors, stored)
		}
		for name, e := range g.Tensors {
			if e.Like == "" && !strings.HasPrefix(name, g.predicts()) && !notRead.MatchString(name) {
				t.Errorf("%s %v of the file is not asked for", name, e.Shape)
			}
		}
	})
}

// predicts returns the beginning of the names of the layer that predicts further tokens, which is not part of the
// model.
func (g golden) predicts() string {
	var c struct {
		NumHiddenLayers       int `json:"num_hidden_layers"`
		NumNextnPredictLayers int `json:"num_nextn_predict_layers"`
	}
	if json.Unmarshal(g.Config, &c) != nil || c.NumNextnPredictLayers == 0 {
		return "none"
	}
	return fmt.Sprintf("model.layers.%d.", c.NumHiddenLayers)
}

// find returns the name in the file of a tensor: the same, or the only one that is the same but for prefixes.
func (g golden) find(name string) string {
	if _, ok := g.Tensors[name]; ok {
		return name
	}
	for rest, ok := name, true; ok && strings.Contains(rest, "."); _, rest, ok = strings.Cut(rest, ".") {
		var found []string
		for stored := range g.Tensors {
			if plain := checkpoint.NormNames(stored); plain == rest || strings.HasSuffix(plain, "."+rest) {
				found = append(found, stored)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
		if len(found) > 1 {
			return ""
		}
	}
	return ""
}

// The presets' models have the reference's parameters, and those that publishers state.
func TestPresets(t *testing.T) {
	all := counts(t)
	for _, name := range cost.Presets() {
		p, err := cost.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := p.Model()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := all["presets/"+name]; m.Parameters != want.all() {
			t.Errorf("%s: %d parameters, the reference's %s has %d", name, m.Parameters, want.Class, want.all())
		}
		if got, want := p.Figures.Total.Tower, all["presets/"+name].Tower; got != want {
			t.Errorf("%s: a tower of %d parameters, the reference's has %d", name, got, want)
		}
		for active, f := range map[bool]*cost.Figure{false: p.Figures.Total, true: p.Figures.Active} {
			if f == nil {
				continue
			}
			if off := float64(f.Of(m, active))/float64(f.Parameters) - 1; math.Abs(off) > 0.04 {
				t.Errorf("%s: the publisher says %s, it is %d", name, f.Text, f.Of(m, active))
			}
		}
		t.Logf("%-16s %15d active %14d, %14d without input", name, m.Parameters, m.Active, m.ActiveWithoutInput())
	}
}
