package model

import (
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

	// Stack holds the layers. The attention of block i keeps its keys and values in layer i of the
	// caches: [attention.MultiHead.Layer] is i.
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

// Forward computes one pass over a packed batch: ids are the tokens of the pass's sequences, one after
// the other. It returns the logits, [len(rows), V], of the rows that are asked for, in memory of the
// pass that lasts until the caller releases it, or until the next pass. It panics for ids outside of
// the vocabulary; [Session] checks them.
func (d *Decoder) Forward(p *attention.Pass, ids, rows []int) tensor.Tensor {
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
	p.See(attention.Point{Stage: attention.Logits}, out)
	return out
}
