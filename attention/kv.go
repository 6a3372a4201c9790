package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// Attend lets the queries q, [T, H, Dk], attend to the keys of their own sequences and sets dst, [T, H, Dv].
// It first appends the keys k, [T, Hkv, Dk], and values v, [T, Hkv, Dv], of this pass to op's cache; pass
// empty k and v if op shares the cache of another Op, and an empty v if the values are in the keys. Shapes
// may be joined: [T, H·Dk] is fine.
//
// The mask and the widths come from op's [Traits]. Only Scale, SoftCap, Bias and Sinks of the options may be set.
//
// Attend panics if other options are set, if shapes do not fit, if dst overlaps q, k or v, or if the plan of
// the pass does not know op.
func (p *Pass) Attend(op Op, dst, q, k, v tensor.Tensor, o Options) {
	l := p.keeps(op)
	if o.Pos != 0 || o.Keep != nil || o.Add.Data != nil || o.Weights != nil || o.Mask != (Mask{}) && o.Mask != l.Mask {
		panic(fmt.Sprintf("attention: Attend of %T takes Scale, SoftCap, Bias and Sinks alone; the mask is that of its Traits", op))
	}
	apart("attention: Attend", "dst", dst, q, k, v, tensor.Tensor{})
	if k.Data != nil || v.Data != nil {
		p.Append(op, k, v)
	}
	t, width := p.Rows(), q.Shape.Len()/max(p.Rows(), 1)
	heads := width / l.KeyDim
	if t == 0 {
		return
	}
	if q.Shape.Len() != t*heads*l.KeyDim || heads%l.KVHeads != 0 || dst.Shape.Len() != t*heads*l.ValueDim {
		panic(fmt.Sprintf("attention: Attend of %T: dst %v and q %v do not fit %d rows with %d key heads, keys of %d and values of %d",
			op, dst.Shape, q.Shape, t, l.KVHeads, l.KeyDim, l.ValueDim))
	}
	if o.Sinks != nil && len(o.Sinks) != heads {
		panic(fmt.Sprintf("attention: Attend of %T has %d sinks for %d heads", op, len(o.Sinks), heads))
	}
	o.Mask = l.Mask
	w := newJob(heads, l.KVHeads, l.KeyDim, l.ValueDim, q.Reshape(t, width), dst.Reshape(t, heads*l.ValueDim), o)
	row := 0
	for i, s := range p.Seqs {
		sp := segment{row: row, rows: s.Rows, pos: s.Pos, keys: s.Pos + s.Rows}
		if s.Cache != nil {
			sp.kv.cache = p.kept(op, i)
		} else {
			if k.Data == nil {
				panic(fmt.Sprintf("attention: Attend of %T without k and v: sequence %d has no cache to share", op, i))
			}
			ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
			sp.pos, sp.keys = 0, s.Rows
			sp.kv = keyValues{k: k.Data[row*ldk:], ldk: ldk, headK: l.KeyDim, ldv: ldv, headV: l.ValueDim}
			if l.ValuesInKeys {
				sp.kv.v, sp.kv.ldv, sp.kv.headV = sp.kv.k, ldk, l.KeyDim
			} else {
				sp.kv.v = v.Data[row*ldv:]
			}
		}
		if s.Rows > 0 {
			w.segments = append(w.segments, sp)
		}
		row += s.Rows
	}
	w.runObserved(p, StageWeights)
}

// Append caches keys, [T, Hkv, Dk], and values, [T, Hkv, Dv], for the rows of the pass, or, in FillCross, for
// the rows of an encoder's output. Nothing is kept for sequences without a cache. It panics if shapes do not
// fit or the plan of the pass does not know op. v is empty if the values are in the keys.
func (p *Pass) Append(op Op, k, v tensor.Tensor) {
	l := p.keeps(op)
	ldk, ldv := l.KVHeads*l.KeyDim, l.KVHeads*l.ownValues()
	if t := p.Rows(); k.Shape.Len() != t*ldk || len(v.Data) != t*ldv {
		panic(fmt.Sprintf("attention: Append of %T: k %v and v %v do not fit %d rows; its Traits describe %d heads with keys of %d and values of %d",
			op, k.Shape, v.Shape, t, l.KVHeads, l.KeyDim, l.ValueDim))
	}
	p.append(op, k.Data, ldk, v.Data, ldv)
}

// append is Append for rows that lie ldk and ldv apart.
func (p *Pass) append(op Op, k []float32, ldk int, v []float32, ldv int) {
	row := 0
	for i, s := range p.Seqs {
		if s.Cache != nil && s.Rows > 0 {
			c := p.kept(op, i)
			c.grow(s.Pos, s.Rows)
			if s.Rows >= flash.Block {
				c.putRows(s.Pos, s.Rows, k[row*ldk:], ldk, v[row*ldv:], ldv)
			} else {
				for r := row; r < row+s.Rows; r++ {
					c.put(s.Pos+r-row, k[r*ldk:], v[r*ldv:])
				}
			}
		}
		row += s.Rows
	}
}

// Cached returns copies of the keys, [n, Hkv, Dk], and values, [n, Hkv, Dv], that op has cached for sequence
// i of the pass: the n = last−first tokens at positions first to last−1. Tokens of this pass count once they
// are appended. Cached panics for positions that are not there or that a window has dropped, and if the plan
// of the pass does not know op.
func (p *Pass) Cached(op Op, i, first, last int) (k, v tensor.Tensor) {
	s := p.Seqs[i]
	if s.Cache == nil || first < 0 || last < first || last > s.Pos+s.Rows {
		panic(fmt.Sprintf("attention: Cached: positions %d to %d of sequence %d are out of range; it has %d tokens", first, last, i, s.Pos+s.Rows))
	}
	return p.kept(op, i).read(first, last)
}

// State returns op's state for sequence i of the pass. before is the state before the rows of this pass:
// zeros at the start of a sequence. op must fill after with the state after these rows; it has the same
// length, and its values are arbitrary at first. [Pass.End] makes after the new state; if a pass stops before
// End, before stays. State panics if the plan of the pass does not know op.
func (p *Pass) State(op Op, i int) (before, after []float32) {
	n := p.keeps(op).State
	if p.Seqs[i].Cache == nil {
		b := p.Scratch.Floats(2 * n)
		clear(b)
		return b[:n:n], b[n:]
	}
	s := &p.kept(op, i).state
	return s.before, s.after
}

// Rotate rotates the heads in x, [T, H, D], by the positions of the rows of the pass, in place. It panics if
// x has another rank or number of rows.
func (p *Pass) Rotate(r *RoPE, x tensor.Tensor) {
	t, heads := p.rotation(r), x.Shape[1]
	if x.Shape.Rank() != 3 || x.Shape[0] != p.Rows() {
		panic(fmt.Sprintf("attention: Rotate: x is %v in a pass of %d rows, want [T, H, D]", x.Shape, p.Rows()))
	}
	for i := range x.Rows() {
		cos, sin := t.row(i / heads)
		r.rotate(x.Row(i), cos, sin)
	}
}

// keeps returns what an Op of the present layer keeps: of an encoder's output, where that is being filled in.
func (p *Pass) keeps(op Op) CacheLayer {
	t := p.Traits(op)
	if p.filling {
		return t.Cross
	}
	return t.Cache
}

// crossOf returns what op keeps of the encoder's output that belongs to sequence i of the pass.
func (p *Pass) crossOf(op Op, i int) *layerCache {
	c := p.Seqs[i].Cross
	if c == nil {
		panic(fmt.Sprintf("attention: %T attends to an encoder's output, and sequence %d has none: see Seq.Cross", op, i))
	}
	at := c.plan.find(p.layer, op)
	if at == nil || at.cross < 0 {
		panic(fmt.Sprintf("attention: a %T has no place in Seq.Cross in layer %d: make Seq.Cross with NewCross of the model's plan", op, p.layer))
	}
	return &c.layers[at.cross]
}

// kept returns where op keeps what it keeps of sequence i of the pass, which has a cache.
func (p *Pass) kept(op Op, i int) *layerCache {
	at := p.Plan.find(p.layer, op)
	if at == nil {
		panic(fmt.Sprintf("attention: a %T has no place in the caches of layer %d: an Op that calls another names it in Traits.Inner, and caches come from Plan.NewCache", op, p.layer))
	}
	place := at.cache
	if p.filling {
		place = at.cross
	}
	if place < 0 {
		panic(fmt.Sprintf("attention: the Traits of %T describe no cache", op))
	}
	return &p.Seqs[i].Cache.layers[place]
}
