package model

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
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
	Vocab  int    // rows of the embedding: ids are below it
	Dim    int    // width of the residual stream
	MaxLen int    // tokens of the longest text; sessions refuse longer ones

	Embed      nn.Embedding
	EmbedScale float32       // multiplies the embedding; 0 is 1
	Positions  *nn.Embedding // learned positions, or nil

	// Blocks are the layers. The attention of block i keeps its keys and values in layer i of the
	// caches: [attention.MultiHead.Layer] is i.
	Blocks []block.Block

	Norm         nn.Norm
	Head         nn.Linear // [V, Dim]; tied, it shares the embedding's table
	LogitSoftCap float32   // c: logits become c·tanh(logit/c); 0 is none

	// LongFrom, if not 0, is the length from which the model computes a text in another way, from its
	// first token on (Phi-3's longrope). Sessions then begin anew when they cross it.
	LongFrom int

	// Tokenizer and Generation come from the checkpoint; a Decoder works without them.
	Tokenizer  *tokenizer.Tokenizer
	Generation Generation
}

// cached is an Op that keeps something in a cache.
type cached interface {
	Cache() attention.CacheLayer
}

// newCache returns a cache for the model's layers.
func (d *Decoder) newCache(dt tensor.DType) *attention.Cache {
	var layers []attention.CacheLayer
	for _, b := range d.Blocks {
		for _, r := range b {
			if c, ok := r.Op.(cached); ok {
				layers = append(layers, c.Cache())
			}
		}
	}
	return attention.NewCache(dt, layers)
}

// Forward computes one pass over a packed batch: ids are the tokens of the pass's sequences, one after
// the other. It returns the logits, [len(rows), V], of the rows that are asked for, in memory of the
// pass that lasts until the caller releases it, or until the next pass. It panics for ids outside of
// the vocabulary; [Session] checks them.
func (d *Decoder) Forward(p *attention.Pass, ids, rows []int) tensor.Tensor {
	x := p.Scratch.New(len(ids), d.Dim)
	d.embed(p, x, ids)
	p.See(attention.Point{Stage: attention.Embedded}, x)
	last := len(d.Blocks) - 1
	for i, b := range d.Blocks[:max(last, 0)] {
		b.Forward(p, i, x)
	}
	if last >= 0 && p.Observe == nil {
		x = d.Blocks[last].ForwardRows(p, last, x, rows)
	} else {
		if last >= 0 {
			d.Blocks[last].Forward(p, last, x)
		}
		p.See(attention.Point{Stage: attention.Normed}, d.normed(p, x))
		x = gather(p, x, rows)
	}
	p.End()
	return d.logits(p, x)
}

// gather returns some rows of x, in scratch memory.
func gather(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	y := p.Scratch.New(len(rows), x.Shape.Last())
	for i, r := range rows {
		copy(y.Row(i), x.Row(r))
	}
	return y
}

func (d *Decoder) embed(p *attention.Pass, x tensor.Tensor, ids []int) {
	d.Embed.Forward(x, ids)
	if d.EmbedScale != 0 {
		vec.Scale(x.Data, x.Data, d.EmbedScale)
	}
	if d.Positions == nil {
		return
	}
	mark := p.Scratch.Mark()
	at, row := p.Scratch.New(d.Dim), 0
	for _, s := range p.Seqs {
		for i := range s.Rows {
			d.Positions.Weight.Row(at.Data, s.Pos+i)
			vec.Add(x.Row(row), x.Row(row), at.Data)
			row++
		}
	}
	p.Scratch.Release(mark)
}

// logits applies norm and head to x, [T, Dim], which it overwrites.
func (d *Decoder) logits(p *attention.Pass, x tensor.Tensor) tensor.Tensor {
	out := p.Scratch.New(x.Rows(), d.Vocab)
	if x.Rows() == 0 {
		return out
	}
	d.Norm.Forward(x, x)
	d.Head.Forward(out, x)
	if d.LogitSoftCap != 0 {
		vec.SoftCap(out.Data, out.Data, d.LogitSoftCap)
	}
	p.See(attention.Point{Stage: attention.Logits}, out)
	return out
}

// normed returns all rows of x after the final norm if an observer is there to see them.
func (d *Decoder) normed(p *attention.Pass, x tensor.Tensor) tensor.Tensor {
	if p.Observe == nil || p.Observe(attention.Point{Stage: attention.Normed}) == nil {
		return tensor.Tensor{}
	}
	y := tensor.New(x.Rows(), d.Dim)
	d.Norm.Forward(y, x)
	return y
}

// check returns an error for the first id that is none of the model's.
func (d *Decoder) check(ids []int) error {
	for i, id := range ids {
		if id < 0 || id >= d.Vocab {
			return fmt.Errorf("model: token %d has id %d; the model's ids are 0 to %d", i, id, d.Vocab-1)
		}
	}
	return nil
}
