package sample

import (
	"math"
	"slices"
)

// A rank orders tokens: the smaller, the better. It holds the logit's bits,
// turned so that unsigned order is descending logit order, and below them the
// id, so that equal logits rank by id and no two ranks are equal.
type rank uint64

func rankOf(id int, v float32) rank {
	b := int32(math.Float32bits(v + 0)) // +0 turns −0 into 0
	b ^= b >> 31 & math.MaxInt32        // signed order is now ascending logit order
	return rank(^uint32(b)^1<<31)<<32 | rank(uint32(id))
}

func (r rank) id() int { return int(uint32(r)) }

func (r rank) logit() float32 {
	b := int32(^uint32(r>>32) ^ 1<<31)
	b ^= b >> 31 & math.MaxInt32
	return math.Float32frombits(uint32(b))
}

// fewRanks is the number from which sorting is quicker than partitioning.
const fewRanks = 48

// selectBest moves the k best ranks to the front, in no order. 0 < k ≤ len(c).
func selectBest(c []rank, k int) {
	for round := 0; len(c) > fewRanks; round++ {
		m := partition(c, round)
		if m == k {
			return
		}
		if m > k {
			c = c[:m]
		} else {
			c, k = c[m:], k-m
		}
	}
	slices.Sort(c)
}

// selectMass moves the best ranks to the front until their weights reach need,
// and returns how many that takes, at least 1; len(c) if all fall short.
func selectMass(c []rank, need float64, weight func(rank) float64) int {
	kept := 0 // ranks before c, all needed
	for round := 0; len(c) > fewRanks; round++ {
		m := partition(c, round)
		mass := 0.0
		for _, r := range c[:m] {
			mass += weight(r)
		}
		if mass >= need {
			c = c[:m]
		} else {
			need -= mass
			kept += m
			c = c[m:]
		}
	}
	slices.Sort(c)
	for i, r := range c {
		need -= weight(r)
		if need <= 0 {
			return kept + i + 1
		}
	}
	return kept + len(c)
}

// partition splits c, of at least three distinct ranks, into a better and a
// worse part, neither empty, and returns the length of the first. The pivot is
// the median of three; should that have gone badly for many rounds, it is the
// middle of the range, which leaves at most 64 more.
func partition(c []rank, round int) int {
	a, b, d := c[0], c[len(c)/2], c[len(c)-1]
	pivot := max(min(a, b), min(max(a, b), d))
	if round > 40 {
		low, high := slices.Min(c), slices.Max(c)
		pivot = low + (high-low)/2
	}
	i, j := 0, len(c)-1
	for {
		for c[i] <= pivot {
			i++
		}
		for c[j] > pivot {
			j--
		}
		if i > j {
			return i
		}
		c[i], c[j] = c[j], c[i]
	}
}
