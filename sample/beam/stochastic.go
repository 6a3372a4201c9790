package beam

import (
	"cmp"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/logits"
	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/sample"
)

// A drawer draws continuations without replacement. Each gets the sum of its score and a random number of the Gumbel
// distribution, and those with the largest sums are drawn (Kool et al. 2019, arXiv:1903.06059).
type drawer struct {
	filter logits.Filter
	random logits.Random
	top    *topk.TopFunc[draw]
	drawn  []draw
}

type draw struct {
	key   float64
	score float32
	at    int // row·V + token
}

func newDrawer(c sample.Config, keep int) *drawer {
	d := &drawer{random: logits.NewRandom(c.Seed)}
	d.filter.Config = logits.Config{
		Temperature: c.Temperature, TopH: c.TopH, TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, TypicalP: c.TypicalP,
		EpsilonCutoff: c.EpsilonCutoff, EtaCutoff: c.EtaCutoff, MinTokensToKeep: keep,
	}
	d.top = topk.NewTopFunc(0, func(x, y draw) int { return cmp.Or(compareDown(x.key, y.key), x.at-y.at) })
	return d
}

// draw draws width() continuations of the running texts and appends them to the candidates, best first.
func (s *Search) draw(in input, force bool) error {
	d := s.drawer
	before := d.random
	d.top.Reset(s.width())
	vocab := len(in.logits[0])
	for i := range s.scores {
		if err := s.scoreRow(in, i, force); err != nil {
			d.random = before
			return err
		}
		if s.row.logSum != 0 || s.row.largest != 0 {
			s.row.change()
		}
		d.add(i*vocab, s.row.values, s.scores[i], s.processors.RenormalizeLogits)
	}
	d.fill(s.width())
	for _, x := range d.drawn {
		s.addCandidate(x.score, x.at, vocab)
	}
	return nil
}

// add draws from one row of log-probabilities, none of them NaN or +Inf. base is its index·V, sum the score of its
// text. With renormalize, the log-probabilities that the filters leave are normalised again.
func (d *drawer) add(base int, values []float32, sum float32, renormalize bool) {
	best := logits.Largest(values)
	if values[best] == negInf {
		return
	}
	kept := d.filter.Apply(values, best)
	temperature := float32(d.filter.Temperature)
	logSum := float32(0) // of what is kept
	if renormalize {
		logSum = values[best]/temperature + float32(math.Log(kept.Total))
	}
	for id, v := range values {
		if kept.Keeps(id) {
			score := float32(v/temperature-logSum) + sum
			d.top.Offer(draw{float64(score) + d.gumbel(), score, base + id})
		}
	}
}

// gumbel returns a random number of the standard Gumbel distribution.
func (d *drawer) gumbel() float64 { return -math.Log(-math.Log(d.random.Between())) }

// fill takes the k drawn, the best score first. If the filters leave fewer, it fills up with tokens that were not
// drawn, from the first on, with scores of −Inf.
func (d *drawer) fill(k int) {
	d.drawn = append(d.drawn[:0], d.top.Sorted()...)
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
