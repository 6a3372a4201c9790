package tensor

import "fmt"

// Join returns a Weight whose outputs are those of the parts, one after the other. Parts may differ in type and
// Precision: queries and keys in [Q4_K] beside values in [Q6_K]. Rows that are multiplied are packed once for all parts
// that take them in the same form. The bits are those of a product by each part.
//
// Nothing is copied: it has the parts' memory. What is joined is not packed: pack the parts. DType and Precision are
// those of the first part; see [Weight.Parts]. [FeedForwardGrouped] and [MatMulBatch] take no Weights of several parts.
// Join panics if there are no parts, if they differ in In, or if one is a table from [Slab.NewTable].
func Join(parts ...*Weight) *Weight {
	if len(parts) == 1 {
		return parts[0]
	}
	j := &Weight{}
	for i, p := range parts {
		if p.table {
			panic(fmt.Sprintf("tensor: Join: part %d is a table for lookups; see Slab.ForProducts", i))
		}
		if p.In != parts[0].In {
			panic(fmt.Sprintf("tensor: Join: part %d is [%d, %d], the first is [%d, %d]", i, p.Out, p.In, parts[0].Out, parts[0].In))
		}
		j.Out += p.Out
		j.parts = append(j.parts, p.Parts()...)
	}
	if len(parts) == 0 {
		panic("tensor: Join of nothing")
	}
	first := j.parts[0]
	j.In, j.DType, j.Precision = first.In, first.DType, first.Precision
	return j
}

// Parts returns the Weights that w is joined of, in the order of their outputs, or w alone.
func (w *Weight) Parts() []*Weight {
	if w.parts == nil {
		return []*Weight{w}
	}
	return w.parts
}

// part returns the part that has output i, and its number there.
func (w *Weight) part(i int) (*Weight, int) {
	if uint(i) >= uint(w.Out) {
		panic(fmt.Sprintf("tensor: row %d of a [%d, %d] weight", i, w.Out, w.In))
	}
	k := 0
	for i >= w.parts[k].Out {
		i -= w.parts[k].Out
		k++
	}
	return w.parts[k], i
}

// single panics, as the caller's function, if the weight is joined of several.
func (w *Weight) single(what string) {
	if w.parts != nil {
		panic(fmt.Sprintf("tensor: %s: a [%d, %d] weight is joined of %d parts", what, w.Out, w.In, len(w.parts)))
	}
}
