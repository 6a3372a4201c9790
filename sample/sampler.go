package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A Choice is a token and the probability with which the sampler draws it.
type Choice struct {
	ID   int
	Prob float64
}

// A Sampler chooses the tokens of one sequence: it holds its random numbers and,
// for penalties, its text. All logits it is given must be of one length, V.
//
// A Sampler is not safe for use by several goroutines at once; sequences that
// run side by side have one each, made by [New], [Sampler.Clone] or
// [Sampler.Fork]. The zero value is greedy.
type Sampler struct {
	config  Config
	bias    []biased
	history history
	random  rand.PCG
	vocab   int // V, 0 before the first logits
	table   *expTable
	atLeast int // how many tokens the filters leave at least

	// Scratch, made at first use and kept.
	scores []float32 // [V] logits after bias and penalties
	blocks []float64 // [⌈V/blockSize⌉] weight in each block of tokens
	ranks  []rank    // candidates at a border
	masses []float64 // [buckets] weight by distance from the largest logit
}

// New returns a sampler with an empty history. The error names the field that
// is out of range, its value and the range.
func New(c Config) (*Sampler, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	bias, err := c.sortedBias()
	if err != nil {
		return nil, err
	}
	s := &Sampler{config: c, bias: bias}
	s.config.Bias = nil // copied above
	s.Reset()
	return s, nil
}

// Greedy returns a sampler that takes the largest logit, the lowest id where
// several are largest. It is New(Config{}) without an error to check.
func Greedy() *Sampler { return new(Sampler) }

// Next chooses a token for logits [V] and returns its id. It does not add the
// token to the history: what is chosen may yet be refused. See
// [Sampler.Accept].
//
// It is an error if logits is empty or of another length than before, if one of
// them is NaN, if bias and filters leave no token above −Inf, or if Config.Bias
// names a token beyond V. No random number is taken then.
func (s *Sampler) Next(logits []float32) (int, error) {
	c, err := s.Sample(logits)
	return c.ID, err
}

// Sample is [Sampler.Next] with the probability of the choice, which is 1 at
// temperature 0. It takes one random number, or none at temperature 0.
func (s *Sampler) Sample(logits []float32) (Choice, error) {
	d, err := s.distribution(logits)
	if err != nil {
		return Choice{}, err
	}
	if s.config.Temperature == 0 {
		return Choice{ID: d.best, Prob: 1}, nil
	}
	const unit = 1.0 / (1 << 53)
	return d.draw(float64(s.random.Uint64()>>11) * unit), nil
}

// TopN appends to dst the n most likely tokens for logits [V], the likeliest
// first, with the probabilities that [Sampler.Sample] would draw them with;
// fewer than n if the filters keep fewer. It takes no random number and returns
// the errors of [Sampler.Next].
//
// For the model's own probabilities, before any filter, ask a sampler with
// Config{Temperature: 1}.
func (s *Sampler) TopN(dst []Choice, logits []float32, n int) ([]Choice, error) {
	d, err := s.distribution(logits)
	if err != nil || n <= 0 {
		return dst, err
	}
	top := s.top(d.scores, n, d.high)
	slices.Sort(top)
	for _, r := range top {
		if id := r.id(); d.keeps(id) {
			dst = append(dst, Choice{ID: id, Prob: d.prob(id)})
		}
	}
	return dst, nil
}

// Probabilities writes to dst the probability of each token for logits [V], 0
// for those the filters remove, and returns dst[:V], newly made if dst is too
// small. It takes no random number and returns the errors of [Sampler.Next].
func (s *Sampler) Probabilities(dst []float64, logits []float32) ([]float64, error) {
	d, err := s.distribution(logits)
	if err != nil {
		return dst, err
	}
	dst = slices.Grow(dst[:0], len(logits))[:len(logits)]
	for id := range dst {
		dst[id] = 0
		if d.keeps(id) {
			dst[id] = d.prob(id)
		}
	}
	return dst, nil
}

// Clone returns an independent sampler in the same state: given the same
// logits, both choose the same tokens.
func (s *Sampler) Clone() *Sampler {
	c := *s
	c.history = s.history.clone()
	c.scores, c.blocks, c.ranks, c.masses = nil, nil, nil, nil
	return &c
}

// Fork returns an independent sampler with the same history and new random
// numbers, for another continuation of the same text.
func (s *Sampler) Fork(seed uint64) *Sampler {
	c := s.Clone()
	c.config.Seed = seed
	c.random = newRandom(seed)
	return c
}

// Reset empties the history and starts the random numbers again, as [New] or
// [Sampler.Fork] left them. Logits may then be of another length.
func (s *Sampler) Reset() {
	s.history.reset()
	s.random = newRandom(s.config.Seed)
	s.vocab = 0
}

// newRandom spreads seeds that are close to each other over both halves of the
// generator's state.
func newRandom(seed uint64) rand.PCG {
	const golden = 0x9e3779b97f4a7c15
	return *rand.NewPCG(seed, (seed+1)*golden)
}

// admit checks logits and returns the scores that the temperature is applied
// to, and where the largest of them is.
func (s *Sampler) admit(logits []float32) (scores []float32, best int, err error) {
	switch {
	case len(logits) == 0:
		return nil, 0, fmt.Errorf("sample: no logits; there must be one for each token of the vocabulary")
	case len(logits) > math.MaxInt32:
		return nil, 0, fmt.Errorf("sample: %d logits; there may be at most %d", len(logits), math.MaxInt32)
	case s.vocab != 0 && len(logits) != s.vocab:
		return nil, 0, fmt.Errorf("sample: %d logits after %d in earlier calls; a Sampler serves one vocabulary until Reset", len(logits), s.vocab)
	}
	if n := len(s.bias); n > 0 && s.bias[n-1].id >= len(logits) {
		return nil, 0, fmt.Errorf("sample: Bias names token %d; with %d logits the last is %d", s.bias[n-1].id, len(logits), len(logits)-1)
	}
	s.vocab = len(logits)
	scores = s.edit(logits)
	best = largest(scores)
	if v := scores[best]; v != v {
		return nil, 0, fmt.Errorf("sample: the logit of token %d is NaN", best)
	}
	if math.IsInf(float64(scores[best]), -1) {
		return nil, 0, fmt.Errorf("sample: no token can be chosen: all %d logits are -Inf", len(scores))
	}
	if math.IsInf(float64(scores[best]), 1) {
		scores = s.onlyInfinite(scores)
	}
	return scores, best, nil
}

// largest is the first id with the largest score, or the first with a NaN.
func largest(scores []float32) int {
	best := 0
	bar := float32(math.Inf(-1))
	for id := above(scores, 0, bar); id < len(scores); id = above(scores, id+1, bar) {
		if v := scores[id]; v != v {
			return id
		}
		best, bar = id, scores[id]
	}
	return best
}

// above is the first id from a given one on whose score is above bar or NaN,
// len(scores) if there is none. Most calls pass over many, so it takes them by
// four.
func above(scores []float32, id int, bar float32) int {
	for ; id+4 <= len(scores); id += 4 {
		v := scores[id : id+4 : id+4]
		if !(v[0] <= bar && v[1] <= bar && v[2] <= bar && v[3] <= bar) {
			break
		}
	}
	for ; id < len(scores); id++ {
		if !(scores[id] <= bar) {
			break
		}
	}
	return id
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
