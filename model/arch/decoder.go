package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Decoder is a model that continues sequences: a trunk with causal attention, and a head over the vocabulary.
// Computing does not change it: any number of passes may use it at once.
type Decoder struct {
	*Trunk

	Project      *nn.Linear // applied to the rows before the head; nil means none
	Transform    *Head      // applied after Project, without an Out, as in BERT; nil means none
	Head         nn.Linear  // [V, Dim or the width of Project]; a tied head shares the embedding's table
	LogitScale   float32    // multiplies the logits; 0 means 1
	LogitSoftCap float32    // c: logits become c·tanh(logit/c); 0 means no cap

	// LongFrom, if not 0, is the length from which the model computes a text differently, from its first
	// token on (Phi-3's longrope). When a sequence reaches it, its cache must be emptied and all tokens
	// computed again.
	LongFrom int

	// Prediction is the layer that predicts one token more, or nil. Forward does not use it; see Predict.
	Prediction *Prediction
}

// Plan is [Trunk.Plan] with more checks: it also returns an error for attention that is not causal, and for a
// head that does not fit.
func (d *Decoder) Plan() (*attention.Plan, error) {
	plan, err := d.Trunk.Plan()
	if err != nil {
		return nil, err
	}
	width := d.Dim
	if d.Project != nil {
		if d.Project.In() != width {
			return nil, fmt.Errorf("model: Decoder.Project is [%d, %d], want [%d, %d]", d.Project.Out(), d.Project.In(), d.Project.Out(), width)
		}
		width = d.Project.Out()
	}
	if t := d.Transform; t != nil {
		if t.Out != nil || t.Dense != nil && t.Dense.In() != width {
			return nil, fmt.Errorf("model: Decoder.Transform has an Out, or is not for rows of %d", width)
		}
		if t.Dense != nil {
			width = t.Dense.Out()
		}
	}
	if d.Head.Weight == nil {
		return nil, errors.New("model: Decoder.Head has no weight: without a head over the vocabulary, a decoder cannot continue texts")
	}
	if d.Head.In() != width || d.Head.Out() != d.Vocab {
		return nil, fmt.Errorf("model: Decoder.Head is [%d, %d], want [%d, %d]", d.Head.Out(), d.Head.In(), d.Vocab, width)
	}
	for _, c := range plan.Caches() {
		if c.State == 0 && !c.Mask.Causal {
			return nil, fmt.Errorf("model: a layer of the decoder has the mask %+v, which is not causal", c.Mask)
		}
	}
	return plan, nil
}

// FixLatent sets the form of every [attention.Latent] of the model: see [attention.LatentForm]. Call it before the
// model computes.
func (d *Decoder) FixLatent(form attention.LatentForm) {
	blocks := d.Blocks
	if d.Prediction != nil {
		blocks = append(blocks[:len(blocks):len(blocks)], d.Prediction.Block)
	}
	for _, b := range blocks {
		for _, op := range b.Ops() {
			fixLatent(op, form)
		}
	}
}

func fixLatent(op attention.Op, form attention.LatentForm) {
	if m, ok := op.(*attention.Latent); ok {
		m.Form = form
	}
	for _, inner := range attention.Describe(op).Inner {
		fixLatent(inner, form)
	}
}

// Forward computes one pass over a packed batch. The caller calls p.Begin first; batch holds the tokens of
// each sequence of the pass. Forward returns the logits of the given rows, [len(rows), V], in p.Scratch. It
// ends the pass, so the tokens are in the caches afterwards. It panics where [Trunk.Check] or [Decoder.Plan]
// returns an error.
func (d *Decoder) Forward(p *attention.Pass, batch []Sequence, rows []int) tensor.Tensor {
	x := d.ForwardRows(p, d.embed(p, batch), rows)
	p.End()
	return d.Logits(p, x)
}

// Hidden is Forward without the head. It returns the hidden states of all rows after the final norm,
// [T, Dim].
func (d *Decoder) Hidden(p *attention.Pass, batch []Sequence) tensor.Tensor {
	x := d.embed(p, batch)
	d.Trunk.Forward(p, x)
	p.End()
	return x
}

// embed returns what enters the first block of a pass that has been begun.
func (d *Decoder) embed(p *attention.Pass, batch []Sequence) tensor.Tensor {
	if p.Plan == nil { // where there are no caches
		plan, err := d.Plan()
		if err != nil {
			panic(err)
		}
		p.Plan = plan
	}
	return d.Embed(p, batch)
}

// Logits returns the scaled and capped logits, [T, V], for hidden states x, [T, Dim], in p.Scratch. For the
// hidden states of an inner layer apply the final norm first (a logit lens).
func (d *Decoder) Logits(p *attention.Pass, x tensor.Tensor) tensor.Tensor {
	out := p.Scratch.New(x.Rows(), d.Vocab)
	if x.Rows() == 0 {
		return out
	}
	mark := p.Scratch.Mark()
	x = project(p, d.Project, x)
	if d.Transform != nil {
		x = d.Transform.Forward(&p.Scratch, x)
	}
	d.Head.Forward(out, x)
	p.Scratch.Release(mark)
	d.FinishLogits(out)
	p.Observe(attention.Point{Stage: StageLogits}, out)
	return out
}

// FinishLogits scales and caps, in place, what Head has made of hidden states: all of it, or some columns.
func (d *Decoder) FinishLogits(x tensor.Tensor) {
	if d.LogitScale != 0 {
		vec.Scale(x.Data, x.Data, d.LogitScale)
	}
	if d.LogitSoftCap != 0 {
		vec.SoftCap(x.Data, x.Data, d.LogitSoftCap)
	}
}
