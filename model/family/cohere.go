package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type cohereConfig struct {
	LlamaConfig
	LayerNormEps         float64 `json:"layer_norm_eps" hf:"epsilon"`
	LogitScale           float64 `json:"logit_scale" hf:"positive"`
	UseQKNorm            bool    `json:"use_qk_norm"`
	SlidingWindow        int     `json:"sliding_window" hf:"length"`
	SlidingWindowPattern int     `json:"sliding_window_pattern" hf:"layers"`
}

func cohereDefaults() cohereConfig {
	cfg := cohereConfig{LlamaConfig: LlamaDefaults(), LayerNormEps: 1e-5, LogitScale: 0.0625, SlidingWindow: 4096, SlidingWindowPattern: 4}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 256000, 8192, 22528, 40, 64
	cfg.MaxPositionEmbeddings, cfg.TieWordEmbeddings = 8192, true
	return cfg
}

// newCohere returns the builder for a config that has been read.
func newCohere(c *hf.Config, cfg *cohereConfig) *Llama {
	m := NewLlama(c, cfg.LlamaConfig)
	m.MLPBias = false
	m.Norm = func(w nn.Loader, name string, dim int) nn.Norm {
		return &nn.LayerNorm{Weight: w.Vector(name+".weight", dim), Eps: float32(cfg.LayerNormEps)} // LayerNorm, but without bias
	}
	m.RotateAll()
	m.Rotary(0).Interleaved = true // unlike LLaMA; all layers share this rotation
	return m
}

// decoder assembles a model whose sublayers run side by side behind one norm.
func (cfg *cohereConfig) decoder(m *Llama, w nn.Loader) *arch.Decoder {
	d := m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		if cfg.UseQKNorm {
			a.QNorm = cfg.headNorms(l, "self_attn.q_norm", m.NumAttentionHeads, m.HeadWidth)
			a.KNorm = cfg.headNorms(l, "self_attn.k_norm", m.KVHeads, m.HeadWidth)
		}
		return sideBySide(m.Norm(l, "input_layernorm", m.HiddenSize), a, m.GLU(l))
	})
	d.LogitScale = float32(cfg.LogitScale) // multiplies; Granite's logits_scaling divides
	return d
}

// headNorms returns norms with separate weights for each head: name.weight, [heads, dim].
func (cfg *cohereConfig) headNorms(w nn.Loader, name string, heads, dim int) nn.Norm {
	weights := w.Vector(name+".weight", heads, dim)
	if weights == nil {
		return nil // the loader has said why
	}
	norms := make(nn.PerRow, heads)
	for i := range norms {
		norms[i] = &nn.LayerNorm{Weight: weights[i*dim:][:dim], Eps: float32(cfg.LayerNormEps)}
	}
	return norms
}

// cohere is Command R and R+ (Cohere, 2024; transformers: CohereForCausalLM). R+ has norms of queries and
// keys, with separate weights for each head.
func cohere(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := cohereDefaults()
	cfg.RopeTheta = 500000
	c.Read(&cfg)
	return cfg.decoder(newCohere(c, &cfg), w)
}

// cohere2 is Command R7B and A (Cohere, "Command A", 2025; transformers: Cohere2ForCausalLM): three layers of
// four have a window and a rotation; the fourth has neither.
func cohere2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := cohereDefaults()
	c.Read(&cfg)
	cfg.UseQKNorm = false
	m := newCohere(c, &cfg)
	types := everyNthFull(c, m.NumHiddenLayers, cfg.SlidingWindowPattern)
	m.Windows(&cfg.SlidingWindow, types)
	rotary := m.Rotary
	m.Rotary = func(i int) *attention.RoPE {
		if types[i] == hf.FullAttention {
			return nil
		}
		return rotary(i)
	}
	return cfg.decoder(m, w)
}
