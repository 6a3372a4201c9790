package model

import (
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// llama is the geometry of LLaMA and of the many models that are a diff on it. Each family fills it
// from its config, with its own defaults, and wires its layers from the methods below.
type llama struct {
	Vocab, Dim, Inner      int
	Layers, Heads, KVHeads int
	HeadDim                int
	MaxLen                 int
	Act                    nn.Activation
	Eps, NormPlus          float32
	QKVBias, OutBias       bool
	MLPBias, Tied          bool
	Scale, SoftCap         float32
	EmbedScale, FinalCap   float32
	mask                   func(i int) attention.Mask
	rotary                 func(i int) *attention.RoPE
}

const llamaDefaults = `{"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
	"num_attention_heads": 32, "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
	"tie_word_embeddings": false, "attention_bias": false, "mlp_bias": false}`

// readLlama reads what all relatives have in common.
func readLlama(c config) *llama {
	m := &llama{
		Vocab:  c.size("vocab_size", maxVocab),
		Dim:    c.size("hidden_size", maxWidth),
		Inner:  c.size("intermediate_size", maxWidth),
		Layers: c.size("num_hidden_layers", maxLayers),
		Heads:  c.size("num_attention_heads", maxHeads),
		MaxLen: c.size("max_position_embeddings", maxLength),
		Act:    c.activation("hidden_act"),
		Eps:    c.epsilon("rms_norm_eps"),
		Tied:   c.bool("tie_word_embeddings", false),
	}
	m.KVHeads, m.HeadDim = m.Heads, m.Dim/m.Heads
	if c.has("num_key_value_heads") {
		m.KVHeads = c.size("num_key_value_heads", maxHeads)
	}
	if c.has("head_dim") {
		m.HeadDim = c.size("head_dim", maxWidth)
	}
	if m.HeadDim == 0 {
		c.fail("hidden_size %d is less than num_attention_heads %d, and head_dim is missing", m.Dim, m.Heads)
	}
	if m.Heads%m.KVHeads != 0 {
		c.fail("%d attention heads cannot share %d key/value heads evenly", m.Heads, m.KVHeads)
	}
	m.QKVBias = c.bool("attention_bias", false)
	m.OutBias, m.MLPBias = m.QKVBias, c.bool("mlp_bias", false)
	m.mask = func(int) attention.Mask { return attention.Mask{Causal: true} }
	return m
}

// window returns the mask of a causal layer with the config's sliding window, which may be null.
func (c config) window() attention.Mask {
	m := attention.Mask{Causal: true}
	if c.has("sliding_window") {
		m.Window = c.size("sliding_window", maxLength)
	}
	return m
}

// sameRope gives every layer the rotation of the config.
func (m *llama) sameRope(c config) {
	p := c.ropeParameters()
	r := c.rope(p, m.HeadDim, c.float("rope_theta", 10000), false)
	if p.string("rope_type", p.string("type", "")) == "dynamic" {
		m.MaxLen = maxLength // the frequencies grow with the length
	}
	m.rotary = func(int) *attention.RoPE { return r }
}

// windowed gives the layers that types calls sliding the window of the config.
func (m *llama) windowed(c config, types []string) {
	sliding := c.window()
	if sliding.Window == 0 && slices.Contains(types, slidingAttention) {
		c.fail("layers of type %q need a sliding_window", slidingAttention)
	}
	m.mask = func(i int) attention.Mask {
		if types[i] == slidingAttention {
			return sliding
		}
		return attention.Mask{Causal: true}
	}
}

func (m *llama) norm(w nn.Loader, name string) *nn.RMSNorm {
	return w.RMSNorm(name, m.Dim, m.Eps, m.NormPlus)
}

// attention is the self_attn of layer i.
func (m *llama) attention(i int, w nn.Loader) *attention.MultiHead {
	a := w.At("self_attn")
	return &attention.MultiHead{
		Heads: m.Heads, KVHeads: m.KVHeads, HeadDim: m.HeadDim,
		QKV: a.Fused(m.Dim, m.QKVBias,
			nn.Part{Name: "q_proj", Out: m.Heads * m.HeadDim},
			nn.Part{Name: "k_proj", Out: m.KVHeads * m.HeadDim},
			nn.Part{Name: "v_proj", Out: m.KVHeads * m.HeadDim}),
		Out:    a.Linear("o_proj", m.Heads*m.HeadDim, m.Dim, m.OutBias),
		Rotary: m.rotary(i), Mask: m.mask(i), Scale: m.Scale, SoftCap: m.SoftCap,
	}
}

// headNorms gives a layer the norms of query and key heads that Qwen 3 and Gemma 3 have.
func (m *llama) headNorms(a *attention.MultiHead, w nn.Loader) {
	a.QNorm = w.RMSNorm("self_attn.q_norm", m.HeadDim, m.Eps, m.NormPlus)
	a.KNorm = w.RMSNorm("self_attn.k_norm", m.HeadDim, m.Eps, m.NormPlus)
}

// glu is the mlp of a layer.
func (m *llama) glu(w nn.Loader) *block.GLU {
	f := w.At("mlp")
	return &block.GLU{
		GateUp: f.Fused(m.Dim, m.MLPBias, nn.Part{Name: "gate_proj", Out: m.Inner}, nn.Part{Name: "up_proj", Out: m.Inner}),
		Act:    m.Act,
		Down:   f.Linear("down_proj", m.Inner, m.Dim, m.MLPBias),
	}
}

// preNorm is LLaMA's layer: each sublayer reads the normalised stream.
func (m *llama) preNorm(w nn.Loader, a, f attention.Op) block.Block {
	return block.Block{
		{Pre: m.norm(w, "input_layernorm"), Op: a},
		{Pre: m.norm(w, "post_attention_layernorm"), Op: f},
	}
}

// sandwich is Gemma 2's layer: each sublayer's result is normalised too.
func (m *llama) sandwich(w nn.Loader, a, f attention.Op) block.Block {
	return block.Block{
		{Pre: m.norm(w, "input_layernorm"), Op: a, Post: m.norm(w, "post_attention_layernorm")},
		{Pre: m.norm(w, "pre_feedforward_layernorm"), Op: f, Post: m.norm(w, "post_feedforward_layernorm")},
	}
}

// decoder assembles the model from what layer returns for each.
func (m *llama) decoder(w nn.Loader, layer func(i int, w nn.Loader) block.Block) *arch.Decoder {
	body := w.Root("model", "embed_tokens.weight")
	d := &arch.Decoder{Trunk: &arch.Trunk{Vocab: m.Vocab, Dim: m.Dim, MaxLen: m.MaxLen}, LogitSoftCap: m.FinalCap}
	d.Embeddings.Scale = m.EmbedScale
	words := &d.Embeddings.Words
	headOnly := m.Tied && !body.Has("embed_tokens.weight") && w.Has("lm_head.weight") // the table may have the head's name
	if headOnly {
		*words = w.Embedding("lm_head", m.Vocab, m.Dim)
	} else {
		*words = body.Embedding("embed_tokens", m.Vocab, m.Dim)
	}
	for i, l := range body.Layers("layers", m.Layers) {
		d.Blocks = append(d.Blocks, layer(i, l))
	}
	d.Norm = m.norm(body, "norm")
	if headOnly {
		d.Head = nn.Linear{Weight: words.Weight}
	} else {
		d.Head = w.Head(*words, "lm_head", m.Tied)
	}
	w.Ignore(isRotaryTable)
	return d
}

// buildLlama is LLaMA 1, 2, 3 and 3.x (Touvron et al., 2023; transformers: LlamaForCausalLM).
func buildLlama(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(llamaDefaults)
	m := readLlama(c)
	m.sameRope(c)
	return m.decoder(w, func(i int, l nn.Loader) block.Block {
		return m.preNorm(l, m.attention(i, l), m.glu(l))
	})
}

// isRotaryTable reports whether a tensor is one of the tables that old checkpoints store; they are
// computed from the config.
func isRotaryTable(name string) bool { return strings.HasSuffix(name, ".rotary_emb.inv_freq") }
