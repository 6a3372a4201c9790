package task

import (
	"cmp"
	"slices"
)

// largest returns the places of the n largest scores, in order; of equal ones the first. It does not
// sort all of them.
func largest(scores []float32, n int) []int {
	t := top{n: n}
	for i, s := range scores {
		t.offer(Hit{i, s})
	}
	hits := t.sorted()
	out := make([]int, len(hits))
	for k, h := range hits {
		out[k] = h.Row
	}
	return out
}

// top keeps the n best hits that it is offered, in a heap with the worst on top.
type top struct {
	n    int
	hits []Hit
}

func (t *top) offer(h Hit) {
	if len(t.hits) < t.n {
		t.hits = append(t.hits, h)
		t.up(len(t.hits) - 1)
	} else if t.n > 0 && better(h, t.hits[0]) < 0 {
		t.hits[0] = h
		t.down(0)
	}
}

func (t *top) up(i int) {
	for i > 0 && better(t.hits[i], t.hits[(i-1)/2]) > 0 {
		t.hits[i], t.hits[(i-1)/2] = t.hits[(i-1)/2], t.hits[i]
		i = (i - 1) / 2
	}
}

func (t *top) down(i int) {
	for {
		worst := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(t.hits); c++ {
			if better(t.hits[c], t.hits[worst]) > 0 {
				worst = c
			}
		}
		if worst == i {
			return
		}
		t.hits[i], t.hits[worst] = t.hits[worst], t.hits[i]
		i = worst
	}
}

// sorted returns the hits, the best first; nothing can be offered after it.
func (t *top) sorted() []Hit {
	slices.SortFunc(t.hits, better)
	return t.hits
}

// better orders hits, the best first. A score that is no number is the worst.
func better(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
}
