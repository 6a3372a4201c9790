package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
)

// MatMul sets dst to x·wᵀ: dst is [T, Out], x is [T, In], w is [Out, In]. Tensors of more dimensions are
// treated as rows of the last dimension. It panics if shapes do not fit or dst overlaps x. It uses all
// processors where that pays, and may be called from several goroutines.
//
// If the Weight's Precision says so, activations are rounded first. Each output is one chain of float32
// multiply-adds, in ascending order of In. Its bits do not depend on T, on the other rows or on GOMAXPROCS.
// Nor do they depend on the type of w, if values and Precision are the same.
func MatMul(dst, x Tensor, w *Weight) { MatMulEpilogue(dst, x, w, Epilogue{}) }

// Elementwise is a function of single elements, such as an activation. It may be called from several
// goroutines at once. If it panics, the caller of the product panics with a *[Panic].
type Elementwise interface {
	// Apply replaces each element of x by its function value.
	Apply(x []float32)
}

// Epilogue is applied to each output y of a product: F(y + Bias) + Add. Zero fields are skipped. The bits are
// those of separate steps, but outputs are still in the cache, so it is faster.
type Epilogue struct {
	Bias []float32 // [Out]
	F    Elementwise
	Add  Tensor // [T, Out]; it must not overlap the destination
}

// MatMulEpilogue is [MatMul] followed by an epilogue. It panics like MatMul, and if dst overlaps e.Add.
func MatMulEpilogue(dst, x Tensor, w *Weight, e Epilogue) {
	rows := x.Rows()
	if x.Shape.Last() != w.In || dst.Shape.Last() != w.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: MatMul of %v = %v · [%d, %d]ᵀ", dst.Shape, x.Shape, w.Out, w.In))
	}
	e.check(rows, w)
	e.apart("tensor: MatMul", dst, x)
	if rows == 0 || w.Out == 0 {
		return
	}
	p := products.Get()
	p.dst, p.x, p.rows = dst.Data, x.Data, rows
	p.in, p.out = &p.layers[0], &p.layers[0]
	p.in.set(w, e)
	p.matMul()
	p.put()
}

// FeedForward sets dst, [T, Out], to e2(e(x·upᵀ)·downᵀ): x is [T, In], up is [Hidden, In], down is
// [Out, Hidden]. e.Add must be empty. The [T, Hidden] intermediate is never stored whole, unless up is joined of several
// Weights. The result is
// bit-identical to two calls of [MatMulEpilogue], and it panics as they do.
func FeedForward(dst, x Tensor, up *Weight, e Epilogue, down *Weight, e2 Epilogue) {
	rows := x.Rows()
	if x.Shape.Last() != up.In || up.Out != down.In || dst.Shape.Last() != down.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: FeedForward of %v = %v · [%d, %d]ᵀ · [%d, %d]ᵀ", dst.Shape, x.Shape, up.Out, up.In, down.Out, down.In))
	}
	if e.Add.Data != nil {
		panic("tensor: FeedForward: the first Epilogue has Add, only the second may")
	}
	e.check(rows, up)
	e2.check(rows, down)
	e2.apart("tensor: FeedForward", dst, x)
	if rows == 0 || down.Out == 0 {
		return
	}
	p := products.Get()
	if up.parts != nil {
		grow(&p.hidden, rows*up.Out)
		hidden := From(p.hidden, rows, up.Out)
		MatMulEpilogue(hidden, x, up, e)
		MatMulEpilogue(dst, hidden, down, e2)
		p.put()
		return
	}
	p.dst, p.x, p.rows = dst.Data, x.Data, rows
	p.in, p.out = &p.layers[0], &p.layers[1]
	p.in.set(up, e)
	p.out.set(down, e2)
	p.feedForward()
	p.put()
}

// check panics unless everything fits outputs [rows, w.Out].
func (e Epilogue) check(rows int, w *Weight) {
	if w.table {
		panic(fmt.Sprintf("tensor: product by [%d, %d]ᵀ, a table for lookups; see Slab.ForProducts", w.Out, w.In))
	}
	if e.Bias != nil && len(e.Bias) != w.Out {
		panic(fmt.Sprintf("tensor: bias of %d elements for a product by [%d, %d]ᵀ", len(e.Bias), w.Out, w.In))
	}
	if e.Add.Data != nil && len(e.Add.Data) != rows*w.Out {
		panic(fmt.Sprintf("tensor: %v added to a product [%d, %d]", e.Add.Shape, rows, w.Out))
	}
}

// apart panics if the destination of op overlaps its input or what is added.
func (e Epilogue) apart(op string, dst, x Tensor) {
	alias.Disjoint(op, "dst", dst.Data, "x", x.Data)
	alias.Disjoint(op, "dst", dst.Data, "Add", e.Add.Data)
}
