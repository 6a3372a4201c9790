package task

import "github.com/seed2010d43f/transformer/internal/topk"

// largest returns the places of the n largest scores, in order; of equal ones the first. It does not sort all of them.
func largest(scores []float32, n int) []int {
	var top topk.Top
	top.Reset(n)
	for i, s := range scores {
		top.Offer(topk.Of(i, s))
	}
	best := top.Sorted()
	out := make([]int, len(best))
	for k, r := range best {
		out[k] = r.ID()
	}
	return out
}
