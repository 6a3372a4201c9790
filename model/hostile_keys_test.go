package model_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
)

// plainCases are the simplest golden cases of each family, which tests change.
var plainCases = map[string]string{
	"cohere": "cohere-qk-norm", "cohere2": "cohere2-plain", "deepseek_v2": "deepseek_v2-groups", "deepseek_v3": "deepseek_v3-published", "falcon": "falcon-7b", "gemma": "gemma-bias", "gemma2": "gemma2-softcaps",
	"gemma3": "gemma3-pictures-published", "gemma3_text": "gemma3-old-config", "glm4_moe": "glm4_moe-air", "glm4_moe_lite": "glm4_moe_lite-flash", "gpt2": "gpt2-plain", "gpt_neox": "gpt_neox-pythia",
	"granite": "granite-multipliers", "kimi_k2": "kimi_k2-published", "llama": "llama-gqa", "llama4": "llama4-published", "llama4_text": "llama4_text-scout", "minimax_m2": "minimax_m2-published", "mistral": "mistral-window", "olmo2": "olmo2-gqa", "olmo3": "olmo3-default-layers",
	"opt": "opt-350m", "phi": "phi-qk-layernorm", "phi3": "phi3-window", "qwen2": "qwen2-window", "qwen3": "qwen3-window",
	"granitemoe": "granitemoe-bias", "granitemoeshared": "granitemoeshared-plain", "phimoe": "phimoe-longrope-long",
	"gpt_oss": "gpt_oss-plain", "mixtral": "mixtral-window", "olmoe": "olmoe-clip", "qwen2_moe": "qwen2_moe-norm-step", "qwen3_moe": "qwen3_moe-mlp-only",
	"smollm3": "smollm3-interval", "starcoder2": "starcoder2-window",
}

func plain(t testing.TB, family string) golden {
	t.Helper()
	for _, g := range goldens(t) {
		if g.Name == plainCases[family] {
			return g
		}
	}
	t.Fatalf("no golden case of %s", family)
	return golden{}
}

// Kinds of keys, with values that are wrong for each.
var (
	notNumbers     = []string{`"7"`, `true`, `[]`, `[1]`, `{}`, `1e400`, `-1e400`}
	notSizes       = append([]string{"0", "-1", "1e18", "-1e18", "9223372036854775807", "1.5", "1e-300"}, notNumbers...)
	notBools       = []string{`0`, `1`, `"true"`, `[]`, `{}`}
	notStrings     = []string{`0`, `true`, `[]`, `{}`}
	notObjects     = []string{`0`, `true`, `"x"`, `[]`, `[{}]`}
	notNames       = append([]string{`""`, `"x"`, `"SiLU"`, `"clippy"`}, notStrings...)
	notPlus        = append([]string{"-1", "-1e-300"}, notNumbers...)
	notPositive    = append([]string{"0"}, notPlus...)
	notEpsilons    = append([]string{"1", "1e18"}, notPlus...)
	notShares      = append([]string{"0", "1.01", "1e18"}, notPlus...)
	notRopes       = append([]string{`"x"`, `"Linear"`, `"mrope"`}, notStrings...)
	notTypes       = append([]string{`""`, `"LLAMA"`, `"bert"`, "missing", "null"}, notStrings...)
	notQuants      = append([]string{`{}`, `{"quant_method": "gptq"}`}, notObjects...)
	notNumberLists = []string{"0", `"x"`, "{}", "[1.5]", `["x"]`}
	notLists       = []string{`0`, `"full_attention"`, `{}`, `[]`, `["full_attention"]`, `[1, 2, 3]`,
		`["full_attention", "full_attention", "full_attention", "full_attention", "full_attention", "full_attention", "full_attention", "full_attention"]`,
		`["full_attention", "chunked_attention", "full_attention"]`, `["full_attention", null, "full_attention"]`, `["full_attention", "", "full_attention"]`}
)

// keys are those of a config, with values that are wrong for each.
type keys map[string][]string

// like returns keys and more of them, without some.
func (k keys) like(more keys, without ...string) keys {
	all := maps.Clone(k)
	maps.Copy(all, more)
	for _, key := range without {
		delete(all, key)
	}
	return all
}

// below returns the keys of the object under a key.
func (k keys) below(name string) keys {
	all := keys{}
	for key, values := range k {
		all[name+"."+key] = values
	}
	return all
}

// hostileKeys returns the keys that the recipe of each family reads.
func hostileKeys() map[string]keys {
	base := keys{"vocab_size": notSizes, "model_type": notTypes, "quantization_config": notQuants, "tie_word_embeddings": notBools}
	sizes := base.like(keys{"hidden_size": notSizes, "intermediate_size": notSizes, "num_hidden_layers": notSizes,
		"num_attention_heads": notSizes, "max_position_embeddings": notSizes, "hidden_act": notNames})
	rope := keys{"rope_theta": notPositive, "rope_scaling": notObjects, "rope_parameters": notObjects, "rope_scaling.type": notRopes}
	llama := sizes.like(rope).like(keys{"num_key_value_heads": notSizes, "head_dim": notSizes, "rms_norm_eps": notEpsilons, "partial_rotary_factor": notShares})
	window := keys{"sliding_window": notSizes}
	types := keys{"sliding_window": notSizes, "layer_types": notLists}
	qwen := types.like(keys{"use_sliding_window": notBools, "max_window_layers": notSizes[1:]})
	// The kind of rotation counts under the key rope_type alone.
	byType := llama.like(types).like(keys{"rope_scaling.rope_type": notRopes}, "rope_scaling.type", "rope_parameters")
	cohere := llama.like(keys{"layer_norm_eps": notEpsilons, "logit_scale": notPositive, "attention_bias": notBools}, "rms_norm_eps")
	shared := keys{"moe_intermediate_size": notSizes, "n_routed_experts": notSizes, "n_shared_experts": notSizes, "num_experts_per_tok": notSizes,
		"n_group": append([]string{"null"}, notSizes...), "topk_group": append([]string{"null"}, notSizes...), "norm_topk_prob": notBools,
		"routed_scaling_factor": notPositive, "first_k_dense_replace": notSizes[1:]}
	latent := llama.like(shared, "head_dim").like(keys{"attention_bias": notBools, "q_lora_rank": notSizes, "kv_lora_rank": notSizes,
		"qk_nope_head_dim": notSizes, "qk_rope_head_dim": append([]string{"5"}, notSizes...), "v_head_dim": notSizes,
		"scoring_func": notNames, "topk_method": notNames})
	deepseek := latent.like(keys{"rope_interleave": notBools, "num_nextn_predict_layers": notSizes[1:]})
	gemma2 := keys{"query_pre_attn_scalar": notPositive, "attn_logit_softcapping": notPositive, "final_logit_softcapping": notPositive,
		"hidden_activation": notNames}
	gemma3 := byType.like(gemma2, "attn_logit_softcapping", "hidden_act").like(keys{"sliding_window_pattern": notSizes, "rope_local_base_freq": notPositive})
	inText := gemma3.like(nil, "model_type", "quantization_config", "rope_scaling", "rope_scaling.rope_type", "layer_types", "final_logit_softcapping",
		"rope_local_base_freq", "rope_theta", "partial_rotary_factor")
	experts := keys{"num_experts": notSizes, "num_experts_per_tok": append([]string{"999"}, notSizes...)}
	qwenExperts := experts.like(keys{"moe_intermediate_size": notSizes, "norm_topk_prob": notBools, "decoder_sparse_step": notSizes,
		"mlp_only_layers": notNumberLists, "num_experts": notSizes[1:], "use_sliding_window": notBools})
	granite := llama.like(keys{"attention_bias": notBools, "embedding_multiplier": notPositive, "attention_multiplier": notPositive,
		"residual_multiplier": notPositive, "logits_scaling": notPositive})
	graniteExperts := experts.like(keys{"num_local_experts": notSizes}, "num_experts")
	llama4 := llama.like(experts, "num_experts", "partial_rotary_factor").like(keys{"num_local_experts": notSizes, "intermediate_size_mlp": notSizes,
		"interleave_moe_layer_step": notSizes, "moe_layers": notNumberLists, "use_qk_norm": notBools, "no_rope_layer_interval": notSizes,
		"no_rope_layers": {"0", `"x"`, "{}", "[1]", "[1.5, 1, 1, 1, 1, 1]", `["x"]`}, "attention_chunk_size": notSizes, "layer_types": notLists,
		"attn_temperature_tuning": notBools, "floor_scale": notSizes, "attn_scale": notNumbers, "attention_bias": notBools,
		"rope_scaling.rope_type": notRopes}, "rope_scaling.type")
	return map[string]keys{
		"cohere":        cohere.like(keys{"use_qk_norm": notBools}),
		"cohere2":       cohere.like(types).like(keys{"sliding_window_pattern": notSizes}),
		"deepseek_v2":   latent.like(keys{"mlp_bias": notBools}),
		"deepseek_v3":   deepseek,
		"glm4_moe_lite": deepseek.like(keys{"mlp_layer_types": {"0", `"sparse"`, "{}", "[]", `["sparse"]`, "[1, 2, 3]", `["dense", "x", "sparse"]`}}, "first_k_dense_replace"),
		"kimi_k2":       deepseek,
		"glm4_moe":      llama.like(shared).like(keys{"attention_bias": notBools, "use_qk_norm": notBools, "num_nextn_predict_layers": notSizes[1:]}),
		"minimax_m2": llama.like(keys{"num_local_experts": notSizes, "num_experts_per_tok": append([]string{"11"}, notSizes...),
			"rotary_dim": append([]string{"15"}, notSizes...), "scoring_func": notNames, "use_qk_norm": {"false"}, "use_routing_bias": {"false"}}),
		"falcon": base.like(rope).like(keys{"hidden_size": notSizes, "n_embed": notSizes, "ffn_hidden_size": notSizes, "num_hidden_layers": notSizes,
			"num_attention_heads": notSizes, "num_kv_heads": notSizes, "new_decoder_architecture": notBools, "multi_query": notBools, "parallel_attn": notBools,
			"num_ln_in_parallel_attn": append([]string{"2"}, notSizes...), "alibi": notBools, "bias": notBools, "activation": notNames,
			"max_position_embeddings": notSizes, "layer_norm_epsilon": notEpsilons}),
		"gemma":       llama.like(keys{"attention_bias": notBools, "use_bidirectional_attention": {"true", "1", `"x"`}}),
		"gemma2":      llama.like(types).like(gemma2, "hidden_act"),
		"gemma3":      inText.below("text_config").like(keys{"text_config": notObjects, "model_type": notTypes, "quantization_config": notQuants}),
		"gemma3_text": gemma3,
		"gpt2": base.like(keys{"n_positions": notSizes, "n_embd": notSizes, "n_layer": notSizes, "n_head": notSizes, "n_inner": notSizes,
			"activation_function": notNames, "layer_norm_epsilon": notEpsilons, "scale_attn_weights": notBools,
			"scale_attn_by_inverse_layer_idx": notBools, "add_cross_attention": {"true", "1"}}),
		"gpt_neox": sizes.like(rope).like(keys{"layer_norm_eps": notEpsilons, "rotary_pct": append([]string{"1.01", "1e18"}, notPlus...), "rotary_emb_base": notPositive,
			"use_parallel_residual": notBools, "attention_bias": notBools}, "rope_theta"),
		"gpt_oss": llama.like(types).like(experts.like(keys{"num_local_experts": notSizes}, "num_experts")).like(keys{
			"attention_bias": notBools, "swiglu_alpha": notPositive, "swiglu_limit": notPositive, "rope_scaling.rope_type": notRopes}, "rope_scaling.type"),
		"granite":          granite.like(keys{"mlp_bias": notBools}),
		"granitemoe":       granite.like(graniteExperts),
		"granitemoeshared": granite.like(graniteExperts).like(keys{"shared_intermediate_size": notSizes[1:]}),
		"llama":            llama.like(keys{"attention_bias": notBools, "mlp_bias": notBools}),
		"llama4": llama4.like(nil, "model_type", "quantization_config", "rope_parameters").below("text_config").like(keys{"text_config": notObjects, "model_type": notTypes,
			"quantization_config": notQuants}),
		"llama4_text": llama4,
		"mistral":     llama.like(window),
		"mixtral":     llama.like(window).like(experts.like(keys{"num_local_experts": notSizes}, "num_experts")),
		"olmoe":       llama.like(experts).like(keys{"attention_bias": notBools, "norm_topk_prob": notBools, "clip_qkv": notPositive}),
		"qwen2_moe":   llama.like(qwenExperts).like(keys{"shared_expert_intermediate_size": notSizes, "qkv_bias": notBools, "layer_types": notLists, "max_window_layers": notSizes[1:]}),
		"qwen3_moe":   llama.like(qwenExperts).like(keys{"attention_bias": notBools}),
		"olmo2":       llama.like(keys{"attention_bias": notBools}),
		"olmo3":       byType.like(keys{"attention_bias": notBools, "sliding_window": append([]string{"null"}, notSizes...)}),
		"opt": base.like(keys{"hidden_size": notSizes, "word_embed_proj_dim": notSizes, "ffn_dim": notSizes, "num_hidden_layers": notSizes,
			"num_attention_heads": notSizes, "max_position_embeddings": notSizes, "activation_function": notNames, "do_layer_norm_before": notBools,
			"_remove_final_layer_norm": notBools, "enable_bias": notBools, "layer_norm_elementwise_affine": notBools}),
		"phi":  llama.like(keys{"layer_norm_eps": notEpsilons, "qk_layernorm": notBools}, "rms_norm_eps"),
		"phi3": llama.like(window),
		"phimoe": llama.like(window).like(keys{"num_local_experts": append([]string{"1"}, notSizes...), "router_jitter_noise": notEpsilons, "attention_bias": notBools,
			"lm_head_bias": notBools, "rope_scaling.type": append([]string{`"linear"`, `"yarn"`}, notRopes...), "rope_scaling.short_mscale": notPositive,
			"rope_scaling.long_mscale": append([]string{"1e40", "1e-60"}, notPositive...)}),
		"qwen2": llama.like(qwen),
		"qwen3": llama.like(qwen).like(keys{"attention_bias": notBools}),
		"smollm3": llama.like(types).like(keys{"use_sliding_window": notBools, "attention_bias": notBools, "mlp_bias": notBools, "no_rope_layer_interval": notSizes,
			"no_rope_layers": {"0", `"x"`, "{}", "[]", "[1]", "[1.5, 1, 1, 1, 1, 1]", `["x"]`}}),
		"starcoder2": llama.like(window).like(keys{"norm_epsilon": notEpsilons, "use_bias": notBools}, "rms_norm_eps"),
	}
}

// Every key that a recipe reads, with every kind of wrong value, gives an error that names it.
func TestHostileConfigs(t *testing.T) {
	all := hostileKeys()
	for _, family := range model.Decoders() {
		t.Run(family, func(t *testing.T) {
			g := plain(t, family)
			base := g.object(t)
			if err := g.open(t, encode(base)); err != nil {
				t.Fatal(err)
			}
			if len(all[family]) == 0 {
				t.Fatal("no keys of this family")
			}
			if _, ok := all[family]["sliding_window_pattern"]; ok || family == "qwen2" || family == "qwen3" {
				delete(base, "layer_types") // which would stand before what other keys say
			}
			for _, key := range slices.Sorted(maps.Keys(all[family])) {
				for _, value := range all[family][key] {
					g.refuses(t, base, key, value)
				}
			}
		})
	}
}

// refuses opens a config with one key set to a wrong value.
func (g *golden) refuses(t *testing.T, base object, key, value string) {
	t.Helper()
	o := base
	if strings.HasPrefix(key, "rope_scaling") || key == "rope_theta" || key == "rotary_emb_base" || key == "rotary_pct" {
		o = with(o, "rope_parameters", "missing")
	}
	if key == "rope_parameters" {
		o = with(o, "rope_scaling", "missing")
	}
	if key == "partial_rotary_factor" {
		o = with(with(o, "rope_scaling", "missing"), "rope_parameters", "missing")
	}
	err := g.open(t, encode(with(o, key, value)))
	if err == nil {
		t.Errorf("%s = %s is accepted", key, value)
		return
	}
	last := key[strings.LastIndex(key, ".")+1:]
	said := strings.Contains(err.Error(), last) || strings.Contains(err.Error(), "rope")
	switch last {
	case "type", "rope_type":
		said = said || strings.Contains(err.Error(), "RoPE")
	case "rotary_emb_base", "rotary_pct":
		said = said || strings.Contains(err.Error(), "RoPE") || strings.Contains(err.Error(), "partial_rotary_factor")
	case "n_embed": // hidden_size, for the tensors
		said = said || strings.Contains(err.Error(), "shape")
	}
	if !said {
		t.Errorf("%s = %s: the error does not name the key: %v", key, value, err)
	}
}
