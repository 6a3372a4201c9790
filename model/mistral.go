package model

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const mistralDefaults = `{"intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096}`

// buildMistral is LLaMA with a sliding window on every layer (Jiang et al., "Mistral 7B", 2023;
// transformers: MistralForCausalLM).
func buildMistral(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(mistralDefaults).defaults(llamaDefaults)
	m := readLlama(c)
	m.QKVBias, m.OutBias, m.MLPBias = false, false, false
	m.sameRope(c)
	window := c.window()
	m.mask = func(int) attention.Mask { return window }
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		return m.preNorm(l, m.attention(i, l), m.glu(l))
	})
}
