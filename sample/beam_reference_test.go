package sample

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

// ruleCase is a case of rules.json: a rule named Allowed is the formula of
// allowedTokens.
type ruleCase struct {
	Vocab, Prompt int
	Text, Source  []int
	Rules         jsonRules
	Logits        []float32
	Scores        []*float32 // nil is −Inf
}

type jsonRules struct {
	Rules
	Allowed bool
}

func (j *jsonRules) rules(vocab int) Rules {
	r := j.Rules
	if j.Allowed {
		r.Allowed = func(text []int) []int { return allowedTokens(text, vocab) }
	}
	return r
}

func readCases(t testing.TB, name string, cases any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, cases); err != nil {
		t.Fatal(err)
	}
}

// TestRulesReference compares scores with those of the processors of
// transformers; see testdata/beams.py.
func TestRulesReference(t *testing.T) {
	var cases []ruleCase
	readCases(t, "rules.json", &cases)
	if len(cases) != 400 {
		t.Fatalf("%d cases, want 400", len(cases))
	}
	changed := 0
	for i, c := range cases {
		r := c.Rules.rules(c.Vocab)
		if err := r.Validate(); err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		text := Text{IDs: c.Text, Prompt: c.Prompt, Source: c.Source}
		got := slices.Clone(c.Logits)
		r.Apply(got, text)
		if !slices.Equal(got, c.Logits) {
			changed++
			if !r.Active(text) {
				t.Errorf("case %d: %+v changes scores and is not active", i, c.Rules)
			}
		}
		for id, want := range c.Scores {
			if want == nil {
				want = &negInf
			}
			// Several biases of one token are added in another order.
			if d := math.Abs(float64(got[id] - *want)); got[id] != *want && !(d < 2e-6 && len(r.SequenceBias) > 0) {
				t.Errorf("case %d: %+v: token %d after %v has score %v, want %v", i, c.Rules, id, c.Text, got[id], *want)
			}
		}
	}
	if changed < 250 {
		t.Errorf("scores change in %d of %d cases", changed, len(cases))
	}
}

// beamCase is a case of beams.json and groups.json.
type beamCase struct {
	Vocab  int
	Seed   uint32
	Boost  float32
	Prompt []int
	Beams  BeamConfig
	Rules  jsonRules
	Texts  []struct {
		IDs   []int
		Score *float64 // nil is −Inf
	}
}

func (c *beamCase) config() BeamConfig {
	config := c.Beams
	config.Rules = c.Rules.rules(c.Vocab)
	return config
}

// search runs a case on the formula of testdata/beams.py.
func (c *beamCase) search(t testing.TB, one bool) *Beams {
	t.Helper()
	// For a decoder the reference takes the prompt for what an encoder reads.
	b, err := NewBeams(c.config(), Text{IDs: c.Prompt, Prompt: len(c.Prompt), Source: c.Prompt})
	if err != nil {
		t.Fatal(err)
	}
	for !b.Done() {
		var logits [][]float32
		for _, text := range b.Texts() {
			logits = append(logits, c.logits(text))
		}
		if one && len(b.Texts()[0]) == len(c.Prompt) {
			logits = logits[:1]
		}
		before := slices.Clone(b.Texts())
		for i := range before {
			before[i] = slices.Clone(before[i])
		}
		next, err := b.Step(logits)
		if err != nil {
			if c.Texts[0].Score == nil || *c.Texts[0].Score < float64(unlikely)/100 {
				return nil // the rules leave no token
			}
			t.Fatal(err)
		}
		for i, s := range next {
			if text := b.Texts()[i]; !slices.Equal(text, append(slices.Clone(before[s.Parent]), s.ID)) {
				t.Fatalf("%+v: running text %d is %v, not that of its successor %v", c, i, text, s)
			}
		}
		if len(next) != len(b.Texts()) || (len(next) == 0) != b.Done() {
			t.Fatalf("%+v: %d successors, %d texts, done %v", c, len(next), len(b.Texts()), b.Done())
		}
	}
	return b
}

func (c *beamCase) logits(text []int) []float32 {
	h := history32(text, c.Seed)
	logits := make([]float32, c.Vocab)
	for v := range logits {
		logits[v] = float32(mix(h^uint32(v)*0x9E3779B1)>>12) / (1 << 17)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(c.Rules.EOS))) {
		logits[id] += c.Boost
	}
	return logits
}

func mix(x uint32) uint32 {
	x = (x ^ x>>16) * 0x45D9F3B
	x = (x ^ x>>16) * 0x45D9F3B
	return x ^ x>>16
}

func history32(text []int, h uint32) uint32 {
	for _, id := range text {
		h = mix(h^uint32(id)) + 0x9E3779B9
	}
	return h
}

func allowedTokens(text []int, vocab int) []int {
	h := int(history32(text, 1))
	return []int{h % vocab, (h + 7) % vocab, (h + 14) % vocab, (h + 21) % vocab}
}

// TestBeamsReference compares texts and scores with those of generate; see
// testdata/beams.py.
func TestBeamsReference(t *testing.T) {
	for _, f := range []struct {
		name  string
		cases int
	}{{"beams.json", 400}, {"groups.json", 150}} {
		var cases []beamCase
		readCases(t, f.name, &cases)
		if len(cases) != f.cases {
			t.Fatalf("%s: %d cases, want %d", f.name, len(cases), f.cases)
		}
		for i, c := range cases {
			t.Run(fmt.Sprint(f.name, i), func(t *testing.T) {
				for _, one := range []bool{false, true} {
					if b := c.search(t, one); b != nil {
						c.compare(t, b)
					}
				}
			})
		}
	}
}

// compare takes no account of texts with a score of −Inf or around −1e9, which
// the search did not mean to follow: there torch's choice is arbitrary, some
// never end, and Best leaves them out.
func (c *beamCase) compare(t *testing.T, b *Beams) {
	got := b.Best()
	for i, want := range c.Texts {
		if want.Score == nil || *want.Score < float64(unlikely)/100 {
			if i < len(got) && got[i].Score > float64(unlikely)/100 {
				t.Errorf("text %d is %v, want none", i, got[i])
			}
			continue
		}
		if i >= len(got) {
			t.Errorf("%d texts, want %d", len(got), len(c.Texts))
			break
		}
		if math.Abs(got[i].Score-*want.Score) > 1e-5*math.Abs(*want.Score)+1e-6 {
			t.Errorf("text %d is %v, want %v with score %v", i, got[i], want.IDs, *want.Score)
		}
		if !slices.Equal(got[i].IDs, want.IDs) {
			t.Errorf("text %d is %v, want %v", i, got[i], want.IDs)
		}
	}
}
