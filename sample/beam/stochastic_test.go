package beam

import (
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
)

// TestSampling holds the first step of a sampling search against the chances
// of drawing without replacement, worked out one draw after the other.
func TestSampling(t *testing.T) {
	logits := []float32{1, 0.5, 2, -0.5, 1.5, 0, -3}
	for _, c := range []struct {
		config sample.Config
		kept   []int // most likely first
	}{
		{sample.Config{Temperature: 1}, []int{2, 4, 0, 1, 5, 3, 6}},
		{sample.Config{Temperature: 0.7, TopK: 5}, []int{2, 4, 0, 1, 5}},
		{sample.Config{Temperature: 0.7, TopK: 1}, []int{2, 4, 0}}, // as many as end tokens, and 1
		{sample.Config{Temperature: 1.5, TopP: 0.01}, []int{2, 4, 0}},
		{sample.Config{Temperature: 1.5, MinP: 0.99}, []int{2, 4, 0}},
		{sample.Config{Temperature: 1, TypicalP: 1e-9}, []int{2, 4, 0}},
		{sample.Config{Temperature: 1, TopP: 0.85}, []int{2, 4, 0, 1}},
	} {
		weights := make([]float64, len(logits))
		for _, id := range c.kept {
			weights[id] = math.Exp(float64(logits[id]) / c.config.Temperature)
		}
		for _, renormalize := range []bool{false, true} {
			const rounds = 2000
			counts := map[[2]int]int{}
			for seed := range uint64(rounds) {
				c.config.Seed = seed
				p := sample.LogitsProcessors{RenormalizeLogits: renormalize}
				s, texts := start(t, Options{NumBeams: 1, Sampling: &c.config}, p, sample.Text{IDs: []int{0}, MaxLength: 9, EOS: []int{5, 6}})
				s.text.EOS = []int{5} // two are drawn, three kept
				if _, err := s.Step(texts, [][]float32{logits}); err != nil {
					t.Fatal(err)
				}
				counts[[2]int{s.candidates[0].id, s.candidates[1].id}]++
				checkDrawn(t, s, logits, c.config.Temperature, c.kept, renormalize)
			}
			checkPairs(t, c.config, weights, counts, rounds)
		}
	}
}

// checkDrawn checks the scores of what was drawn in a first step.
func checkDrawn(t *testing.T, s *Search, logits []float32, temperature float64, kept []int, renormalize bool) {
	t.Helper()
	all, left := 0.0, 0.0
	for id, v := range logits {
		all += math.Exp(float64(v))
		if slices.Contains(kept, id) {
			left += math.Exp(float64(v) / temperature)
		}
	}
	for i, c := range s.candidates {
		want := (float64(logits[c.id]) - math.Log(all)) / temperature
		if renormalize {
			want = float64(logits[c.id])/temperature - math.Log(left)
		}
		if !slices.Contains(kept, c.id) || math.Abs(float64(c.score)-want) > 1e-5 || i > 0 && c.score > s.candidates[i-1].score {
			t.Fatalf("%v: drawn %v, want score %v", kept, s.candidates, want)
		}
	}
}

// checkPairs holds counts of pairs, the likelier first, against the chances of
// drawing them in either order.
func checkPairs(t *testing.T, c sample.Config, weights []float64, counts map[[2]int]int, rounds int) {
	t.Helper()
	total, n := 0.0, 0
	for _, w := range weights {
		total += w
	}
	for i, v := range weights {
		for j, w := range weights {
			if i == j || v == 0 || w == 0 || v < w {
				continue
			}
			p := v/total*w/(total-v) + w/total*v/(total-w)
			got := counts[[2]int{i, j}]
			n += got
			if sigma := math.Sqrt(p * (1 - p) * float64(rounds)); math.Abs(float64(got)-p*float64(rounds)) > 4*sigma+1 {
				t.Errorf("%+v: tokens %d and %d are drawn %d times of %d, want %.1f ± %.1f", c, i, j, got, rounds, p*float64(rounds), sigma)
			}
		}
	}
	if n != rounds {
		t.Errorf("%+v: %d of %d draws are of tokens kept: %v", c, n, rounds, counts)
	}
}

// TestSamplingFarBelow: tokens that the filters keep only because there must be enough of them do not change the scores
// of the others, however unlikely they are.
func TestSamplingFarBelow(t *testing.T) {
	for _, renormalize := range []bool{false, true} {
		o := Options{NumBeams: 2, Sampling: &sample.Config{Temperature: 0.1, TopK: 1}}
		s, texts := start(t, o, sample.LogitsProcessors{RenormalizeLogits: renormalize}, sample.Text{IDs: []int{0}, MaxLength: 9, EOS: []int{3}})
		if _, err := s.Step(texts, [][]float32{{0, -100, -2000, -3000}}); err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(s.scores[0])) > 1e-6 || s.scores[1] != -1000 {
			t.Errorf("renormalize %v: scores %v, want 0 and -1000", renormalize, s.scores)
		}
	}
}

// TestSamplingRepeats: the seed decides.
func TestSamplingRepeats(t *testing.T) {
	run := func(seed uint64) [][]int {
		o := Options{NumBeams: 3, Sampling: &sample.Config{Temperature: 1, Seed: seed}}
		s, texts := start(t, o, sample.LogitsProcessors{}, sample.Text{IDs: []int{0}, MaxLength: 9})
		texts = slices.Repeat(texts, 3)
		for range 5 {
			next, err := s.Step(texts, slices.Repeat([][]float32{tensortest.Logits(50, 1, 1)}, 3))
			if err != nil {
				t.Fatal(err)
			}
			texts = Continue(texts, next)
		}
		return texts
	}
	if !slices.EqualFunc(run(1), run(1), slices.Equal) {
		t.Error("one seed gives different texts")
	}
	if slices.EqualFunc(run(1), run(2), slices.Equal) {
		t.Error("two seeds give the same texts")
	}
}
