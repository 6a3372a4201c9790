package llamacpp

import "slices"

// sparse are the large models with experts.
func sparse() map[string]*architecture {
	return map[string]*architecture{
		"deepseek2":  {config: deepseek2, names: deepseek2Names()},
		"glm4moe":    {config: glm4moe, names: sharedNames().with(names{"blk.post_attention_norm": {to: "post_attention_layernorm"}})},
		"gpt-oss":    {config: gptOSS, names: gptOSSNames()},
		"llama4":     {config: llama4, names: llama4Names()},
		"minimax-m2": {config: minimaxM2, names: llamaNames().with(mixtralExperts()).with(names{"blk.exp_probs_b.bias": {to: "block_sparse_moe.e_score_correction_bias"}, "blk.exp_probs_b": {to: "block_sparse_moe.e_score_correction_bias"}})},
	}
}

// sharedNames are those of DeepSeek's experts, with the layer that predicts one token more.
func sharedNames() names {
	return llamaNames().with(qwenExperts()).with(names{
		"blk.ffn_gate_shexp":         {to: "mlp.shared_experts.gate_proj"},
		"blk.ffn_up_shexp":           {to: "mlp.shared_experts.up_proj"},
		"blk.ffn_down_shexp":         {to: "mlp.shared_experts.down_proj"},
		"blk.exp_probs_b.bias":       {to: "mlp.gate.e_score_correction_bias"},
		"blk.exp_probs_b":            {to: "mlp.gate.e_score_correction_bias"}, // without an ending, in some files
		"blk.nextn.eh_proj":          {to: "eh_proj"},
		"blk.nextn.enorm":            {to: "enorm"},
		"blk.nextn.hnorm":            {to: "hnorm"},
		"blk.nextn.embed_tokens":     {to: "embed_tokens"},
		"blk.nextn.shared_head_head": {to: "shared_head.head"},
		"blk.nextn.shared_head_norm": {to: "shared_head.norm"},
	})
}

func deepseek2Names() names {
	return sharedNames().with(names{
		"blk.attn_q_a":       {to: "self_attn.q_a_proj"},
		"blk.attn_q_a_norm":  {to: "self_attn.q_a_layernorm"},
		"blk.attn_q_b":       {to: "self_attn.q_b_proj"},
		"blk.attn_kv_a_mqa":  {to: "self_attn.kv_a_proj_with_mqa"},
		"blk.attn_kv_a_norm": {to: "self_attn.kv_a_layernorm"},
		"blk.attn_kv_b":      {to: "self_attn.kv_b_proj"}, // of files before April 2025
		"blk.attn_k_b":       {to: "self_attn.k_b_proj"},  // transposed for each head
		"blk.attn_v_b":       {to: "self_attn.v_b_proj"},
	})
}

// The numbers of expert_gating_func.
const (
	gatingSoftmax = 1
	gatingSigmoid = 2
	gatingChosen  = 3 // softmax of the chosen logits
)

// deepseek2 is DeepSeek V2 or V3, Kimi K2, or GLM-4.7-Flash: all but V2 have biases that choose experts. What
// YaRN does to cosine and sine is not stored, but in all of them it is nothing; see mscale.
func deepseek2(f *file) {
	modelType, class, gating := "deepseek_v2", "DeepseekV2ForCausalLM", gatingSoftmax
	if f.inLayers("exp_probs_b.bias") || f.inLayers("exp_probs_b") {
		modelType, class, gating = "deepseek_v3", "DeepseekV3ForCausalLM", gatingSigmoid
	}
	dense := f.without("ffn_gate_inp.weight")
	first := len(dense)
	c := f.config
	if modelType == "deepseek_v3" && first > 0 && dense[first-1] != first-1 {
		modelType, class = "glm4_moe_lite", "Glm4MoeLiteForCausalLM"
		kinds := slices.Repeat([]string{"sparse"}, f.layers)
		for _, i := range dense {
			kinds[i] = "dense"
		}
		set(c, "mlp_layer_types", kinds)
	}
	f.has("attention.key_length_mla")
	f.common(modelType, class)
	f.shared(first)
	f.gating(gating)
	f.groups()
	f.latent()
	set(c, "attention_bias", f.inLayers("attn_kv_a_mqa.bias"))
	set(c, "num_nextn_predict_layers", f.optional("nextn_predict_layers", 0))
	f.rotation()
}

// gating refuses another function of the router's scores than the model has. A file need not say it.
func (f *file) gating(want int) {
	if got := f.optional("expert_gating_func", want); got != want && got != 0 {
		f.fail("%s is %d; this model needs %d", f.key("expert_gating_func"), got, want)
	}
}

// shared sets the keys of DeepSeek's experts. The first layers have none.
func (f *file) shared(dense int) {
	c := f.config
	set(c, "first_k_dense_replace", dense)
	if f.optional("expert_count", 0) == 0 {
		f.fail("%s is missing or 0; without experts this architecture is not supported", f.key("expert_count"))
		return
	}
	set(c, "n_routed_experts", f.count("expert_count"))
	set(c, "n_shared_experts", f.optional("expert_shared_count", 1))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "moe_intermediate_size", f.expertInner())
	scale := f.float("expert_weights_scale", 1)
	if scale == 0 {
		scale = 1
	}
	set(c, "routed_scaling_factor", scale)
	set(c, "norm_topk_prob", f.bool("expert_weights_norm", false))
}

// groups sets how many groups of experts there are, and how many of them a token uses. Files of before September 2025 do not
// say it; then DeepSeek V2 and V3 are known by their experts.
func (f *file) groups() {
	n, keep := 1, 1
	switch f.optional("expert_count", 0) {
	case 160: // DeepSeek V2
		n, keep = 8, 3
	case 256: // DeepSeek V3
		n, keep = 8, 4
	}
	if f.has("expert_group_count") {
		n, keep = f.count("expert_group_count"), f.optional("expert_group_used_count", 1)
	}
	c := f.config
	set(c, "n_group", n)
	set(c, "topk_group", keep)
	if string(c["model_type"]) != `"deepseek_v2"` {
		return
	}
	if set(c, "topk_method", "greedy"); n > 1 {
		set(c, "topk_method", "group_limited_greedy")
	}
}

// latent sets the widths of latent attention. key_length and value_length are those of the latents; older files have the true
// ones there.
func (f *file) latent() {
	c := f.config
	rotated := f.count("rope.dimension_count")
	key := f.optional("attention.key_length_mla", f.optional("attention.key_length", 0))
	value := f.optional("attention.value_length_mla", f.optional("attention.value_length", 0))
	if key <= rotated {
		f.fail("%s is %d, of which %d rotate; a longer key is needed", f.key("attention.key_length_mla"), key, rotated)
	}
	set(c, "qk_rope_head_dim", rotated)
	set(c, "qk_nope_head_dim", key-rotated)
	set(c, "v_head_dim", value)
	set(c, "kv_lora_rank", f.count("attention.kv_lora_rank"))
	if c.setNull("q_lora_rank"); f.has("attention.q_lora_rank") {
		set(c, "q_lora_rank", f.count("attention.q_lora_rank"))
	}
	c["num_key_value_heads"] = c["num_attention_heads"] // the file has one head of latents
	delete(c, "head_dim")
}

// glm4moe is GLM-4.5 and 4.6.
func glm4moe(f *file) {
	f.common("glm4_moe", "Glm4MoeForCausalLM")
	dense := f.without("ffn_gate_inp.weight")
	if n := len(dense); n > 0 && dense[n-1] != n-1 {
		f.fail("layer %d has no experts, and one before it has: that is not supported", dense[n-1])
	}
	f.shared(len(dense))
	f.gating(gatingSigmoid)
	f.groups()
	f.partialRope()
	set(f.config, "use_qk_norm", f.inLayers("attn_q_norm.weight"))
	set(f.config, "num_nextn_predict_layers", f.optional("nextn_predict_layers", 0))
	if !f.has("expert_weights_norm") {
		set(f.config, "norm_topk_prob", true)
	}
}

func minimaxM2(f *file) {
	f.common("minimax_m2", "MiniMaxM2ForCausalLM")
	f.rotation()
	f.gating(gatingSigmoid)
	c := f.config
	set(c, "num_local_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "intermediate_size", f.expertInner())
	set(c, "rotary_dim", f.optional("rope.dimension_count", f.headDim()))
}

func gptOSSNames() names {
	return llamaNames().with(experts("mlp.experts.%d.gate_proj", "mlp.experts.%d.up_proj", "mlp.experts.%d.down_proj")).with(names{
		"blk.post_attention_norm": {to: "post_attention_layernorm"},
		"blk.ffn_gate_inp":        {to: "mlp.router"},
		"blk.attn_sinks.weight":   {to: "self_attn.sinks"},
		"blk.attn_sinks":          {to: "self_attn.sinks"},
	})
}

// gptOSS is gpt-oss. Every other layer has a window, and the bounds of YaRN's ramp are not rounded, which llama.cpp does.
func gptOSS(f *file) {
	f.common("gpt_oss", "GptOssForCausalLM")
	f.gating(gatingChosen)
	c := f.config
	set(c, "rope_theta", f.float("rope.freq_base", 150000))
	scaling := f.scaling()
	if scaling == nil {
		scaling = config{}
		set(scaling, "rope_type", "default")
	} else {
		set(scaling, "truncate", false)
	}
	c.setObject("rope_scaling", scaling)
	f.window()
	f.layerTypes(2)
	set(c, "num_local_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "intermediate_size", f.expertInner())
}

func llama4Names() names {
	const each = "feed_forward.experts.%d."
	return llamaNames().with(experts(each+"gate_proj", each+"up_proj", each+"down_proj")).with(names{
		"blk.ffn_gate":       {to: "feed_forward.gate_proj"},
		"blk.ffn_up":         {to: "feed_forward.up_proj"},
		"blk.ffn_down":       {to: "feed_forward.down_proj"},
		"blk.ffn_gate_inp":   {to: "feed_forward.router"},
		"blk.ffn_gate_shexp": {to: "feed_forward.shared_expert.gate_proj"},
		"blk.ffn_up_shexp":   {to: "feed_forward.shared_expert.up_proj"},
		"blk.ffn_down_shexp": {to: "feed_forward.shared_expert.down_proj"},
	})
}

// llama4 is LLaMA 4. Every fourth layer does not rotate and sees everything; the others attend within chunks of 8192, unless
// the file has another length or 0 for it. Maverick, with 128 experts, has no norms of queries and keys.
func llama4(f *file) {
	f.common("llama4_text", "Llama4ForCausalLM")
	f.gating(gatingSigmoid)
	f.rope()
	c := f.config
	c["intermediate_size_mlp"] = c["intermediate_size"]
	set(c, "intermediate_size", f.expertInner())
	set(c, "num_local_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	dense, layers := f.without("ffn_gate_inp.weight"), []int{}
	for i := range f.layers {
		if !slices.Contains(dense, i) {
			layers = append(layers, i)
		}
	}
	set(c, "moe_layers", layers)
	set(c, "use_qk_norm", f.optional("expert_count", 0) != 128)
	if chunk := f.optional("attention.sliding_window", 8192); chunk > 0 {
		set(c, "attention_chunk_size", chunk)
	} else {
		c.setNull("attention_chunk_size")
	}
}
