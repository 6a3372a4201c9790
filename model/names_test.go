package model_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// named is a golden case of any kind whose weights have other names: answer returns some numbers that all weights
// have a part in.
type named struct {
	name   string
	src    checkpoint.Source
	answer func(src checkpoint.Source, opt model.Options) ([]float32, error)
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
		add("decoder", g.Family, named{g.Name, g.weights(t, tensor.F32), func(src checkpoint.Source, opt model.Options) ([]float32, error) {
			d, err := model.NewDecoder(g.Config, src, opt)
			if err != nil {
				return nil, err
			}
			return alone(t, d, model.SessionOptions{}, []int{3, 1, 4, 1, 5}), nil
		}})
	}
	for _, g := range encoderGoldens(t) {
		add("encoder", g.Family, named{g.Name, g.weights(t, tensor.F32), func(src checkpoint.Source, opt model.Options) ([]float32, error) {
			e, err := model.NewEncoder(g.Config, src, opt)
			if err != nil {
				return nil, err
			}
			return headNumbers(t, e), nil
		}})
	}
	for _, g := range seq2seqGoldens(t) {
		if !g.decoderOnly() {
			add("encoder–decoder", g.Family, named{g.Name, g.weights(t, tensor.F32), func(src checkpoint.Source, opt model.Options) ([]float32, error) {
				m, err := model.NewEncoderDecoder(g.Config, src, opt)
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
		want, err := c.answer(c.src, model.Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, prefix := range []string{"module.", "_orig_mod.", "module._orig_mod.", "model.", "net.inner."} {
			if _, bare := c.src.Lookup("classification_head.dense.weight"); bare && prefix == "model." {
				if _, bare := c.src.Lookup("encoder.layers.0.fc1.weight"); bare {
					continue // the names of a body with its own prefix
				}
			}
			got, err := c.answer(renamed(t, c.src, func(name string) string { return prefix + name }), model.Options{})
			if err != nil {
				t.Errorf("%s below %s: %v", c.name, prefix, err)
				continue
			}
			same(t, c.name+" below "+prefix, got, want)
		}
	}
}

// tiedNames are the tables that are one in each family, the source first, as _tied_weights_keys of its classes in
// transformers 5.24 has them.
var tiedNames = map[string][]string{
	"albert-masked-lm":      {"albert.embeddings.word_embeddings", "predictions.decoder"},
	"bert-masked-lm":        {"bert.embeddings.word_embeddings", "cls.predictions.decoder"},
	"camembert-masked-lm":   {"roberta.embeddings.word_embeddings", "lm_head.decoder"},
	"deberta-masked-lm":     {"deberta.embeddings.word_embeddings", "cls.predictions.decoder"},
	"deberta-v2-masked-lm":  {"deberta.embeddings.word_embeddings", "cls.predictions.decoder"},
	"distilbert-masked-lm":  {"distilbert.embeddings.word_embeddings", "vocab_projector"},
	"electra-generator":     {"electra.embeddings.word_embeddings", "generator_lm_head"},
	"modernbert-masked-lm":  {"model.embeddings.tok_embeddings", "decoder"},
	"mpnet-masked-lm":       {"mpnet.embeddings.word_embeddings", "lm_head.decoder"},
	"roberta-masked-lm":     {"roberta.embeddings.word_embeddings", "lm_head.decoder"},
	"xlm-roberta-masked-lm": {"roberta.embeddings.word_embeddings", "lm_head.decoder"},
	"cohere-plain":          {"model.embed_tokens", "lm_head"},
	"cohere2-plain":         {"model.embed_tokens", "lm_head"},
	"falcon-7b":             {"transformer.word_embeddings", "lm_head"},
	"gemma-bias":            {"model.embed_tokens", "lm_head"},
	"gemma2-softcaps":       {"model.embed_tokens", "lm_head"},
	"gemma3-defaults":       {"model.embed_tokens", "lm_head"},
	"gpt2-plain":            {"transformer.wte", "lm_head"},
	"gpt_neox-tied":         {"gpt_neox.embed_in", "embed_out"},
	"llama-tied":            {"model.embed_tokens", "lm_head"},
	"olmo2-tied-yarn":       {"model.embed_tokens", "lm_head"},
	"opt-plain":             {"model.decoder.embed_tokens", "lm_head"},
	"phi-tied":              {"model.embed_tokens", "lm_head"},
	"smollm3-plain":         {"model.embed_tokens", "lm_head"},
	"starcoder2-window":     {"model.embed_tokens", "lm_head"},
	"bart-plain":            {"model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"},
	"m2m_100-plain":         {"model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"},
	"marian-shared":         {"model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"},
	"mbart-cc25":            {"model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"},
	"pegasus-plain":         {"model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"},
	"t5-plain":              {"shared", "encoder.embed_tokens", "decoder.embed_tokens", "lm_head"},
	"mt5-plain":             {"shared", "encoder.embed_tokens", "decoder.embed_tokens", "lm_head"},
	"umt5-plain":            {"shared", "encoder.embed_tokens", "decoder.embed_tokens", "lm_head"},
}

// A tied table is stored under any of its names; under none of them it is refused by name.
func TestTiedNames(t *testing.T) {
	left := maps.Clone(tiedNames)
	for _, c := range namedCases(t, true) {
		names, ok := left[c.name]
		if !ok {
			continue
		}
		delete(left, c.name)
		want, err := c.answer(c.src, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		stored := slices.IndexFunc(names, func(n string) bool { _, ok := c.src.Lookup(n + ".weight"); return ok })
		for _, name := range append(names[:len(names):len(names)], "elsewhere") {
			src := renamed(t, c.src, func(n string) string {
				base, _ := strings.CutSuffix(n, ".weight")
				switch {
				case base == names[stored]:
					return name + ".weight"
				case slices.Contains(names, base):
					return "" // one more that has the same values
				}
				return n
			})
			got, err := c.answer(src, model.Options{Skip: func(name string) bool { return name == "elsewhere.weight" }})
			switch {
			case name == "elsewhere":
				if err == nil || !strings.Contains(err.Error(), `no tensor "`+names[0]+`.weight"`) {
					t.Errorf("%s, no table: %v", c.name, err)
				}
			case err != nil:
				t.Errorf("%s as %s: %v", c.name, name, err)
			default:
				same(t, c.name+" as "+name, got, want)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("no golden files %v", slices.Sorted(maps.Keys(left)))
	}
}
