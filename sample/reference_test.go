package sample

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/"+name), v); err != nil {
		t.Fatal(err)
	}
}

// TestSamplerReference compares kept tokens and their probabilities with those of transformers; see
// testdata/reference.py.
func TestSamplerReference(t *testing.T) {
	var table struct {
		Logits [][]float32
		Cases  []struct {
			Config struct {
				Config
				LogitsProcessors
			}
			Logits            int
			Prompt, Generated []int
			Probs             [][2]float64 // id, probability
		}
	}
	readJSON(t, "reference.json.gz", &table)
	if len(table.Cases) != 168 {
		t.Fatalf("%d cases, want 168", len(table.Cases))
	}
	processed := 0
	for _, c := range table.Cases {
		original := table.Logits[c.Logits]
		text := Text{IDs: slices.Concat(c.Prompt, c.Generated), PromptLen: len(c.Prompt)}
		logits := slices.Clone(original)
		if c.Config.Active(text) {
			c.Config.Apply(logits, text)
			processed++
		}
		s, err := New(c.Config.Config)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(logits)
		got, err := s.Probabilities(nil, logits)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, logits) {
			t.Errorf("%+v, logits %d: logits were modified", c.Config, c.Logits)
		}
		want := make([]float64, len(logits))
		kept := make([]bool, len(logits))
		for _, p := range c.Probs {
			want[int(p[0])], kept[int(p[0])] = p[1], true
		}
		for id := range want {
			if kept[id] != (got[id] > 0) {
				t.Errorf("%+v, logits %d: token %d kept is %v, want %v", c.Config, c.Logits, id, got[id] > 0, kept[id])
			}
			if math.Abs(got[id]-want[id]) > 1e-6*max(want[id], 1e-3) { // the penalties round to float32
				t.Errorf("%+v, logits %d: token %d has probability %v, want %v", c.Config, c.Logits, id, got[id], want[id])
			}
		}
	}
	if processed != 42 {
		t.Errorf("processors were active in %d cases, want 42", processed)
	}
}

// TestProcessorsReference compares scores with those of the processors of transformers; see testdata/processors.py.
func TestProcessorsReference(t *testing.T) {
	var cases []struct {
		Text, EncoderIDs     []int
		PromptLen, MaxLength int
		EOS                  []int
		Processors           struct {
			LogitsProcessors
			PrefixAllowedTokens []int
		}
		Logits []float32
		Scores []*float32 // nil is −Inf
	}
	readJSON(t, "processors.json.gz", &cases)
	if len(cases) != 400 {
		t.Fatalf("%d cases, want 400", len(cases))
	}
	changed := 0
	for i, c := range cases {
		p := c.Processors.LogitsProcessors
		if only := c.Processors.PrefixAllowedTokens; only != nil {
			p.PrefixAllowedTokens = func([]int) []int { return only }
		}
		text := Text{IDs: c.Text, PromptLen: c.PromptLen, EncoderIDs: c.EncoderIDs, EOS: c.EOS, MaxLength: c.MaxLength}
		if err := p.Validate(text); err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		got := slices.Clone(c.Logits)
		p.Apply(got, text)
		if !slices.Equal(got, c.Logits) {
			changed++
			if !p.Active(text) {
				t.Errorf("case %d: %+v changes scores and is not active", i, p)
			}
		}
		if len(c.Scores) != len(got) {
			t.Fatalf("case %d: %d scores for %d logits", i, len(c.Scores), len(got))
		}
		for id, want := range c.Scores {
			if want == nil {
				want = &negInf
			}
			// Several biases of one token are added in another order.
			if d := math.Abs(float64(got[id] - *want)); got[id] != *want && !(d < 2e-6 && len(p.SequenceBias) > 0) {
				t.Errorf("case %d: %+v: token %d after %v has score %v, want %v", i, p, id, c.Text, got[id], *want)
			}
		}
	}
	if changed < 250 {
		t.Errorf("scores change in %d of %d cases", changed, len(cases))
	}
}
