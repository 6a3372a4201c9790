package llamacpp

// architectures returns what is known, by llama.cpp's names.
func architectures() map[string]*architecture {
	all := map[string]*architecture{}
	for _, group := range []map[string]*architecture{llamas(), qwens(), gemmas(), gpts(), kin(), sparse(), berts(), t5s()} {
		for name, a := range group {
			all[name] = a
		}
	}
	return all
}

// llamaNames are the names of LLaMA's tensors, which most others share.
func llamaNames() names {
	return names{
		"token_embd":      {to: "model.embed_tokens"},
		"output_norm":     {to: "model.norm"},
		"output":          {to: "lm_head"},
		"rope_freqs":      {}, // in the config
		"blk.attn_norm":   {to: "input_layernorm"},
		"blk.attn_q":      {to: "self_attn.q_proj"},
		"blk.attn_k":      {to: "self_attn.k_proj"},
		"blk.attn_v":      {to: "self_attn.v_proj"},
		"blk.attn_qkv":    {"self_attn.qkv_proj", split(false)},
		"blk.attn_output": {to: "self_attn.o_proj"},
		"blk.attn_q_norm": {to: "self_attn.q_norm"},
		"blk.attn_k_norm": {to: "self_attn.k_norm"},
		"blk.ffn_norm":    {to: "post_attention_layernorm"},
		"blk.ffn_gate":    {to: "mlp.gate_proj"},
		"blk.ffn_up":      {to: "mlp.up_proj"},
		"blk.ffn_down":    {to: "mlp.down_proj"},
		// old files have tables of the rotation
		"blk.attn_rot_embd":   {},
		"blk.rope_freqs":      {},
		"blk.attn.rotary_emb": {},
	}
}

// pairedNames are those of models whose rows of queries and keys the converter has moved.
func pairedNames() names {
	return llamaNames().with(names{
		"blk.attn_q":   {"self_attn.q_proj", unpaired},
		"blk.attn_k":   {"self_attn.k_proj", unpaired},
		"blk.attn_qkv": {"self_attn.qkv_proj", split(true)},
	})
}

// mixtralExperts are the names of Mixtral's experts.
func mixtralExperts() names {
	return experts("block_sparse_moe.experts.%d.w1", "block_sparse_moe.experts.%d.w3", "block_sparse_moe.experts.%d.w2").
		with(names{"blk.ffn_gate_inp": {to: "block_sparse_moe.gate"}})
}

// llamas are LLaMA and what llama.cpp calls so: Mistral and Mixtral. The window of Mistral and Mixtral is not stored, nor
// is the activation.
func llamas() map[string]*architecture {
	return map[string]*architecture{
		"llama": {config: llama, names: pairedNames().with(mixtralExperts()), from: []string{"llama", "mistral", "mixtral"}, write: writeLlama},
	}
}

func llama(f *file) {
	c := f.config
	window := f.optional("attention.sliding_window", 0)
	switch {
	case f.optional("expert_count", 0) > 0:
		f.common("mixtral", "MixtralForCausalLM")
		set(c, "num_local_experts", f.count("expert_count"))
		set(c, "num_experts_per_tok", f.count("expert_used_count"))
		set(c, "intermediate_size", f.expertInner())
	case window > 0:
		f.common("mistral", "MistralForCausalLM")
	default:
		f.common("llama", "LlamaForCausalLM")
	}
	if c.setNull("sliding_window"); window > 0 {
		set(c, "sliding_window", window)
	}
	f.rope()
}
