package model_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// named is a golden case of any kind: answer returns some numbers that all weights have a part in, for weights with
// other names.
type named struct {
	name, family string
	config       json.RawMessage
	src          checkpoint.Source
	answer       func(config []byte, src checkpoint.Source, opt model.Options) ([]float32, error)
}

// namedCases are one of each family and form, or with all set all.
func namedCases(t *testing.T, all bool) []named {
	var cases []named
	seen := map[string]bool{}
	add := func(form, family string, c named) {
		if all || !seen[form+family] {
			cases = append(cases, c)
		}
		seen[form+family] = true
	}
	for _, g := range goldens(t) {
		add("decoder", g.Family, named{g.Name, g.Family, g.Config, g.weights(t, tensor.F32), func(config []byte, src checkpoint.Source, opt model.Options) ([]float32, error) {
			d, err := model.NewDecoder(config, src, opt)
			if err != nil {
				return nil, err
			}
			return alone(t, d, model.SessionOptions{}, []int{3, 1, 4, 1, 5}), nil
		}})
	}
	for _, g := range encoderGoldens(t) {
		add("encoder", g.Family, named{g.Name, g.Family, g.Config, g.weights(t, tensor.F32), func(config []byte, src checkpoint.Source, opt model.Options) ([]float32, error) {
			e, err := model.NewEncoder(config, src, opt)
			if err != nil {
				return nil, err
			}
			return headNumbers(t, e), nil
		}})
	}
	for _, g := range seq2seqGoldens(t) {
		if !g.decoderOnly() {
			add("encoder–decoder", g.Family, named{g.Name, g.Family, g.Config, g.weights(t, tensor.F32), func(config []byte, src checkpoint.Source, opt model.Options) ([]float32, error) {
				m, err := model.NewEncoderDecoder(config, src, opt)
				if err != nil {
					return nil, err
				}
				if m.Classifier != nil {
					scores, err := m.SequenceScores(g.Source[0])
					return scores.Data, err
				}
				encoded, err := m.Encode(g.Source[0])
				if err != nil {
					return nil, err
				}
				s := m.NewSession(encoded[0], model.SessionOptions{})
				feed(t, s, 3, 1, 4)
				return s.Logits(), nil
			}})
		}
	}
	return cases
}

// headNumbers are the hidden states of a short text and what a head over tokens makes of them.
func headNumbers(t *testing.T, e *model.Encoder) []float32 {
	t.Helper()
	hidden, err := e.Hidden([]arch.Sequence{{IDs: []int{3, 1, 4, 1, 5}}})
	if err != nil {
		t.Fatal(err)
	}
	numbers := slices.Clone(hidden[0].Data)
	if e.Tokens == nil {
		return numbers
	}
	scores, err := e.TokenScores([]arch.Sequence{{IDs: []int{3, 1, 4, 1, 5}}})
	if err != nil {
		t.Fatal(err)
	}
	return append(numbers, scores[0].Data...)
}

// renamed shows weights under other names.
func renamed(t *testing.T, src checkpoint.Source, f func(string) string) checkpoint.Source {
	t.Helper()
	r, err := checkpoint.Rename(src, f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Wrappers of PyTorch, and one more prefix before all names, change nothing.
func TestPrefixes(t *testing.T) {
	for _, c := range namedCases(t, !testing.Short()) {
		want, err := c.answer(c.config, c.src, model.Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, prefix := range []string{"module.", "_orig_mod.", "module._orig_mod.", "model.", "net.inner."} {
			if _, bare := c.src.Lookup("classification_head.dense.weight"); bare && prefix == "model." {
				if _, bare := c.src.Lookup("encoder.layers.0.fc1.weight"); bare {
					continue // the names of a body with its own prefix
				}
			}
			got, err := c.answer(c.config, renamed(t, c.src, func(name string) string { return prefix + name }), model.Options{})
			if err != nil {
				t.Errorf("%s below %s: %v", c.name, prefix, err)
				continue
			}
			same(t, c.name+" below "+prefix, got, want)
		}
	}
}

// tied are the tables of a class that are one, the source first, and whether its default config ties them: see
// testdata/ties/ties.py.
type tied struct {
	Class   string
	Default bool
	Names   []string
}

// tiedCases are a golden case of each family that has a projection to the vocabulary.
func tiedCases(t *testing.T) (map[string]tied, []named) {
	data, err := os.ReadFile("testdata/ties/ties.json")
	if err != nil {
		t.Fatal(err)
	}
	var families map[string]tied
	if err := json.Unmarshal(data, &families); err != nil || len(families) != 40 {
		t.Fatal(len(families), err)
	}
	taken := map[string]bool{}
	var cases []named
	for _, c := range namedCases(t, true) {
		var config struct {
			Architectures []string
			Share         *bool `json:"share_encoder_decoder_embeddings"`
		}
		if err := json.Unmarshal(c.config, &config); err != nil {
			t.Fatal(err)
		}
		x, ok := families[c.family]
		head := slices.Contains(config.Architectures, x.Class) || len(config.Architectures) == 0 && !strings.HasSuffix(x.Class, "ForMaskedLM")
		if ok && head && !taken[c.family] && (config.Share == nil || *config.Share) && x.stored(c.src) >= 0 {
			taken[c.family], cases = true, append(cases, c)
		}
	}
	for family := range families {
		if !taken[family] {
			t.Errorf("no golden case of %s", family)
		}
	}
	return families, cases
}

// stored returns which of the names is the first that is stored, or −1.
func (x *tied) stored(src checkpoint.Source) int {
	return slices.IndexFunc(x.Names, func(n string) bool { _, ok := src.Lookup(n + ".weight"); return ok })
}

// under shows weights with the table under this name alone.
func (x *tied) under(t *testing.T, src checkpoint.Source, name string) checkpoint.Source {
	stored := x.Names[x.stored(src)]
	return renamed(t, src, func(n string) string {
		switch base, _ := strings.CutSuffix(n, ".weight"); {
		case base == stored:
			return name + ".weight"
		case slices.Contains(x.Names, base) || base == "embed_out":
			return ""
		}
		return n
	})
}

// withTies returns the config with tie_word_embeddings of this value.
func (c *named) withTies(t *testing.T, value string) []byte {
	t.Helper()
	var o object
	if err := json.Unmarshal(c.config, &o); err != nil {
		t.Fatal(err)
	}
	return encode(with(o, "tie_word_embeddings", value))
}

// A tied table is stored under any of its names; under none of them it is refused by name.
func TestTiedNames(t *testing.T) {
	families, cases := tiedCases(t)
	for _, c := range cases {
		x := families[c.family]
		config := c.withTies(t, "true")
		want, err := c.answer(config, x.under(t, c.src, x.Names[0]), model.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, name := range x.Names[1:] {
			got, err := c.answer(config, x.under(t, c.src, name), model.Options{})
			if err != nil {
				t.Errorf("%s as %s: %v", c.name, name, err)
				continue
			}
			same(t, c.name+" as "+name, got, want)
		}
		_, err = c.answer(config, x.under(t, c.src, "elsewhere"), model.Options{Skip: func(name string) bool { return name == "elsewhere.weight" }})
		if err == nil || !strings.Contains(err.Error(), `no tensor "`+x.Names[0]+`.weight"`) || !strings.Contains(err.Error(), "tied to it: ") {
			t.Errorf("%s, no table: %v", c.name, err)
		}
	}
}

// A config without the key ties what the default of the class does; a table that is not tied must be stored. T5's are tied
// whatever the config says.
func TestTiedByDefault(t *testing.T) {
	families, cases := tiedCases(t)
	for _, c := range cases {
		x := families[c.family]
		for value, tied := range map[string]bool{"missing": x.Default, "true": true, "false": strings.HasSuffix(c.family, "t5"), "null": strings.HasSuffix(c.family, "t5")} {
			_, err := c.answer(c.withTies(t, value), x.under(t, c.src, x.Names[0]), model.Options{})
			if tied && err != nil || !tied && (err == nil || !strings.Contains(err.Error(), "has no tensor")) {
				t.Errorf("%s with tie_word_embeddings %s: %v, tied is %v", c.name, value, err, tied)
			}
		}
	}
}
