// Family adds a family of models, StableLM 2, to the library from outside of it, and continues a text with one. It is a
// module of its own, as your program would be. Start it in its own folder:
//
//	go run . [-model DIR] [-max-tokens N] [TEXT]
package main

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// config has the keys of a StableLM's config.json.
type config struct {
	VocabSize             int           `json:"vocab_size" hf:"vocab"`
	HiddenSize            int           `json:"hidden_size" hf:"width"`
	IntermediateSize      int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers       int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads     int           `json:"num_attention_heads" hf:"heads"`
	NumKeyValueHeads      int           `json:"num_key_value_heads" hf:"heads"`
	HiddenAct             nn.Activation `json:"hidden_act"`
	MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
	LayerNormEps          float64       `json:"layer_norm_eps" hf:"epsilon"`
	RopeTheta             float64       `json:"rope_theta"`
	UseQKVBias            bool          `json:"use_qkv_bias"`
	QKLayerNorm           bool          `json:"qk_layernorm"`
	UseParallelResidual   bool          `json:"use_parallel_residual"`
	TieWordEmbeddings     bool          `json:"tie_word_embeddings"`
}

// stablelm is StableLM 2 (Bellagente et al., 2024; transformers: StableLmForCausalLM): LLaMA with LayerNorm, a
// rotation of a quarter of each head, and, in the 12B, norms of each head and a parallel residual.
func stablelm(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := config{VocabSize: 50304, HiddenSize: 2560, IntermediateSize: 6912, NumHiddenLayers: 32, NumAttentionHeads: 32,
		NumKeyValueHeads: 32, HiddenAct: nn.SiLU, MaxPositionEmbeddings: 4096, LayerNormEps: 1e-5, RopeTheta: 10000}
	c.Read(&cfg)
	dim, heads, kv, inner := cfg.HiddenSize, cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.IntermediateSize
	if dim%heads != 0 || heads%kv != 0 {
		c.Fail("hidden_size %d, num_attention_heads %d and num_key_value_heads %d do not divide each other", dim, heads, kv)
	}
	d, eps := dim/heads, float32(cfg.LayerNormEps)
	rope := c.Rope(c.RopeParameters(), hf.Rope{Dim: d, Theta: cfg.RopeTheta, MaxLen: cfg.MaxPositionEmbeddings, Share: 0.25})
	headNorms := func(l nn.Loader, name string, n int) nn.Norm { // each head has weights of its own
		if !cfg.QKLayerNorm {
			return nil
		}
		norms := make(nn.PerRow, n)
		for i, h := range l.Layers(name+".norms", n) {
			norms[i] = &nn.LayerNorm{Weight: h.Vector("weight", d), Eps: eps}
		}
		return norms
	}

	body := w.At("model")
	m := &arch.Decoder{Trunk: &arch.Trunk{Vocab: cfg.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: cfg.MaxPositionEmbeddings}}
	if cfg.TieWordEmbeddings {
		w.Tie(body.Name("embed_tokens"), w.Name("lm_head"))
	}
	m.Embeddings.Words = body.Embedding("embed_tokens", cfg.VocabSize, dim)
	for _, l := range body.Layers("layers", cfg.NumHiddenLayers) {
		a, f := l.At("self_attn"), l.At("mlp")
		attend := &attention.MultiHead{Heads: heads, KVHeads: kv, HeadDim: d,
			QKV: a.Fused(dim, cfg.UseQKVBias, nn.Part{Name: "q_proj", Out: dim}, nn.Part{Name: "k_proj", Out: kv * d}, nn.Part{Name: "v_proj", Out: kv * d}),
			Out: a.Linear("o_proj", dim, dim, false), QNorm: headNorms(a, "q_layernorm", heads), KNorm: headNorms(a, "k_layernorm", kv),
			Rotary: rope, Mask: attention.Mask{Causal: true}}
		network := &block.GLU{Act: cfg.HiddenAct, Down: f.Linear("down_proj", inner, dim, false),
			GateUp: f.Fused(dim, false, nn.Part{Name: "gate_proj", Out: inner}, nn.Part{Name: "up_proj", Out: inner})}
		norm := l.LayerNorm("input_layernorm", dim, eps)
		if cfg.UseParallelResidual { // both read the same norm
			m.Blocks = append(m.Blocks, block.Block{{Pre: norm, Op: &block.Parallel{Branches: []block.Branch{{Op: attend}, {Op: network}}}}})
			continue
		}
		m.Blocks = append(m.Blocks, block.Block{{Pre: norm, Op: attend}, {Pre: l.LayerNorm("post_attention_layernorm", dim, eps), Op: network}})
	}
	m.Norm = body.LayerNorm("norm", dim, eps)
	m.Head = w.Head(m.Embeddings.Words, "lm_head")
	return m
}
