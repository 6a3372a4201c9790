package moe

import (
	"fmt"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// Routing is what a router has decided for the T tokens of a pass.
type Routing struct {
	Experts, Active int

	Logits tensor.Tensor // [T, Experts]: what the gate gives
	Scores tensor.Tensor // [T, Experts]: the router's function of the logits, such as probabilities

	// Chosen and Weights are [T, Active]: for each token, the chosen experts in the order of choice, and what
	// their results are multiplied by.
	Chosen  []int
	Weights []float32
}

// Rows returns the number of tokens, T.
func (r *Routing) Rows() int { return r.Logits.Rows() }

// Row returns the experts of token t in the order of choice, and their weights.
func (r *Routing) Row(t int) (experts []int, weights []float32) {
	from, to := t*r.Active, (t+1)*r.Active
	return r.Chosen[from:to:to], r.Weights[from:to:to]
}

// resize gives r memory for some tokens; what does not last comes from scratch.
func (r *Routing) resize(scratch *tensor.Arena, rows, experts, active int) {
	r.Experts, r.Active = experts, active
	r.Logits, r.Scores = scratch.New(rows, experts), scratch.New(rows, experts)
	r.Weights = scratch.Floats(rows * active)
	r.Chosen = slices.Grow(r.Chosen[:0], rows*active)[:rows*active]
}

// The stages that a [Layer] reports to the observer of a pass. [Record] collects them.
const (
	StageLogits  attention.Stage = "router logits"  // [T, Experts]
	StageScores  attention.Stage = "router scores"  // [T, Experts]
	StageChosen  attention.Stage = "experts"        // [T, Active]: numbers of the experts, in the order of choice
	StageWeights attention.Stage = "expert weights" // [T, Active]
)

// observe shows the routing to the observer of the pass.
func (r *Routing) observe(p *attention.Pass) {
	if p.Observer == nil {
		return
	}
	show := func(s attention.Stage, x tensor.Tensor) {
		p.Observe(attention.Point{Stage: s, Layer: p.Layer()}, x)
	}
	show(StageLogits, r.Logits)
	show(StageScores, r.Scores)
	show(StageWeights, tensor.From(r.Weights, r.Rows(), r.Active))
	chosen := tensor.New(r.Rows(), r.Active)
	for i, e := range r.Chosen {
		chosen.Data[i] = float32(e)
	}
	show(StageChosen, chosen)
}

// Record collects the routing of every layer of a model, pass after pass. Its Observe is the observer of a
// session or a pass. The zero value is ready to use. One goroutine at a time may use a Record.
type Record struct {
	layers map[int]*Routing
}

// Observe implements the observer of an [attention.Pass].
func (r *Record) Observe(at attention.Point) func(x tensor.Tensor) {
	switch at.Stage {
	case StageLogits, StageScores, StageChosen, StageWeights:
		return func(x tensor.Tensor) { r.layer(at.Layer).add(at.Stage, x) }
	}
	return nil
}

func (r *Record) layer(i int) *Routing {
	if r.layers == nil {
		r.layers = map[int]*Routing{}
	}
	if r.layers[i] == nil {
		r.layers[i] = new(Routing)
	}
	return r.layers[i]
}

// add appends what a layer shows at a stage.
func (r *Routing) add(s attention.Stage, x tensor.Tensor) {
	switch s {
	case StageLogits:
		r.Experts, r.Logits = x.Shape.Last(), appended(r.Logits, x)
	case StageScores:
		r.Scores = appended(r.Scores, x)
	case StageChosen:
		r.Active = x.Shape.Last()
		for _, e := range x.Data {
			r.Chosen = append(r.Chosen, int(e))
		}
	case StageWeights:
		r.Weights = append(r.Weights, x.Data...)
	}
}

// appended returns the rows of x and then those of y.
func appended(x, y tensor.Tensor) tensor.Tensor {
	data := append(x.Data, y.Data...)
	return tensor.From(data, len(data)/y.Shape.Last(), y.Shape.Last())
}

// Layers returns the numbers of the layers that have experts, in ascending order.
func (r *Record) Layers() []int { return slices.Sorted(maps.Keys(r.layers)) }

// Routing returns what was decided in a layer, for all tokens since the start of the record. It panics for a
// layer without experts.
func (r *Record) Routing(layer int) *Routing {
	if r.layers[layer] == nil {
		panic(fmt.Sprintf("moe: nothing is recorded of layer %d", layer))
	}
	return r.layers[layer]
}
