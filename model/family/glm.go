package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// glm4moe is GLM-4.5 and 4.6 (transformers: Glm4MoeForCausalLM): LLaMA's attention, which rotates half of each head,
// and DeepSeek V3's experts.
func glm4moe(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("n_routed_experts", "num_local_experts").Alias("num_nextn_predict_layers", "num_mtp_layers")
	cfg := struct {
		LlamaConfig
		sharedMoEConfig
		UseQKNorm bool `json:"use_qk_norm"`
	}{LlamaConfig: LlamaDefaults(), sharedMoEConfig: sharedMoEConfig{MoEIntermediateSize: 1408, NRoutedExperts: 128, NSharedExperts: 1,
		NumExpertsPerTok: 8, NGroup: new(1), TopKGroup: new(1), NormTopKProb: true, RoutedScalingFactor: 1, FirstKDenseReplace: 1, Predictions: 1}}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 151552, 4096, 10944, 46
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings, cfg.RMSNormEps = 96, new(8), 131072, 1e-5
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.OutBias, m.MLPBias = false, false // attention_bias is that of queries, keys and values
	m.RotateShare(0.5)
	layer := func(i int, l nn.Loader, sparse bool) block.Block {
		a := m.Attention(i, l)
		if cfg.UseQKNorm {
			m.HeadNorms(a, l)
		}
		if !sparse {
			return m.PreNorm(l, a, m.GLU(l))
		}
		f := l.At("mlp")
		return m.PreNorm(l, a, cfg.layer(c, f, m.HiddenSize, m.HiddenAct, cfg.sigmoidRouter(c, f, m.HiddenSize), false))
	}
	body := w.Root("model", "embed_tokens.weight", "norm.weight")
	d := m.Assemble(body, w, func(i int, l nn.Loader) block.Block { return layer(i, l, i >= cfg.FirstKDenseReplace) })
	d.Prediction = m.prediction(c, body, cfg.Predictions, func(l nn.Loader) block.Block { return layer(m.NumHiddenLayers, l, true) })
	return d
}
