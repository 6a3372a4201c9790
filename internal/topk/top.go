package topk

import (
	"math"
	"slices"
)

// slack is how many ranks a Top holds beyond twice as many as it keeps: enough that it seldom selects.
const slack = 1024

// Top collects the k best of the ranks that it is offered. Reset makes it ready; its memory is used again.
type Top struct {
	k     int
	ranks []Rank  // the k best so far are among them
	bar   Rank    // ranks from here on are not among the k best
	score float32 // of bar
}

// Reset forgets all ranks. The Top keeps k from now on.
func (t *Top) Reset(k int) {
	t.k, t.ranks, t.bar, t.score = k, t.ranks[:0], math.MaxUint64, float32(math.Inf(-1))
	if k < 1 {
		t.bar = 0
	}
}

// K returns how many ranks the Top keeps.
func (t *Top) K() int { return t.k }

// Admits reports whether Offer would look at a rank. Ranks that it does not admit are not among the k best.
func (t *Top) Admits(r Rank) bool { return r < t.bar }

// Offer adds a rank if it may be among the k best.
func (t *Top) Offer(r Rank) {
	if r < t.bar {
		t.add(r)
	}
}

func (t *Top) add(r Rank) {
	if len(t.ranks) == 2*t.k+slack {
		t.Trim()
		if r >= t.bar {
			return
		}
	}
	t.ranks = append(t.ranks, r)
}

// Bar returns a score below which nothing offered from now on can be among the k best, −Inf at first. It rises when
// the Top selects.
func (t *Top) Bar() float32 { return t.score }

// Trim selects the k best, which raises the bar, and drops the others.
func (t *Top) Trim() {
	if t.k < 1 || len(t.ranks) < t.k {
		return
	}
	if len(t.ranks) > t.k {
		Select(t.ranks, t.k)
		t.ranks = t.ranks[:t.k]
	}
	t.bar = slices.Max(t.ranks)
	t.score = t.bar.Score()
}

// Best returns the k best ranks in no order; fewer if fewer were offered. They are valid until the next Reset, and
// the caller may reorder them.
func (t *Top) Best() []Rank {
	t.Trim()
	return t.ranks
}

// Sorted is Best with the best first.
func (t *Top) Sorted() []Rank {
	best := t.Best()
	slices.Sort(best)
	return best
}
