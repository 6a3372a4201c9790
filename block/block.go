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
	r.Op.Forward(p, out, in)
	if r.Post != nil {
		r.Post.Forward(out, out)
	}
	vec.Add(x.Data, x.Data, out.Data)
	if r.Out != nil {
		r.Out.Forward(x, x)
	}
	p.Scratch.Release(mark)
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

// MLP is the feed-forward network Down(Act(Up(x))).
type MLP struct {
	Up   nn.Linear // [I, Dim]
	Act  nn.Activation
	Down nn.Linear // [Dim, I]
}

// Forward implements [Op].
func (m *MLP) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	h := p.Scratch.New(x.Rows(), m.Up.Out())
	m.Up.Forward(h, x)
	m.Act.Forward(h, h)
	m.Down.Forward(dst, h)
	p.Scratch.Release(mark)
}

// GLU is the gated feed-forward network Down(Act(Gate(x))·Up(x)) (Shazeer, "GLU Variants Improve
// Transformer", 2020).
type GLU struct {
	GateUp nn.Linear // gate and then up, [2·I, Dim]
	Act    nn.Activation
	Down   nn.Linear // [Dim, I]
}

// Forward implements [Op].
func (g *GLU) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	both := p.Scratch.New(x.Rows(), g.GateUp.Out()) // [T, 2·I]
	h := p.Scratch.New(x.Rows(), g.GateUp.Out()/2)  // [T, I]
	g.GateUp.Forward(both, x)
	g.Act.Gate(h, both)
	g.Down.Forward(dst, h)
	p.Scratch.Release(mark)
}
