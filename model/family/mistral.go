package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// mistral is Mistral (Jiang et al., "Mistral 7B", 2023; transformers: MistralForCausalLM): LLaMA with a
// sliding window on every layer. Later models set the window to null.
func mistral(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		SlidingWindow *int `json:"sliding_window" hf:"length"`
	}{LlamaDefaults(), new(4096)}
	cfg.IntermediateSize, cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings = 14336, new(8), 131072
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias, m.MLPBias = false, false, false // the config's keys are ignored
	m.RotateAll()
	m.Mask = func(int) attention.Mask { return causalWindow(cfg.SlidingWindow) }
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
	})
}
