package tensor

import "fmt"

// MatMul sets dst to x·wᵀ: dst is [T, Out], x is [T, In], w is [Out, In]. More dimensions than two are
// taken as rows of the last. dst must not overlap x. It runs on all processors when that pays, may be
// called from several goroutines, and panics if the shapes do not fit.
//
// A Weight that rounds has the activations rounded to bfloat16 first. Each output is one chain of float32
// multiply-adds with ascending index into In: its bits do not depend on T, on the other rows, on GOMAXPROCS,
// nor on the type of w if the values are the same.
func MatMul(dst, x Tensor, w *Weight) { MatMulThen(dst, x, w, Then{}) }

// Elementwise is a function of single elements. It may be used from several goroutines. If it panics, the
// caller of the product panics with a *[Panic].
type Elementwise interface {
	// Apply replaces each element of x.
	Apply(x []float32)
}

// Then is what becomes of the outputs y of a product while they are in the nearest cache, F(y + Bias) + Add,
// with the bits that these steps have one after the other. What is zero is left out.
type Then struct {
	Bias []float32 // [Out]
	F    Elementwise
	Add  Tensor // [T, Out]; it must not overlap the destination
}

// MatMulThen is [MatMul] and what follows it.
func MatMulThen(dst, x Tensor, w *Weight, then Then) {
	rows := x.Rows()
	if x.Shape.Last() != w.In || dst.Shape.Last() != w.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: MatMul of %v = %v · [%d, %d]ᵀ", dst.Shape, x.Shape, w.Out, w.In))
	}
	then.check(rows, w)
	if rows == 0 || w.Out == 0 {
		return
	}
	p := products.Get()
	p.dst, p.x, p.rows = dst.Data, x.Data, rows
	p.last = layer{w, then}
	p.run()
	p.put()
}

// MatMulTwice is [MatMulThen] and once more, with the bits of two calls: dst, [T, Out2], of the product by
// w2, [Out2, Out], of what becomes of that of x, [T, In], by w, [Out, In]. What lies between is never
// whole, and so stays in the nearer caches.
func MatMulTwice(dst, x Tensor, w *Weight, then Then, w2 *Weight, then2 Then) {
	rows := x.Rows()
	if x.Shape.Last() != w.In || w.Out != w2.In || dst.Shape.Last() != w2.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: MatMulTwice of %v = %v · [%d, %d]ᵀ · [%d, %d]ᵀ", dst.Shape, x.Shape, w.Out, w.In, w2.Out, w2.In))
	}
	if then.Add.Data != nil {
		panic("tensor: MatMulTwice adds to the first product")
	}
	then.check(rows, w)
	then2.check(rows, w2)
	if rows == 0 || w2.Out == 0 {
		return
	}
	p := products.Get()
	p.dst, p.x, p.rows = dst.Data, x.Data, rows
	p.first, p.last = layer{w, then}, layer{w2, then2}
	p.run()
	p.put()
}

// check panics unless everything fits outputs [rows, w.Out].
func (t Then) check(rows int, w *Weight) {
	if w.rows {
		panic(fmt.Sprintf("tensor: product by [%d, %d]ᵀ, a table for lookups", w.Out, w.In))
	}
	if t.Bias != nil && len(t.Bias) != w.Out {
		panic(fmt.Sprintf("tensor: bias of %d elements for a product by [%d, %d]ᵀ", len(t.Bias), w.Out, w.In))
	}
	if t.Add.Data != nil && len(t.Add.Data) != rows*w.Out {
		panic(fmt.Sprintf("tensor: %v added to a product [%d, %d]", t.Add.Shape, rows, w.Out))
	}
}
