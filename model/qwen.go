package model

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const qwenDefaults = `{"vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32,
	"max_position_embeddings": 32768, "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28}`

// qwenWindows gives the layers from max_window_layers on the sliding window, if it is in use.
func (m *llama) qwenWindows(c config) {
	types := c.layerTypes(m.Layers, func(i int) string {
		if c.bool("use_sliding_window", false) && c.has("sliding_window") && i >= c.int("max_window_layers", 28, 0, maxLayers) {
			return slidingAttention
		}
		return fullAttention
	})
	if !c.bool("use_sliding_window", false) {
		c.keys["sliding_window"] = []byte("null")
	}
	m.windowed(c, types)
}

// buildQwen2 is LLaMA with biases on queries, keys and values (Yang et al., "Qwen2 Technical Report",
// 2024; transformers: Qwen2ForCausalLM).
func buildQwen2(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(qwenDefaults).defaults(llamaDefaults)
	m := readLlama(c)
	m.QKVBias, m.OutBias, m.MLPBias = true, false, false
	m.sameRope(c)
	m.qwenWindows(c)
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		return m.preNorm(l, m.attention(i, l), m.glu(l))
	})
}

// buildQwen3 is LLaMA with a norm on each head's queries and keys (Yang et al., "Qwen3 Technical
// Report", 2025; transformers: Qwen3ForCausalLM).
func buildQwen3(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(`{"head_dim": 128}`).defaults(qwenDefaults).defaults(llamaDefaults)
	m := readLlama(c)
	m.MLPBias = false
	m.sameRope(c)
	m.qwenWindows(c)
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.attention(i, l)
		m.headNorms(a, l)
		return m.preNorm(l, a, m.glu(l))
	})
}
