package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// starcoder2 is LLaMA with GPT-2's LayerNorm and feed-forward network, and a window on every layer (Lozhkov
// et al., "StarCoder 2 and The Stack v2", 2024; transformers: Starcoder2ForCausalLM). The config's norm_type
// and mlp_type are ignored.
func starcoder2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		NormEpsilon   float64 `json:"norm_epsilon" hf:"epsilon"`
		SlidingWindow *int    `json:"sliding_window" hf:"length"`
		UseBias       bool    `json:"use_bias"`
	}{LlamaConfig: LlamaDefaults(), NormEpsilon: 1e-5, UseBias: true}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 49152, 3072, 12288, 30
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HiddenAct = 24, new(2), nn.GELUTanh
	cfg.MaxPositionEmbeddings, cfg.TieWordEmbeddings = 4096, true
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias = cfg.UseBias, cfg.UseBias
	m.Norm = func(w nn.Loader, name string, dim int) nn.Norm {
		return w.LayerNorm(name, dim, float32(cfg.NormEpsilon))
	}
	m.RotateAll()
	m.Mask = func(int) attention.Mask { return causalWindow(cfg.SlidingWindow) }
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), mlp(l.At("mlp"), "c_fc", "c_proj", m.HiddenSize, m.IntermediateSize, cfg.UseBias, m.HiddenAct))
	})
}
