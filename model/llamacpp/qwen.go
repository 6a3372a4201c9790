package llamacpp

// qwenExperts are the names of experts as Qwen has them, and many others.
func qwenExperts() names {
	return experts("mlp.experts.%d.gate_proj", "mlp.experts.%d.up_proj", "mlp.experts.%d.down_proj").
		with(names{"blk.ffn_gate_inp": {to: "mlp.gate"}})
}

// qwens are Qwen 2 and 3. Their windows are not stored, which no published model uses; nor is whether the weights of the
// chosen experts are normalised: those of Qwen 3 are.
func qwens() map[string]*architecture {
	return map[string]*architecture{
		"qwen2": {config: func(f *file) { f.qwen("qwen2", "Qwen2ForCausalLM") }, names: llamaNames(), from: []string{"qwen2"}, write: writeQwen},
		"qwen3": {config: qwen3, names: llamaNames().with(names{"cls.output": {to: "score"}}), from: []string{"qwen3"}, write: writeQwen},
		"qwen2moe": {config: func(f *file) { f.qwenMoE("qwen2_moe", "Qwen2MoeForCausalLM", false) }, names: llamaNames().with(qwenExperts()).with(names{
			"blk.ffn_gate_shexp":     {to: "mlp.shared_expert.gate_proj"},
			"blk.ffn_up_shexp":       {to: "mlp.shared_expert.up_proj"},
			"blk.ffn_down_shexp":     {to: "mlp.shared_expert.down_proj"},
			"blk.ffn_gate_inp_shexp": {"mlp.shared_expert_gate", oneRow},
		}), from: []string{"qwen2_moe"}, write: writeQwenMoE(false)},
		"qwen3moe": {config: func(f *file) { f.qwenMoE("qwen3_moe", "Qwen3MoeForCausalLM", true) }, names: llamaNames().with(qwenExperts()),
			from: []string{"qwen3_moe"}, write: writeQwenMoE(true)},
	}
}

func (f *file) qwen(modelType, class string) {
	f.common(modelType, class)
	set(f.config, "use_sliding_window", false)
	f.rope()
}

// qwen3 is Qwen 3, or a reranker made of it: of its projection to the vocabulary a file has the rows of "yes" and "no" alone.
func qwen3(f *file) {
	if !f.stored("cls.output.weight") {
		f.qwen("qwen3", "Qwen3ForCausalLM")
		return
	}
	f.qwen("qwen3", "Qwen3ForSequenceClassification")
	f.labels()
}

func (f *file) qwenMoE(modelType, class string, normalised bool) {
	f.qwen(modelType, class)
	c := f.config
	set(c, "num_experts", f.count("expert_count"))
	set(c, "num_experts_per_tok", f.count("expert_used_count"))
	set(c, "moe_intermediate_size", f.expertInner())
	if n := f.dim("ffn_down_shexp.weight", -1); n > 0 {
		set(c, "shared_expert_intermediate_size", n)
	}
	set(c, "norm_topk_prob", f.bool("expert_weights_norm", normalised))
	set(c, "mlp_only_layers", f.without("ffn_gate_inp.weight"))
	set(c, "qkv_bias", f.inLayers("attn_q.bias"))
}

// without returns the layers that do not have a tensor.
func (f *file) without(name string) []int {
	list := []int{}
	for i := range f.layers {
		if !f.stored(block(i, name)) {
			list = append(list, i)
		}
	}
	return list
}
