package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// granite is LLaMA with four multipliers (IBM, "Granite 3.0", 2024; transformers: GraniteForCausalLM).
func granite(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		EmbeddingMultiplier float64 `json:"embedding_multiplier" hf:"positive"`
		AttentionMultiplier float64 `json:"attention_multiplier" hf:"positive"`
		ResidualMultiplier  float64 `json:"residual_multiplier" hf:"positive"`
		LogitsScaling       float64 `json:"logits_scaling" hf:"positive"`
	}{LlamaDefaults(), 1, 1, 1, 1}
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.RotateAll()
	d := m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		a.Scale = float32(cfg.AttentionMultiplier) // replaces 1/√d; its default is 1
		b := m.PreNorm(l, a, m.GLU(l))
		for j := range b {
			b[j].Scale = float32(cfg.ResidualMultiplier) // of what a sublayer adds
		}
		return b
	})
	d.Embeddings.Scale = float32(cfg.EmbeddingMultiplier)
	d.LogitScale = float32(1 / cfg.LogitsScaling) // logits_scaling divides
	return d
}
