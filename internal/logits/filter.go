package logits

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/topk"
)

// Config says what a Filter keeps. The fields but the last are those of sample.Config, with its ranges and meanings.
type Config struct {
	Temperature float64
	TopH        float64
	TopK        int
	TopP        float64
	MinP        float64
	TypicalP    float64

	EpsilonCutoff float64
	EtaCutoff     float64

	// MinTokensToKeep is how many tokens stay at least, whatever the other fields say (min_tokens_to_keep). Below 2
	// it has no effect, because the best token always stays.
	MinTokensToKeep int
}

// A Filter turns scores into a Distribution: a softmax at a temperature, of which some tokens are removed. The zero
// Filter keeps the best token alone. Its memory is used again by the next call.
type Filter struct {
	Config

	table  *expTable
	blocks []float64 // [⌈V/blockSize⌉]
	masses []float64 // [buckets] weight by distance from the largest score
	ranks  []topk.Rank
	top    topk.Top
}

// Clone returns a Filter with the same Config and memory of its own.
func (f *Filter) Clone() Filter { return Filter{Config: f.Config, table: f.table} }

// Apply filters scores [V]. best is the first id with the largest of them, as Largest returns it, which must be
// finite; no score may be NaN. Scores are not changed.
func (f *Filter) Apply(scores []float32, best int) Distribution {
	if f.table == nil {
		f.table = newExpTable()
	}
	d := Distribution{Scores: scores, Best: best, high: scores[best], lastLow: len(scores)}
	if f.Temperature == 0 {
		d.softmax = newSoftmax(f.table, d.high, 1)
		d.low, d.lastLow, d.Total = d.high, best, d.weight(d.high)
		return d
	}
	d.softmax = newSoftmax(f.table, d.high, f.Temperature)
	d.low = d.reach()
	k, least := f.TopK, f.MinTokensToKeep
	if f.TopH > 0 {
		n := f.topH(&d)
		least = min(least, n) // that many are left to the filters that keep some
		if k == 0 || k > n {
			k = n
		}
	}
	switch {
	case k > 0 && k < len(scores):
		f.topK(&d, k)
	case f.TopP > 0 && f.TopP < 1:
		f.topP(&d)
	}
	if f.MinP > 0 {
		d.raise(ceil32(d.max+d.table.log(f.MinP)/d.scale), len(scores))
	}
	f.restore(&d, least)
	if f.TypicalP > 0 && f.TypicalP < 1 {
		f.typicalP(&d)
	}
	if e := f.EpsilonCutoff; e > 0 && e < 1 {
		f.cutoff(&d, func(total, _ float64) float64 { return e * total })
	}
	if e := f.EtaCutoff; e > 0 && e < 1 {
		// With weights exp(t) the exponential of the negative entropy is exp(mean t)/total.
		f.cutoff(&d, func(total, mean float64) float64 { return min(e*total, math.Sqrt(e)*d.table.exp(mean)) })
	}
	n := (len(scores) + blockSize - 1) / blockSize
	f.blocks = slices.Grow(f.blocks[:0], n)[:n]
	d.weigh(f.blocks)
	return d
}

// TopN returns the ranks of the n most likely tokens of d, the best first; fewer if fewer are kept.
func (f *Filter) TopN(d *Distribution, n int) []topk.Rank {
	best := f.best(d.Scores, n, d.high)
	slices.Sort(best)
	return slices.DeleteFunc(best, func(r topk.Rank) bool { return !d.Keeps(r.ID()) })
}

// restore lowers the border until n tokens are kept.
func (f *Filter) restore(d *Distribution, n int) {
	if n < 2 {
		return
	}
	if r := slices.Max(f.best(d.Scores, n, d.high)); !d.Keeps(r.ID()) {
		d.low, d.lastLow = r.Score(), r.ID()
	}
}

// cut makes r the last token that is kept.
func (d *Distribution) cut(r topk.Rank) { d.raise(r.Score(), r.ID()) }

// mostTopH is how many tokens TopH looks at, as in the reference.
const mostTopH = 100

// topH returns how many of the best tokens TopH keeps: as many as have its share of the entropy.
func (f *Filter) topH(d *Distribution) int {
	best := f.best(d.Scores, mostTopH, d.high)
	slices.Sort(best)
	total, all := 0.0, 0.0
	for _, r := range best {
		total += d.weight(r.Score())
	}
	log := -d.table.log(1 / total) // of total, in steps
	entropy := func(r topk.Rank) float64 {
		w := d.weight(r.Score())
		if w == 0 {
			return 0
		}
		return float64(w * (log - d.steps(r.Score())))
	}
	for _, r := range best {
		all += entropy(r)
	}
	n, sum := 0, 0.0
	for ; n < len(best); n++ {
		if sum += entropy(best[n]); sum > float64(f.TopH*all) && n > 0 {
			break
		}
	}
	return n
}

// topK keeps the k best, and of these what TopP keeps.
func (f *Filter) topK(d *Distribution, k int) {
	best := f.best(d.Scores, k, d.high)
	n := len(best)
	if p := f.TopP; p > 0 && p < 1 {
		total := 0.0
		for _, r := range best {
			total += d.weight(r.Score())
		}
		n = topk.SelectMass(best, float64(p*total), d.rankWeight)
	}
	d.cut(slices.Max(best[:n]))
}

func (d *Distribution) rankWeight(r topk.Rank) float64 { return d.weight(r.Score()) }

// best returns the k best ranks with scores up to high and above −Inf, in no order; fewer if there are fewer.
func (f *Filter) best(scores []float32, k int, high float32) []topk.Rank {
	f.top.Reset(min(k, len(scores)))
	bar := f.top.Bar()
	for id := above(scores, 0, bar); id < len(scores); id = above(scores, id+1, bar) {
		if scores[id] <= high {
			f.top.Offer(topk.Of(id, scores[id]))
			bar = f.top.Bar()
		}
	}
	return f.top.Best()
}

// candidates returns an empty list for n ranks.
func (f *Filter) candidates(n int) []topk.Rank {
	f.ranks = slices.Grow(f.ranks[:0], n)
	return f.ranks
}

// Buckets of scores, by distance from the largest: bucketSteps to one. The last takes all that is farther.
const (
	buckets     = 1024
	bucketSteps = expSteps / 16
)

func bucketOf(steps float64) int { return min(int(-steps)/bucketSteps, buckets-1) }

// topP finds the bucket in which the sum of weights reaches TopP, and the token in it.
func (f *Filter) topP(d *Distribution) {
	f.masses = slices.Grow(f.masses[:0], buckets)[:buckets]
	clear(f.masses)
	masses := (*[buckets]float64)(f.masses)
	for _, v := range d.Scores {
		if v >= d.low {
			steps := d.steps(v)
			masses[bucketOf(steps)] += d.table.exp(steps)
		}
	}
	total := 0.0
	for _, m := range masses {
		total += m
	}
	need := float64(f.TopP * total)
	border := 0
	for border < buckets-1 && masses[border] < need {
		need -= masses[border]
		border++
	}
	c := f.bucket(d, border)
	n := topk.SelectMass(c, need, d.rankWeight)
	if n > 0 {
		d.cut(slices.Max(c[:n]))
	}
}

// bucket returns the ranks in a bucket.
func (f *Filter) bucket(d *Distribution, b int) []topk.Rank {
	// The borders err outwards by a step; bucketOf decides.
	low, high := d.low, ceil32(d.max-float64(b*bucketSteps-1)/d.scale)
	if b < buckets-1 {
		low = max(low, -ceil32(float64((b+1)*bucketSteps+1)/d.scale-d.max))
	}
	c := f.candidates(len(d.Scores))
	for id, v := range d.Scores {
		if v >= low && v <= high && bucketOf(d.steps(v)) == b {
			c = append(c, topk.Of(id, v))
		}
	}
	return c
}

// typicalP keeps the tokens whose information, −ln p, is nearest to its mean, the entropy. With weights exp(t) these
// are the tokens whose t is nearest to the mean of t.
func (f *Filter) typicalP(d *Distribution) {
	total, mean := 0.0, 0.0
	c := f.candidates(len(d.Scores))
	for id, v := range d.Scores {
		if d.Keeps(id) {
			steps, w := d.steps(v), 0.0
			if steps >= minSteps {
				w = d.table.exp(steps)
			}
			total += w
			mean += float64(w * steps)
			c = append(c, topk.Of(id, v))
		}
	}
	mean /= total
	for i, r := range c {
		c[i] = topk.Of(r.ID(), float32(-math.Abs(d.steps(r.Score())-mean)))
	}
	weight := func(r topk.Rank) float64 { return d.weight(d.Scores[r.ID()]) }
	n := topk.SelectMass(c, float64(f.TypicalP*total), weight)
	if few := min(f.MinTokensToKeep, len(c)); n < few {
		topk.Select(c, few)
		n = few
	}
	low, high := d.high, d.low
	for _, r := range c[:n] {
		v := d.Scores[r.ID()]
		low, high = min(low, v), max(high, v)
	}
	d.raise(low, len(d.Scores))
	d.high = high
}

// cutoff removes the tokens with weights below a border, which border returns for the sum of all weights and the mean
// number of steps. As many of the best stay as must, and those that are equal to the last of them.
func (f *Filter) cutoff(d *Distribution, border func(total, mean float64) float64) {
	total, mean := 0.0, 0.0
	for id, v := range d.Scores {
		if steps := d.steps(v); steps >= minSteps && d.Keeps(id) {
			w := d.table.exp(steps)
			total += w
			mean += float64(w * steps)
		}
	}
	if total == 0 {
		return // what MinTokensToKeep keeps weighs nothing
	}
	last := slices.Max(f.best(d.Scores, max(1, f.MinTokensToKeep), d.high)).Score()
	if w := border(total, mean/total); w <= 1 {
		last = min(last, ceil32(d.max+d.table.log(w)/d.scale))
	}
	d.raise(last, len(d.Scores))
}
