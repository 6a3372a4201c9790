package block

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// MLP is the feed-forward network Down(Act(Up(x))).
type MLP struct {
	Up   nn.Linear // [I, Dim]
	Act  nn.Activation
	Down nn.Linear // [Dim, I]
}

// Forward implements [Op].
func (m *MLP) Forward(_ *attention.Pass, dst, x tensor.Tensor) {
	nn.FeedForward(dst, x, m.Up, m.Act, m.Down, tensor.Tensor{})
}

// ForwardAdd sets dst to what Forward would make of x, and residual, [T, Dim], which dst does not overlap.
func (m *MLP) ForwardAdd(_ *attention.Pass, dst, x, residual tensor.Tensor) {
	nn.FeedForward(dst, x, m.Up, m.Act, m.Down, residual)
}

func (m *MLP) token() {}

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

func (g *GLU) token() {}
