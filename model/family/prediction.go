package family

import (
	"strings"

	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// prediction returns the layer that predicts a token more, the first of n that are stored in body after the last
// layer. It returns nil, and leaves the tensors of all n out, if the config has no wish for it. layer returns its
// block.
func (m *Llama) prediction(c *hf.Config, body nn.Loader, n int, layer func(l nn.Loader) block.Block) *arch.Prediction {
	var p *arch.Prediction
	if c.Predicts() {
		if n != 1 {
			c.Fail("num_nextn_predict_layers is %d; to predict a token more, one such layer is needed", n)
			return nil
		}
		l := body.At("layers.%d", m.NumHiddenLayers)
		p = &arch.Prediction{
			Layer:      m.NumHiddenLayers,
			TokenNorm:  m.Norm(l, "enorm", m.HiddenSize),
			HiddenNorm: m.Norm(l, "hnorm", m.HiddenSize),
			Project:    l.Linear("eh_proj", 2*m.HiddenSize, m.HiddenSize, false),
			Block:      layer(l),
			Norm:       m.Norm(l, "shared_head.norm", m.HiddenSize),
		}
		// Table and head are the trunk's, of which checkpoints have a copy here.
		own := l.Prefix()
		body.Ignore(func(name string) bool {
			return name == own+"embed_tokens.weight" || name == own+"shared_head.head.weight"
		})
		return p
	}
	for i := range n {
		own := body.At("layers.%d", m.NumHiddenLayers+i).Prefix()
		body.Ignore(func(name string) bool { return strings.HasPrefix(name, own) })
	}
	return nil
}
