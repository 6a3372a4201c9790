package block

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// MLP is the feed-forward network Down(Act(Up(x))).
type MLP struct {
	Up   nn.Linear // [I, Dim]
	Act  nn.Activation
	Down nn.Linear // [Dim, I]
}

// Traits implements [attention.Describer].
func (m *MLP) Traits() attention.Traits {
	return attention.Traits{Of: m, Err: checkNetwork("MLP", "Up", m.Up, m.Down, 1), In: m.Up.In(), Out: m.Down.Out(),
		TokenWise: true, ForwardAdd: m.forwardAdd, Work: m.work}
}

func (m *MLP) work(s attention.Span) attention.Work {
	return attention.Work{Products: []attention.Product{{Weight: m.Up.Weight, Rows: s.Out}, {Weight: m.Down.Weight, Rows: s.Out}},
		Activations: int64(s.Out) * int64(m.Up.Out())}
}

// Forward implements [attention.Op]: dst and x are [T, Dim].
func (m *MLP) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	m.forwardAdd(p, dst, x, tensor.Tensor{})
}

// forwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *MLP) forwardAdd(_ *attention.Pass, dst, x, residual tensor.Tensor) {
	if err := checkNetwork("MLP", "Up", m.Up, m.Down, 1); err != nil {
		panic(err.Error())
	}
	nn.FeedForward(dst, x, m.Up, m.Act, m.Down, residual)
}

// GLU is the gated feed-forward network Down(Act(Gate(x))·Up(x)) (Shazeer, "GLU Variants Improve
// Transformer", 2020).
type GLU struct {
	GateUp nn.Linear // gate, then up: [2·I, Dim]
	Act    nn.Activation
	Down   nn.Linear // [Dim, I]
}

// Traits implements [attention.Describer].
func (g *GLU) Traits() attention.Traits {
	return attention.Traits{Of: g, Err: checkNetwork("GLU", "GateUp", g.GateUp, g.Down, 2), In: g.GateUp.In(), Out: g.Down.Out(), TokenWise: true, Work: g.work}
}

func (g *GLU) work(s attention.Span) attention.Work {
	return attention.Work{Products: []attention.Product{{Weight: g.GateUp.Weight, Rows: s.Out}, {Weight: g.Down.Weight, Rows: s.Out}},
		Activations: int64(s.Out) * int64(g.GateUp.Out()/2)}
}

// Forward implements [attention.Op]: dst and x are [T, Dim].
func (g *GLU) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	if err := checkNetwork("GLU", "GateUp", g.GateUp, g.Down, 2); err != nil {
		panic(err.Error())
	}
	alias.Disjoint("block: GLU", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	both := p.Scratch.New(x.Rows(), g.GateUp.Out()) // [T, 2·I]
	h := p.Scratch.New(x.Rows(), g.GateUp.Out()/2)  // [T, I]
	g.GateUp.Forward(both, x)
	g.Act.Gate(h, both)
	g.Down.Forward(dst, h)
	p.Scratch.Release(mark)
}

// checkNetwork returns an error unless down takes a part of what up gives.
func checkNetwork(kind, first string, up, down nn.Linear, parts int) error {
	switch {
	case up.Weight == nil:
		return fmt.Errorf("block: %s.%s has no weight", kind, first)
	case down.Weight == nil:
		return fmt.Errorf("block: %s.Down has no weight", kind)
	case up.Out() != parts*down.In():
		return fmt.Errorf("block: %s.Down is [%d, %d], want [%d, %d]", kind, down.Out(), down.In(), down.Out(), up.Out()/parts)
	}
	return nil
}
