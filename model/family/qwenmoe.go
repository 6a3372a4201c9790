package family

import (
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// qwenMoEConfig holds the keys of Qwen's mixtures beside those of its dense models.
type qwenMoEConfig struct {
	qwenConfig
	QKVBias             bool  `json:"qkv_bias"`
	NumExperts          int   `json:"num_experts" hf:"experts0"`
	NumExpertsPerTok    int   `json:"num_experts_per_tok" hf:"experts"`
	MoEIntermediateSize int   `json:"moe_intermediate_size" hf:"width"`
	SharedSize          int   `json:"shared_expert_intermediate_size" hf:"width"`
	NormTopKProb        bool  `json:"norm_topk_prob"`
	DecoderSparseStep   int   `json:"decoder_sparse_step" hf:"layers"`
	MLPOnlyLayers       []int `json:"mlp_only_layers"`
}

func qwenMoEDefaults() qwenMoEConfig {
	cfg := qwenMoEConfig{qwenConfig: qwenDefaults(), QKVBias: true, DecoderSparseStep: 1}
	cfg.HiddenSize, cfg.NumHiddenLayers = 2048, 24
	return cfg
}

// sparse reports whether layer i has experts.
func (cfg *qwenMoEConfig) sparse(i int) bool {
	return cfg.NumExperts > 0 && (i+1)%cfg.DecoderSparseStep == 0 && !slices.Contains(cfg.MLPOnlyLayers, i)
}

// layer returns the experts in f.
func (cfg *qwenMoEConfig) layer(m *Llama, f nn.Loader) *moe.Layer {
	return &moe.Layer{
		Router: &moe.TopK{
			Gate: f.Float32("gate", m.HiddenSize, cfg.NumExperts, false), Active: cfg.NumExpertsPerTok,
			Score: moe.Softmax, Renormalise: cfg.NormTopKProb,
		},
		Experts: f.Experts("experts", cfg.NumExperts, m.HiddenSize, cfg.MoEIntermediateSize, "gate_proj", "up_proj", "down_proj"),
		Act:     m.HiddenAct,
	}
}

// qwen2moe is Qwen 1.5 and Qwen 2 with experts (transformers: Qwen2MoeForCausalLM). Every token also uses one
// large expert, through a gate.
func qwen2moe(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := qwenMoEDefaults()
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.IntermediateSize = 16, new(16), 5632
	cfg.NumExperts, cfg.NumExpertsPerTok, cfg.MoEIntermediateSize, cfg.SharedSize = 60, 4, 1408, 5632
	if !c.Bool("use_sliding_window", false) {
		c = c.Without("sliding_window") // it may be 0
		cfg.SlidingWindow = nil
	}
	c.Read(&cfg)
	if cfg.NumExperts > 0 {
		checkActive(c, cfg.NumExpertsPerTok, cfg.NumExperts)
	}
	m := NewLlama(c, cfg.LlamaConfig)
	m.QKVBias, m.OutBias, m.MLPBias = cfg.QKVBias, false, false
	m.RotateAll()
	m.Windows(cfg.SlidingWindow, c.LayerTypes(m.NumHiddenLayers, func(i int) string {
		if i%2 == 0 && i < cfg.MaxWindowLayers && cfg.UseSlidingWindow { // unlike Qwen 2
			return hf.SlidingAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.SlidingAttention))
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		if !cfg.sparse(i) {
			return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
		}
		f := l.At("mlp")
		experts := cfg.layer(m, f)
		experts.Shared = glu(f.At("shared_expert"), m.HiddenSize, cfg.SharedSize, false, m.HiddenAct)
		experts.SharedGate = f.Linear("shared_expert_gate", m.HiddenSize, 1, false)
		return m.PreNorm(l, m.Attention(i, l), experts)
	})
}

// qwen3moe is Qwen 3 with experts (Yang et al., "Qwen3 Technical Report", 2025; transformers:
// Qwen3MoeForCausalLM).
func qwen3moe(c *hf.Config, w nn.Loader) *arch.Decoder {
	c = c.Alias("num_experts", "num_local_experts")
	cfg := qwenMoEDefaults()
	cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.IntermediateSize = 32, new(4), 6144
	cfg.NumExperts, cfg.NumExpertsPerTok, cfg.MoEIntermediateSize = 128, 8, 768
	c.Read(&cfg)
	if cfg.NumExperts > 0 {
		checkActive(c, cfg.NumExpertsPerTok, cfg.NumExperts)
	}
	m := NewLlama(c, cfg.LlamaConfig)
	m.MLPBias = false
	m.RotateAll()
	if !cfg.UseSlidingWindow {
		cfg.SlidingWindow = nil
	}
	m.Mask = func(int) attention.Mask { return causalWindow(cfg.SlidingWindow) } // on all layers
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		m.HeadNorms(a, l)
		if !cfg.sparse(i) {
			return m.PreNorm(l, a, m.GLU(l))
		}
		return m.PreNorm(l, a, cfg.layer(m, l.At("mlp")))
	})
}
