package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// phimoe is Phi-3.5-MoE (Abdin et al., "Phi-3 Technical Report", 2024; transformers: PhimoeForCausalLM): Mixtral
// with LayerNorms, biases and a router of its own, which chooses two experts whatever num_experts_per_tok says.
//
// Beyond the original length, long_factor and long_mscale take the place of short_factor and short_mscale, as in
// the publisher's code. transformers 5.24 takes long_mscale there, but stays with short_factor.
func phimoe(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		SlidingWindow   *int    `json:"sliding_window" hf:"length"`
		NumLocalExperts int     `json:"num_local_experts" hf:"experts"`
		RouterJitter    float64 `json:"router_jitter_noise" hf:"epsilon"`
		LMHeadBias      bool    `json:"lm_head_bias"`
	}{LlamaConfig: LlamaDefaults(), NumLocalExperts: 16, RouterJitter: 0.01}
	cfg.VocabSize, cfg.IntermediateSize, cfg.NumKeyValueHeads, cfg.MaxPositionEmbeddings = 32064, 6400, new(8), 131072
	cfg.RMSNormEps, cfg.RopeTheta = 1e-5, 1e6
	c.Read(&cfg)
	if cfg.NumLocalExperts < 2 {
		c.Fail("num_local_experts is %d; a token uses two", cfg.NumLocalExperts)
	}
	m := NewLlama(c, cfg.LlamaConfig)
	m.Norm = func(w nn.Loader, name string, dim int) nn.Norm {
		return w.LayerNorm(name, dim, float32(cfg.RMSNormEps))
	}
	m.Mask = func(int) attention.Mask { return causalWindow(cfg.SlidingWindow) }
	rotary := phimoeRotary(c, m)
	m.Rotary = func(int) *attention.RoPE { return rotary }
	d := m.Decoder(w, func(i int, l nn.Loader) block.Block {
		f := l.At("block_sparse_moe")
		return m.PreNorm(l, m.Attention(i, l), &moe.Layer{
			Router:  &moe.SparseMixer{Gate: f.Float32("gate", m.HiddenSize, cfg.NumLocalExperts, false), Jitter: float32(cfg.RouterJitter)},
			Experts: f.Experts("experts", cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, "w1", "w3", "w2"),
			Act:     m.HiddenAct,
		})
	})
	if rotary.Long != nil {
		d.LongFrom = rotary.OriginalMaxLen + 1
	}
	if cfg.LMHeadBias && d.Head.Weight != nil {
		d.Head.Bias = w.Vector("lm_head.bias", m.VocabSize)
	}
	return d
}

// phimoeRotary returns the rotation: a plain one, or longrope whose cosine and sine have a factor for short texts
// and one for long texts.
func phimoeRotary(c *hf.Config, m *Llama) *attention.RoPE {
	p := c.RopeParameters()
	r := c.Rope(p, hf.Rope{Dim: m.HeadWidth, Theta: m.RopeTheta, MaxLen: m.MaxPositionEmbeddings})
	switch kind := p.RopeType(); {
	case kind == "default":
	case kind != "longrope":
		c.Fail("rope type %.200q is not supported; Phi-3.5-MoE has default and longrope", kind)
	case r.Long != nil: // else it is an error that has been noted
		r.AttentionFactor, r.Long.AttentionFactor = mscale(p, "short_mscale"), mscale(p, "long_mscale")
	}
	return r
}

// mscale returns a factor of cosine and sine.
func mscale(p *hf.Config, key string) float32 {
	x := p.Float(key, 0)
	f := float32(x)
	if !(f > 0) || f-f != 0 {
		p.Fail("%s is %v; a positive number is needed", key, x)
	}
	return f
}
