// Package block assembles the layers of a transformer: the feed-forward networks [MLP] and [GLU], [Parallel],
// which runs operations side by side, and [Block], a list of [Residual] sublayers around the stream of
// activations.
//
// Where the norms stand is what tells architectures apart; all are one expression,
//
//	x ← Out(x + Scale · Post(Op(Pre(x))))
//
// with norms that may be absent: Pre alone in GPT-2, LLaMA and T5, Out alone in BERT, Post alone in OLMo 2, Pre
// and Post in Gemma 2. Two residuals, attention and feed-forward, make the block of a decoder or encoder; a
// third, between them, that of a decoder which attends to an encoder. GPT-NeoX, Falcon and Cohere have one
// residual, around both operations in parallel.
package block

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// What blocks show to the observer of a pass, [T, Dim].
const (
	StageResidual attention.Stage = "residual" // the stream after a residual; Index counts those of a block
	StageBlock    attention.Stage = "block"    // the stream after a block
)

// Residual adds to the stream what an Op makes of it: x ← Out(x + Scale·Post(Op(Pre(x)))). Norms that are
// nil are absent, and a Scale of 0 is 1.
type Residual struct {
	Pre   nn.Norm
	Op    attention.Op
	Post  nn.Norm
	Scale float32
	Out   nn.Norm
}

// Forward updates x, [T, Dim], in place.
func (r *Residual) Forward(p *attention.Pass, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	in, out := x, p.Scratch.New(x.Rows(), x.Shape.Last())
	if r.Pre != nil {
		in = p.Scratch.New(x.Rows(), x.Shape.Last())
		r.Pre.Forward(in, x)
	}
	// Where a norm follows, the sum goes through memory anyway, and the Op may add on its way there. It
	// cannot add in place: x is still read while it writes.
	if r.Out != nil && r.Post == nil && r.Scale == 0 {
		if add := p.Traits(r.Op).ForwardAdd; add != nil {
			add(p, out, in, x)
			r.Out.Forward(x, out)
			p.Scratch.Release(mark)
			return
		}
	}
	r.Op.Forward(p, out, in)
	r.post(out)
	vec.Add(x.Data, x.Data, out.Data)
	if r.Out != nil {
		r.Out.Forward(x, x)
	}
	p.Scratch.Release(mark)
}

// post normalises and scales what the Op has computed.
func (r *Residual) post(out tensor.Tensor) {
	if r.Post != nil {
		r.Post.Forward(out, out)
	}
	if r.Scale != 0 {
		vec.Scale(out.Data, out.Data, r.Scale)
	}
}

// forwardRows returns what Forward would make of some rows of x, [len(rows), Dim], by the function of that
// name of the Op's traits. x stays as it is.
func (r *Residual) forwardRows(p *attention.Pass, x tensor.Tensor, rows []int, forward func(*attention.Pass, tensor.Tensor, tensor.Tensor, []int)) tensor.Tensor {
	y := p.Scratch.New(len(rows), x.Shape.Last())
	mark := p.Scratch.Mark()
	in, out := x, p.Scratch.New(len(rows), x.Shape.Last())
	if r.Pre != nil {
		in = p.Scratch.New(x.Rows(), x.Shape.Last())
		r.Pre.Forward(in, x)
	}
	forward(p, out, in, rows)
	r.post(out)
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

// Ops returns the operations of the residuals, for [attention.NewPlan].
func (b Block) Ops() []attention.Op {
	ops := make([]attention.Op, len(b))
	for i := range b {
		ops[i] = b[i].Op
	}
	return ops
}

// Check returns an error that names the first operation or norm that does not fit a stream of width dim.
func (b Block) Check(dim int) error {
	for i, r := range b {
		if r.Op == nil {
			return fmt.Errorf("block: residual %d has no Op", i)
		}
		t := attention.Describe(r.Op)
		if t.In != 0 && t.In != dim || t.Out != 0 && t.Out != dim {
			return fmt.Errorf("block: residual %d: %T takes rows of %d and gives rows of %d; the stream has %d", i, r.Op, t.In, t.Out, dim)
		}
		for _, n := range []struct {
			name string
			norm nn.Norm
		}{{"Pre", r.Pre}, {"Post", r.Post}, {"Out", r.Out}} {
			if w := nn.Width(n.norm); w != 0 && w != dim {
				return fmt.Errorf("block: residual %d: the norm %s is of rows of %d; the stream has %d", i, n.name, w, dim)
			}
		}
	}
	return nil
}

// Forward updates x, [T, Dim], in place. layer is the block's number in its model.
func (b Block) Forward(p *attention.Pass, layer int, x tensor.Tensor) {
	p.Enter(layer)
	for i := range b {
		b[i].Forward(p, x)
		p.Observe(attention.Point{Stage: StageResidual, Layer: layer, Index: i}, x)
	}
	p.Observe(attention.Point{Stage: StageBlock, Layer: layer}, x)
}

// ForwardRows returns what Forward would make of some rows of x, [len(rows), Dim], in scratch memory of
// the pass; x is scratch from then on. After the last layer of a decoder only few rows are needed, and
// where attention is followed by a feed-forward network the others need not be computed. Observers see
// the layer only if all rows are computed, as they are where there is an observer.
func (b Block) ForwardRows(p *attention.Pass, layer int, x tensor.Tensor, rows []int) tensor.Tensor {
	p.Enter(layer)
	first := b.rowwise(p)
	if first == nil || p.Observer != nil || 4*len(rows) > x.Rows() {
		b.Forward(p, layer, x)
		y := p.Scratch.New(len(rows), x.Shape.Last())
		for i, row := range rows {
			copy(y.Row(i), x.Row(row))
		}
		return y
	}
	y := b[0].forwardRows(p, x, rows, first)
	for i := range b[1:] {
		b[1+i].Forward(p, y)
	}
	return y
}

// rowwise returns how the first residual computes some rows, if it can and the others do not look at other
// rows than their own, or nil.
func (b Block) rowwise(p *attention.Pass) func(*attention.Pass, tensor.Tensor, tensor.Tensor, []int) {
	for i := range b {
		if i > 0 && !p.Traits(b[i].Op).TokenWise {
			return nil
		}
	}
	if len(b) == 0 {
		return nil
	}
	return p.Traits(b[0].Op).ForwardRows
}
