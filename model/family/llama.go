package family

import (
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// LlamaConfig holds the keys that LLaMA's config.json shares with its relatives.
type LlamaConfig struct {
	VocabSize             int           `json:"vocab_size" hf:"vocab"`
	HiddenSize            int           `json:"hidden_size" hf:"width"`
	IntermediateSize      int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers       int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads     int           `json:"num_attention_heads" hf:"heads"`
	NumKeyValueHeads      *int          `json:"num_key_value_heads" hf:"heads"` // nil: as many as there are heads
	HeadDim               *int          `json:"head_dim" hf:"width"`            // nil: hidden_size / num_attention_heads
	HiddenAct             nn.Activation `json:"hidden_act"`
	MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
	RMSNormEps            float64       `json:"rms_norm_eps" hf:"epsilon"`
	RopeTheta             float64       `json:"rope_theta"`
	AttentionBias         bool          `json:"attention_bias"`
	MLPBias               bool          `json:"mlp_bias"`
	TieWordEmbeddings     bool          `json:"tie_word_embeddings"`
}

// LlamaDefaults returns the defaults for keys that a LLaMA's config.json leaves out.
func LlamaDefaults() LlamaConfig {
	return LlamaConfig{VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
		HiddenAct: nn.SiLU, MaxPositionEmbeddings: 2048, RMSNormEps: 1e-6, RopeTheta: 10000}
}

// Llama builds LLaMA and its many relatives. A recipe calls its methods for the parts and changes what
// differs in the returned values.
type Llama struct {
	LlamaConfig
	KVHeads, HeadWidth int
	MaxLen             int

	QKVBias, OutBias bool // whether the attention projections have biases

	// Norm returns the norm with the given name, for rows of dim.
	Norm func(w nn.Loader, name string, dim int) nn.Norm

	// Mask and Rotary return those of a layer. Rotary returns nil where positions do not rotate.
	Mask   func(layer int) attention.Mask
	Rotary func(layer int) *attention.RoPE

	c *hf.Config
}

// NewLlama returns the builder for a config that has been read. It builds LLaMA itself, but without rotation:
// call RotateAll for that.
func NewLlama(c *hf.Config, cfg LlamaConfig) *Llama {
	m := &Llama{LlamaConfig: cfg, c: c, KVHeads: cfg.NumAttentionHeads, HeadWidth: cfg.HiddenSize / cfg.NumAttentionHeads,
		MaxLen: cfg.MaxPositionEmbeddings, QKVBias: cfg.AttentionBias, OutBias: cfg.AttentionBias}
	if cfg.NumKeyValueHeads != nil {
		m.KVHeads = *cfg.NumKeyValueHeads
	}
	if cfg.HeadDim != nil {
		m.HeadWidth = *cfg.HeadDim
	}
	if m.HeadWidth == 0 {
		c.Fail("hidden_size %d is less than num_attention_heads %d, and head_dim is missing", cfg.HiddenSize, cfg.NumAttentionHeads)
	}
	if cfg.NumAttentionHeads%m.KVHeads != 0 {
		c.Fail("%d attention heads cannot share %d key/value heads evenly", cfg.NumAttentionHeads, m.KVHeads)
	}
	m.Norm = func(w nn.Loader, name string, dim int) nn.Norm {
		return w.RMSNorm(name, dim, float32(cfg.RMSNormEps), 0)
	}
	m.Mask = func(int) attention.Mask { return attention.Mask{Causal: true} }
	return m
}

// RotateAll gives every layer the rotation of the config.
func (m *Llama) RotateAll() { m.RotateShare(0) }

// RotateShare is RotateAll for families that rotate a share of each head. The config may name another share; see
// [hf.Rope].
func (m *Llama) RotateShare(share float64) {
	p := m.c.RopeParameters()
	r := m.c.Rope(p, hf.Rope{Dim: m.HeadWidth, Theta: m.RopeTheta, MaxLen: m.MaxPositionEmbeddings, Share: share})
	m.MaxLen = rotatedLength(p, m.MaxPositionEmbeddings)
	m.Rotary = func(int) *attention.RoPE { return r }
}

// rotatedLength returns the longest sequence in tokens, for a rotation p and max_position_embeddings.
func rotatedLength(p *hf.Config, maxLen int) int {
	if p.RopeType() == "dynamic" {
		return hf.MaxLength // the frequencies grow with the length
	}
	return maxLen
}

// RotateByType gives full and sliding layers rotations with different bases, as in Gemma 3 and OLMo 3. In
// older configs rope_scaling holds for full layers only; its type is read from the key rope_type only.
func (m *Llama) RotateByType(types []string, fullTheta, slidingTheta float64) {
	p := m.c.Object("rope_parameters")
	full, sliding := p.Object(hf.FullAttention), p.Object(hf.SlidingAttention)
	if m.c.Has("rope_scaling") {
		full = m.c.Object("rope_scaling").Without("type")
	}
	global := m.c.Rope(full, hf.Rope{Dim: m.HeadWidth, Theta: fullTheta, MaxLen: m.MaxPositionEmbeddings})
	local := m.c.Rope(sliding, hf.Rope{Dim: m.HeadWidth, Theta: slidingTheta, MaxLen: m.MaxPositionEmbeddings})
	m.Rotary = func(i int) *attention.RoPE {
		if types[i] == hf.SlidingAttention {
			return local
		}
		return global
	}
}

// Windows gives the layers that types calls sliding a window of the given number of keys; nil means no
// window.
func (m *Llama) Windows(window *int, types []string) {
	sliding := causalWindow(window)
	if sliding.Window == 0 && slices.Contains(types, hf.SlidingAttention) {
		m.c.Fail("layers of type %q need a sliding_window", hf.SlidingAttention)
	}
	m.Mask = func(i int) attention.Mask {
		if types[i] == hf.SlidingAttention {
			return sliding
		}
		return attention.Mask{Causal: true}
	}
}

// causalWindow returns a causal mask with a window; nil means no window.
func causalWindow(window *int) attention.Mask {
	m := attention.Mask{Causal: true}
	if window != nil {
		m.Window = *window
	}
	return m
}

// Attention returns the self_attn of layer i; l is the Loader of the layer.
func (m *Llama) Attention(i int, l nn.Loader) *attention.MultiHead {
	a, d := l.At("self_attn"), m.HeadWidth
	return &attention.MultiHead{
		Heads: m.NumAttentionHeads, KVHeads: m.KVHeads, HeadDim: d,
		QKV: a.Fused(m.HiddenSize, m.QKVBias,
			nn.Part{Name: "q_proj", Out: m.NumAttentionHeads * d}, nn.Part{Name: "k_proj", Out: m.KVHeads * d}, nn.Part{Name: "v_proj", Out: m.KVHeads * d}),
		Out:    a.Linear("o_proj", m.NumAttentionHeads*d, m.HiddenSize, m.OutBias),
		Rotary: m.rotary(i), Mask: m.Mask(i),
	}
}

func (m *Llama) rotary(layer int) *attention.RoPE {
	if m.Rotary == nil {
		return nil
	}
	return m.Rotary(layer)
}

// HeadNorms adds norms of the queries and keys of each head to a. All heads share the same weights, as in
// Qwen 3 and Gemma 3.
func (m *Llama) HeadNorms(a *attention.MultiHead, l nn.Loader) {
	a.QNorm, a.KNorm = m.Norm(l, "self_attn.q_norm", m.HeadWidth), m.Norm(l, "self_attn.k_norm", m.HeadWidth)
}

// AllHeadNorms adds a norm of the queries of all heads together to a, and one of the keys, as in OLMo 2.
func (m *Llama) AllHeadNorms(a *attention.MultiHead, l nn.Loader) {
	a.NormAllHeads = true
	a.QNorm = m.Norm(l, "self_attn.q_norm", m.NumAttentionHeads*m.HeadWidth)
	a.KNorm = m.Norm(l, "self_attn.k_norm", m.KVHeads*m.HeadWidth)
}

// GLU returns the mlp of a layer.
func (m *Llama) GLU(l nn.Loader) *block.GLU {
	return glu(l.At("mlp"), m.HiddenSize, m.IntermediateSize, m.MLPBias, m.HiddenAct)
}

// PreNorm returns LLaMA's layer: each sublayer reads the normalised stream.
func (m *Llama) PreNorm(l nn.Loader, a, f attention.Op) block.Block {
	return block.Block{
		{Pre: m.Norm(l, "input_layernorm", m.HiddenSize), Op: a},
		{Pre: m.Norm(l, "post_attention_layernorm", m.HiddenSize), Op: f},
	}
}

// Sandwich returns Gemma 2's layer: the result of each sublayer is normalised too.
func (m *Llama) Sandwich(l nn.Loader, a, f attention.Op) block.Block {
	return block.Block{
		{Pre: m.Norm(l, "input_layernorm", m.HiddenSize), Op: a, Post: m.Norm(l, "post_attention_layernorm", m.HiddenSize)},
		{Pre: m.Norm(l, "pre_feedforward_layernorm", m.HiddenSize), Op: f, Post: m.Norm(l, "post_feedforward_layernorm", m.HiddenSize)},
	}
}

// Decoder assembles the model. layer returns layer i; l is the Loader of this layer.
func (m *Llama) Decoder(w nn.Loader, layer func(i int, l nn.Loader) block.Block) *arch.Decoder {
	return m.Assemble(w.Root("model", "embed_tokens.weight", "norm.weight"), w, layer)
}

// Assemble is Decoder for checkpoints with other names: body has embed_tokens, layers.0, layers.1, … and
// norm; w has lm_head.
func (m *Llama) Assemble(body, w nn.Loader, layer func(i int, l nn.Loader) block.Block) *arch.Decoder {
	d := &arch.Decoder{}
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embed_tokens"), w.Name("lm_head"))
	}
	words := body.Embedding("embed_tokens", m.VocabSize, m.HiddenSize)
	d.Trunk, d.Head = m.Trunk(body, words, layer), w.Head(words, "lm_head")
	w.Ignore(isRotaryTable)
	return d
}

// Trunk assembles the model without its head: body has layers.0, layers.1, … and norm.
func (m *Llama) Trunk(body nn.Loader, words nn.Embedding, layer func(i int, l nn.Loader) block.Block) *arch.Trunk {
	t := &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: m.HiddenSize}, MaxLen: m.MaxLen, Embeddings: arch.Embeddings{Words: words}}
	for i, l := range body.Layers("layers", m.NumHiddenLayers) {
		t.Blocks = append(t.Blocks, layer(i, l))
	}
	t.Norm = m.Norm(body, "norm", m.HiddenSize)
	return t
}

// isRotaryTable reports whether a tensor is a table of frequencies. Old checkpoints store them; here they are
// computed from the config.
func isRotaryTable(name string) bool { return strings.HasSuffix(name, ".rotary_emb.inv_freq") }

// llama is LLaMA 1, 2, 3 and 3.x (Touvron et al., 2023; transformers: LlamaForCausalLM).
func llama(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := LlamaDefaults()
	c.Read(&cfg)
	m := NewLlama(c, cfg)
	m.RotateAll()
	return m.Decoder(w, func(i int, l nn.Loader) block.Block {
		return m.PreNorm(l, m.Attention(i, l), m.GLU(l))
	})
}
