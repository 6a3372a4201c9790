package task

import (
	"math"
	"slices"
	"testing"
)

// The largest scores come in order, equal ones by place, NaN last; any number may be asked for.
func TestLargest(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	scores := []float32{1, nan, 3, -inf, 3, inf, 0}
	want := []int{5, 2, 4, 0, 6, 3, 1}
	for _, n := range []int{-1, 0, 1, 3, 6, 7, 8, math.MaxInt} {
		if got := largest(scores, n); !slices.Equal(got, want[:max(0, min(n, 7))]) {
			t.Errorf("the %d largest are at %v", n, got)
		}
	}
}
