package attention

import (
	"github.com/seed2010d43f/transformer/tensor"
)

// Seq is one sequence of a packed batch: some rows of the pass's activations, in order.
type Seq struct {
	Rows  int    // tokens of this pass
	Pos   int    // position of the first
	Cache *Cache // the tokens before Pos; nil if there are none, as in an encoder

	// Cross is what the layers keep of another sequence, which an encoder has read: see [Plan.NewCross].
	// Sequences of a batch may share it.
	Cross *Cache

	// Length is the longest the sequence has been, this pass included. Rotations that adapt to the
	// length use it, as the reference does; 0 means Pos + Rows.
	Length int
}

// Pass is what the layers share while one batch goes through a model. It keeps its memory from batch
// to batch and is for one goroutine.
type Pass struct {
	Seqs    []Seq
	Scratch tensor.Arena

	// Plan is that of the model. Begin takes it from the caches; where there are none, a model sets it after
	// Begin.
	Plan *Plan

	// Observer, if not nil, is asked at each [Point] of the pass; the function it returns, if any, is
	// shown what is there. It must not keep or change the tensor. What nobody wants to see, such as
	// attention weights, is not computed.
	Observer func(at Point) func(x tensor.Tensor)

	// Input is what entered the first block, [T, Dim], if an Op declares that it reads that.
	Input tensor.Tensor

	layer     int
	filling   bool // the caches of the sequences are those for Seq.Cross
	rotations []rotation
}

// Stage is a kind of [Point]. Each package declares its own.
type Stage string

// What attention shows.
const (
	StageWeights      Stage = "weights"       // [H, T, S]: attention weights; Index is the sequence of the batch
	StageCrossWeights Stage = "cross weights" // [H, T, S]: the same of attention to an encoder's output
)

// Point is a place in a forward pass.
type Point struct {
	Stage Stage
	Layer int // block, counted from 0
	Index int // within the layer
}

// Begin prepares the pass for a batch of these sequences, and for layer 0. Scratch memory stays as it is.
func (p *Pass) Begin(seqs ...Seq) {
	p.Seqs = append(p.Seqs[:0], seqs...)
	p.layer, p.Plan = 0, nil
	for i := range p.Seqs {
		s := &p.Seqs[i]
		if s.Length == 0 {
			s.Length = s.Pos + s.Rows
		}
		if s.Cache != nil && s.Cache.plan != nil {
			p.Plan = s.Cache.plan
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

// Enter says that what follows is layer i of the model. Blocks say so.
func (p *Pass) Enter(i int) { p.layer = i }

// Layer returns the layer that the pass is in.
func (p *Pass) Layer() int { return p.layer }

// Traits returns what an Op of the present layer says of itself.
func (p *Pass) Traits(op Op) Traits {
	if at := p.Plan.find(p.layer, op); at != nil {
		return at.Traits
	}
	return Describe(op)
}

// Bytes returns the memory that the pass keeps for the next batch.
func (p *Pass) Bytes() int {
	n := p.Scratch.Bytes()
	for i := range p.rotations {
		t := &p.rotations[i]
		n += 4 * (cap(t.cos) + cap(t.sin) + cap(t.freq))
	}
	return n
}

// Reset forgets the batch and its model, and keeps the memory: the pass may serve another model then.
func (p *Pass) Reset() {
	clear(p.Seqs)
	p.Seqs, p.Plan, p.Observer, p.Input = p.Seqs[:0], nil, nil, tensor.Tensor{}
	p.Scratch.Release(tensor.Mark{})
	for i := range p.rotations {
		p.rotations[i].rope = nil
	}
}

// Rows returns the rows of the batch.
func (p *Pass) Rows() int {
	n := 0
	for _, s := range p.Seqs {
		n += s.Rows
	}
	return n
}

// Observe shows x to the observer, if it wants to see this point.
func (p *Pass) Observe(at Point, x tensor.Tensor) {
	if p.Observer != nil {
		if f := p.Observer(at); f != nil {
			f(x)
		}
	}
}
