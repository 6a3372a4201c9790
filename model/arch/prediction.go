package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Prediction is a layer that sees one token further than the trunk (Gloeckle et al., "Better & Faster Large Language
// Models via Multi-token Prediction", 2024; DeepSeek-V3). From the trunk's hidden state of a token and the
// embedding of the token after it, it computes the hidden state for the one after that:
//
//	x = Project([TokenNorm(embedding), HiddenNorm(hidden)])
//	y = Norm(Block(x))
//
// The trunk's table of embeddings and its head serve the prediction too. See [Decoder.Predict].
type Prediction struct {
	Layer                 int // the number that observers see: that of the layer after the trunk's last
	TokenNorm, HiddenNorm nn.Norm
	Project               nn.Linear // [Dim, 2·Dim]
	Block                 block.Block
	Norm                  nn.Norm
}

// Plan returns the places of the Ops in the caches of a prediction, which are not those of the trunk: a sequence has
// one cache of [Decoder.Plan] and another of this plan. dim is the width of the trunk. The error names the first
// thing that does not fit.
func (r *Prediction) Plan(dim int) (*attention.Plan, error) {
	switch {
	case r == nil:
		return nil, errors.New("model: the decoder has no prediction layer: open it with Options.Prediction")
	case r.TokenNorm == nil || r.HiddenNorm == nil || r.Norm == nil || r.Layer < 0:
		return nil, errors.New("model: Prediction lacks a norm, or has a negative Layer")
	case r.Project.Weight == nil || r.Project.In() != 2*dim || r.Project.Out() != dim:
		return nil, fmt.Errorf("model: Prediction.Project is [%d, %d], want [%d, %d]", r.Project.Out(), r.Project.In(), dim, 2*dim)
	}
	if err := r.Block.Check(dim); err != nil {
		return nil, fmt.Errorf("model: Prediction.Block: %w", err)
	}
	layers := make([][]attention.Op, r.Layer+1)
	layers[r.Layer] = r.Block.Ops()
	plan, err := attention.NewPlan(layers...)
	if err != nil {
		return nil, fmt.Errorf("model: Prediction: %w", err)
	}
	return plan, nil
}

// Predict computes the hidden states that predict the token after the next, [T, Dim], in p.Scratch. [Decoder.Logits]
// makes logits of them. hidden, [T, Dim], is what [Decoder.Hidden] returned for the T rows of the pass; next has,
// for each sequence of the pass, the token after each row: the same tokens one further.
//
// The caller calls p.Begin first, with caches of [Prediction.Plan]. Predict ends the pass. It panics where
// [Trunk.Check] or Prediction.Plan returns an error, and if shapes do not fit.
//
//	h := d.Hidden(p, []arch.Sequence{{IDs: ids[:n]}})
//	…
//	p.Begin(attention.Seq{Rows: n, Cache: predicted})
//	y := d.Predict(p, h, []arch.Sequence{{IDs: ids[1:n+1]}})
//	logits := d.Logits(p, y) // row i predicts ids[i+2]
func (d *Decoder) Predict(p *attention.Pass, hidden tensor.Tensor, next []Sequence) tensor.Tensor {
	r := d.Prediction
	if p.Plan == nil {
		plan, err := r.Plan(d.Dim)
		if err != nil {
			panic(err)
		}
		p.Plan = plan
	}
	if hidden.Rows() != p.Rows() || hidden.Shape.Last() != d.Dim {
		panic(fmt.Sprintf("model: Predict: hidden is %v, want [%d, %d]", hidden.Shape, p.Rows(), d.Dim))
	}
	x, both := d.Embed(p, next), p.Scratch.New(p.Rows(), 2*d.Dim)
	normed := p.Scratch.New(p.Rows(), d.Dim)
	for i, part := range []struct {
		norm nn.Norm
		x    tensor.Tensor
	}{{r.TokenNorm, x}, {r.HiddenNorm, hidden}} {
		part.norm.Forward(normed, part.x)
		for row := range normed.Rows() {
			copy(both.Row(row)[i*d.Dim:], normed.Row(row))
		}
	}
	r.Project.Forward(x, both)
	r.Block.Forward(p, r.Layer, x)
	r.Norm.Forward(x, x)
	p.End()
	return x
}
