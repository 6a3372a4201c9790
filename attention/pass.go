package attention

import (
	"github.com/seed2010d43f/transformer/tensor"
)

// Seq is one sequence of a batch. Its rows follow those of the sequence before it in the activations of the
// pass.
type Seq struct {
	Rows  int    // number of tokens in this pass
	Pos   int    // position of the first of them
	Cache *Cache // holds the tokens before Pos; nil where nothing is cached, as in an encoder

	// Cross holds the keys and values of the encoder output that this sequence attends to: see
	// [Plan.NewCross]. Sequences may share it.
	Cross *Cache

	// Keys, if not 0, is the number of tokens that the rows attend to, the first ones: the others are padding. It counts
	// where nothing is cached, in a [MultiHead].
	Keys int

	// Prefix is the number of the first tokens of the sequence that are its prefix, such as the learned queries that
	// stand before a text. Some layers treat them differently from the rest: see package block.
	Prefix int

	// New is the number of tokens that the sequence gets at a time, of which the rows of this pass may be a part;
	// 0 means Rows. What a [Latent] takes for a prompt goes by it.
	New int

	// Length is the longest that the sequence has been, this pass included; 0 means Pos + Rows. Rotations
	// that adapt to the length use it, as in transformers.
	Length int
}

// Pass is one forward pass of a batch through the layers of a model: the sequences, scratch memory and an
// observer. Its memory is kept for the next batch. One goroutine at a time may use a Pass.
type Pass struct {
	Seqs    []Seq
	Scratch tensor.Arena

	// Plan is the plan of the model. Begin takes it from the caches. If no sequence has a cache, the model
	// sets Plan after Begin.
	Plan *Plan

	// Observer, if not nil, is called at each [Point] of the pass. If it returns a function, that function
	// gets the tensor at this point. The tensor is valid during the call only and must not be changed.
	// Attention weights are computed only if the Observer returns a function for them.
	Observer func(at Point) func(x tensor.Tensor)

	// Input is the input of the first block, [T, Dim]. It is set only if an Op has ReadsInput in its Traits.
	Input tensor.Tensor

	layer     int
	filling   bool // the caches of the sequences are those for Seq.Cross
	rotations []rotation
}

// Stage names a kind of [Point]. Each package declares its own stages.
type Stage string

// The stages that attention reports.
const (
	StageWeights      Stage = "weights"       // [H, T, S]: self-attention weights; Index is the sequence in the batch
	StageCrossWeights Stage = "cross weights" // [H, T, S]: weights over an encoder's output; Index as above
)

// Point is a place in a forward pass.
type Point struct {
	Stage Stage
	Layer int // number of the block, from 0
	Index int // which one within the layer, from 0
}

// Begin starts a pass over these sequences, at layer 0. Scratch memory is kept.
func (p *Pass) Begin(seqs ...Seq) {
	p.Seqs = append(p.Seqs[:0], seqs...)
	p.layer, p.Plan = 0, nil
	for i := range p.Seqs {
		s := &p.Seqs[i]
		if s.New == 0 {
			s.New = s.Rows
		}
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

// End finishes a pass after the last layer: it adds the tokens of the pass to the caches' lengths.
func (p *Pass) End() {
	for _, s := range p.Seqs {
		if s.Cache != nil {
			s.Cache.advance(s.Rows)
		}
	}
}

// Enter sets the current layer to i. Blocks call it.
func (p *Pass) Enter(i int) { p.layer = i }

// Layer returns the current layer.
func (p *Pass) Layer() int { return p.layer }

// Traits returns the traits of an Op in the current layer, from the plan if it has them.
func (p *Pass) Traits(op Op) Traits {
	if at := p.Plan.find(p.layer, op); at != nil {
		return at.Traits
	}
	return Describe(op)
}

// Bytes returns the memory, in bytes, that the pass keeps for the next batch.
func (p *Pass) Bytes() int {
	n := p.Scratch.Bytes()
	for i := range p.rotations {
		t := &p.rotations[i]
		n += 4 * (cap(t.cos) + cap(t.sin) + cap(t.freq))
	}
	return n
}

// Reset forgets the batch, the model and the observer, but keeps the memory. The pass may then serve another
// model.
func (p *Pass) Reset() {
	clear(p.Seqs)
	p.Seqs, p.Plan, p.Observer, p.Input = p.Seqs[:0], nil, nil, tensor.Tensor{}
	p.Scratch.Release(tensor.Mark{})
	for i := range p.rotations {
		p.rotations[i].rope = nil
	}
}

// Rows returns the number of tokens in the batch, T.
func (p *Pass) Rows() int {
	n := 0
	for _, s := range p.Seqs {
		n += s.Rows
	}
	return n
}

// Observe calls the Observer, if there is one, and shows it x if it asks for this point.
func (p *Pass) Observe(at Point, x tensor.Tensor) {
	if p.Observer != nil {
		if f := p.Observer(at); f != nil {
			f(x)
		}
	}
}
