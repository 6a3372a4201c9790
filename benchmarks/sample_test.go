package benchmarks

import (
	"testing"

	"github.com/seed2010d43f/transformer/sample"
)

// BenchmarkSample chooses a token from 128256 logits, as many as LLaMA 3 has. Their spread is that of a
// model that is in doubt, which is when filters have work.
func BenchmarkSample(b *testing.B) {
	logits := make([]float32, llama1B.vocab)
	fill(logits)
	for i := range logits {
		logits[i] *= 3
	}
	for _, v := range []struct {
		name       string
		config     sample.Config
		processors sample.LogitsProcessors
	}{
		{name: "greedy", config: sample.Config{}},
		{name: "temperature", config: sample.Config{Temperature: 0.8}},
		{name: "top-k", config: sample.Config{Temperature: 0.8, TopK: 50}},
		{name: "top-p", config: sample.Config{Temperature: 0.8, TopP: 0.95}},
		{name: "min-p", config: sample.Config{Temperature: 0.8, MinP: 0.05}},
		{name: "typical", config: sample.Config{Temperature: 0.8, TypicalP: 0.95}},
		{name: "top-k,top-p", config: sample.Config{Temperature: 0.8, TopK: 50, TopP: 0.95}},
		{"penalties", sample.Config{Temperature: 0.8, TopK: 50}, sample.LogitsProcessors{RepetitionPenalty: 1.1, PresencePenalty: 0.5}},
	} {
		run(b, v.name, func(b *testing.B) {
			s, err := sample.New(v.config)
			if err != nil {
				b.Fatal(err)
			}
			text := sample.Text{IDs: tokens(1000, len(logits))}
			scores := make([]float32, len(logits))
			next := func() {
				given := logits
				if v.processors.Active(text) {
					copy(scores, logits)
					v.processors.Apply(scores, text)
					given = scores
				}
				if _, err := s.Next(given); err != nil {
					b.Fatal(err)
				}
			}
			next() // scratch memory
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
			perSecond(b, "tok/s", 1)
		})
	}
}
