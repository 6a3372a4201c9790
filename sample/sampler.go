package sample

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/logits"
)

// A Choice is a token and the probability with which the sampler draws it.
type Choice struct {
	ID   int
	Prob float64
}

// A Sampler draws tokens from logits. It holds random numbers and scratch memory, and nothing of the text.
//
// A Sampler is not safe for use by several goroutines at once. Give each sequence a Sampler of its own, from [New],
// [Sampler.Clone] or [Sampler.Fork]. The zero value is greedy.
type Sampler struct {
	seed   uint64
	random logits.Random
	filter logits.Filter
	scores []float32 // [V] scratch, for logits of +Inf
}

// New returns a sampler. The error is that of [Config.Validate].
func New(c Config) (*Sampler, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sampler{seed: c.Seed, random: logits.NewRandom(c.Seed)}
	s.filter.Config = logits.Config{Temperature: c.Temperature, TopH: c.TopH, TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, TypicalP: c.TypicalP,
		EpsilonCutoff: c.EpsilonCutoff, EtaCutoff: c.EtaCutoff}
	return s, nil
}

// Greedy returns a sampler that takes the largest logit, and of equal ones the lowest id. It is New(Config{}) without
// an error to check.
func Greedy() *Sampler { return new(Sampler) }

// Next draws a token from logits [V] and returns its id. The logits are not changed or kept.
//
// It is an error if logits is empty, if one of them is NaN, or if all are −Inf. Then no random number is taken.
func (s *Sampler) Next(logits []float32) (int, error) {
	c, err := s.Sample(logits)
	return c.ID, err
}

// Sample is [Sampler.Next] with the probability of the choice, which is 1 at temperature 0. It takes one random
// number, and none at temperature 0.
func (s *Sampler) Sample(logits []float32) (Choice, error) {
	d, err := s.distribution(logits)
	if err != nil {
		return Choice{}, err
	}
	if s.filter.Temperature == 0 {
		return Choice{ID: d.Best, Prob: 1}, nil
	}
	id := d.Draw(s.random.Float64())
	return Choice{ID: id, Prob: d.Prob(id)}, nil
}

// TopN appends to dst the n most likely tokens for logits [V], the most likely first, and returns it. Probabilities
// are those that [Sampler.Sample] draws with. There are fewer than n tokens if the filters keep fewer. It takes no
// random number; its errors are those of [Sampler.Next].
//
// For the model's own probabilities, before any filter, use a sampler with Config{Temperature: 1}.
func (s *Sampler) TopN(dst []Choice, logits []float32, n int) ([]Choice, error) {
	d, err := s.distribution(logits)
	if err != nil || n <= 0 {
		return dst, err
	}
	for _, r := range s.filter.TopN(&d, n) {
		dst = append(dst, Choice{ID: r.ID(), Prob: d.Prob(r.ID())})
	}
	return dst, nil
}

// Probabilities writes to dst the probability of each token for logits [V], 0 for those that the filters remove. It
// returns dst[:V], in new memory if dst is too small. It takes no random number; its errors are those of
// [Sampler.Next].
func (s *Sampler) Probabilities(dst []float64, logits []float32) ([]float64, error) {
	d, err := s.distribution(logits)
	if err != nil {
		return dst, err
	}
	dst = slices.Grow(dst[:0], len(logits))[:len(logits)]
	for id := range dst {
		dst[id] = 0
		if d.Keeps(id) {
			dst[id] = d.Prob(id)
		}
	}
	return dst, nil
}

// Clone returns an independent sampler in the same state: from the same logits, both draw the same tokens.
func (s *Sampler) Clone() *Sampler {
	return &Sampler{seed: s.seed, random: s.random, filter: s.filter.Clone()}
}

// Fork returns an independent sampler with random numbers from a new seed, for another continuation of the same text.
func (s *Sampler) Fork(seed uint64) *Sampler {
	return &Sampler{seed: seed, random: logits.NewRandom(seed), filter: s.filter.Clone()}
}

// Reset restarts the random numbers from the seed of [New] or [Sampler.Fork].
func (s *Sampler) Reset() { s.random = logits.NewRandom(s.seed) }

// distribution checks scores and filters them.
func (s *Sampler) distribution(scores []float32) (logits.Distribution, error) {
	switch {
	case len(scores) == 0:
		return logits.Distribution{}, fmt.Errorf("sample: no logits; there must be one for each token of the vocabulary")
	case len(scores) > math.MaxInt32:
		return logits.Distribution{}, fmt.Errorf("sample: %d logits; there may be at most %d", len(scores), math.MaxInt32)
	}
	best := logits.Largest(scores)
	switch v := scores[best]; {
	case v != v:
		return logits.Distribution{}, fmt.Errorf("sample: the logit of token %d is NaN", best)
	case math.IsInf(float64(v), -1):
		return logits.Distribution{}, fmt.Errorf("sample: no token can be chosen: all %d logits are -Inf", len(scores))
	case math.IsInf(float64(v), 1):
		scores = s.onlyInfinite(scores)
	}
	return s.filter.Apply(scores, best), nil
}

// onlyInfinite turns scores with +Inf among them into their limit.
func (s *Sampler) onlyInfinite(scores []float32) []float32 {
	s.scores = slices.Grow(s.scores[:0], len(scores))[:len(scores)]
	for id, v := range scores {
		if math.IsInf(float64(v), 1) {
			s.scores[id] = 0
		} else {
			s.scores[id] = float32(math.Inf(-1))
		}
	}
	return s.scores
}
