package llamacpp

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// config is a JSON object that is built.
type config map[string]json.RawMessage

// set sets a key.
func set[T int | float64 | bool | string | []int | []float64 | []string](c config, key string, v T) {
	raw, err := json.Marshal(v)
	if err != nil { // a number that is not finite
		raw = fmt.Appendf(nil, "%q", fmt.Sprint(v)) // which whoever reads the config refuses, with the name of the key
	}
	c[key] = raw
}

// setNull sets a key to null: a default of its class does not hold.
func (c config) setNull(keys ...string) {
	for _, key := range keys {
		c[key] = json.RawMessage("null")
	}
}

// setObject sets a key to an object.
func (c config) setObject(key string, o config) {
	raw, err := o.json()
	if err == nil {
		c[key] = raw
	}
}

func (c config) json() ([]byte, error) { return json.Marshal(map[string]json.RawMessage(c)) }

// shortest returns the number that a float32 of a file was written as: 1e-5, and not 9.999999747378752e-06.
func shortest(v float64) float64 {
	if float64(float32(v)) != v {
		return v
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
	if err != nil {
		return v
	}
	return short
}

// common sets the keys of LLaMA and most others.
func (f *file) common(modelType, class string) {
	c := f.config
	set(c, "model_type", modelType)
	set(c, "architectures", []string{class})
	width, heads := f.count("embedding_length"), f.uniform("attention.head_count", 0)
	set(c, "hidden_size", width)
	set(c, "num_hidden_layers", f.layers)
	set(c, "num_attention_heads", heads)
	set(c, "num_key_value_heads", f.uniform("attention.head_count_kv", heads))
	set(c, "max_position_embeddings", f.optional("context_length", 2048))
	set(c, "vocab_size", f.vocabulary())
	set(c, "intermediate_size", f.inner())
	set(c, "tie_word_embeddings", !f.stored("output.weight"))
	set(c, "attention_bias", f.inLayers("attn_q.bias") || f.inLayers("attn_qkv.bias"))
	set(c, "mlp_bias", f.inLayers("ffn_down.bias"))
	if f.has("attention.layer_norm_rms_epsilon") {
		set(c, "rms_norm_eps", f.float("attention.layer_norm_rms_epsilon", 0))
	}
	set(c, "head_dim", f.headDim())
	if k, v := f.headDim(), f.optional("attention.value_length", f.headDim()); k != v && !f.has("attention.kv_lora_rank") {
		f.fail("%s is %d and %s is %d; keys and values of different lengths are not supported", f.key("attention.key_length"), k, f.key("attention.value_length"), v)
	}
}

// headDim returns the width of a head.
func (f *file) headDim() int {
	heads := f.uniform("attention.head_count", 0)
	if heads == 0 {
		if f.err() == nil {
			f.fail("%s is missing or 0", f.key("attention.head_count"))
		}
		return f.optional("attention.key_length", 1)
	}
	d := f.count("embedding_length") / heads
	if rows := f.dim("attn_q.weight", 0); rows > 0 && rows%heads == 0 {
		d = rows / heads // what Granite's converter does not write
	}
	return f.optional("attention.key_length", d)
}

// vocabulary returns the rows of the embedding, which count, whatever the metadata say.
func (f *file) vocabulary() int {
	if info, ok := f.lookup("token_embd.weight"); ok && len(info.Shape) == 2 {
		return info.Shape[0]
	}
	return f.optional("vocab_size", 0)
}

// inner returns the width of the feed-forward network in dense layers, which is that of its tensors.
func (f *file) inner() int {
	if n := f.dim("ffn_down.weight", -1); n > 0 {
		return n
	}
	if each := f.perLayer("feed_forward_length"); len(each) > 0 && each[0] > 0 {
		return each[0]
	}
	return max(f.expertInner(), 1)
}

// expertInner returns the width of one expert.
func (f *file) expertInner() int {
	if n := f.dim("ffn_down_exps.weight", -1); n > 0 {
		return n
	}
	if n := f.dim("ffn_down.0.weight", -1); n > 0 {
		return n
	}
	return f.optional("expert_feed_forward_length", 0)
}

// layerNorm sets the epsilon of LayerNorms under a key.
func (f *file) layerNorm(key string) {
	set(f.config, key, f.float("attention.layer_norm_epsilon", 1e-5))
}
