package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// olmoe is OLMoE (Muennighoff et al., "OLMoE: Open Mixture-of-Experts Language Models", 2024; transformers:
// OlmoeForCausalLM): LLaMA's layer with OLMo 2's norms of queries and keys, and experts.
func olmoe(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_experts", "num_local_experts")
	cfg := struct {
		LlamaConfig
		ClipQKV          *float64 `json:"clip_qkv" hf:"positive"`
		NumExperts       int      `json:"num_experts" hf:"experts"`
		NumExpertsPerTok int      `json:"num_experts_per_tok" hf:"experts"`
		NormTopKProb     bool     `json:"norm_topk_prob"`
	}{LlamaConfig: olmoDefaults(), NumExperts: 64, NumExpertsPerTok: 8}
	cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 2048, 2048, 16, 16
	cfg.MaxPositionEmbeddings = 4096
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	m.RotateAll()
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.AllHeadNorms(a, l)
		if cfg.ClipQKV != nil {
			a.Clip = float32(*cfg.ClipQKV)
		}
		f := l.At("mlp")
		return m.PreNorm(l, a, &moe.Layer{
			Router: &moe.TopK{
				Gate: f.Float32("gate", m.HiddenSize, cfg.NumExperts, false), Active: cfg.NumExpertsPerTok,
				Score: moe.Softmax, Renormalise: cfg.NormTopKProb,
			},
			Experts: f.Experts("experts", cfg.NumExperts, m.HiddenSize, m.IntermediateSize, "gate_proj", "up_proj", "down_proj"),
			Act:     m.HiddenAct,
		})
	})
}
