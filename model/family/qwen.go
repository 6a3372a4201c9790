package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type qwenConfig struct {
	LlamaConfig
	UseSlidingWindow bool `json:"use_sliding_window"`
	SlidingWindow    *int `json:"sliding_window" hf:"length"`
	MaxWindowLayers  int  `json:"max_window_layers" hf:"layers0"`
}

func qwenDefaults() qwenConfig {
	cfg := qwenConfig{LlamaConfig: LlamaDefaults(), SlidingWindow: new(4096), MaxWindowLayers: 28}
	cfg.VocabSize, cfg.IntermediateSize, cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings = 151936, 22016, new(32), 32768
	return cfg
}

// qwenWindows gives the layers from max_window_layers on a sliding window, if use_sliding_window is true.
func qwenWindows(c *hf.Config, m *Llama, cfg *qwenConfig) {
	if !cfg.UseSlidingWindow {
		cfg.SlidingWindow = nil
	}
	m.Windows(cfg.SlidingWindow, c.LayerTypes(m.NumHiddenLayers, func(i int) string {
		if cfg.SlidingWindow != nil && i >= cfg.MaxWindowLayers {
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention))
}

// qwen2 is Qwen 2 (Yang et al., "Qwen2 Technical Report", 2024; transformers: Qwen2ForCausalLM).
func qwen2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := qwenDefaults()
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias, m.MLPBias = true, false, false // unlike LLaMA: the config's keys are ignored
	m.RotateAll()
	qwenWindows(c, m, &cfg)
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
	})
}

// qwen3 is Qwen 3 (Yang et al., "Qwen3 Technical Report", 2025; transformers: Qwen3ForCausalLM).
func qwen3(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := qwenDefaults()
	cfg.HeadDim = new(128)
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.MLPBias = false
	m.RotateAll()
	qwenWindows(c, m, &cfg)
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.HeadNorms(a, l) // unlike OLMo 2: over each head alone, with the same weights for all heads
		return m.PreNorm(l, a, m.GLU(l))
	})
}
