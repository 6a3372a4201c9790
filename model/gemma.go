package model

import (
	"math"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const gemmaDefaults = `{"vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
	"num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
	"max_position_embeddings": 8192, "tie_word_embeddings": true}`

const gemma2Defaults = `{"hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
	"num_key_value_heads": 4, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256, "sliding_window": 4096,
	"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}`

const gemma3Defaults = `{"vocab_size": 262208, "max_position_embeddings": 131072, "sliding_window_pattern": 6,
	"attn_logit_softcapping": null, "final_logit_softcapping": null}`

// readGemma reads what the three generations have in common: embeddings times √Dim, norms by one plus
// their weight.
func readGemma(c config) *llama {
	m := readLlama(c)
	m.MLPBias, m.NormPlus = false, 1
	m.EmbedScale = float32(math.Sqrt(float64(m.Dim)))
	c.refuse("use_bidirectional_attention", "false")
	return m
}

// readGemma2 reads what the second generation added.
func readGemma2(c config) *llama {
	m := readGemma(c)
	m.Act = c.activation("hidden_activation")
	scalar := c.float("query_pre_attn_scalar", 256)
	if !(scalar > 0) {
		c.fail("query_pre_attn_scalar is %v; a positive number is needed", scalar)
	}
	m.Scale = float32(1 / math.Sqrt(scalar))
	m.SoftCap, m.FinalCap = c.softCap("attn_logit_softcapping"), c.softCap("final_logit_softcapping")
	return m
}

// softCap reads a limit that may be null.
func (c config) softCap(key string) float32 {
	v := c.float(key, 0)
	if c.has(key) && !(v > 0) {
		c.fail("%s is %v; a positive number or null is needed", key, v)
	}
	return float32(v)
}

// buildGemma is the first Gemma (Gemma Team, 2024; transformers: GemmaForCausalLM).
func buildGemma(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(gemmaDefaults).defaults(llamaDefaults)
	if c.string("hidden_act", "") == "gelu" {
		c.keys["hidden_act"] = []byte(`"gelu_pytorch_tanh"`) // what early configs meant
	}
	m := readGemma(c)
	m.sameRope(c)
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		return m.preNorm(l, m.attention(i, l), m.glu(l))
	})
}

// buildGemma2 has norms before and after each sublayer, soft-caps on scores and logits, and a window on
// every other layer (Gemma Team, "Gemma 2", 2024; transformers: Gemma2ForCausalLM).
func buildGemma2(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(gemma2Defaults).defaults(gemmaDefaults).defaults(llamaDefaults)
	m := readGemma2(c)
	m.sameRope(c)
	m.windowed(c, c.layerTypes(m.Layers, func(i int) string {
		if i%2 == 0 {
			return slidingAttention
		}
		return fullAttention
	}))
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		return m.sandwich(l, m.attention(i, l), m.glu(l))
	})
}

// buildGemma3 has norms of query and key heads instead of a soft-cap on scores, and for its many local
// layers a RoPE with a base of its own (Gemma Team, "Gemma 3", 2025; transformers:
// Gemma3ForCausalLM).
func buildGemma3(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(gemma3Defaults).defaults(gemma2Defaults).defaults(gemmaDefaults).defaults(llamaDefaults)
	m := readGemma2(c)
	m.SoftCap = 0 // the key is there, but the reference does not apply it
	pattern := c.size("sliding_window_pattern", maxLayers)
	types := c.layerTypes(m.Layers, func(i int) string {
		if (i+1)%pattern != 0 {
			return slidingAttention
		}
		return fullAttention
	})
	m.windowed(c, types)
	global, local := c.gemma3RoPE()
	full := c.rope(global, m.HeadDim, c.float("rope_theta", 1e6), false)
	sliding := c.rope(local, m.HeadDim, c.float("rope_local_base_freq", 1e4), false)
	m.rotary = func(i int) *attention.RoPE {
		if types[i] == slidingAttention {
			return sliding
		}
		return full
	}
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.attention(i, l)
		m.headNorms(a, l)
		return m.sandwich(l, a, m.glu(l))
	})
}

// gemma3RoPE returns the parameters of global and local layers. Older configs have only a rope_scaling,
// which is for the global ones; its type counts under the key rope_type alone.
func (c config) gemma3RoPE() (global, local config) {
	p := c.object("rope_parameters")
	global, local = p.object(fullAttention), p.object(slidingAttention)
	if c.has("rope_scaling") {
		global = c.object("rope_scaling")
		delete(global.keys, "type")
	}
	return global, local
}
