package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A drawer draws continuations without replacement: each gets its score and a
// random number of the Gumbel distribution, and those with the largest sums are
// drawn (Kool et al. 2019, arXiv:1903.06059).
type drawer struct {
	sampler *Sampler // its filters
	random  rand.PCG
	drawn   []draw
}

type draw struct {
	key   float64
	score float32
	at    int // row·V + token
}

func newDrawer(c Config, ends int) (*drawer, error) {
	switch {
	case c.Temperature == 0:
		return nil, fmt.Errorf("sample: BeamConfig.Sampling.Temperature is 0; it must be above 0")
	case c.penalizes() || len(c.Bias) > 0:
		return nil, fmt.Errorf("sample: BeamConfig.Sampling has a penalty or a bias; it must leave them to BeamConfig.Rules")
	}
	s, err := New(c)
	if err != nil {
		return nil, err
	}
	s.atLeast = max(2, 1+ends)
	return &drawer{sampler: s, random: newRandom(c.Seed)}, nil
}

// draw draws width() continuations of the running texts and appends them to
// found, best first.
func (b *Beams) draw(logits [][]float32, force bool) error {
	d := b.random
	before := d.random
	d.drawn = d.drawn[:0]
	vocab := len(logits[0])
	for i := range b.texts {
		if err := b.scoreRow(logits, i, force); err != nil {
			d.random = before
			return err
		}
		if b.row.logSum != 0 || b.row.largest != 0 {
			b.row.change()
		}
		if err := d.add(i*vocab, b.row.values, b.scores[i], b.width(), b.config.Rules.Renormalize); err != nil {
			d.random = before
			return err
		}
	}
	d.fill(b.width())
	for _, x := range d.drawn {
		b.find(x.score, x.at, vocab)
	}
	return nil
}

// add takes a row of log-probabilities, renormalize says whether those that the
// filters leave are to be so again.
func (d *drawer) add(base int, values []float32, sum float32, k int, renormalize bool) error {
	if !slices.ContainsFunc(values, func(v float32) bool { return v > negInf }) {
		return nil
	}
	d.sampler.vocab = 0
	kept, err := d.sampler.distribution(values)
	if err != nil {
		return err
	}
	temperature := float32(d.sampler.config.Temperature)
	logSum := float32(0) // of what is kept
	if renormalize {
		logSum = kept.scores[kept.best]/temperature + float32(math.Log(kept.total))
	}
	for id, v := range values {
		if kept.keeps(id) {
			score := float32(v/temperature-logSum) + sum
			d.drawn = append(d.drawn, draw{float64(score) + d.gumbel(), score, base + id})
		}
		if len(d.drawn) > 2*k+blockSize {
			d.trim(k)
		}
	}
	d.trim(k)
	return nil
}

// gumbel returns a random number of the standard Gumbel distribution.
func (d *drawer) gumbel() float64 {
	const unit = 1.0 / (1 << 53)
	u := (float64(d.random.Uint64()>>11) + 0.5) * unit
	return -math.Log(-math.Log(u))
}

// trim leaves the k drawn so far.
func (d *drawer) trim(k int) {
	if len(d.drawn) > k {
		slices.SortFunc(d.drawn, func(x, y draw) int { return compareDown(x.key, y.key) })
		d.drawn = d.drawn[:k]
	}
}

// fill makes up for what the filters leave short with scores of −Inf, from the
// first token on, and puts the best first.
func (d *drawer) fill(k int) {
	slices.SortFunc(d.drawn, func(x, y draw) int { return x.at - y.at })
	drawn := d.drawn
	for at := 0; len(d.drawn) < k; at++ {
		if len(drawn) > 0 && drawn[0].at == at {
			drawn = drawn[1:]
			continue
		}
		d.drawn = append(d.drawn, draw{score: negInf, at: at})
	}
	slices.SortStableFunc(d.drawn, func(x, y draw) int { return compareDown(float64(x.score), float64(y.score)) })
}
