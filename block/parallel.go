package block

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Parallel adds up several operations on the same rows: Σ Op(Pre(x)). GPT-J and GPT-NeoX run attention and
// feed-forward network this way (Wang and Komatsuzaki, 2021). If all branches share one norm, put it in the
// [Residual] around the Parallel.
type Parallel struct{ Branches []Branch }

// Branch is one operation of a [Parallel]. Pre is its own norm; nil means no norm.
type Branch struct {
	Pre nn.Norm
	Op  attention.Op
}

// Traits implements [attention.Describer].
func (b *Parallel) Traits() attention.Traits {
	t := attention.Traits{Of: b, TokenWise: true, Work: func(attention.Span) attention.Work { return attention.Work{} }}
	rows := true
	for _, branch := range b.Branches {
		t.Inner = append(t.Inner, branch.Op)
		if branch.Op == nil {
			continue
		}
		inner := attention.Describe(branch.Op)
		t.In, t.Out = max(t.In, inner.In), max(t.Out, inner.Out)
		t.TokenWise = t.TokenWise && inner.TokenWise
		rows = rows && (inner.TokenWise || inner.ForwardRows != nil)
	}
	if rows && !t.TokenWise {
		t.ForwardRows = b.forwardRows
	}
	return t
}

// Forward sets dst, [T, Out], to the sum of the branches, computed from x, [T, In]. dst must not overlap x.
func (b *Parallel) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	alias.Disjoint("block: Parallel", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	for i, branch := range b.Branches {
		y := dst
		if i > 0 {
			y = p.Scratch.New(dst.Rows(), dst.Shape.Last())
		}
		branch.Op.Forward(p, y, branch.normalised(p, x))
		if i > 0 {
			vec.Add(dst.Data, dst.Data, y.Data)
		}
	}
	p.Scratch.Release(mark)
}

// forwardRows sets dst, [len(rows), Out], to some rows of what Forward computes.
func (b *Parallel) forwardRows(p *attention.Pass, dst, x tensor.Tensor, rows []int) {
	alias.Disjoint("block: Parallel", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	some := p.Scratch.New(len(rows), x.Shape.Last())
	for i, row := range rows {
		copy(some.Row(i), x.Row(row))
	}
	for i, branch := range b.Branches {
		y := dst
		if i > 0 {
			y = p.Scratch.New(dst.Rows(), dst.Shape.Last())
		}
		if t := p.Traits(branch.Op); t.TokenWise {
			branch.Op.Forward(p, y, branch.normalised(p, some))
		} else {
			t.ForwardRows(p, y, branch.normalised(p, x), rows)
		}
		if i > 0 {
			vec.Add(dst.Data, dst.Data, y.Data)
		}
	}
	p.Scratch.Release(mark)
}

// normalised returns what the branch's Op reads.
func (b Branch) normalised(p *attention.Pass, x tensor.Tensor) tensor.Tensor {
	if b.Pre == nil {
		return x
	}
	y := p.Scratch.New(x.Rows(), x.Shape.Last())
	b.Pre.Forward(y, x)
	return y
}
