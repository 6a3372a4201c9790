package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// Seq is one sequence of a packed batch: some rows of the pass's activations, in order.
type Seq struct {
	Rows  int    // tokens of this pass
	Pos   int    // position of the first
	Cache *Cache // the tokens before Pos; nil if there are none, as in an encoder

	// Memory is what an encoder made of another sequence, for [Cross]. Sequences of a batch may share it.
	Memory *Cache

	// Length is the longest the sequence has been, this pass included. Rotations that adapt to the
	// length use it, as the reference does; 0 means Pos + Rows.
	Length int
}

// Pass is what the layers share while one batch goes through a model. It keeps its memory from batch
// to batch and is for one goroutine.
type Pass struct {
	Seqs    []Seq
	Scratch tensor.Arena

	// Observe, if not nil, is asked at each [Point] of the pass; the function it returns, if any, is
	// shown what is there. It must not keep or change the tensor. What nobody wants to see, like
	// attention weights, is not computed.
	Observe func(at Point) func(x tensor.Tensor)

	// Input is what entered the first block, [T, Dim], for an operation of a later one that reads it.
	Input tensor.Tensor

	rotations []rotation
}

// Stage is a kind of [Point].
type Stage uint8

const (
	Embedded     Stage = iota // [T, Dim]: what enters the first block
	Added                     // [T, Dim]: the stream after a residual; Index counts those of a layer
	Layer                     // [T, Dim]: the stream after a block
	Weights                   // [H, T, S]: attention weights; Index is the sequence of the batch
	CrossWeights              // [H, T, S]: the same of attention to an encoder's output
	Normed                    // [T, Dim]: after the final norm
	Logits                    // [T, V]: of the rows whose logits were asked for
)

// String names the stage.
func (s Stage) String() string {
	names := [...]string{"embedded", "added", "layer", "weights", "cross weights", "normed", "logits"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Stage(%d)", uint8(s))
}

// Point is a place in a forward pass.
type Point struct {
	Stage Stage
	Layer int // block, counted from 0
	Index int // within the layer
}

// Begin prepares the pass for a batch of these sequences.
func (p *Pass) Begin(seqs ...Seq) {
	p.Seqs = append(p.Seqs[:0], seqs...)
	for i := range p.Seqs {
		if s := &p.Seqs[i]; s.Length == 0 {
			s.Length = s.Pos + s.Rows
		}
	}
	for i := range p.rotations {
		p.rotations[i].ready = false
	}
}

// End says that all layers have seen the batch: its tokens now belong to the caches.
func (p *Pass) End() {
	for _, s := range p.Seqs {
		if s.Cache != nil {
			s.Cache.advance(s.Rows)
		}
	}
}

// Bytes returns the memory that the pass keeps for the next batch.
func (p *Pass) Bytes() int {
	n := p.Scratch.Bytes()
	for i := range p.rotations {
		n += 4 * (cap(p.rotations[i].cos) + cap(p.rotations[i].sin))
	}
	return n
}

// Rows returns the rows of the batch.
func (p *Pass) Rows() int {
	n := 0
	for _, s := range p.Seqs {
		n += s.Rows
	}
	return n
}

// See shows x to the observer, if it wants to see this point.
func (p *Pass) See(at Point, x tensor.Tensor) {
	if p.Observe != nil {
		if f := p.Observe(at); f != nil {
			f(x)
		}
	}
}
