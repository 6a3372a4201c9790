package sample

import (
	"math"
	"slices"
)

const maxFloat32 = math.MaxFloat32

// A distribution is what a token is drawn from: the tokens whose score is from
// low to high, each with its weight. Of those that score exactly low, the ids
// up to lastLow belong. Every filter leaves such a range, so none needs a list.
type distribution struct {
	softmax
	scores    []float32 // [V]
	best      int       // the first id with the largest score
	low, high float32
	lastLow   int
	total     float64   // weight of all
	blocks    []float64 // weight of each block of ids
}

// blockSize is how many ids share an entry in blocks. A draw finds the block
// first, and evaluates the weights in it again.
const blockSize = 256

// distribution applies the configuration to the logits.
func (s *Sampler) distribution(logits []float32) (distribution, error) {
	scores, best, err := s.admit(logits)
	if err != nil {
		return distribution{}, err
	}
	if s.table == nil {
		s.table = newExpTable()
	}
	d := distribution{scores: scores, best: best, high: scores[best], lastLow: len(scores)}
	c := &s.config
	if c.Temperature == 0 {
		d.softmax = newSoftmax(s.table, d.high, 1)
		d.low, d.lastLow, d.total = d.high, best, d.weight(d.high)
		return d, nil
	}
	d.softmax = newSoftmax(s.table, d.high, c.Temperature)
	d.low = d.reach()
	switch {
	case c.TopK > 0 && c.TopK < len(scores):
		s.topK(&d)
	case c.TopP > 0 && c.TopP < 1:
		s.topP(&d)
	}
	if c.MinP > 0 {
		d.raise(ceil32(d.max+d.table.log(c.MinP)/d.scale), len(scores))
	}
	s.restore(&d)
	if c.TypicalP > 0 && c.TypicalP < 1 {
		s.typicalP(&d)
	}
	s.weigh(&d)
	return d, nil
}

// raise moves the lower border, unless it is higher already.
func (d *distribution) raise(low float32, lastLow int) {
	switch {
	case low > d.low:
		d.low, d.lastLow = low, lastLow
	case low == d.low:
		d.lastLow = min(d.lastLow, lastLow)
	}
}

// cut makes r the last token that belongs.
func (d *distribution) cut(r rank) { d.raise(r.logit(), r.id()) }

// restore lowers the border to where atLeast tokens belong.
func (s *Sampler) restore(d *distribution) {
	if s.atLeast < 2 {
		return // the best always belongs
	}
	if r := slices.Max(s.top(d.scores, s.atLeast, d.high)); !d.keeps(r.id()) {
		d.low, d.lastLow = r.logit(), r.id()
	}
}

// topK leaves the k best, and of these what TopP leaves.
func (s *Sampler) topK(d *distribution) {
	best := s.top(d.scores, s.config.TopK, d.high)
	n := len(best)
	if p := s.config.TopP; p > 0 && p < 1 {
		total := 0.0
		for _, r := range best {
			total += d.weight(r.logit())
		}
		n = selectMass(best, float64(p*total), d.rankWeight)
	}
	d.cut(slices.Max(best[:n]))
}

func (d *distribution) rankWeight(r rank) float64 { return d.weight(r.logit()) }

// top returns the k best ranks with scores up to high and above −Inf, in no
// order; fewer if there are fewer. Candidates gather in a buffer, and each time
// it is full, the k best of them set the bar for the rest.
func (s *Sampler) top(scores []float32, k int, high float32) []rank {
	k = min(k, len(scores))
	size := min(2*k+1024, len(scores))
	c := s.candidates(size)
	bar := float32(math.Inf(-1))
	for id := above(scores, 0, bar); id < len(scores); id = above(scores, id+1, bar) {
		if scores[id] > high {
			continue
		}
		if len(c) == size {
			selectBest(c, k)
			c = c[:k]
			bar = slices.Max(c).logit()
			if scores[id] <= bar {
				continue
			}
		}
		c = append(c, rankOf(id, scores[id]))
	}
	if len(c) > k {
		selectBest(c, k)
		c = c[:k]
	}
	return c
}

// candidates returns an empty list for n ranks.
func (s *Sampler) candidates(n int) []rank {
	s.ranks = slices.Grow(s.ranks[:0], n)
	return s.ranks
}

// Buckets of logits, by distance from the largest: bucketSteps to one, the last
// takes all that is farther.
const (
	buckets     = 1024
	bucketSteps = expSteps / 16
)

func bucketOf(steps float64) int { return min(int(-steps)/bucketSteps, buckets-1) }

// topP finds the bucket in which the mass is reached, and the token in it.
func (s *Sampler) topP(d *distribution) {
	s.masses = slices.Grow(s.masses[:0], buckets)[:buckets]
	clear(s.masses)
	masses := (*[buckets]float64)(s.masses)
	for _, v := range d.scores {
		if v >= d.low {
			steps := d.steps(v)
			masses[bucketOf(steps)] += d.table.exp(steps)
		}
	}
	total := 0.0
	for _, m := range masses {
		total += m
	}
	need := float64(s.config.TopP * total)
	border := 0
	for border < buckets-1 && masses[border] < need {
		need -= masses[border]
		border++
	}
	c := s.bucket(d, border)
	n := selectMass(c, need, d.rankWeight)
	if n > 0 {
		d.cut(slices.Max(c[:n]))
	}
}

// bucket returns the ranks in a bucket.
func (s *Sampler) bucket(d *distribution, b int) []rank {
	// The borders err outwards by a step; bucketOf decides.
	low, high := d.low, ceil32(d.max-float64(b*bucketSteps-1)/d.scale)
	if b < buckets-1 {
		low = max(low, -ceil32(float64((b+1)*bucketSteps+1)/d.scale-d.max))
	}
	c := s.candidates(len(d.scores))
	for id, v := range d.scores {
		if v >= low && v <= high && bucketOf(d.steps(v)) == b {
			c = append(c, rankOf(id, v))
		}
	}
	return c
}

// typicalP keeps the tokens whose information, −ln p, is nearest to its mean,
// the entropy. With weights exp(t) that is nearest to the mean of t.
func (s *Sampler) typicalP(d *distribution) {
	total, mean := 0.0, 0.0
	c := s.candidates(len(d.scores))
	for id, v := range d.scores {
		if d.keeps(id) {
			steps := d.steps(v)
			w := d.table.exp(steps)
			total += w
			mean += float64(w * steps)
			c = append(c, rankOf(id, v))
		}
	}
	mean /= total
	for i, r := range c {
		c[i] = rankOf(r.id(), float32(-math.Abs(d.steps(r.logit())-mean)))
	}
	weight := func(r rank) float64 { return d.weight(d.scores[r.id()]) }
	n := selectMass(c, float64(s.config.TypicalP*total), weight)
	if few := min(s.atLeast, len(c)); n < few {
		selectBest(c, few)
		n = few
	}
	low, high := d.high, d.low
	for _, r := range c[:n] {
		v := d.scores[r.id()]
		low, high = min(low, v), max(high, v)
	}
	d.raise(low, len(d.scores))
	d.high = high
}

// keeps reports whether the token belongs.
func (d *distribution) keeps(id int) bool {
	v := d.scores[id]
	return v >= d.low && v <= d.high && (v != d.low || id <= d.lastLow)
}

// prob is the probability of a token that belongs.
func (d *distribution) prob(id int) float64 { return d.weight(d.scores[id]) / d.total }

// weigh sums the weights that belong, block by block.
func (s *Sampler) weigh(d *distribution) {
	n := (len(d.scores) + blockSize - 1) / blockSize
	s.blocks = slices.Grow(s.blocks[:0], n)[:n]
	above := math.Nextafter32(d.low, float32(math.Inf(1)))
	d.total = 0
	for b := range s.blocks {
		from, to := b*blockSize, min((b+1)*blockSize, len(d.scores))
		with := min(max(d.lastLow+1, from), to) // ids before it count at low, too
		sum := d.sum(d.scores[from:with], d.low, d.high)
		sum += d.sum(d.scores[with:to], above, d.high)
		s.blocks[b] = sum
		d.total += sum
	}
	d.blocks = s.blocks
}

// draw returns the token at u, from 0 to below 1, of the total weight, the
// tokens laid end to end by id.
func (d *distribution) draw(u float64) Choice {
	at := float64(u * d.total)
	b := 0
	last := 0 // the last block with a weight, should rounding leave at beyond all
	for ; b < len(d.blocks); b++ {
		if d.blocks[b] > 0 {
			last = b
			if at < d.blocks[b] {
				break
			}
		}
		at -= d.blocks[b]
	}
	b = min(b, last)
	id := d.best
	for i := b * blockSize; i < min((b+1)*blockSize, len(d.scores)); i++ {
		if !d.keeps(i) {
			continue
		}
		id = i
		w := d.weight(d.scores[i])
		if at -= w; at < 0 {
			break
		}
	}
	return Choice{ID: id, Prob: d.prob(id)}
}
