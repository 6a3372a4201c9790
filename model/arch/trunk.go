package arch

import (
	"fmt"
	"sync"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Trunk is the common part of all models: embeddings, blocks and a final norm. Computing does not change it.
type Trunk struct {
	Vocab  int // number of token ids
	Dim    int // width of the residual stream
	MaxLen int // longest sequence in tokens; longer ones give an error

	Embeddings Embeddings
	Blocks     []block.Block
	Norm       nn.Norm // nil means no norm

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

// Plan returns the places of the Ops in the caches. It checks the model at the first call. The error names
// the first thing that does not fit: a missing weight, a width, an Op that hides the cache of another.
func (t *Trunk) Plan() (*attention.Plan, error) {
	t.once.Do(func() {
		if t.plan, t.planErr = t.newPlan(); t.planErr != nil {
			t.planErr = fmt.Errorf("model: %w", t.planErr)
		}
	})
	return t.plan, t.planErr
}

// Validate checks the model as Plan does. The model may still be changed afterwards.
func (t *Trunk) Validate() error {
	_, err := t.newPlan()
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (t *Trunk) newPlan() (*attention.Plan, error) {
	if t.Dim < 1 || t.Vocab < 1 || t.MaxLen < 1 {
		return nil, fmt.Errorf("a trunk with Dim %d, Vocab %d and MaxLen %d: all must be positive", t.Dim, t.Vocab, t.MaxLen)
	}
	if err := t.Embeddings.check(t.Vocab, t.Dim); err != nil {
		return nil, err
	}
	layers := make([][]attention.Op, len(t.Blocks))
	for i, b := range t.Blocks {
		if err := b.Check(t.Dim); err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		layers[i] = b.Ops()
	}
	if w := nn.Width(t.Norm); w != 0 && w != t.Dim {
		return nil, fmt.Errorf("Trunk.Norm is for rows of %d; the stream has %d", w, t.Dim)
	}
	return attention.NewPlan(layers...)
}

// Check returns an error that names the first thing in s that the model cannot read. name, if not empty,
// follows "token 3" in the error, such as " of sequence 2".
func (t *Trunk) Check(s *Sequence, name string) error {
	return t.Embeddings.checkSequence(s, name, t.Vocab)
}

// Forward runs x, [T, Dim], through the blocks and the final norm, in place.
func (t *Trunk) Forward(p *attention.Pass, x tensor.Tensor) {
	for i, b := range t.Blocks {
		b.Forward(p, i, x)
	}
	if t.Norm != nil {
		t.Norm.Forward(x, x)
	}
	p.Observe(attention.Point{Stage: StageFinalNorm}, x)
}

// ForwardRows returns the given rows of what Forward computes, [len(rows), Dim], in p.Scratch. The contents
// of x are lost. The last block does not compute the other rows, unless the pass has an observer.
func (t *Trunk) ForwardRows(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	last := len(t.Blocks) - 1
	if last < 0 || p.Observer != nil {
		t.Forward(p, x)
		return gather(p, x, rows)
	}
	for i, b := range t.Blocks[:last] {
		b.Forward(p, i, x)
	}
	x = t.Blocks[last].ForwardRows(p, last, x, rows)
	if t.Norm != nil && len(rows) > 0 {
		t.Norm.Forward(x, x)
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
