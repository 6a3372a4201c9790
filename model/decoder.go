package model

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Decoder is a model that continues texts: embeddings, blocks with causal attention, a norm, and a head
// over the vocabulary. [OpenDecoder] makes one from a checkpoint; a program may also fill the fields
// itself. It is read-only when it computes, so any number of sessions may run on it at once.
type Decoder struct {
	Family string // model_type: "llama"

	Stack

	Head         nn.Linear // [V, Dim]; tied, it shares the embedding's table
	LogitScale   float32   // multiplies the logits; 0 is 1
	LogitSoftCap float32   // c: logits become c·tanh(logit/c); 0 is none

	// LongFrom, if not 0, is the length from which the model computes a text in another way, from its
	// first token on (Phi-3's longrope). Sessions then begin anew when they cross it.
	LongFrom int

	// Tokenizer and Generation come from the checkpoint; a Decoder works without them.
	Tokenizer  *tokenizer.Tokenizer
	Generation Generation
}

// Plan returns what [Stack.Plan] does. It also refuses attention that sees later tokens, which a decoder
// does not have when it computes, and a head that does not fit.
func (d *Decoder) Plan() (*attention.Plan, error) {
	plan, err := d.Stack.Plan()
	if err != nil {
		return nil, err
	}
	if d.Head.In() != d.Dim || d.Head.Out() != d.Vocab {
		return nil, fmt.Errorf("model: Decoder.Head is [%d, %d], want [%d, %d]", d.Head.Out(), d.Head.In(), d.Vocab, d.Dim)
	}
	for _, c := range plan.Caches() {
		if c.State == 0 && !c.Mask.Causal {
			return nil, fmt.Errorf("model: a layer of the decoder has the mask %+v, which is not causal", c.Mask)
		}
	}
	return plan, nil
}

// Forward computes one pass over a packed batch: ids are the tokens of the pass's sequences, one after
// the other. It returns the logits, [len(rows), V], of the rows that are asked for, in memory of the
// pass that lasts until the caller releases it, or until the next pass. It panics for ids outside of
// the vocabulary; [Session] checks them.
func (d *Decoder) Forward(p *attention.Pass, ids, rows []int) tensor.Tensor {
	if p.Plan == nil { // of caches
		plan, err := d.Plan()
		if err != nil {
			panic(err)
		}
		p.Plan = plan
	}
	next := 0
	x := d.embed(p, func(i int) Sequence {
		first := next
		next += p.Seqs[i].Rows
		return Sequence{IDs: ids[first:next]}
	})
	x = d.rows(p, x, rows)
	p.End()
	return d.logits(p, x)
}

// logits applies the head to x, [T, Dim].
func (d *Decoder) logits(p *attention.Pass, x tensor.Tensor) tensor.Tensor {
	out := p.Scratch.New(x.Rows(), d.Vocab)
	if x.Rows() == 0 {
		return out
	}
	d.Head.Forward(out, x)
	if d.LogitScale != 0 {
		vec.Scale(out.Data, out.Data, d.LogitScale)
	}
	if d.LogitSoftCap != 0 {
		vec.SoftCap(out.Data, out.Data, d.LogitSoftCap)
	}
	p.Observe(attention.Point{Stage: StageLogits}, out)
	return out
}
