package beam

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
)

// searchCase is a case of beams.json.gz and groups.json.gz.
type searchCase struct {
	Vocab      int
	Seed       uint32
	Boost      float32
	Prompt     []int
	EOS        []int
	MaxLength  int
	Options    Options
	Processors struct {
		sample.LogitsProcessors
		PrefixAllowedTokens bool // by the formula of allowedTokens
	}
	Texts []struct {
		IDs   []int
		Score *float64 // nil is −Inf
	}
}

// search runs a case on the formula of testdata/beams.py; it returns nil if the processors leave no token.
func (c *searchCase) search(t testing.TB, one bool) *Search {
	t.Helper()
	p := c.Processors.LogitsProcessors
	if c.Processors.PrefixAllowedTokens {
		p.PrefixAllowedTokens = func(text []int) []int { return allowedTokens(text, c.Vocab) }
	}
	// For a decoder the reference takes the prompt for what an encoder reads.
	prompt := sample.Text{IDs: c.Prompt, PromptLen: len(c.Prompt), EncoderIDs: c.Prompt, EOS: c.EOS, MaxLength: c.MaxLength}
	s, err := New(c.Options, &p, prompt)
	if err != nil {
		t.Fatal(err)
	}
	texts := [][]int{c.Prompt}
	if !one {
		texts = slices.Repeat(texts, c.Options.NumBeams)
	}
	for !s.Done() {
		var logits [][]float32
		for _, text := range texts {
			logits = append(logits, c.logits(text))
		}
		next, err := s.Step(texts, logits)
		if err != nil {
			if c.Texts[0].Score == nil || *c.Texts[0].Score < float64(unlikely)/100 {
				return nil
			}
			t.Fatal(err)
		}
		if (len(next) == 0) != s.Done() {
			t.Fatalf("%+v: %d successors, done %v", c, len(next), s.Done())
		}
		texts = Continue(texts, next)
	}
	return s
}

func (c *searchCase) logits(text []int) []float32 {
	h := history(text, c.Seed)
	logits := make([]float32, c.Vocab)
	for v := range logits {
		logits[v] = float32(mix(h^uint32(v)*0x9E3779B1)>>12) / (1 << 17)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(c.EOS))) {
		logits[id] += c.Boost
	}
	return logits
}

func mix(x uint32) uint32 {
	x = (x ^ x>>16) * 0x45D9F3B
	x = (x ^ x>>16) * 0x45D9F3B
	return x ^ x>>16
}

func history(text []int, h uint32) uint32 {
	for _, id := range text {
		h = mix(h^uint32(id)) + 0x9E3779B9
	}
	return h
}

func allowedTokens(text []int, vocab int) []int {
	h := int(history(text, 1))
	return []int{h % vocab, (h + 7) % vocab, (h + 14) % vocab, (h + 21) % vocab}
}

// TestReference compares texts and scores with those of generate; see testdata/beams.py.
func TestReference(t *testing.T) {
	for _, f := range []struct {
		name         string
		cases, texts int
	}{{"beams.json.gz", 400, 1000}, {"groups.json.gz", 150, 300}} {
		var cases []searchCase
		if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/"+f.name), &cases); err != nil {
			t.Fatal(err)
		}
		if len(cases) != f.cases {
			t.Fatalf("%s: %d cases, want %d", f.name, len(cases), f.cases)
		}
		texts := 0
		for i, c := range cases {
			t.Run(fmt.Sprint(f.name, i), func(t *testing.T) {
				for _, one := range []bool{false, true} {
					if s := c.search(t, one); s != nil {
						texts += c.compare(t, s)
					}
				}
			})
		}
		if texts < f.texts {
			t.Errorf("%s: %d texts were compared, want %d or more", f.name, texts, f.texts)
		}
	}
}

// compare returns how many texts it compares. It takes no account of texts with a score of −Inf or around −1e9, which
// the search did not mean to follow: there torch's choice is arbitrary, some never end, and Best leaves them out.
func (c *searchCase) compare(t *testing.T, s *Search) (compared int) {
	got := s.Best(nil)
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
		compared++
	}
	return compared
}
