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
func (m *MLP) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	h := p.Scratch.New(x.Rows(), m.Up.Out())
	m.Up.Forward(h, x)
	m.Act.Forward(h, h)
	m.Down.Forward(dst, h)
	p.Scratch.Release(mark)
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
