package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// graniteConfig holds the keys of all Granites: LLaMA's and four multipliers.
type graniteConfig struct {
	LlamaConfig
	EmbeddingMultiplier float64 `json:"embedding_multiplier" hf:"positive"`
	AttentionMultiplier float64 `json:"attention_multiplier" hf:"positive"`
	ResidualMultiplier  float64 `json:"residual_multiplier" hf:"positive"`
	LogitsScaling       float64 `json:"logits_scaling" hf:"positive"`
}

func graniteDefaults() graniteConfig { return graniteConfig{LlamaDefaults(), 1, 1, 1, 1} }

// decoder returns m with the multipliers. feedForward returns what follows the attention of a layer.
func (cfg *graniteConfig) decoder(m *Llama, w nn.Loader, feedForward func(l nn.Loader) attention.Op) *arch.Decoder {
	m.RotateAll()
	d := m.Decoder(w, func(i int, l nn.Loader) block.Block {
		a := m.Attention(i, l)
		a.Scale = float32(cfg.AttentionMultiplier) // replaces 1/√d; its default is 1
		b := m.PreNorm(l, a, feedForward(l))
		for j := range b {
			b[j].Scale = float32(cfg.ResidualMultiplier) // of what a sublayer adds
		}
		return b
	})
	d.Embeddings.Scale = float32(cfg.EmbeddingMultiplier)
	d.LogitScale = float32(1 / cfg.LogitsScaling) // logits_scaling divides
	return d
}

// granite is LLaMA with four multipliers (IBM, "Granite 3.0", 2024; transformers: GraniteForCausalLM).
func granite(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := graniteDefaults()
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	return cfg.decoder(m, w, func(l nn.Loader) attention.Op { return m.GLU(l) })
}

// graniteMoEConfig holds the keys of Granites with experts.
type graniteMoEConfig struct {
	graniteConfig
	NumLocalExperts  int `json:"num_local_experts" hf:"experts"`
	NumExpertsPerTok int `json:"num_experts_per_tok" hf:"experts"`
}

func graniteMoEDefaults() graniteMoEConfig { return graniteMoEConfig{graniteDefaults(), 8, 2} }

// layer returns the experts of a layer, two tensors for all of them.
func (cfg *graniteMoEConfig) layer(m *Llama, l nn.Loader) *moe.Layer {
	f := l.At("block_sparse_moe")
	return &moe.Layer{
		Router: &moe.TopK{
			Gate: f.Float32("router.layer", m.HiddenSize, cfg.NumLocalExperts, false), Active: cfg.NumExpertsPerTok,
			Weight: moe.Softmax, // of the chosen logits alone, unlike Mixtral
		},
		Experts: fusedExperts(f, "input_linear.weight", "output_linear.weight", cfg.NumLocalExperts, m.HiddenSize, m.IntermediateSize, nn.Fusion{}),
		Act:     m.HiddenAct,
	}
}

// granitemoe is Granite with experts in the place of the feed-forward network (Shen et al., "Power Scheduler",
// 2024; transformers: GraniteMoeForCausalLM).
func granitemoe(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := graniteMoEDefaults()
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	return cfg.decoder(m, w, func(l nn.Loader) attention.Op { return cfg.layer(m, l) })
}

// granitemoeshared is granitemoe with an expert that every token uses (transformers:
// GraniteMoeSharedForCausalLM).
func granitemoeshared(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		graniteMoEConfig
		SharedSize int `json:"shared_intermediate_size" hf:"width0"` // 0: no shared expert
	}{graniteMoEConfig: graniteMoEDefaults()}
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	m := NewLlama(c, cfg.LlamaConfig)
	return cfg.decoder(m, w, func(l nn.Loader) attention.Op {
		experts := cfg.layer(m, l)
		if cfg.SharedSize > 0 {
			s := l.At("shared_mlp")
			if s.Has("gate_proj.weight") { // as GGUF files have it
				experts.Shared = glu(s, m.HiddenSize, cfg.SharedSize, false, m.HiddenAct)
				return experts
			}
			experts.Shared = &block.GLU{
				GateUp: s.Linear("input_linear", m.HiddenSize, 2*cfg.SharedSize, false),
				Act:    m.HiddenAct,
				Down:   s.Linear("output_linear", cfg.SharedSize, m.HiddenSize, false),
			}
		}
		return experts
	})
}
