package beam

import (
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/sample"
)

// BenchmarkStep has a step of a search in the middle of a text, in time for each beam.
func BenchmarkStep(b *testing.B) {
	plain := sample.LogitsProcessors{}
	ngrams := sample.LogitsProcessors{NoRepeatNGramSize: 3}
	for _, c := range []struct {
		name         string
		vocab, beams int
		processors   sample.LogitsProcessors
		sampling     *sample.Config
	}{
		{"32k×4", 32128, 4, plain, nil},
		{"32k×8", 32128, 8, plain, nil},
		{"256k×4", 262144, 4, plain, nil},
		{"256k×8", 262144, 8, plain, nil},
		{"32k×4 ngrams", 32128, 4, ngrams, nil},
		{"256k×4 ngrams", 262144, 4, ngrams, nil},
		{"32k×4 top-50", 32128, 4, plain, &sample.Config{Temperature: 1, TopK: 50}},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{NumBeams: c.beams, LengthPenalty: 1, EarlyStopping: StopNever, Sampling: c.sampling}
			s, texts := midSearch(b, o, c.processors, 1<<30)
			logits := make([][]float32, c.beams)
			for i := range logits {
				logits[i] = tensortest.Logits(c.vocab, 3, uint64(i))
				logits[i][2] = -50 // no end
			}
			for b.Loop() {
				if _, err := s.Step(texts, logits); err != nil {
					b.Fatal(err)
				}
				s.rewind()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.beams)/1000, "µs/beam")
		})
	}
}

// midSearch returns a search whose running texts have 100 tokens and scores near each other, and these texts. Token 2
// ends a text.
func midSearch(t testing.TB, o Options, p sample.LogitsProcessors, maxLength int) (*Search, [][]int) {
	t.Helper()
	prompt := make([]int, 100)
	for i := range prompt {
		prompt[i] = i * i % 31
	}
	s, err := New(o, &p, sample.Text{IDs: prompt, PromptLen: len(prompt), EOS: []int{2}, MaxLength: maxLength})
	if err != nil {
		t.Fatal(err)
	}
	s.rewind()
	return s, slices.Repeat([][]int{prompt}, o.NumBeams)
}

// rewind goes back to texts that are no longer than the prompt, with scores near each other.
func (s *Search) rewind() {
	s.length = s.text.PromptLen
	for i := range s.scores {
		s.scores[i] = -float32(i) / 10
	}
}
