package model

import (
	"encoding/json"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const phi3Defaults = `{"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 4096,
	"original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "sliding_window": null}`

// buildPhi3 is LLaMA with its projections stored fused, a window if the config has one, and for long
// contexts longrope (Abdin et al., "Phi-3 Technical Report", 2024; transformers: Phi3ForCausalLM).
//
// When a text grows beyond the original length, the reference drops its cache and computes the whole
// text anew with the factors for long ones. So does a [Session].
func buildPhi3(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(phi3Defaults).defaults(llamaDefaults)
	m := readLlama(c)
	rotary := c.rope(c.phi3RoPE(), m.HeadDim, c.float("rope_theta", 10000), true)
	window := c.window()
	d := m.decoder(w, func(i int, l nn.Loader) block.Block {
		qkv, gateUp := l.At("self_attn"), l.At("mlp")
		return m.preNorm(l, &attention.MultiHead{
			Heads: m.Heads, KVHeads: m.KVHeads, HeadDim: m.HeadDim,
			QKV:    qkv.Linear("qkv_proj", m.Dim, (m.Heads+2*m.KVHeads)*m.HeadDim, false),
			Out:    qkv.Linear("o_proj", m.Heads*m.HeadDim, m.Dim, false),
			Rotary: rotary, Mask: window,
		}, &block.GLU{
			GateUp: gateUp.Linear("gate_up_proj", m.Dim, 2*m.Inner, false),
			Act:    m.Act,
			Down:   gateUp.Linear("down_proj", m.Inner, m.Dim, false),
		})
	})
	if rotary.Long != nil {
		d.LongFrom = rotary.Original + 1
	}
	return d
}

// phi3RoPE returns the rotation's parameters under the name that longrope has today.
func (c config) phi3RoPE() config {
	p := c.ropeParameters()
	kind := p.string("rope_type", p.string("type", "default"))
	if slices.Contains([]string{"su", "yarn"}, kind) {
		keys := map[string]json.RawMessage{"rope_type": []byte(`"longrope"`)}
		for k, v := range p.keys {
			if k != "rope_type" {
				keys[k] = v
			}
		}
		p.keys = keys
	}
	return p
}
