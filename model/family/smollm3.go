package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type smolLM3Config struct {
	LlamaConfig
	UseSlidingWindow    bool  `json:"use_sliding_window"`
	SlidingWindow       *int  `json:"sliding_window" hf:"length"`
	NoRopeLayers        []int `json:"no_rope_layers"` // despite the name, 1 means that the layer rotates; null: see the interval
	NoRopeLayerInterval int   `json:"no_rope_layer_interval" hf:"layers"`
}

// rotates reports whether a layer rotates queries and keys.
func (cfg *smolLM3Config) rotates(layer int) bool {
	if cfg.NoRopeLayers != nil {
		return layer < len(cfg.NoRopeLayers) && cfg.NoRopeLayers[layer] != 0
	}
	return (layer+1)%cfg.NoRopeLayerInterval != 0
}

// smollm3 is LLaMA without a rotation in every fourth layer (Hugging Face, "SmolLM3", 2025; transformers:
// SmolLM3ForCausalLM). If layer_types is present, use_sliding_window is ignored.
func smollm3(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := smolLM3Config{LlamaConfig: LlamaDefaults(), NoRopeLayerInterval: 4}
	cfg.VocabSize, cfg.HiddenSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads, cfg.NumKeyValueHeads = 128256, 2048, 36, 16, new(4)
	cfg.MaxPositionEmbeddings, cfg.RopeTheta, cfg.TieWordEmbeddings = 32768, 2000000, true
	c.Read(&cfg)
	if n := len(cfg.NoRopeLayers); cfg.NoRopeLayers != nil && n < cfg.NumHiddenLayers {
		c.Fail("no_rope_layers has %d entries for %d layers", n, cfg.NumHiddenLayers)
	}
	m := NewLlama(c, cfg.LlamaConfig)
	m.RotateAll()
	rotary := m.Rotary
	m.Rotary = func(i int) *attention.RoPE {
		if !cfg.rotates(i) {
			return nil
		}
		return rotary(i)
	}
	m.Windows(cfg.SlidingWindow, c.LayerTypes(m.NumHiddenLayers, func(i int) string {
		if cfg.UseSlidingWindow && cfg.SlidingWindow != nil && !cfg.rotates(i) {
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention))
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
	})
}
