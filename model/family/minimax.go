package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// minimaxm2 is MiniMax M2 (MiniMax, 2025; transformers: MiniMaxM2ForCausalLM): Mixtral's names, OLMo 2's norms of
// queries and keys, and a router like DeepSeek V3's. Of each head, the first rotary_dim values rotate.
func minimaxm2(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_local_experts", "num_experts")
	cfg := struct {
		LlamaConfig
		NumLocalExperts  int  `json:"num_local_experts" hf:"experts"`
		NumExpertsPerTok int  `json:"num_experts_per_tok" hf:"experts"`
		RotaryDim        *int `json:"rotary_dim" hf:"width"` // nil: see partial_rotary_factor
	}{LlamaConfig: LlamaDefaults(), NumLocalExperts: 256, NumExpertsPerTok: 8}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 200064, 3072, 1536, 62
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HeadDim, cfg.MaxPositionEmbeddings, cfg.RopeTheta = 48, new(8), new(128), 196608, 5e6
	c.Refuse("scoring_func", `"sigmoid"`)
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias = false, false // the config's key is ignored
	share := 1.0
	if cfg.RotaryDim != nil {
		share = float64(*cfg.RotaryDim) / float64(m.HeadWidth)
	}
	m.RotateShare(share)
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.AllHeadNorms(a, l)
		f := l.At("block_sparse_moe")
		return m.PreNorm(l, a, &moe.Layer{
			Router: &moe.TopK{
				Gate: f.Float32("gate", m.HiddenSize, cfg.NumLocalExperts, false), Active: cfg.NumExpertsPerTok,
				Score: moe.Sigmoid, Bias: f.Vector("e_score_correction_bias", cfg.NumLocalExperts), Renormalise: true,
			},
			Experts: f.Experts("experts", cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, "w1", "w3", "w2"),
			Act:     m.HiddenAct,
		})
	})
}
