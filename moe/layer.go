package moe

import (
	"errors"
	"fmt"
	"iter"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Layer is a feed-forward layer made of experts. For each token with the row x it computes
//
//	y = Σ weight · Expert(x)             // over the chosen experts, in the order of choice
//	y = Σ Expert(weight · x)             // instead, with WeightInput
//	y = y + Shared(x)                    // if there is a shared expert
//	y = y + σ(SharedGate(x)) · Shared(x) // instead, with SharedGate
//
// Forward does not change the Layer: any number of passes may use it at once.
type Layer struct {
	Router  Router
	Experts []tensor.Expert
	Act     tensor.Gating // of the experts, such as [nn.SiLU]

	// WeightInput says that weights multiply what goes into an expert, as in LLaMA 4, and not what comes out.
	WeightInput bool

	Shared     attention.Op // an expert that every token uses; nil means none
	SharedGate nn.Linear    // [1, Dim]; empty means none
}

// Layers yields the layers of experts in an operation of a model: op itself, and those that it calls.
func Layers(op attention.Op) iter.Seq[*Layer] {
	return func(yield func(*Layer) bool) { eachLayer(op, yield) }
}

// eachLayer calls yield for each layer until it returns false, and reports whether it always returned true.
func eachLayer(op attention.Op, yield func(*Layer) bool) bool {
	if op == nil {
		return true
	}
	if l, ok := op.(*Layer); ok && !yield(l) {
		return false
	}
	for _, inner := range attention.Describe(op).Inner {
		if !eachLayer(inner, yield) {
			return false
		}
	}
	return true
}

// Traits implements [attention.Describer].
func (l *Layer) Traits() attention.Traits {
	t := attention.Traits{Of: l, Err: l.check(), TokenWise: true, Work: l.work}
	if l.Shared != nil {
		t.Inner = []attention.Op{l.Shared}
	}
	if t.Err == nil {
		t.In, t.Out = l.Router.In(), givenWidth(l.Experts)
	}
	return t
}

// work is what the layer computes beside Shared: the router's matrices, the gate, and the chosen experts.
func (l *Layer) work(s attention.Span) attention.Work {
	_, active := l.Router.Size()
	w := attention.Work{Mixtures: []attention.Mixture{{Experts: l.Experts, Active: active, Rows: s.Out}}}
	for _, m := range append(attention.HeldWeights(l.Router), l.SharedGate.Weight) {
		if m != nil {
			w.Products = append(w.Products, attention.Product{Weight: m, Rows: s.Out})
		}
	}
	return w
}

// check returns an error that names what does not fit.
func (l *Layer) check() error {
	if l.Router == nil {
		return errors.New("moe: Layer has no Router")
	}
	if err := l.Router.Check(); err != nil {
		return err
	}
	if l.Act == nil {
		return errors.New("moe: Layer has no Act")
	}
	if n, _ := l.Router.Size(); n != len(l.Experts) {
		return fmt.Errorf("moe: the router chooses from %d experts; the layer has %d", n, len(l.Experts))
	}
	dim, out := l.Router.In(), givenWidth(l.Experts)
	for i := range l.Experts {
		if err := l.Experts[i].Check(dim, out); err != nil {
			return fmt.Errorf("moe: expert %d: %w", i, err)
		}
	}
	return l.checkShared(dim, out)
}

// givenWidth returns the width of the rows that experts give.
func givenWidth(experts []tensor.Expert) int {
	if w := experts[0].Down; w != nil {
		return w.Out
	}
	return 0
}

func (l *Layer) checkShared(in, out int) error {
	if l.Shared == nil {
		if l.SharedGate.Weight != nil {
			return errors.New("moe: Layer has a SharedGate, but no Shared")
		}
		return nil
	}
	t := attention.Describe(l.Shared)
	if t.In != 0 && t.In != in || t.Out != 0 && t.Out != out || !t.TokenWise {
		return fmt.Errorf("moe: the shared expert is a %T that takes rows of %d and gives rows of %d; it must be token-wise, from %d to %d", l.Shared, t.In, t.Out, in, out)
	}
	if g := l.SharedGate; g.Weight != nil && (g.Out() != 1 || g.In() != in) {
		return fmt.Errorf("moe: SharedGate is [%d, %d], want [1, %d]", g.Out(), g.In(), in)
	}
	return nil
}

// Forward implements [attention.Op]: dst and x are [T, Dim]. It panics if the layer is not well made.
func (l *Layer) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	alias.Disjoint("moe: Layer", "dst", dst.Data, "x", x.Data)
	experts, active := l.Router.Size()
	mark := p.Scratch.Mark()
	w := works.Get()
	r := &w.routing
	r.resize(&p.Scratch, x.Rows(), experts, active)
	l.Router.Route(p, r, x)
	r.observe(p)
	w.sort()
	rows := x
	if l.WeightInput {
		rows = w.weighInput(&p.Scratch, x)
	}
	w.results = p.Scratch.New(len(w.groups.Rows), dst.Shape.Last())
	tensor.FeedForwardGrouped(w.results, rows, w.groups, l.Experts, l.Act)
	w.dst = dst
	parallel.Run(width(x.Rows()), parts(x.Rows()), w)
	w.put()
	l.addShared(p, dst, x)
	p.Scratch.Release(mark)
}

// addShared adds the shared expert's result.
func (l *Layer) addShared(p *attention.Pass, dst, x tensor.Tensor) {
	if l.Shared == nil {
		return
	}
	y := p.Scratch.New(dst.Rows(), dst.Shape.Last())
	l.Shared.Forward(p, y, x)
	if l.SharedGate.Weight == nil {
		vec.Add(dst.Data, dst.Data, y.Data)
		return
	}
	gate := p.Scratch.New(x.Rows(), 1)
	l.SharedGate.Forward(gate, x)
	vec.Sigmoid(gate.Data, gate.Data)
	for t, g := range gate.Data {
		row := y.Row(t)
		vec.Scale(row, row, g)
	}
	vec.Add(dst.Data, dst.Data, y.Data)
}
