package arch

import (
	"fmt"
	"sync"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Stack is what models of words and of pictures have in common: blocks and a final norm. Computing does not change
// it.
type Stack struct {
	Dim    int // width of the residual stream
	Blocks []block.Block
	Norm   nn.Norm // nil means no norm

	once    sync.Once
	plan    *attention.Plan
	planErr error
}

// The stages that models report to the observer of a pass, besides those of blocks and attention.
const (
	StageEmbeddings attention.Stage = "embeddings" // [T, Dim]: the input of the first block
	StageFinalNorm  attention.Stage = "final norm" // [T, Dim]: after the final norm
	StageLogits     attention.Stage = "logits"     // [len(rows), V]: the logits of the rows asked for
)

// planned returns the plan that make returns at the first call.
func (s *Stack) planned(make func() (*attention.Plan, error)) (*attention.Plan, error) {
	s.once.Do(func() {
		if s.plan, s.planErr = make(); s.planErr != nil {
			s.planErr = fmt.Errorf("model: %w", s.planErr)
		}
	})
	return s.plan, s.planErr
}

// newPlan checks the blocks and finds their places in the caches.
func (s *Stack) newPlan() (*attention.Plan, error) {
	if s.Dim < 1 {
		return nil, fmt.Errorf("a model of width %d: Dim must be positive", s.Dim)
	}
	layers := make([][]attention.Op, len(s.Blocks))
	for i, b := range s.Blocks {
		if err := b.Check(s.Dim); err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		layers[i] = b.Ops()
	}
	if w := nn.Width(s.Norm); w != 0 && w != s.Dim {
		return nil, fmt.Errorf("the field Norm is for rows of %d; the stream has %d", w, s.Dim)
	}
	return attention.NewPlan(layers...)
}

// enter shows x, [T, Dim], the input of the first block, to those who ask for it.
func (s *Stack) enter(p *attention.Pass, x tensor.Tensor) {
	if p.Plan.ReadsInput() {
		p.Input = p.Scratch.New(x.Rows(), s.Dim)
		copy(p.Input.Data, x.Data)
	}
	p.Observe(attention.Point{Stage: StageEmbeddings}, x)
}

// Forward runs x, [T, Dim], through the blocks and the final norm, in place.
func (s *Stack) Forward(p *attention.Pass, x tensor.Tensor) {
	for i, b := range s.Blocks {
		b.Forward(p, i, x)
	}
	if s.Norm != nil {
		s.Norm.Forward(x, x)
	}
	p.Observe(attention.Point{Stage: StageFinalNorm}, x)
}

// ForwardRows returns the given rows of what Forward computes, [len(rows), Dim], in p.Scratch. The contents
// of x are lost. The last block does not compute the other rows, unless the pass has an observer.
func (s *Stack) ForwardRows(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	last := len(s.Blocks) - 1
	if last < 0 || p.Observer != nil {
		s.Forward(p, x)
		return gather(p, x, rows)
	}
	for i, b := range s.Blocks[:last] {
		b.Forward(p, i, x)
	}
	x = s.Blocks[last].ForwardRows(p, last, x, rows)
	if s.Norm != nil && len(rows) > 0 {
		s.Norm.Forward(x, x)
	}
	return x
}

// gather returns some rows of x, in scratch memory.
func gather(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	y := p.Scratch.New(len(rows), x.Shape.Last())
	for i, r := range rows {
		copy(y.Row(i), x.Row(r))
	}
	return y
}

// Work returns what the blocks compute for s, without norms and sums: [Stack.Forward] if s.Out is s.Rows, and
// otherwise [Stack.ForwardRows] for the last s.Out rows.
func (s *Stack) Work(span attention.Span) attention.Work {
	var w attention.Work
	all := span
	all.Out = span.Rows
	for i, b := range s.Blocks {
		if i == len(s.Blocks)-1 {
			w.Add(b.Work(span))
		} else {
			w.Add(b.Work(all))
		}
	}
	return w
}
