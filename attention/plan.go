package attention

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/internal/fields"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// Plan assigns each Op of a model its place in the caches. It is made once for a model and does not change
// afterwards: any goroutine may use it.
//
// An Op may stand in several layers, as in ALBERT; it then has a place for each.
type Plan struct {
	layers [][]planned
	caches []CacheLayer // of a sequence
	cross  []CacheLayer // of a sequence that an encoder has read
	reads  bool         // an Op reads Pass.Input

	released parallel.Free[Cache] // of NewCross
}

// planned is an Op of a layer.
type planned struct {
	Traits
	cache, cross int // its place in the caches; −1 is none
}

// NewPlan returns the plan for the Ops of each layer, including the Ops that they call. It returns an error
// that names the layer and the Op if the Op's Traits have an Err, or if an Op hides another Op with a cache.
func NewPlan(layers ...[]Op) (*Plan, error) {
	p := &Plan{}
	for i, ops := range layers {
		p.layers = append(p.layers, nil)
		for j, op := range ops {
			if err := p.add(op, nil); err != nil {
				return nil, fmt.Errorf("layer %d, operation %d: %w", i, j, err)
			}
		}
	}
	return p, nil
}

// add enters an Op and those it calls into the last layer. callers are those around it.
func (p *Plan) add(op Op, callers []Op) error {
	if op == nil {
		return errors.New("the Op is nil")
	}
	t := Describe(op)
	if t.Err != nil {
		return t.Err
	}
	layer := len(p.layers) - 1
	for _, c := range callers {
		if c == t.Of {
			return fmt.Errorf("%T calls itself", op)
		}
	}
	if p.find(layer, t.Of) != nil && !(t.Cache.none() && t.Cross.none()) {
		return fmt.Errorf("%T is called twice, but can have one cache: use two Ops", op)
	}
	at := planned{t, -1, -1}
	if err := p.place(&at); err != nil {
		return err
	}
	p.reads = p.reads || t.ReadsInput
	p.layers[layer] = append(p.layers[layer], at)
	for _, inner := range t.Inner {
		if err := p.add(inner, append(callers, t.Of)); err != nil {
			return fmt.Errorf("%w (in %T)", err, op)
		}
	}
	if d, ok := op.(Describer); ok && d.Traits().Of == t.Of {
		return nil // it knows what it holds
	}
	return p.checkHidden(op)
}

// place finds places in the caches.
func (p *Plan) place(at *planned) error {
	if shared := at.Shares; shared != nil {
		for layer := len(p.layers) - 1; layer >= 0; layer-- {
			if other := p.find(layer, shared); other != nil && other.cache >= 0 {
				at.cache, at.Cache = other.cache, other.Cache
				return nil
			}
		}
		return fmt.Errorf("%T shares the cache of a %T that comes in no earlier layer, or has none", at.Of, shared)
	}
	if err := errors.Join(at.Cache.check(), at.Cross.check()); err != nil {
		return fmt.Errorf("%T: %w", at.Of, err)
	}
	if !at.Cache.none() {
		at.cache = len(p.caches)
		p.caches = append(p.caches, at.Cache)
	}
	if !at.Cross.none() {
		if at.FillCross == nil {
			return fmt.Errorf("%T keeps something of an encoder's output, but has no FillCross", at.Of)
		}
		at.cross = len(p.cross)
		p.cross = append(p.cross, at.Cross)
	}
	return nil
}

// checkHidden returns an error if op, which does not describe itself, holds an Op with a cache that has no place in
// the last layer.
func (p *Plan) checkHidden(op Op) error {
	layer := len(p.layers) - 1
	for field, x := range fields.All(op) {
		inner, ok := x.(Describer)
		if !ok || p.find(layer, inner) != nil || Describe(op).Shares == Op(inner) {
			continue
		}
		if t := Describe(inner); !t.Cache.none() || !t.Cross.none() || t.Shares != nil {
			return fmt.Errorf("%T hides the cache of a %T in its field %s: give %T a method Traits that lists the field in Inner", op, inner, field, op)
		}
	}
	return nil
}

// find returns an Op of a layer, or nil.
func (p *Plan) find(layer int, op Op) *planned {
	if p == nil || op == nil || layer >= len(p.layers) {
		return nil
	}
	for i := range p.layers[layer] {
		if at := &p.layers[layer][i]; at.Of == op {
			return at
		}
	}
	return nil
}

// ReadsInput reports whether an Op of the plan reads [Pass].Input.
func (p *Plan) ReadsInput() bool { return p.reads }

// Caches describes what a sequence's cache holds, one entry for each place.
func (p *Plan) Caches() []CacheLayer { return append([]CacheLayer(nil), p.caches...) }

// Cross describes what is kept of an encoder's output, one entry for each place. It is empty for models
// without an encoder.
func (p *Plan) Cross() []CacheLayer { return append([]CacheLayer(nil), p.cross...) }

// NewCache returns an empty cache for one sequence of the model. It panics if dt is not a type that [Cache] describes.
func (p *Plan) NewCache(dt tensor.DType) *Cache {
	c := newCache(dt, p.caches)
	c.plan = p
	return c
}

// NewCross computes the keys and values that the layers need of an encoder's output x, [S, width of the
// encoder], in float32. Use the result as [Seq].Cross, for any number of sequences. It uses pass for scratch
// memory and ends the batch that was in it.
func (p *Plan) NewCross(pass *Pass, x tensor.Tensor) *Cache {
	c := p.released.Get()
	if c.plan == nil {
		*c = *newCache(tensor.F32, p.cross)
		c.plan = p
		c.mem.Next = c.mem.Grow / pagesAtOnce * int64((x.Rows()+flash.Block-1)/flash.Block) // it does not grow later
	}
	c.Reserve(x.Rows())
	pass.Begin(Seq{Rows: x.Rows(), Cache: c})
	pass.filling = true
	for i, layer := range p.layers {
		pass.layer = i
		for j := range layer {
			if at := &layer[j]; at.FillCross != nil {
				at.FillCross(pass, x)
			}
		}
	}
	pass.filling = false
	pass.End()
	return c
}

// ReleaseCross gives the memory of c, which NewCross has made, to the next one: new memory costs as much time as what is
// written to it. Nobody may use c or its forks any more. Whoever does not call it leaves c to the garbage collector.
func (p *Plan) ReleaseCross(c *Cache) {
	c.Truncate(0)
	p.released.Put(c, int(c.Bytes()))
}
