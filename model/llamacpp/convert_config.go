package llamacpp

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// set sets a key of the file. It shadows that of file's config.
func (w *writer) set(key string, v gguf.Value) { w.meta.Set(key, v) }

// defaults sets keys that the config does not have: what the reference's class would have there.
func (w *writer) defaults(keys map[string]string) {
	for key, value := range keys {
		if w.config.Raw(key) == nil {
			w.config = w.config.With(key, value)
		}
	}
}

// first returns the first of some keys that the config has, or "".
func (w *writer) firstOf(keys ...string) string {
	for _, key := range keys {
		if w.config.Has(key) {
			return key
		}
	}
	return ""
}

// whole writes a whole number of the config under a key of the architecture, and returns it.
func (w *writer) whole(name string, keys ...string) int {
	key := w.firstOf(keys...)
	if key == "" {
		return 0
	}
	n := w.config.Int(key, 0, 0, maxNumber)
	w.uint(name, n)
	return n
}

// needed is whole for a key that must be there.
func (w *writer) needed(name string, keys ...string) int {
	if w.firstOf(keys...) == "" {
		w.fail("config.json has no %s, which a GGUF of the architecture %s needs", keys[0], w.name)
	}
	return w.whole(name, keys...)
}

func (w *writer) uint(name string, n int)       { w.set(w.key(name), gguf.Of(uint32(n))) }
func (w *writer) number(name string, x float64) { w.set(w.key(name), gguf.Of(float32(x))) }
func (w *writer) text(name, s string)           { w.set(w.key(name), gguf.Of(s)) }

// fraction writes a number of the config under a key of the architecture.
func (w *writer) fraction(name string, keys ...string) {
	if key := w.firstOf(keys...); key != "" {
		w.number(name, w.config.Float(key, 0))
	}
}

// sizes writes what all decoders have.
func (w *writer) sizes() {
	c := w.config
	w.uint("block_count", w.layers)
	w.whole("context_length", "max_position_embeddings", "n_ctx", "n_positions")
	w.needed("embedding_length", "hidden_size", "n_embd", "dim")
	w.whole("feed_forward_length", "intermediate_size", "n_inner", "hidden_dim")
	heads := w.needed("attention.head_count", "num_attention_heads", "n_head", "n_heads")
	if w.firstOf("num_key_value_heads") != "" {
		w.whole("attention.head_count_kv", "num_key_value_heads")
	} else {
		w.uint("attention.head_count_kv", heads)
	}
	w.fraction("attention.layer_norm_rms_epsilon", "rms_norm_eps", "norm_eps")
	w.fraction("attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")
	if c.Has("head_dim") {
		w.whole("attention.key_length", "head_dim")
		w.whole("attention.value_length", "head_dim")
	}
	w.whole("expert_count", "num_local_experts", "num_experts", "n_routed_experts")
	w.whole("expert_used_count", "num_experts_per_tok")
}

// perHead returns the width of a head.
func (w *writer) perHead() int {
	c := w.config
	d := c.Int("hidden_size", 0, 0, hf.MaxWidth) / c.Int("num_attention_heads", 1, 1, hf.MaxHeads)
	return c.Int("head_dim", d, 1, hf.MaxWidth)
}

// parameters returns the object that describes the rotation, with its base.
func (w *writer) parameters() *hf.Config {
	p := w.config.RopeParameters()
	if p.Has(hf.FullAttention) {
		p = p.Object(hf.FullAttention)
	}
	for _, key := range []string{"rope_theta", "partial_rotary_factor", "original_max_position_embeddings"} {
		if !p.Has(key) && w.config.Has(key) {
			p = p.With(key, string(w.config.Raw(key)))
		}
	}
	return p
}

// turned writes the rotation.
func (w *writer) turned() {
	p := w.parameters()
	theta := p.Float("rope_theta", 10000)
	w.number("rope.freq_base", theta)
	factor := p.Float("factor", 0)
	switch kind := p.RopeType(); kind {
	case "default":
	case "linear":
		w.text("rope.scaling.type", "linear")
		w.number("rope.scaling.factor", factor)
	case "yarn":
		w.text("rope.scaling.type", "yarn")
		w.number("rope.scaling.factor", factor)
		w.uint("rope.scaling.original_context_length", p.Int("original_max_position_embeddings", 0, 1, hf.MaxLength))
		for _, k := range []struct{ key, name string }{{"attention_factor", "yarn_attn_factor"}, {"beta_fast", "yarn_beta_fast"}, {"beta_slow", "yarn_beta_slow"}} {
			if p.Has(k.key) {
				w.number("rope.scaling."+k.name, p.Float(k.key, 0))
			}
		}
		for _, key := range []string{"mscale", "mscale_all_dim"} {
			if p.Has(key) {
				w.fail("the rotation has %s, which a GGUF of the architecture %s cannot say", key, w.name)
			}
		}
		if !p.Bool("truncate", true) {
			w.fail("the rotation has truncate = false, which a GGUF of the architecture %s cannot say", w.name)
		}
	case "llama3":
		w.divide(p, theta, factor)
	default:
		w.fail("rope_type %.200q is not written to a GGUF of the architecture %s", kind, w.name)
	}
}

// divide writes the factors by which LLaMA 3.1 divides the frequencies.
func (w *writer) divide(p *hf.Config, theta, factor float64) {
	low, high := p.Float("low_freq_factor", 1), p.Float("high_freq_factor", 4)
	original := p.Float("original_max_position_embeddings", 8192)
	if !(theta > 0 && factor > 0 && high > low && original > 0) {
		w.fail("the rotation's numbers are not those of llama3: factor %v, from %v to %v of %v", factor, low, high, original)
		return
	}
	n := w.perHead() / 2
	factors := make([]float64, n)
	for i := range factors {
		factors[i] = dividedBy(i, n, theta, factor, low, high, original)
	}
	w.values("rope_freqs.weight", factors)
}

// rotates writes how many values of a head rotate.
func (w *writer) rotates() { w.uint("rope.dimension_count", w.perHead()) }

// plain is what llama.cpp's converter writes of any decoder.
func (w *writer) plain() {
	w.sizes()
	w.turned()
}

// silent refuses what files of the architecture do not say: an activation, or a window that is shorter than the texts.
func (w *writer) silent(activations ...string) {
	for i, a := range activations {
		activations[i] = fmt.Sprintf("%q", a)
	}
	w.config.Refuse("hidden_act", activations...)
	w.config.Refuse("hidden_activation", activations...)
	w.config.Refuse("activation_function", activations...)
}

// withoutWindow refuses a window that some token would meet.
func (w *writer) withoutWindow(used bool) {
	c := w.config
	if n := c.Int("sliding_window", 0, 0, hf.MaxLength); used && n > 0 && n < c.Int("max_position_embeddings", 0, 0, hf.MaxLength) {
		w.fail("sliding_window is %d, and a GGUF of the architecture %s cannot say it", n, w.name)
	}
}

// writeLlama is LLaMA, Mistral and Mixtral.
func writeLlama(w *writer) {
	w.silent("silu")
	w.withoutWindow(true)
	if w.config.ModelType() == "mixtral" {
		w.defaults(map[string]string{"rope_theta": "1e6", "rms_norm_eps": "1e-5", "num_local_experts": "8", "num_experts_per_tok": "2", "num_key_value_heads": "8"})
	} else {
		w.defaults(map[string]string{"head_dim": fmt.Sprint(w.perHead()), "rms_norm_eps": "1e-6"})
	}
	w.plain()
	w.needed("vocab_size", "vocab_size")
	w.rotates()
}

// writeSmolLM3 is SmolLM3, every fourth layer of which does not rotate: a file cannot say another rule.
func writeSmolLM3(w *writer) {
	c := w.config
	w.silent("silu")
	w.withoutWindow(c.Bool("use_sliding_window", false))
	c.Refuse("no_rope_layer_interval", "4")
	if slices.Contains(c.List("layer_types"), hf.SlidingAttention) {
		w.fail("layer_types has %s, and a GGUF of the architecture %s cannot say it", hf.SlidingAttention, w.name)
	}
	var layers []int
	if c.Has("no_rope_layers") {
		if err := json.Unmarshal(c.Raw("no_rope_layers"), &layers); err != nil {
			w.fail("no_rope_layers is %.100s; a list of numbers is needed", c.Raw("no_rope_layers"))
		}
	}
	for i, rotates := range layers {
		if (rotates == 0) != ((i+1)%4 == 0) {
			w.fail("no_rope_layers has %d for layer %d: a GGUF says that every fourth layer does not rotate, and no other", rotates, i)
			break
		}
	}
	w.defaults(map[string]string{"rope_theta": "2e6", "rms_norm_eps": "1e-6", "num_key_value_heads": "4"})
	w.plain()
	w.needed("vocab_size", "vocab_size")
	w.rotates()
}

// writeGranite is Granite.
func writeGranite(w *writer) {
	w.silent("silu")
	w.config = w.config.Without("head_dim")
	w.defaults(map[string]string{"rms_norm_eps": "1e-6", "attention_multiplier": "1", "embedding_multiplier": "1", "residual_multiplier": "1", "logits_scaling": "1"})
	w.plain()
	w.needed("vocab_size", "vocab_size")
	w.rotates()
	w.fraction("attention.scale", "attention_multiplier")
	w.fraction("embedding_scale", "embedding_multiplier")
	w.fraction("residual_scale", "residual_multiplier")
	w.fraction("logit_scale", "logits_scaling")
}

// writeQwen is Qwen 2 or 3.
func writeQwen(w *writer) {
	w.silent("silu")
	w.withoutWindow(w.config.Bool("use_sliding_window", false))
	if w.name == "qwen3" {
		w.defaults(map[string]string{"head_dim": "128"})
	}
	w.plain()
}

// writeQwenMoE is Qwen 2 or 3 with experts. Whether the weights of the chosen ones are normalised is known by the name.
func writeQwenMoE(normalised bool) func(w *writer) {
	return func(w *writer) {
		writeQwen(w)
		if w.config.Bool("norm_topk_prob", false) != normalised {
			w.fail("norm_topk_prob is %v, and a GGUF of the architecture %s says that it is %v", !normalised, w.name, normalised)
		}
		w.whole("expert_feed_forward_length", "moe_intermediate_size")
		if w.name == "qwen2moe" {
			w.whole("expert_shared_feed_forward_length", "shared_expert_intermediate_size")
		}
	}
}

// writeGemma is Gemma 1 or 2.
func writeGemma(w *writer) {
	c := w.config
	w.silent("gelu_pytorch_tanh", "gelu")
	if c.Has("hidden_activation") {
		c.Refuse("hidden_activation", `"gelu_pytorch_tanh"`)
	}
	w.defaults(map[string]string{"head_dim": "256"})
	w.sizes()
	if p := w.parameters(); p.RopeType() != "default" || p.Float("rope_theta", 10000) != 10000 {
		w.fail("the rotation is not the usual one, and a GGUF of the architecture %s cannot say it", w.name)
	}
	if w.name != "gemma2" {
		return
	}
	w.fraction("attn_logit_softcapping", "attn_logit_softcapping")
	w.fraction("final_logit_softcapping", "final_logit_softcapping")
	w.needed("attention.sliding_window", "sliding_window")
	w.gemmaSays(2, 46)
}

// gemmaSays refuses windows and a scale of the scores that are not those which a file's reader takes for granted.
func (w *writer) gemmaSays(every, wide int) {
	c := w.config
	types := c.LayerTypes(w.layers, func(i int) string {
		if (i+1)%c.Int("sliding_window_pattern", every, 1, hf.MaxLayers) == 0 {
			return hf.FullAttention
		}
		return hf.SlidingAttention
	}, hf.FullAttention, hf.SlidingAttention)
	for i, t := range types {
		if (t == hf.FullAttention) != ((i+1)%every == 0) {
			w.fail("layer %d has %s: in a GGUF of the architecture %s every layer but each %dth has a window", i, t, w.name, every)
			break
		}
	}
	scalar := float64(w.perHead())
	if w.layers == wide {
		scalar = float64(c.Int("hidden_size", 0, 0, hf.MaxWidth) / c.Int("num_attention_heads", 1, 1, hf.MaxHeads))
	}
	if x := c.Float("query_pre_attn_scalar", 256); x != scalar {
		w.fail("query_pre_attn_scalar is %v, and a GGUF of the architecture %s says that it is %v", x, w.name, scalar)
	}
}

// writeGemma3 is the text of Gemma 3.
func writeGemma3(w *writer) {
	c := w.config
	c.Refuse("hidden_activation", `"gelu_pytorch_tanh"`)
	if c.Bool("use_bidirectional_attention", false) {
		w.fail("use_bidirectional_attention is true: EmbeddingGemma is not written to GGUF")
	}
	w.defaults(map[string]string{"head_dim": "256", "max_position_embeddings": "131072", "rms_norm_eps": "1e-06", "num_attention_heads": "8", "num_key_value_heads": "4"})
	c = w.config
	w.sizes()
	p := w.parameters()
	w.number("rope.freq_base", p.Float("rope_theta", 1e6))
	if p.RopeType() == "linear" {
		w.text("rope.scaling.type", "linear")
		w.number("rope.scaling.factor", p.Float("factor", 0))
	} else if p.RopeType() != "default" {
		w.fail("rope_type %.200q is not written to a GGUF of the architecture %s", p.RopeType(), w.name)
	}
	w.number("rope.freq_base_swa", c.Object("rope_parameters").Object(hf.SlidingAttention).Float("rope_theta", c.Float("rope_local_base_freq", 10000)))
	c.Refuse("attn_logit_softcapping")
	w.fraction("final_logit_softcapping", "final_logit_softcapping")
	w.needed("attention.sliding_window", "sliding_window")
	w.gemmaSays(6, 62)
}

// writeOLMo2 is OLMo 2 or 3.
func writeOLMo2(w *writer) {
	w.silent("silu")
	if w.config.ModelType() == "olmo2" {
		w.plain()
		return
	}
	w.defaults(map[string]string{"rope_theta": "500000", "sliding_window": "4096"})
	w.plain()
	if sliding := w.config.Object("rope_parameters").Object(hf.SlidingAttention); sliding.RopeType() != "default" {
		w.fail("the rotation of layers with a window is %.200q, and a GGUF of the architecture %s cannot say it", sliding.RopeType(), w.name)
	} else {
		w.number("rope.freq_base_swa", sliding.Float("rope_theta", 500000))
	}
	w.whole("attention.sliding_window", "sliding_window")
	types := w.config.LayerTypes(w.layers, func(i int) string {
		if (i+1)%4 == 0 {
			return hf.FullAttention
		}
		return hf.SlidingAttention
	}, hf.FullAttention, hf.SlidingAttention)
	windows := make([]bool, len(types))
	for i, t := range types {
		windows[i] = t == hf.SlidingAttention
	}
	w.set(w.key("attention.sliding_window_pattern"), gguf.ArrayOf(windows))
}

// writeOLMoE is OLMoE.
func writeOLMoE(w *writer) {
	w.silent("silu")
	w.config.Refuse("clip_qkv")
	w.config.Refuse("norm_topk_prob", "false")
	if w.config.Float("rms_norm_eps", 1e-5) != 1e-5 {
		w.config.Refuse("rms_norm_eps", "1e-05")
	}
	w.defaults(map[string]string{"rms_norm_eps": "1e-05", "num_experts": "64", "num_experts_per_tok": "8"})
	w.plain()
}

// writeStarCoder2 is StarCoder 2, whose window is that of all published models.
func writeStarCoder2(w *writer) {
	w.silent("gelu_pytorch_tanh")
	const window = 4096
	c := w.config
	if n := c.Int("sliding_window", 0, 0, hf.MaxLength); n != window && (n > 0 || c.Int("max_position_embeddings", window, 0, hf.MaxLength) > window) {
		w.fail("sliding_window is %d: a GGUF of the architecture %s says that it is %d", n, w.name, window)
	}
	w.defaults(map[string]string{"norm_epsilon": "1e-5"})
	if a, b := w.config.Float("norm_epsilon", 0), c.Float("layer_norm_epsilon", 0); c.Has("layer_norm_epsilon") && a != b {
		w.fail("norm_epsilon is %v and layer_norm_epsilon is %v: llama.cpp's converter takes the second, and the model the first", a, b)
	}
	w.plain()
}

// fileType returns the number by which files name the type of most of their tensors.
func (w *writer) fileType() uint32 {
	var bytes [3]int64
	for _, m := range w.made.tensors {
		switch dt, _ := m.info.DType.Tensor(); {
		case len(m.shape) < 2:
		case dt == tensor.F32:
			bytes[0] += m.info.Size
		case dt == tensor.F16:
			bytes[1] += m.info.Size
		default:
			bytes[2] += m.info.Size
		}
	}
	switch max(bytes[0], bytes[1], bytes[2]) {
	case bytes[0]:
		return 0
	case bytes[1]:
		return 1
	}
	return 32
}
