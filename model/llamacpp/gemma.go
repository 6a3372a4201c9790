package llamacpp

import (
	"math"

	"github.com/seed2010d43f/transformer/model/hf"
)

// gemmaNames are the names of Gemma 2 and later. The weights of norms are 1 more than Hugging Face's.
func gemmaNames() names {
	return llamaNames().with(names{
		"output_norm":             {"model.norm", plus(-1)},
		"blk.attn_norm":           {"input_layernorm", plus(-1)},
		"blk.attn_q_norm":         {"self_attn.q_norm", plus(-1)},
		"blk.attn_k_norm":         {"self_attn.k_norm", plus(-1)},
		"blk.post_attention_norm": {"post_attention_layernorm", plus(-1)},
		"blk.ffn_norm":            {"pre_feedforward_layernorm", plus(-1)},
		"blk.post_ffw_norm":       {"post_feedforward_layernorm", plus(-1)},
	})
}

// gemmas are Gemma 1 to 3 and EmbeddingGemma. The scale of the scores is not stored, nor is, in most files, which layers
// have a window.
func gemmas() map[string]*architecture {
	return map[string]*architecture{
		"gemma": {config: func(f *file) { f.gemma("gemma", "GemmaForCausalLM") }, names: gemmaNames().with(names{
			"blk.ffn_norm": {"post_attention_layernorm", plus(-1)},
		}), from: []string{"gemma"}, write: writeGemma},
		"gemma2": {config: gemma2, names: gemmaNames(), from: []string{"gemma2"}, write: writeGemma},
		"gemma3": {config: func(f *file) { f.gemma3("Gemma3ForCausalLM") }, names: gemmaNames(), from: []string{"gemma3_text"}, write: writeGemma3},
		"gemma-embedding": {config: gemmaEmbedding, names: gemmaNames().with(names{
			"dense_2": {}, // layers after the pooling
			"dense_3": {},
		})},
	}
}

func (f *file) gemma(modelType, class string) {
	f.common(modelType, class)
	set(f.config, "hidden_activation", "gelu_pytorch_tanh")
	set(f.config, "hidden_act", "gelu_pytorch_tanh")
	f.rope()
}

func gemma2(f *file) {
	f.gemma("gemma2", "Gemma2ForCausalLM")
	f.gemmaWindows(2, 46)
	f.softCap("attn_logit_softcapping")
	f.softCap("final_logit_softcapping")
}

func (f *file) gemma3(class string) {
	f.gemma("gemma3_text", class)
	f.gemmaWindows(6, 62)
	f.softCap("final_logit_softcapping")
	set(f.config, "rope_local_base_freq", f.float("rope.freq_base_swa", 10000))
}

func gemmaEmbedding(f *file) {
	f.has("attention.causal")
	f.gemma3("Gemma3TextModel")
	set(f.config, "use_bidirectional_attention", true)
}

func (f *file) softCap(key string) {
	if f.config.setNull(key); f.has(key) {
		set(f.config, key, f.float(key, 0))
	}
}

// gemmaWindows sets the windows, of which every n-th layer has none, and the scale of the scores: that of the head's width,
// or of the width divided by the heads in the model of so many layers.
func (f *file) gemmaWindows(n, wide int) {
	c := f.config
	if c.setNull("sliding_window"); f.optional("attention.sliding_window", 0) > 0 {
		set(c, "sliding_window", f.count("attention.sliding_window"))
		f.layerTypes(n)
	} else {
		f.layerTypes(1)
	}
	scalar := float64(f.headDim())
	if heads := f.uniform("attention.head_count", 0); f.layers == wide && heads > 0 {
		scalar = float64(f.count("embedding_length") / heads)
	}
	if scale := f.float("attention.scale", 0); scale > 0 {
		scalar = 1 / (scale * scale)
	}
	set(c, "query_pre_attn_scalar", scalar)
}

// layerTypes sets which layers have a window: those of attention.sliding_window_pattern, or all but every n-th. A pattern
// is a number as n is, or says of each layer whether it has one.
func (f *file) layerTypes(n int) {
	const pattern = "attention.sliding_window_pattern"
	sliding := func(i int) bool { return (i+1)%n != 0 }
	if f.has(pattern) {
		if every, err := f.meta.Int(f.key(pattern)); err == nil {
			if every < 1 || every > math.MaxInt32 {
				f.fail("%s is %d; a number from 1 on is needed", f.key(pattern), every)
				return
			}
			sliding = func(i int) bool { return (i+1)%int(every) != 0 }
		} else {
			list := f.pattern(f.key(pattern))
			if len(list) < f.layers {
				f.fail("%s has %d entries for %d layers", f.key(pattern), len(list), f.layers)
				return
			}
			sliding = func(i int) bool { return list[i] }
		}
	}
	types := make([]string, f.layers)
	for i := range types {
		if types[i] = hf.FullAttention; sliding(i) {
			types[i] = hf.SlidingAttention
		}
	}
	set(f.config, "layer_types", types)
}

// pattern returns a list of truth values, which older files have as numbers.
func (f *file) pattern(key string) []bool {
	if numbers, err := f.meta.Ints(key); err == nil {
		list := make([]bool, len(numbers))
		for i, n := range numbers {
			list[i] = n != 0
		}
		return list
	}
	return get(f, key, f.meta.Bools)
}
