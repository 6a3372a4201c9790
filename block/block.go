// Package block builds the layers of a transformer. [MLP] and [GLU] are feed-forward networks. A [Block] is a
// list of [Residual] sublayers that update the stream of activations one after the other. [Parallel] runs
// several operations on the same input and adds the results.
//
// Architectures differ in where the norms stand. One formula covers them all:
//
//	x ← Out(x + Scale · Post(Op(Pre(x))))
//
// Every norm may be absent. GPT-2, LLaMA and T5 have Pre only, BERT has Out only, OLMo 2 has Post only, Gemma
// 2 has Pre and Post.
//
// A decoder or encoder block has two residuals: attention and feed-forward. A decoder that attends to an
// encoder has a third one between them. A [Part] lets a residual update some tokens alone, such as learned
// queries that stand before a text. GPT-NeoX, Falcon and Cohere have a single residual around both
// operations in parallel.
package block

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// The stages that blocks report to the observer of a pass. The tensor is [T, Dim].
const (
	StageResidual attention.Stage = "residual" // the stream after a residual; Index is the residual's number in the block
	StageBlock    attention.Stage = "block"    // the stream after a block
)

// Residual is one sublayer: x ← Out(x + Scale·Post(Op(Pre(x)))). A nil norm is skipped; a Scale of 0 means 1.
type Residual struct {
	Pre   nn.Norm
	Op    attention.Op
	Post  nn.Norm
	Scale float32
	Out   nn.Norm

	// Part says which tokens of each sequence are updated. The others stay as they are.
	Part Part
}

// Part is some of the tokens of each sequence.
type Part uint8

const (
	All    Part = iota // every token
	Prefix             // those that [attention.Seq].Prefix counts
	Rest               // those after the prefix
)

// of returns the tokens of s that are in the part, from first to last−1.
func (part Part) of(s attention.Seq) (first, last int) {
	switch n := min(s.Prefix, s.Rows); part {
	case Prefix:
		return 0, n
	case Rest:
		return n, s.Rows
	}
	return 0, s.Rows
}

// Forward updates x, [T, Dim], in place.
func (r *Residual) Forward(p *attention.Pass, x tensor.Tensor) {
	if r.Part != All {
		r.forwardPart(p, x)
		return
	}
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

// forwardPart is Forward where some tokens alone are updated: they are a pass of their own.
func (r *Residual) forwardPart(p *attention.Pass, x tensor.Tensor) {
	all, n := p.Seqs, 0
	seqs := make([]attention.Seq, len(all))
	for i, s := range all {
		first, last := r.Part.of(s)
		seqs[i], n = s, n+last-first
		seqs[i].Rows = last - first
	}
	if n == 0 {
		return
	}
	mark := p.Scratch.Mark()
	some := p.Scratch.New(n, x.Shape.Last())
	r.eachPart(all, func(row, at, rows int) { copy(some.Slice(at, at+rows).Data, x.Slice(row, row+rows).Data) })
	whole := *r
	whole.Part = All
	p.Seqs = seqs
	whole.Forward(p, some)
	p.Seqs = all
	r.eachPart(all, func(row, at, rows int) { copy(x.Slice(row, row+rows).Data, some.Slice(at, at+rows).Data) })
	p.Scratch.Release(mark)
}

// eachPart calls see with the tokens of the part of each sequence: their first row, the number of tokens of the part
// before them, and their own number.
func (r *Residual) eachPart(seqs []attention.Seq, see func(row, at, rows int)) {
	row, at := 0, 0
	for _, s := range seqs {
		if first, last := r.Part.of(s); last > first {
			see(row+first, at, last-first)
			at += last - first
		}
		row += s.Rows
	}
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

// Block is one layer of a model: residuals that run in order. Forward does not change it, so several passes
// may use it at once.
type Block []Residual

// Ops returns the operation of each residual, for [attention.NewPlan].
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
		if r.Part != All && !t.TokenWise && (t.Cross == (attention.CacheLayer{}) || t.Cache != (attention.CacheLayer{})) {
			return fmt.Errorf("block: residual %d updates some tokens alone: %T must look at each by itself, or at an encoder's output", i, r.Op)
		}
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

// Forward updates x, [T, Dim], in place. layer is the number of this block in the model.
func (b Block) Forward(p *attention.Pass, layer int, x tensor.Tensor) {
	p.Enter(layer)
	for i := range b {
		b[i].Forward(p, x)
		p.Observe(attention.Point{Stage: StageResidual, Layer: layer, Index: i}, x)
	}
	p.Observe(attention.Point{Stage: StageBlock, Layer: layer}, x)
}

// ForwardRows returns the given rows of what Forward computes, [len(rows), Dim], in scratch memory of the
// pass. The contents of x are lost. The last layer of a decoder often needs one row only: where attention is
// followed by a feed-forward network, the other rows are not computed. With an observer all rows are
// computed.
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
		if b[i].Part != All || i > 0 && !p.Traits(b[i].Op).TokenWise {
			return nil
		}
	}
	if len(b) == 0 {
		return nil
	}
	return p.Traits(b[0].Op).ForwardRows
}

// Work returns what the block computes for s, without norms and sums: what Forward does if s.Out is s.Rows, and
// otherwise what ForwardRows does for the last s.Out rows.
func (b Block) Work(s attention.Span) attention.Work {
	few := s.Out < s.Rows && 4*s.Out <= s.Rows && b.rowwise(new(attention.Pass)) != nil
	if !few {
		s.Out = s.Rows
	}
	var w attention.Work
	for i := range b {
		w.Add(attention.WorkOf(b[i].Op, s))
		if few {
			s.Pos, s.Rows = s.Pos+s.Rows-s.Out, s.Out
		}
	}
	return w
}
