package topk

import "slices"

// slackFunc is how many values a TopFunc holds beyond twice as many as it keeps.
const slackFunc = 64

// TopFunc collects the k best of the values that it is offered, in the order of a function. It sorts what it holds
// whenever that has grown to more than twice k.
type TopFunc[T any] struct {
	k       int
	compare func(a, b T) int
	values  []T  // the k best so far are among them
	barred  bool // values[k-1] is the worst of k: nothing behind it is among the best
}

// NewTopFunc returns a collector of the k best values. compare returns a negative number if a is better than b; see
// [slices.SortFunc].
func NewTopFunc[T any](k int, compare func(a, b T) int) *TopFunc[T] {
	return &TopFunc[T]{k: k, compare: compare}
}

// Reset forgets all values. The TopFunc keeps k from now on.
func (t *TopFunc[T]) Reset(k int) { t.k, t.values, t.barred = k, t.values[:0], false }

// Offer adds a value if it may be among the k best.
func (t *TopFunc[T]) Offer(v T) {
	if t.k < 1 || t.barred && t.compare(v, t.values[t.k-1]) >= 0 {
		return
	}
	t.values = append(t.values, v)
	if (len(t.values)-slackFunc)/2 > t.k {
		t.trim()
	}
}

func (t *TopFunc[T]) trim() {
	slices.SortFunc(t.values, t.compare)
	if len(t.values) >= t.k {
		t.values = t.values[:max(t.k, 0)]
		t.barred = t.k > 0
	}
}

// Sorted returns the k best values, the best first; fewer if fewer were offered. They are valid until the next Offer
// or Reset.
func (t *TopFunc[T]) Sorted() []T {
	t.trim()
	return t.values
}
