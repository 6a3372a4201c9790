// Package block assembles the layers of a transformer: the feed-forward networks [MLP] and [GLU], and
// [Block], a list of [Residual] sublayers around the stream of activations.
//
// Where the norms stand is what tells architectures apart; all are one expression,
//
//	x ← Out(x + Post(Op(Pre(x))))
//
// with norms that may be absent: Pre alone in GPT-2, LLaMA and T5, Out alone in BERT, Pre and Post in
// Gemma 2. Two residuals, attention and feed-forward, make the block of a decoder or encoder; a third,
// between them, that of a decoder which attends to an encoder.
package block

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Op is the inside of a residual: it sets dst, [T, Dim], from x, [T, Dim], for the rows of a pass. dst
// does not overlap x. Scratch memory comes from the pass. An Op is read-only when it computes.
type Op interface {
	Forward(p *attention.Pass, dst, x tensor.Tensor)
}

// Residual adds to the stream what an Op makes of it: x ← Out(x + Post(Op(Pre(x)))). Norms that are nil
// are absent.
type Residual struct {
	Pre  nn.Norm
	Op   Op
	Post nn.Norm
	Out  nn.Norm
}

// Forward updates x, [T, Dim], in place.
func (r *Residual) Forward(p *attention.Pass, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	in, out := x, p.Scratch.New(x.Rows(), x.Shape.Last())
	if r.Pre != nil {
		in = p.Scratch.New(x.Rows(), x.Shape.Last())
		r.Pre.Forward(in, x)
	}
	if a, ok := r.Op.(adder); ok && r.Post == nil && r.Out != nil {
		a.ForwardAdd(p, out, in, x)
		r.Out.Forward(x, out)
	} else {
		r.Op.Forward(p, out, in)
		if r.Post != nil {
			r.Post.Forward(out, out)
		}
		vec.Add(x.Data, x.Data, out.Data)
		if r.Out != nil {
			r.Out.Forward(x, x)
		}
	}
	p.Scratch.Release(mark)
}

// adder is an Op that can add what it computes to residual, which dst does not overlap, on the way. A type
// that embeds one has this method too, and must have its own.
type adder interface {
	ForwardAdd(p *attention.Pass, dst, x, residual tensor.Tensor)
}

// rowsOp is an Op that can compute some rows of dst only, with all rows of x to look at.
type rowsOp interface {
	ForwardRows(p *attention.Pass, dst, x tensor.Tensor, rows []int)
}

// tokenOp is an Op whose rows do not depend on each other.
type tokenOp interface{ token() }

// forwardRows returns what Forward would make of some rows of x, [len(rows), Dim], for an Op that can do
// that. x stays as it is.
func (r *Residual) forwardRows(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	y := p.Scratch.New(len(rows), x.Shape.Last())
	mark := p.Scratch.Mark()
	in, out := x, p.Scratch.New(len(rows), x.Shape.Last())
	if r.Pre != nil {
		in = p.Scratch.New(x.Rows(), x.Shape.Last())
		r.Pre.Forward(in, x)
	}
	r.Op.(rowsOp).ForwardRows(p, out, in, rows)
	if r.Post != nil {
		r.Post.Forward(out, out)
	}
	for i, row := range rows {
		vec.Add(y.Row(i), x.Row(row), out.Row(i))
	}
	if r.Out != nil {
		r.Out.Forward(y, y)
	}
	p.Scratch.Release(mark)
	return y
}

// Block is one layer of a model: residuals in order.
type Block []Residual

// Forward updates x, [T, Dim], in place. layer is the block's number, for observers.
func (b Block) Forward(p *attention.Pass, layer int, x tensor.Tensor) {
	for i := range b {
		b[i].Forward(p, x)
		p.See(attention.Point{Stage: attention.Added, Layer: layer, Index: i}, x)
	}
	p.See(attention.Point{Stage: attention.Layer, Layer: layer}, x)
}

// ForwardRows returns what Forward would make of some rows of x, [len(rows), Dim], in scratch memory of
// the pass; x is scratch from then on. After the last layer of a decoder only few rows are needed, and
// where attention is followed by a feed-forward network the others need not be computed. Observers do
// not see the layer.
func (b Block) ForwardRows(p *attention.Pass, layer int, x tensor.Tensor, rows []int) tensor.Tensor {
	if !b.rowwise() || p.Observe != nil || 4*len(rows) > x.Rows() {
		b.Forward(p, layer, x)
		y := p.Scratch.New(len(rows), x.Shape.Last())
		for i, row := range rows {
			copy(y.Row(i), x.Row(row))
		}
		return y
	}
	y := b[0].forwardRows(p, x, rows)
	for i := range b[1:] {
		b[1+i].Forward(p, y)
	}
	return y
}

// rowwise reports whether only the block's first sublayer looks at other rows, and can be asked for some.
func (b Block) rowwise() bool {
	for i := range b {
		_, ok := b[i].Op.(rowsOp)
		if i > 0 {
			_, ok = b[i].Op.(tokenOp)
		}
		if !ok {
			return false
		}
	}
	return len(b) > 0
}
