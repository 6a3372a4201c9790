package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func olmoDefaults() LlamaConfig {
	cfg := LlamaDefaults()
	cfg.VocabSize, cfg.RMSNormEps = 50304, 1e-5
	return cfg
}

// olmoDecoder assembles the layers of OLMo 2.
func olmoDecoder(m *Llama, w nn.Loader) *arch.Decoder {
	m.MLPBias = false
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.AllHeadNorms(a, l) // unlike Qwen 3
		return block.Block{  // unlike LLaMA: norms after each sublayer only
			{Op: a, Post: m.Norm(l, "post_attention_layernorm", m.HiddenSize)},
			{Op: m.GLU(l), Post: m.Norm(l, "post_feedforward_layernorm", m.HiddenSize)},
		}
	})
}

// olmo2 is OLMo 2 (OLMo Team, "2 OLMo 2 Furious", 2024; transformers: Olmo2ForCausalLM).
func olmo2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := olmoDefaults()
	c.Read(&cfg)
	m := NewLlama(c, cfg)
	m.RotateAll()
	return olmoDecoder(m, w)
}

// olmo3 is OLMo 2 with a window on three layers of four (OLMo Team, "Olmo 3", 2025; transformers:
// Olmo3ForCausalLM). Only full layers have a scaled rotation. A rope_theta outside rope_parameters also holds
// for full layers only; layers with a window keep 500000.
func olmo3(c *hf.Config, w nn.Loader) *arch.Decoder {
	const theta = 500000
	cfg := struct {
		LlamaConfig
		SlidingWindow int `json:"sliding_window" hf:"length"`
	}{olmoDefaults(), 4096}
	cfg.RopeTheta = theta
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	types := everyNthFull(c, m.NumHiddenLayers, 4)
	m.RotateByType(types, cfg.RopeTheta, theta)
	m.Windows(&cfg.SlidingWindow, types)
	return olmoDecoder(m, w)
}

// everyNthFull returns layer_types, or else sliding layers with every n-th full.
func everyNthFull(c *hf.Config, layers, n int) []string {
	return c.LayerTypes(layers, func(i int) string {
		if (i+1)%n == 0 {
			return hf.FullAttention
		}
		return hf.SlidingAttention
	}, hf.FullAttention, hf.SlidingAttention)
}
