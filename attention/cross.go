package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// CrossAttention lets the tokens of one sequence attend to the output of an encoder (Vaswani et al., 2017).
// Queries come from the sequence, keys and values from the encoder's output. [Plan.NewCross] computes keys
// and values once for each encoder output; all sequences that decode from it share them.
//
// Forward does not change the CrossAttention: any number of passes may use it at once.
type CrossAttention struct {
	Heads   int
	HeadDim int

	Query nn.Linear // [H·D, Dim]
	KV    nn.Linear // keys, then values: [2·H·D, width of the encoder]
	Out   nn.Linear // [Dim, H·D]

	Scale float32 // multiplies the scores; 0 means 1/√D
}

// Traits implements [Describer].
func (c *CrossAttention) Traits() Traits {
	return Traits{
		Of: c, Err: c.check(), In: c.Query.In(), Out: c.Out.Out(),
		Cross:     CacheLayer{KVHeads: c.Heads, KeyDim: c.HeadDim, ValueDim: c.HeadDim},
		FillCross: c.fill, ForwardAdd: c.forwardAdd, Work: c.work,
	}
}

func (c *CrossAttention) check() error {
	if c.Heads < 1 || c.HeadDim < 1 {
		return fmt.Errorf("attention: CrossAttention has %d heads of %d; both must be positive", c.Heads, c.HeadDim)
	}
	width := c.Heads * c.HeadDim
	if err := checkLinear("CrossAttention.Query", c.Query, width, 0); err != nil {
		return err
	}
	if err := checkLinear("CrossAttention.KV", c.KV, 2*width, 0); err != nil {
		return err
	}
	return checkLinear("CrossAttention.Out", c.Out, c.Query.In(), width)
}

// fill computes the keys and values of an encoder's output, x, [S, width of the encoder].
func (c *CrossAttention) fill(p *Pass, x tensor.Tensor) {
	must(c.check())
	mark := p.Scratch.Mark()
	width := c.Heads * c.HeadDim
	kv := p.Scratch.New(x.Rows(), 2*width)
	c.KV.Forward(kv, x)
	p.append(c, kv.Data, 2*width, kv.Data[width:], 2*width)
	p.Scratch.Release(mark)
}

// Forward sets dst, [T, Dim], from x, [T, Dim]: each row attends to the encoder output of its own sequence,
// [Seq].Cross. dst must not overlap x.
func (c *CrossAttention) Forward(p *Pass, dst, x tensor.Tensor) {
	c.forwardAdd(p, dst, x, tensor.Tensor{})
}

// forwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (c *CrossAttention) forwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	must(c.check())
	alias.Disjoint("attention: CrossAttention", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	width := c.Heads * c.HeadDim
	queries, heads := p.Scratch.New(x.Rows(), width), p.Scratch.New(x.Rows(), width)
	c.Query.Forward(queries, x)
	w := newJob(c.Heads, c.Heads, c.HeadDim, c.HeadDim, queries, heads, Options{Scale: c.Scale})
	row := 0
	for i, s := range p.Seqs {
		if s.Rows == 0 {
			continue
		}
		kept := p.crossOf(c, i)
		if n := len(w.segments); n > 0 && p.Observer == nil && w.segments[n-1].kv.cache == kept {
			w.segments[n-1].rows += s.Rows // keys are read once for all that share them
		} else {
			w.segments = append(w.segments, segment{row: row, rows: s.Rows, keys: s.Cross.Len(), kv: keyValues{cache: kept}})
		}
		row += s.Rows
	}
	w.runObserved(p, StageCrossWeights)
	c.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}
