package family

import (
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// checkActive notes if a token cannot use as many experts as num_experts_per_tok says.
func checkActive(c *hf.Config, active, experts int) {
	if active > experts {
		c.Fail("num_experts_per_tok is %d; there are %d experts", active, experts)
	}
}

// sharedMoEConfig holds the keys of layers with experts beside one that every token uses, as in DeepSeek's models
// and GLM-4.5.
type sharedMoEConfig struct {
	MoEIntermediateSize int     `json:"moe_intermediate_size" hf:"width"`
	NRoutedExperts      int     `json:"n_routed_experts" hf:"experts"`
	NSharedExperts      int     `json:"n_shared_experts" hf:"experts"` // stored as one expert of so many widths
	NumExpertsPerTok    int     `json:"num_experts_per_tok" hf:"experts"`
	NGroup              *int    `json:"n_group" hf:"experts"`
	TopKGroup           *int    `json:"topk_group" hf:"experts"`
	NormTopKProb        bool    `json:"norm_topk_prob"`
	RoutedScalingFactor float64 `json:"routed_scaling_factor" hf:"positive"`
	FirstKDenseReplace  int     `json:"first_k_dense_replace" hf:"layers0"` // layers without experts
	Predictions         int     `json:"num_nextn_predict_layers" hf:"layers0"`
}

// groups returns the limit of the choice to some groups of experts.
func (cfg *sharedMoEConfig) groups(c *hf.Config, score moe.GroupScore) moe.Groups {
	if cfg.NGroup == nil || cfg.TopKGroup == nil {
		c.Fail("n_group or topk_group is null; the router needs both")
		return moe.Groups{}
	}
	return moe.Groups{N: *cfg.NGroup, Keep: *cfg.TopKGroup, Score: score}
}

// sigmoidRouter returns DeepSeek V3's router in f: a bias decides, together with the sigmoids of the logits, which
// experts are chosen, but is no part of their weights. It is kept in float32.
func (cfg *sharedMoEConfig) sigmoidRouter(c *hf.Config, f nn.Loader, dim int) *moe.TopK {
	return &moe.TopK{
		Gate: f.Float32("gate", dim, cfg.NRoutedExperts, false), Active: cfg.NumExpertsPerTok,
		Score: moe.Sigmoid, Bias: f.Finite("gate.e_score_correction_bias", cfg.NRoutedExperts), Groups: cfg.groups(c, moe.TopTwo),
		Renormalise: cfg.NormTopKProb, Epsilon: 1e-20, Scale: float32(cfg.RoutedScalingFactor),
	}
}

// layer returns the experts in f, which router chooses. bias is that of the shared expert.
func (cfg *sharedMoEConfig) layer(c *hf.Config, f nn.Loader, dim int, act nn.Activation, router *moe.TopK, bias bool) *moe.Layer {
	if f.Err(false) == nil {
		if err := router.Check(); err != nil {
			c.Fail("num_experts_per_tok, n_group and topk_group: %w", err)
		}
	}
	return &moe.Layer{
		Router:  router,
		Experts: f.Experts("experts", cfg.NRoutedExperts, dim, cfg.MoEIntermediateSize, "gate_proj", "up_proj", "down_proj"),
		Shared:  glu(f.At("shared_experts"), dim, cfg.MoEIntermediateSize*cfg.NSharedExperts, bias, act),
		Act:     act,
	}
}

// fusedExperts returns the experts in f that are stored as gateUp and down, two tensors for all of them, or one by one with
// the names of Qwen's, as [nn.Loader.Experts] reads them: so they are in GGUF files.
func fusedExperts(f nn.Loader, gateUp, down string, n, dim, hidden int, fusion nn.Fusion) []tensor.Expert {
	if !f.Has("experts.0.down_proj.weight") {
		return f.FusedExperts(gateUp, down, n, dim, hidden, fusion)
	}
	all := f.Experts("experts", n, dim, hidden, "gate_proj", "up_proj", "down_proj")
	if fusion.Bias {
		for i := range all {
			e := f.At("experts.%d", i)
			all[i].GateBias, all[i].UpBias = e.Vector("gate_proj.bias", hidden), e.Vector("up_proj.bias", hidden)
			all[i].DownBias = e.Vector("down_proj.bias", dim)
		}
	}
	return all
}
