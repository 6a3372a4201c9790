package sample

import (
	"testing"
)

// BenchmarkBeamsStep has a step of a search in the middle of a text, in time
// for each beam.
func BenchmarkBeamsStep(b *testing.B) {
	plain := Rules{EOS: []int{2}, MaxLength: 1 << 30}
	ngrams := plain
	ngrams.NoRepeatNGram = 3
	for _, c := range []struct {
		name         string
		vocab, beams int
		rules        Rules
		sampling     *Config
	}{
		{"32k×4", 32128, 4, plain, nil},
		{"32k×8", 32128, 8, plain, nil},
		{"256k×4", 262144, 4, plain, nil},
		{"256k×8", 262144, 8, plain, nil},
		{"32k×4 ngrams", 32128, 4, ngrams, nil},
		{"256k×4 ngrams", 262144, 4, ngrams, nil},
		{"32k×4 top-50", 32128, 4, plain, &Config{Temperature: 1, TopK: 50}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := midSearch(b, BeamConfig{Beams: c.beams, LengthPenalty: 1, EarlyStopping: StopNever, Rules: c.rules, Sampling: c.sampling})
			logits := make([][]float32, c.beams)
			for i := range logits {
				logits[i] = normalLogits(c.vocab, 3, uint64(i))
				logits[i][2] = -50 // no end
			}
			for b.Loop() {
				if _, err := s.Step(logits); err != nil {
					b.Fatal(err)
				}
				s.rewind(100)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.beams)/1000, "µs/beam")
		})
	}
}

// midSearch returns a search whose running texts have 100 tokens and scores near
// each other.
func midSearch(t testing.TB, c BeamConfig) *Beams {
	t.Helper()
	prompt := make([]int, 100)
	for i := range prompt {
		prompt[i] = i * i % 31
	}
	s, err := NewBeams(c, Text{IDs: prompt, Prompt: len(prompt)})
	if err != nil {
		t.Fatal(err)
	}
	s.rewind(100)
	return s
}

// rewind cuts the running texts and gives them scores near each other.
func (b *Beams) rewind(length int) {
	for i := range b.texts {
		b.texts[i] = b.texts[i][:length]
		b.scores[i] = -float32(i) / 10
	}
}

func BenchmarkRulesApply(b *testing.B) {
	text := make([]int, 512)
	for i := range text {
		text[i] = i * 7919 % 32000
	}
	for _, c := range []struct {
		name  string
		rules Rules
	}{
		{"repetition", Rules{RepetitionPenalty: 1.2}},
		{"ngrams", Rules{NoRepeatNGram: 3}},
		{"bad words", Rules{BadWords: [][]int{{59}, {4, 5}, {6, 7, 8}}}},
		{"forced", Rules{ForcedLast: []int{2}, MaxLength: 513}},
	} {
		b.Run(c.name, func(b *testing.B) {
			scores := normalLogits(32128, 3, 1)
			for b.Loop() {
				c.rules.Apply(scores, Text{IDs: text, Prompt: 10})
			}
		})
	}
}
