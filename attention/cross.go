package attention

import (
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Cross is attention of the tokens of one sequence to all of another, which an encoder has read: queries
// come from the one, keys and values from the other (Vaswani et al., 2017). Keys and values are computed
// once for each input, with [Cross.Remember], and kept in a [Cache] of their own, the memory: all
// sequences that continue from the input share it. Cross is read-only when it computes.
type Cross struct {
	Heads   int
	HeadDim int

	Layer int // the layer of the memory in which it keeps its keys and values

	Query nn.Linear // [H·D, Dim]
	KV    nn.Linear // keys and then values, [2·H·D, width of the encoder]
	Out   nn.Linear // [Dim, H·D]

	Scale float32 // 0 is 1/√D
}

// Memory describes what the layer keeps in a memory.
func (c *Cross) Memory() CacheLayer {
	return CacheLayer{KVHeads: c.Heads, KeyDim: c.HeadDim, ValueDim: c.HeadDim}
}

// Remember computes the keys and values of an encoder's output, x, [T, Dim], and puts them into the
// caches of the pass, which are the memories of later ones. [Pass.End] follows after all layers.
func (c *Cross) Remember(p *Pass, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	width := c.Heads * c.HeadDim
	kv := p.Scratch.New(x.Rows(), 2*width)
	c.KV.Forward(kv, x)
	row := 0
	for _, s := range p.Seqs {
		layer := &s.Cache.layers[c.Layer]
		layer.grow(s.Pos, s.Rows)
		for i := range s.Rows {
			r := kv.Row(row)
			layer.put(s.Pos+i, r[:width], r[width:])
			row++
		}
	}
	p.Scratch.Release(mark)
}

// Forward sets dst, [T, Dim], to the attention of the rows of x, [T, Dim], to the memory of their
// sequence.
func (c *Cross) Forward(p *Pass, dst, x tensor.Tensor) { c.ForwardAdd(p, dst, x, tensor.Tensor{}) }

// ForwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (c *Cross) ForwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	mark := p.Scratch.Mark()
	width := c.Heads * c.HeadDim
	queries, heads := p.Scratch.New(x.Rows(), width), p.Scratch.New(x.Rows(), width)
	c.Query.Forward(queries, x)
	w := newProblem(c.Heads, c.Heads, c.HeadDim, queries, heads, Options{Scale: c.Scale})
	row := 0
	for _, s := range p.Seqs {
		layer := &s.Memory.layers[c.Layer]
		if n := len(w.spans); n > 0 && p.Observe == nil && w.spans[n-1].kv.cache == layer {
			w.spans[n-1].rows += s.Rows // keys are read once for all that share them
		} else if s.Rows > 0 {
			w.spans = append(w.spans, span{row: row, rows: s.Rows, keys: s.Memory.Len(), kv: source{cache: layer}})
		}
		row += s.Rows
	}
	w.runSeen(p, Point{Stage: CrossWeights, Layer: c.Layer})
	c.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}
