package block

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Convolution is Act(b + Σ Wₖ·x) over a window of tokens of what entered the first block; beyond the
// ends of a sequence are zeros. DeBERTa v2 has one in its first block.
type Convolution struct {
	Kernel int       // tokens of the window, the output's own in the middle
	Linear nn.Linear // [Out, Kernel·Dim]: the weights of the window's tokens side by side
	Act    nn.Activation
}

// Traits implements [attention.Describer].
func (c *Convolution) Traits() attention.Traits {
	return attention.Traits{Of: c, Out: c.Linear.Out(), ReadsInput: true}
}

// Forward implements [attention.Op]. It reads the input of the pass, not x.
func (c *Convolution) Forward(p *attention.Pass, dst, _ tensor.Tensor) {
	mark := p.Scratch.Mark()
	in := p.Input
	dim := in.Shape.Last()
	windows := p.Scratch.New(in.Rows(), c.Kernel*dim)
	clear(windows.Data)
	row := 0
	for _, s := range p.Seqs {
		for i := range s.Rows {
			for k := range c.Kernel {
				if j := i + k - (c.Kernel-1)/2; j >= 0 && j < s.Rows {
					copy(windows.Row(row + i)[k*dim:], in.Row(row+j))
				}
			}
		}
		row += s.Rows
	}
	c.Linear.Forward(dst, windows)
	c.Act.Forward(dst, dst)
	p.Scratch.Release(mark)
}
