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
		name   string
		config sample.Config
	}{
		{"greedy", sample.Config{}},
		{"temperature", sample.Config{Temperature: 0.8}},
		{"top-k", sample.Config{Temperature: 0.8, TopK: 50}},
		{"top-p", sample.Config{Temperature: 0.8, TopP: 0.95}},
		{"min-p", sample.Config{Temperature: 0.8, MinP: 0.05}},
		{"typical", sample.Config{Temperature: 0.8, TypicalP: 0.95}},
		{"top-k,top-p", sample.Config{Temperature: 0.8, TopK: 50, TopP: 0.95}},
		{"penalties", sample.Config{Temperature: 0.8, TopK: 50, RepetitionPenalty: 1.1, PresencePenalty: 0.5}},
	} {
		run(b, v.name, func(b *testing.B) {
			s, err := sample.New(v.config)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Accept(tokens(1000, len(logits))...); err != nil {
				b.Fatal(err)
			}
			if _, err := s.Next(logits); err != nil { // scratch memory
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Next(logits); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, "tok/s", 1)
		})
	}
}
