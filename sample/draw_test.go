package sample

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestDraws holds the counts of many draws against the probabilities by
// Pearson's χ². With the seed fixed the result is, too; the bound is what a
// right sampler would pass with all but one seed in 10⁵.
func TestDraws(t *testing.T) {
	draws := 60_000.0
	if testing.Short() {
		draws = 10_000
	}
	for _, c := range []Config{
		{Temperature: 1, Seed: 1},
		{Temperature: 0.6, TopK: 20, Seed: 2},
		{Temperature: 1.4, TopP: 0.9, Seed: 3},
		{Temperature: 2, MinP: 0.1, TypicalP: 0.9, Seed: 4},
	} {
		logits := tensortest.Logits(300, 1.5, 5)
		s := must(t, c)
		probs, err := s.Probabilities(nil, logits)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]int, len(logits))
		for range int(draws) {
			k, err := s.Sample(logits)
			if err != nil {
				t.Fatal(err)
			}
			if k.Prob != probs[k.ID] || k.Prob == 0 {
				t.Fatalf("token %d was drawn with probability %v, want %v", k.ID, k.Prob, probs[k.ID])
			}
			counts[k.ID]++
		}
		chi2, cells, rare, rareCount := 0.0, 0, 0.0, 0
		for id, p := range probs {
			if p*draws < 10 { // too few for χ²: one cell for all
				rare += p
				rareCount += counts[id]
				continue
			}
			d := float64(counts[id]) - p*draws
			chi2 += d * d / (p * draws)
			cells++
		}
		if rare*draws >= 10 {
			d := float64(rareCount) - rare*draws
			chi2 += d * d / (rare * draws)
			cells++
		}
		// Wilson and Hilferty: (χ²/n)^⅓ is nearly normal.
		n := float64(cells - 1)
		if z := (math.Cbrt(chi2/n) - (1 - 2/(9*n))) / math.Sqrt(2/(9*n)); math.Abs(z) > 4.3 {
			t.Errorf("%+v: χ² is %.1f in %d cells, %.1f deviations off", c, chi2, cells, z)
		}
	}
}

// TestSameEverywhere pins tokens to a seed: on every platform, and for ever.
func TestSameEverywhere(t *testing.T) {
	logits := make([]float32, 32000)
	x := uint32(1)
	for i := range logits { // exact in float32
		x = x*1664525 + 1013904223
		logits[i] = float32(x>>20)/256 - 8
	}
	for _, c := range []struct {
		config     Config
		processors LogitsProcessors
		want       []int
	}{
		{Config{Temperature: 1, Seed: 42}, LogitsProcessors{}, wantPlain},
		{Config{Temperature: 1.5, TopP: 0.9, Seed: 42}, LogitsProcessors{RepetitionPenalty: 1.2}, wantTopP},
		{Config{Temperature: 0.8, TopK: 50, TopP: 0.95, Seed: 7}, LogitsProcessors{}, wantTopK},
		{Config{Temperature: 1, MinP: 0.01, Seed: 7}, LogitsProcessors{FrequencyPenalty: 0.3}, wantMinP},
	} {
		s := must(t, c.config)
		var got []int
		for range 8 {
			scores := slices.Clone(logits)
			c.processors.Apply(scores, Text{IDs: got})
			id, err := s.Next(scores)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v, %+v: %v, want %v", c.config, c.processors, got, c.want)
		}
	}
}

var (
	wantPlain = []int{28735, 11993, 2614, 2409, 31239, 12945, 10189, 28477}
	wantTopP  = []int{28735, 11990, 2627, 2435, 31260, 12966, 10147, 28477}
	wantTopK  = []int{19286, 19286, 31568, 9139, 9187, 9166, 28841, 1241}
	wantMinP  = []int{21036, 21024, 30935, 9783, 11608, 11172, 29032, 3289}
)

func TestCloneAndFork(t *testing.T) {
	logits := tensortest.Logits(500, 1, 1)
	run := func(s *Sampler) (ids []int) {
		for range 20 {
			id, err := s.Next(logits)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		return ids
	}
	s := must(t, Config{Temperature: 1, Seed: 9})
	first := run(s)
	clone, fork := s.Clone(), s.Fork(10)
	second := run(s)
	if !slices.Equal(run(clone), second) {
		t.Error("a clone draws other tokens")
	}
	if slices.Equal(run(fork), second) {
		t.Error("a fork draws the same tokens")
	}
	s.Reset()
	if !slices.Equal(run(s), first) {
		t.Error("after Reset other tokens are drawn")
	}
}

// TestNoAllocations covers every path at the vocabulary of the largest models.
func TestNoAllocations(t *testing.T) {
	logits := tensortest.Logits(262144, 3, 1)
	for _, c := range []Config{
		{},
		{Temperature: 1},
		{Temperature: 1, TopK: 50, TopP: 0.9},
		{Temperature: 1, TopP: 0.95, MinP: 0.01},
		{Temperature: 1, TypicalP: 0.9},
		{Temperature: 1, TopH: 0.5, TopP: 0.9},
		{Temperature: 1, EpsilonCutoff: 0.001, EtaCutoff: 0.01},
	} {
		s := must(t, c)
		top := make([]Choice, 0, 10)
		step := func() {
			if _, err := s.Next(logits); err != nil {
				t.Fatal(err)
			}
			var err error
			if top, err = s.TopN(top[:0], logits, 10); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if n := testing.AllocsPerRun(5, step); n != 0 {
			t.Errorf("%+v: %v allocations per token", c, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"greedy", Config{}},
		{"temperature", Config{Temperature: 0.8}},
		{"top-k=50,top-p=0.9", Config{Temperature: 0.8, TopK: 50, TopP: 0.9}},
		{"top-p=0.9", Config{Temperature: 0.8, TopP: 0.9}},
		{"min-p=0.05", Config{Temperature: 0.8, MinP: 0.05}},
		{"typical-p=0.9", Config{Temperature: 0.8, TypicalP: 0.9}},
		{"eta-cutoff=0.01", Config{Temperature: 0.8, EtaCutoff: 0.01}},
	} {
		b.Run("V=128256/"+c.name, func(b *testing.B) {
			logits := tensortest.Logits(128256, 3, 1)
			s := must(b, c.config)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Next(logits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply has processors look at a text of 512 tokens.
func BenchmarkApply(b *testing.B) {
	text := Text{IDs: make([]int, 512), PromptLen: 10, EOS: []int{2}, MaxLength: 513}
	for i := range text.IDs {
		text.IDs[i] = i * 7919 % 32000
	}
	for _, c := range []struct {
		name       string
		processors LogitsProcessors
	}{
		{"repetition", LogitsProcessors{RepetitionPenalty: 1.2}},
		{"frequency", LogitsProcessors{FrequencyPenalty: 0.2}},
		{"ngrams", LogitsProcessors{NoRepeatNGramSize: 3}},
		{"bad words", LogitsProcessors{BadWordsIDs: [][]int{{59}, {4, 5}, {6, 7, 8}}}},
		{"forced", LogitsProcessors{ForcedEOS: []int{2}}},
	} {
		for _, vocab := range []int{32128, 128256} {
			b.Run(fmt.Sprintf("V=%d/%s", vocab, c.name), func(b *testing.B) {
				scores := tensortest.Logits(vocab, 3, 1)
				for b.Loop() {
					c.processors.Apply(scores, text)
				}
			})
		}
	}
}
