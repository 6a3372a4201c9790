package llamacpp

import (
	"maps"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// t5Names are the names of T5's tensors.
func t5Names() names {
	n := names{
		"token_embd":               {to: "shared"},
		"output":                   {to: "lm_head"},
		"enc.output_norm":          {to: "encoder.final_layer_norm"},
		"dec.output_norm":          {to: "decoder.final_layer_norm"},
		"dec.blk.cross_attn_norm":  {to: "layer.1.layer_norm"},
		"dec.blk.cross_attn_q":     {to: "layer.1.EncDecAttention.q"},
		"dec.blk.cross_attn_k":     {to: "layer.1.EncDecAttention.k"},
		"dec.blk.cross_attn_v":     {to: "layer.1.EncDecAttention.v"},
		"dec.blk.cross_attn_o":     {to: "layer.1.EncDecAttention.o"},
		"dec.blk.cross_attn_rel_b": {}, // files have one that no answer depends on
	}
	maps.Copy(n, t5Layer("enc.blk.", "layer.1."))
	maps.Copy(n, t5Layer("dec.blk.", "layer.2."))
	return n
}

// t5Layer are the names of a layer's self-attention, and of its network, which is the last sublayer.
func t5Layer(side, last string) names {
	return names{
		side + "attn_norm":  {to: "layer.0.layer_norm"},
		side + "attn_q":     {to: "layer.0.SelfAttention.q"},
		side + "attn_k":     {to: "layer.0.SelfAttention.k"},
		side + "attn_v":     {to: "layer.0.SelfAttention.v"},
		side + "attn_o":     {to: "layer.0.SelfAttention.o"},
		side + "attn_rel_b": {to: "layer.0.SelfAttention.relative_attention_bias"},
		side + "ffn_norm":   {to: last + "layer_norm"},
		side + "ffn_gate":   {to: last + "DenseReluDense.wi_0"},
		side + "ffn_up": {last + "DenseReluDense.wi", func(f *file, t stored) []checkpoint.Part {
			if f.gated() {
				t.to += "_1"
			}
			return []checkpoint.Part{t.part()}
		}},
		side + "ffn_down": {to: last + "DenseReluDense.wo"},
	}
}

// gated reports whether the networks of a T5 have a gate.
func (f *file) gated() bool { return f.stored("enc.blk.0.ffn_gate.weight") }

// t5s are T5, T5 v1.1, Flan-T5, mT5 and UMT5, and the encoder of one alone. The largest distance of a bias is not stored,
// nor are the activation, ReLU or, of gated networks, the tanh form of GELU, and whether logits are scaled: they are where
// the head is the table of embeddings. The logits of an mT5 with such a head, of which none is published, would not be.
func t5s() map[string]*architecture {
	sides := map[string]string{"enc.": "encoder.block.%d.", "dec.": "decoder.block.%d."}
	return map[string]*architecture{
		"t5":        {config: func(f *file) { f.t5("ForConditionalGeneration") }, names: t5Names(), sides: sides},
		"t5encoder": {config: func(f *file) { f.t5("EncoderModel") }, names: t5Names(), sides: sides},
	}
}

func (f *file) t5(class string) {
	c := f.config
	if f.stored("enc.blk.1.attn_rel_b.weight") { // every layer has a bias
		set(c, "model_type", "umt5")
		set(c, "architectures", []string{"UMT5" + class})
	} else {
		set(c, "model_type", "t5")
		set(c, "architectures", []string{"T5" + class})
	}
	f.has("attention.causal")
	set(c, "d_model", f.count("embedding_length"))
	set(c, "num_layers", f.layers)
	set(c, "num_decoder_layers", f.optional("decoder_block_count", f.layers))
	heads := f.uniform("attention.head_count", 0)
	set(c, "num_heads", heads)
	set(c, "d_kv", f.headDim())
	set(c, "d_ff", f.uniform("feed_forward_length", 0))
	set(c, "vocab_size", f.vocabulary())
	set(c, "relative_attention_num_buckets", f.optional("attention.relative_buckets_count", 32))
	set(c, "layer_norm_epsilon", f.float("attention.layer_norm_rms_epsilon", f.float("attention.layer_norm_epsilon", 1e-6)))
	set(c, "tie_word_embeddings", !f.stored("output.weight"))
	set(c, "feed_forward_proj", "relu")
	if f.gated() {
		set(c, "feed_forward_proj", "gated-gelu")
	}
	set(c, "decoder_start_token_id", f.optional("decoder_start_token_id", 0))
}
