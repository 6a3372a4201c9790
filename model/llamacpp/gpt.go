package llamacpp

import (
	"fmt"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// gpts are the models with LayerNorms and plain feed-forward networks. Their activations are not stored; nor are GPT-2's
// scales by layer, and the base of GPT-NeoX's rotation: it is 10000.
func gpts() map[string]*architecture {
	return map[string]*architecture{
		"gpt2":     {config: gpt2, names: gpt2Names(), layer: "transformer.h.%d."},
		"gptneox":  {config: gptNeoX, names: gptNeoXNames(), layer: "gpt_neox.layers.%d."},
		"falcon":   {config: falcon, names: falconNames(), layer: "transformer.h.%d."},
		"phi2":     {config: phi2, names: phi2Names()},
		"stablelm": {config: stableLM, names: stableLMNames()},
		"starcoder2": {config: starCoder2, names: llamaNames().with(names{"blk.ffn_up": {to: "mlp.c_fc"}, "blk.ffn_down": {to: "mlp.c_proj"}}),
			from: []string{"starcoder2"}, write: writeStarCoder2},
	}
}

// gpt2Names are those of GPT-2. Matrices are the other way round than in Hugging Face's files, and called so.
func gpt2Names() names {
	return names{
		"token_embd":             {to: "transformer.wte"},
		"position_embd":          {to: "transformer.wpe"},
		"output_norm":            {to: "transformer.ln_f"},
		"output":                 {to: "lm_head"},
		"blk.attn_norm":          {to: "ln_1"},
		"blk.ffn_norm":           {to: "ln_2"},
		"blk.attn_qkv":           {to: "attn.c_attn"},
		"blk.attn_output":        {to: "attn.c_proj"},
		"blk.ffn_up":             {to: "mlp.c_fc"},
		"blk.ffn_down":           {to: "mlp.c_proj"},
		"blk.attn_qkv.weight":    {to: "attn.c_attn.weight.T"},
		"blk.attn_output.weight": {to: "attn.c_proj.weight.T"},
		"blk.ffn_up.weight":      {to: "mlp.c_fc.weight.T"},
		"blk.ffn_down.weight":    {to: "mlp.c_proj.weight.T"},
	}
}

func gpt2(f *file) {
	f.common("gpt2", "GPT2LMHeadModel")
	f.layerNorm("layer_norm_epsilon")
	c := f.config
	for old, key := range map[string]string{"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "intermediate_size": "n_inner"} {
		c[key] = c[old]
	}
	positions := f.optional("context_length", 1024)
	if info, ok := f.lookup("position_embd.weight"); ok && len(info.Shape) == 2 {
		positions = info.Shape[0]
	}
	set(c, "n_positions", positions)
}

// grouped puts the rows of queries, keys and values, which the file has one after the other, where Hugging Face has them: for
// each key head its queries, its key and its value.
func grouped(f *file, t stored) []checkpoint.Part {
	d, heads := f.headDim(), f.uniform("attention.head_count", 0)
	kv := f.uniform("attention.head_count_kv", heads)
	if kv < 1 || heads%kv != 0 || d < 1 || len(t.Shape) == 0 || t.Shape[0] != (heads+2*kv)*d {
		f.fail("tensor %q has shape %v; %d heads of %d with %d keys and values do not fit", t.Name, t.Shape, heads, d, kv)
		return nil
	}
	queries := heads / kv
	p := t.part()
	p.Order = func(row int) int {
		head, i := row/d, row%d
		group, in := head/(queries+2), head%(queries+2)
		switch in {
		case queries:
			return (heads+group)*d + i
		case queries + 1:
			return (heads+kv+group)*d + i
		}
		return (group*queries+in)*d + i
	}
	return []checkpoint.Part{p}
}

func gptNeoXNames() names {
	return names{
		"token_embd":      {to: "gpt_neox.embed_in"},
		"output_norm":     {to: "gpt_neox.final_layer_norm"},
		"output":          {to: "embed_out"},
		"blk.attn_norm":   {to: "input_layernorm"},
		"blk.ffn_norm":    {to: "post_attention_layernorm"},
		"blk.attn_qkv":    {"attention.query_key_value", grouped},
		"blk.attn_output": {to: "attention.dense"},
		"blk.ffn_up":      {to: "mlp.dense_h_to_4h"},
		"blk.ffn_down":    {to: "mlp.dense_4h_to_h"},
	}
}

func gptNeoX(f *file) {
	f.common("gpt_neox", "GPTNeoXForCausalLM")
	f.layerNorm("layer_norm_eps")
	c := f.config
	set(c, "use_parallel_residual", f.bool("use_parallel_residual", true))
	if f.partialRope(); f.err() == nil {
		c["rotary_pct"], c["rotary_emb_base"] = c["partial_rotary_factor"], c["rope_theta"]
	}
}

func falconNames() names {
	return names{
		"token_embd":      {to: "transformer.word_embeddings"},
		"output_norm":     {to: "transformer.ln_f"},
		"output":          {to: "lm_head"},
		"blk.attn_norm":   {"input_layernorm", falconNorm},
		"blk.attn_norm_2": {to: "ln_attn"},
		"blk.attn_qkv":    {"self_attention.query_key_value", grouped},
		"blk.attn_output": {to: "self_attention.dense"},
		"blk.ffn_up":      {to: "mlp.dense_h_to_4h"},
		"blk.ffn_down":    {to: "mlp.dense_4h_to_h"},
	}
}

// falconNorm is the norm before both sublayers, or that before the feed-forward network where there are two.
func falconNorm(f *file, t stored) []checkpoint.Part {
	p := t.part()
	if f.inLayers("attn_norm_2.weight") {
		p = checkpoint.Part{Name: t.to[:len(t.to)-len("input_layernorm")] + "ln_mlp" + t.ending, Of: t.Name}
	}
	return []checkpoint.Part{p}
}

// falcon is Falcon 7B, with one key head, or one of the later ones. llama.cpp has none with ALiBi, or with one sublayer after
// the other.
func falcon(f *file) {
	f.common("falcon", "FalconForCausalLM")
	f.layerNorm("layer_norm_epsilon")
	f.rope()
	c := f.config
	norms := 1
	if f.inLayers("attn_norm_2.weight") {
		norms = 2
	}
	kv := f.uniform("attention.head_count_kv", 1)
	c["num_kv_heads"], c["ffn_hidden_size"] = c["num_key_value_heads"], c["intermediate_size"]
	set(c, "new_decoder_architecture", kv > 1 || norms > 1)
	set(c, "num_ln_in_parallel_attn", norms)
	set(c, "multi_query", true)
	set(c, "parallel_attn", true)
	set(c, "alibi", false)
	set(c, "bias", f.inLayers("ffn_down.bias"))
}

func phi2Names() names {
	return llamaNames().with(names{
		"output_norm":     {to: "model.final_layernorm"},
		"blk.attn_output": {to: "self_attn.dense"},
		"blk.ffn_up":      {to: "mlp.fc1"},
		"blk.ffn_down":    {to: "mlp.fc2"},
	})
}

func phi2(f *file) {
	f.common("phi", "PhiForCausalLM")
	f.layerNorm("layer_norm_eps")
	f.partialRope()
	set(f.config, "qk_layernorm", false)
}

func starCoder2(f *file) {
	f.common("starcoder2", "Starcoder2ForCausalLM")
	f.layerNorm("norm_epsilon")
	f.rope()
	set(f.config, "sliding_window", 4096) // of all published models; llama.cpp has none
	set(f.config, "use_bias", f.inLayers("attn_output.bias"))
}

// stableLMNames are those of StableLM, for which the library has no recipe: a program gives its own. Each head has a norm of
// its own, all of which are one tensor in the file.
func stableLMNames() names {
	each := func(_ *file, t stored) []checkpoint.Part {
		if len(t.Shape) != 2 {
			return []checkpoint.Part{t.part()}
		}
		var parts []checkpoint.Part
		for i := range min(t.Shape[0], hf.MaxHeads) {
			parts = append(parts, checkpoint.Part{Name: fmt.Sprintf("%s.%d%s", t.to, i, t.ending), Of: t.Name, Shape: t.Shape[1:], First: i})
		}
		return parts
	}
	return llamaNames().with(names{
		"blk.attn_q_norm": {"self_attn.q_layernorm.norms", each},
		"blk.attn_k_norm": {"self_attn.k_layernorm.norms", each},
	})
}

func stableLM(f *file) {
	f.common("stablelm", "StableLmForCausalLM")
	f.layerNorm("layer_norm_eps")
	f.partialRope()
	set(f.config, "use_parallel_residual", !f.inLayers("ffn_norm.weight"))
	set(f.config, "use_qkv_bias", f.inLayers("attn_q.bias"))
	set(f.config, "qk_layernorm", f.inLayers("attn_q_norm.weight"))
}
