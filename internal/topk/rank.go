// Package topk finds the k best of many values.
//
// A [Rank] packs a score and an id into one integer, so ranks compare as integers. [Select] and [SelectMass]
// partition a slice of ranks; [Top] collects the k best of a stream. [TopFunc] does the same for values of
// any type with a comparison function.
package topk

import (
	"math"
	"slices"
)

// A Rank orders ids by score: the smaller rank is the better one. Its upper half holds the bits of the score, turned
// so that unsigned order is descending score order. Its lower half holds the id, so that equal scores rank by
// ascending id and no two ranks are equal. Zeros of both signs are equal, and NaN ranks last.
type Rank uint64

// Of returns the rank of an id, which must be from 0 to 1<<32 − 1.
func Of(id int, score float32) Rank {
	b := int32(math.Float32bits(score + 0)) // +0 turns −0 into 0
	if score != score {
		b = -1 // a NaN with the sign bit
	}
	b ^= b >> 31 & math.MaxInt32 // signed order is now ascending score order
	return Rank(^uint32(b)^1<<31)<<32 | Rank(uint32(id))
}

// ID returns the id.
func (r Rank) ID() int { return int(uint32(r)) }

// Score returns the score.
func (r Rank) Score() float32 {
	b := int32(^uint32(r>>32) ^ 1<<31)
	b ^= b >> 31 & math.MaxInt32
	return math.Float32frombits(uint32(b))
}

// few is the length up to which sorting is quicker than partitioning.
const few = 48

// Select moves the k best ranks to the front, in no order. 0 < k ≤ len(ranks).
func Select(ranks []Rank, k int) {
	for round := 0; len(ranks) > few; round++ {
		m := partition(ranks, round)
		if m == k {
			return
		}
		if m > k {
			ranks = ranks[:m]
		} else {
			ranks, k = ranks[m:], k-m
		}
	}
	slices.Sort(ranks)
}

// SelectMass moves the best ranks to the front until the sum of their weights reaches need, and returns how many that
// takes. It returns 1 or more, and len(ranks) if all of them together fall short.
func SelectMass(ranks []Rank, need float64, weight func(Rank) float64) int {
	kept := 0 // ranks before the slice, all needed
	for round := 0; len(ranks) > few; round++ {
		m := partition(ranks, round)
		mass := 0.0
		for _, r := range ranks[:m] {
			mass += weight(r)
		}
		if mass >= need {
			ranks = ranks[:m]
		} else {
			need -= mass
			kept += m
			ranks = ranks[m:]
		}
	}
	slices.Sort(ranks)
	for i, r := range ranks {
		need -= weight(r)
		if need <= 0 {
			return kept + i + 1
		}
	}
	return kept + len(ranks)
}

// partition splits at least three distinct ranks into a better and a worse part, neither empty, and returns the
// length of the first. The pivot is the median of three. If that has gone badly for many rounds, the pivot is the
// middle of the range, after which at most 64 rounds follow.
func partition(ranks []Rank, round int) int {
	a, b, c := ranks[0], ranks[len(ranks)/2], ranks[len(ranks)-1]
	pivot := max(min(a, b), min(max(a, b), c))
	if round > 40 {
		low, high := slices.Min(ranks), slices.Max(ranks)
		pivot = low + (high-low)/2
	}
	i, j := 0, len(ranks)-1
	for {
		for ranks[i] <= pivot {
			i++
		}
		for ranks[j] > pivot {
			j--
		}
		if i > j {
			return i
		}
		ranks[i], ranks[j] = ranks[j], ranks[i]
	}
}
