package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// gptOSSConfig holds the keys of gpt-oss.
type gptOSSConfig struct {
	LlamaConfig
	SlidingWindow    *int    `json:"sliding_window" hf:"length"`
	NumLocalExperts  int     `json:"num_local_experts" hf:"experts"`
	NumExpertsPerTok int     `json:"num_experts_per_tok" hf:"experts"`
	SwigluAlpha      float64 `json:"swiglu_alpha" hf:"positive"`
	SwigluLimit      float64 `json:"swiglu_limit" hf:"positive"`
}

// gptOSSRope is the rotation of a config that names none.
const gptOSSRope = `{"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1, "truncate": false, "original_max_position_embeddings": 4096}`

// gptoss is gpt-oss (OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025; transformers: GptOssForCausalLM): every
// head has a sink, every other layer a window, and experts have biases and a clamped activation. The router's weights
// are the softmax of the chosen logits alone.
func gptoss(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_local_experts", "num_experts")
	if c.RopeParameters().Keys() == 0 {
		c = c.With("rope_parameters", gptOSSRope)
	}
	cfg := gptOSSConfig{LlamaConfig: LlamaDefaults(), SlidingWindow: new(128), NumLocalExperts: 128, NumExpertsPerTok: 4,
		SwigluAlpha: 1.702, SwigluLimit: 7}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers = 201088, 2880, 2880, 36
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HeadDim = 64, new(8), new(64)
	cfg.MaxPositionEmbeddings, cfg.RMSNormEps, cfg.RopeTheta, cfg.AttentionBias = 131072, 1e-5, 150000, true
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	m.RotateAll()
	m.Windows(cfg.SlidingWindow, c.LayerTypes(m.NumHiddenLayers, func(i int) string {
		if i%2 == 0 {
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention))
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		a.Sinks = l.Vector("self_attn.sinks", m.NumAttentionHeads)
		return m.PreNorm(l, a, cfg.layer(m, l.At("mlp")))
	})
}

// layer returns the experts in f.
func (cfg *gptOSSConfig) layer(m *Llama, f nn.Loader) *moe.Layer {
	const gateUp, down = "experts.gate_up_proj", "experts.down_proj"
	fusion := nn.Fusion{Transposed: true, Interleaved: true, Bias: true}
	if f.Stored(gateUp) == tensor.MXFP4.String() && f.Stored(down) == tensor.MXFP4.String() {
		fusion.Transposed = false // in 4 bits a row holds the weights of one output
	}
	return &moe.Layer{
		Router:  &moe.TopK{Gate: f.Float32("router", m.HiddenSize, cfg.NumLocalExperts, true), Active: cfg.NumExpertsPerTok, Weight: moe.Softmax},
		Experts: fusedExperts(f, gateUp, down, cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, fusion),
		Act:     nn.ClampedGate{Alpha: float32(cfg.SwigluAlpha), Limit: float32(cfg.SwigluLimit)},
	}
}
