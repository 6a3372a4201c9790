package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// minimaxM2 is MiniMax M2 (transformers: MiniMaxM2ForCausalLM): Mixtral's layers and names with a router by sigmoids
// and a bias, norms over all heads, and a rotation of a part of each.
func minimaxM2(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_local_experts", "num_experts")
	cfg := struct {
		LlamaConfig
		NumLocalExperts  int  `json:"num_local_experts" hf:"experts"`
		NumExpertsPerTok int  `json:"num_experts_per_tok" hf:"experts"`
		RotaryDim        *int `json:"rotary_dim" hf:"width"` // nil: whole heads
	}{LlamaConfig: LlamaDefaults(), NumLocalExperts: 256, NumExpertsPerTok: 8}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 200064, 3072, 1536, 62
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HeadDim = 48, new(8), new(128)
	cfg.MaxPositionEmbeddings, cfg.RopeTheta = 196608, 5e6
	c.Read(&cfg)
	// Published configs have these keys, which transformers does not read.
	c.Refuse("scoring_func", `"sigmoid"`)
	c.Refuse("use_qk_norm", "true")
	c.Refuse("use_routing_bias", "true")
	c.Refuse("shared_intermediate_size", "0")
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias = false, false
	share := 1.0
	if cfg.RotaryDim != nil {
		share = float64(*cfg.RotaryDim) / float64(m.HeadWidth)
	}
	if share > 1 {
		c.Fail("rotary_dim is %d; a head has %d values", *cfg.RotaryDim, m.HeadWidth)
		share = 1
	}
	m.RotateShare(share)
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.AllHeadNorms(a, l)
		f := l.At("block_sparse_moe")
		return m.PreNorm(l, a, &moe.Layer{
			Router: &moe.TopK{
				Gate: f.Float32("gate", m.HiddenSize, cfg.NumLocalExperts, false), Active: cfg.NumExpertsPerTok,
				Score: moe.Sigmoid, Bias: f.Finite("e_score_correction_bias", cfg.NumLocalExperts), Renormalise: true,
			},
			Experts: f.Experts("experts", cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, "w1", "w3", "w2"),
			Act:     m.HiddenAct,
		})
	})
}
