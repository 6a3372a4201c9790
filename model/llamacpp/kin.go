package llamacpp

import "github.com/seed2010d43f/transformer/model/hf"

// kin are models that are LLaMA but for a few things.
func kin() map[string]*architecture {
	return map[string]*architecture{
		"command-r":  {config: cohere, names: llamaNames()},
		"cohere2":    {config: cohere2, names: llamaNames()},
		"granite":    {config: granite, names: pairedNames(), from: []string{"granite"}, write: writeGranite},
		"granitemoe": {config: graniteMoE, names: graniteMoENames()},
		"olmo2":      {config: olmo2, names: olmo2Names(), from: []string{"olmo2", "olmo3"}, write: writeOLMo2},
		"olmoe":      {config: olmoe, names: llamaNames().with(qwenExperts()), from: []string{"olmoe"}, write: writeOLMoE},
		"phi3":       {config: phi3, names: phi3Names()},
		"phimoe":     {config: phimoe, names: llamaNames().with(mixtralExperts()).with(names{"rope_factors_long": {}, "rope_factors_short": {}})},
		"smollm3":    {config: smollm3, names: pairedNames(), from: []string{"smollm3"}, write: writeSmolLM3},
	}
}

// cohere is Command R.
func cohere(f *file) {
	f.common("cohere", "CohereForCausalLM")
	f.cohereRest()
}

// cohere2 is Command R7B and A. Every fourth layer has no window.
func cohere2(f *file) {
	f.common("cohere2", "Cohere2ForCausalLM")
	f.cohereRest()
	f.window()
	f.layerTypes(4)
}

func (f *file) cohereRest() {
	f.layerNorm("layer_norm_eps")
	f.rotation() // of whole heads, though the converter counts otherwise, as Granite's does
	set(f.config, "logit_scale", f.float("logit_scale", 0.0625))
	set(f.config, "use_qk_norm", f.inLayers("attn_q_norm.weight"))
}

// window sets the window, or that there is none.
func (f *file) window() {
	if f.config.setNull("sliding_window"); f.optional("attention.sliding_window", 0) > 0 {
		set(f.config, "sliding_window", f.count("attention.sliding_window"))
	}
}

func granite(f *file) {
	f.common("granite", "GraniteForCausalLM")
	f.graniteRest()
}

func (f *file) graniteRest() {
	f.rotation() // the converter divides the width by the heads for rope.dimension_count, whatever a head has
	c := f.config
	set(c, "attention_multiplier", f.float("attention.scale", 1))
	set(c, "embedding_multiplier", f.float("embedding_scale", 1))
	set(c, "residual_multiplier", f.float("residual_scale", 1))
	set(c, "logits_scaling", f.float("logit_scale", 1))
}

func graniteMoENames() names {
	const each = "block_sparse_moe.experts.%d."
	return pairedNames().with(experts(each+"gate_proj", each+"up_proj", each+"down_proj")).with(names{
		"blk.ffn_gate_inp":   {to: "block_sparse_moe.router.layer"},
		"blk.ffn_gate_shexp": {to: "shared_mlp.gate_proj"},
		"blk.ffn_up_shexp":   {to: "shared_mlp.up_proj"},
		"blk.ffn_down_shexp": {to: "shared_mlp.down_proj"},
	})
}

func graniteMoE(f *file) {
	c := f.config
	if shared := f.dim("ffn_down_shexp.weight", -1); shared > 0 {
		f.common("granitemoeshared", "GraniteMoeSharedForCausalLM")
		set(c, "shared_intermediate_size", shared)
	} else {
		f.common("granitemoe", "GraniteMoeForCausalLM")
	}
	f.graniteRest()
	set(c, "num_local_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "intermediate_size", f.expertInner())
}

func olmo2Names() names {
	return llamaNames().without("blk.attn_norm", "blk.ffn_norm").with(names{
		"blk.post_attention_norm": {to: "post_attention_layernorm"},
		"blk.post_ffw_norm":       {to: "post_feedforward_layernorm"},
	})
}

// olmo2 is OLMo 2, and OLMo 3, which has windows. Every fourth layer of it has none, and only those have a scaled rotation.
func olmo2(f *file) {
	if f.optional("attention.sliding_window", 0) == 0 {
		f.common("olmo2", "Olmo2ForCausalLM")
		f.rope()
		return
	}
	f.common("olmo3", "Olmo3ForCausalLM")
	f.window()
	f.layerTypes(4)
	theta := f.float("rope.freq_base", 500000)
	full, sliding, both := f.scaling(), config{}, config{}
	if full == nil {
		full = config{}
		set(full, "rope_type", "default")
	}
	set(full, "rope_theta", theta)
	set(sliding, "rope_type", "default")
	set(sliding, "rope_theta", f.float("rope.freq_base_swa", theta))
	both.setObject(hf.FullAttention, full)
	both.setObject(hf.SlidingAttention, sliding)
	f.config.setObject("rope_parameters", both)
}

// olmoe is OLMoE. Whether queries, keys and values are clipped is not stored.
func olmoe(f *file) {
	f.common("olmoe", "OlmoeForCausalLM")
	f.rope()
	c := f.config
	set(c, "num_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "intermediate_size", f.expertInner())
	set(c, "norm_topk_prob", f.bool("expert_weights_norm", false))
	c.setNull("clip_qkv")
}

// phi3Names are those of Phi-3, whose queries, keys and values are one matrix in Hugging Face's files too, as are gate and up.
func phi3Names() names {
	return llamaNames().with(names{
		"blk.attn_qkv":       {to: "self_attn.qkv_proj"},
		"blk.ffn_up":         {to: "mlp.gate_up_proj"},
		"rope_factors_long":  {},
		"rope_factors_short": {},
	})
}

func phi3(f *file) {
	f.common("phi3", "Phi3ForCausalLM")
	f.partialRope()
	f.window()
}

// phimoe is Phi-3.5-MoE. The factors of cosine and sine in long and short texts, and the router's jitter, are those of the
// published model: what the file has is what llama.cpp computes instead.
func phimoe(f *file) {
	const mscale = 1.243163121016122
	f.common("phimoe", "PhimoeForCausalLM")
	f.has("rope.scaling.attn_factor")
	set(f.config, "rope_theta", f.float("rope.freq_base", 10000))
	if s := f.scaling(); s != nil {
		set(s, "short_mscale", mscale)
		set(s, "long_mscale", mscale)
		f.config.setObject("rope_scaling", s)
	}
	c := f.config
	f.window()
	set(c, "num_local_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "intermediate_size", f.expertInner())
	set(c, "router_jitter_noise", 0.01)
	set(c, "lm_head_bias", f.stored("output.bias"))
}

// smollm3 is SmolLM3, of which every fourth layer does not rotate.
func smollm3(f *file) {
	f.common("smollm3", "SmolLM3ForCausalLM")
	f.rope()
	f.window()
	set(f.config, "use_sliding_window", false)
	set(f.config, "no_rope_layer_interval", 4)
}
