package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
)

// MatMul sets dst to x·wᵀ: dst is [T, Out], x is [T, In], w is [Out, In]. More dimensions than two are
// taken as rows of the last. dst must not overlap x. It runs on all processors when that pays, may be
// called from several goroutines, and panics if the shapes do not fit or dst overlaps x.
//
// The activations are rounded first if the Weight's Precision says so. Each output is one chain of float32
// multiply-adds with ascending index into In: its bits do not depend on T, on the other rows, on GOMAXPROCS,
// nor on the type of w if the values and the Precision are the same.
func MatMul(dst, x Tensor, w *Weight) { MatMulEpilogue(dst, x, w, Epilogue{}) }

// Elementwise is a function of single elements. It may be used from several goroutines. If it panics, the
// caller of the product panics with a *[Panic].
type Elementwise interface {
	// Apply replaces each element of x.
	Apply(x []float32)
}

// Epilogue is applied to each output y of a product: F(y + Bias) + Add. Zero fields are skipped. It has the bits of
// these steps done one after the other, and finds the outputs in the nearest cache.
type Epilogue struct {
	Bias []float32 // [Out]
	F    Elementwise
	Add  Tensor // [T, Out]; it must not overlap the destination
}

// MatMulEpilogue is [MatMul] with an epilogue. It panics if dst overlaps x or e.Add.
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
	p.in, p.out = layer{w, e}, layer{w, e}
	p.matMul()
	p.put()
}

// FeedForward sets dst, [T, Out], to e2(e(x·upᵀ)·downᵀ): x is [T, In], up is [Hidden, In], down is [Out, Hidden], and
// e must not Add. The [T, Hidden] values between are never stored whole. The result is bit-identical to two calls of
// [MatMulEpilogue]. dst must not overlap x or e2.Add. It panics as they do.
func FeedForward(dst, x Tensor, up *Weight, e Epilogue, down *Weight, e2 Epilogue) {
	rows := x.Rows()
	if x.Shape.Last() != up.In || up.Out != down.In || dst.Shape.Last() != down.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: FeedForward of %v = %v · [%d, %d]ᵀ · [%d, %d]ᵀ", dst.Shape, x.Shape, up.Out, up.In, down.Out, down.In))
	}
	if e.Add.Data != nil {
		panic("tensor: FeedForward adds to the first product")
	}
	e.check(rows, up)
	e2.check(rows, down)
	e2.apart("tensor: FeedForward", dst, x)
	if rows == 0 || down.Out == 0 {
		return
	}
	p := products.Get()
	p.dst, p.x, p.rows = dst.Data, x.Data, rows
	p.in, p.out = layer{up, e}, layer{down, e2}
	p.feedForward()
	p.put()
}

// check panics unless everything fits outputs [rows, w.Out].
func (e Epilogue) check(rows int, w *Weight) {
	if w.table {
		panic(fmt.Sprintf("tensor: product by [%d, %d]ᵀ, a table for lookups", w.Out, w.In))
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
