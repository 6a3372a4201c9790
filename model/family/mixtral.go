package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// mixtral is Mixtral (Jiang et al., "Mixtral of Experts", 2024; transformers: MixtralForCausalLM): Mistral with
// experts in the place of the feed-forward network.
func mixtral(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_local_experts", "num_experts")
	cfg := struct {
		LlamaConfig
		SlidingWindow    *int `json:"sliding_window" hf:"length"`
		NumLocalExperts  int  `json:"num_local_experts" hf:"experts"`
		NumExpertsPerTok int  `json:"num_experts_per_tok" hf:"experts"`
	}{LlamaConfig: LlamaDefaults(), NumLocalExperts: 8, NumExpertsPerTok: 2}
	cfg.IntermediateSize, cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings = 14336, new(8), 131072
	cfg.RMSNormEps, cfg.RopeTheta = 1e-5, 1e6
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias = false, false // the config's keys are ignored
	m.RotateAll()
	m.Mask = func(int) attention.Mask { return causalWindow(cfg.SlidingWindow) }
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		f := l.At("block_sparse_moe")
		return m.PreNorm(l, m.Attention(i, l), &moe.Layer{
			Router: &moe.TopK{
				Gate: f.Float32("gate", m.HiddenSize, cfg.NumLocalExperts, false), Active: cfg.NumExpertsPerTok,
				Score: moe.Softmax, Renormalise: true,
			},
			Experts: f.Experts("experts", cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, "w1", "w3", "w2"),
			Act:     m.HiddenAct,
		})
	})
}
