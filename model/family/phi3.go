package family

import (
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// phi3 is Phi-3 (Abdin et al., "Phi-3 Technical Report", 2024; transformers: Phi3ForCausalLM): LLaMA with
// fused projections, a window if the config has one, and longrope for long contexts.
//
// When a text grows beyond the original length, transformers drops its cache and computes the whole text
// again with the factors for long texts. A session does the same.
func phi3(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		SlidingWindow *int `json:"sliding_window" hf:"length"`
		Original      int  `json:"original_max_position_embeddings" hf:"length"`
	}{LlamaConfig: LlamaDefaults(), Original: 4096}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.MaxPositionEmbeddings, cfg.RMSNormEps = 32064, 3072, 8192, 4096, 1e-5
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	rotary := c.Rope(phi3Rope(c), hf.Rope{Dim: m.HeadWidth, Theta: m.RopeTheta, Share: 1, MaxLen: m.MaxPositionEmbeddings, OriginalMaxLen: cfg.Original})
	d := m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a, f := l.At("self_attn"), l.At("mlp")
		return m.PreNorm(l, &attention.MultiHead{
			Heads: m.NumAttentionHeads, KVHeads: m.KVHeads, HeadDim: m.HeadWidth,
			QKV:    a.Linear("qkv_proj", m.HiddenSize, (m.NumAttentionHeads+2*m.KVHeads)*m.HeadWidth, false),
			Out:    a.Linear("o_proj", m.NumAttentionHeads*m.HeadWidth, m.HiddenSize, false),
			Rotary: rotary, Mask: causalWindow(cfg.SlidingWindow),
		}, &block.GLU{
			GateUp: f.Linear("gate_up_proj", m.HiddenSize, 2*m.IntermediateSize, false),
			Act:    m.HiddenAct,
			Down:   f.Linear("down_proj", m.IntermediateSize, m.HiddenSize, false),
		})
	})
	if rotary.Long != nil {
		d.LongFrom = rotary.OriginalMaxLen + 1
	}
	return d
}

// phi3Rope returns the parameters of the rotation. In Phi-3 the old names "su" and "yarn" mean longrope.
func phi3Rope(c *hf.Config) *hf.Config {
	p := c.RopeParameters()
	if slices.Contains([]string{"su", "yarn"}, p.RopeType()) {
		return p.With("rope_type", `"longrope"`)
	}
	return p
}
