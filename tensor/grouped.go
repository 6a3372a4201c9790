package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

// Groups says which rows of a tensor each expert of a mixture takes. A row may be taken by several experts,
// or by none.
type Groups struct {
	// Rows are rows of the tensor, sorted by expert: first those of expert 0.
	Rows []int

	// Ends[e] is the end of expert e's rows in Rows; they begin at the end of expert e−1.
	Ends []int
}

// of returns the bounds of group e in Rows.
func (g Groups) of(e int) (from, to int) {
	if e > 0 {
		from = g.Ends[e-1]
	}
	return from, g.Ends[e]
}

// FeedForwardGrouped sets row i of dst, [len(g.Rows), Out], to what its expert makes of row g.Rows[i] of x,
// [T, In]. Each output is the chain of multiply-adds of [MatMul]: its bits do not depend on the other rows.
// Experts may differ in Hidden and in the types of their weights. Those without rows cost nothing and are not
// looked at.
//
// It panics if shapes do not fit, if g does not sort rows of x, or if dst overlaps x. It uses all processors
// where that pays, and may be called from several goroutines.
func FeedForwardGrouped(dst, x Tensor, g Groups, experts []Expert, act Gating) {
	g.check(x.Rows(), len(experts))
	if len(g.Rows) == 0 {
		return
	}
	if dst.Rows() != len(g.Rows) {
		panic(fmt.Sprintf("tensor: FeedForwardGrouped sets %v from %d rows", dst.Shape, len(g.Rows)))
	}
	for i := range experts {
		if from, to := g.of(i); from < to {
			if err := experts[i].Check(x.Shape.Last(), dst.Shape.Last()); err != nil {
				panic(fmt.Sprintf("tensor: expert %d: %v", i, err))
			}
			experts[i].fetch()
		}
	}
	alias.Disjoint("tensor: FeedForwardGrouped", "dst", dst.Data, "x", x.Data)
	if dst.Shape.Last() == 0 {
		return
	}
	p := groupedProducts.Get()
	p.dst, p.x, p.groups, p.experts, p.act = dst, x, g, experts, act
	p.run(waveLen * parallel.Width())
	p.put()
}

// check panics unless the groups of experts take rows of a tensor with this many.
func (g Groups) check(rows, experts int) {
	if len(g.Ends) != experts {
		panic(fmt.Sprintf("tensor: %d groups of rows for %d experts", len(g.Ends), experts))
	}
	last := 0
	for e, end := range g.Ends {
		if end < last || end > len(g.Rows) {
			panic(fmt.Sprintf("tensor: group %d ends at %d, after one that ends at %d, of %d rows", e, end, last, len(g.Rows)))
		}
		last = end
	}
	if last != len(g.Rows) {
		panic(fmt.Sprintf("tensor: the last group ends at %d of %d rows", last, len(g.Rows)))
	}
	for _, r := range g.Rows {
		if uint(r) >= uint(rows) {
			panic(fmt.Sprintf("tensor: a group has row %d of a tensor with %d", r, rows))
		}
	}
}
