package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// phi is Phi-1, Phi-1.5 and Phi-2 (Gunasekar et al., "Textbooks Are All You Need", 2023; transformers:
// PhiForCausalLM): attention and a plain feed-forward network side by side behind one LayerNorm, a rotation
// of a part of each head, and biases everywhere.
func phi(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := struct {
		LlamaConfig
		LayerNormEps float64 `json:"layer_norm_eps" hf:"epsilon"`
		QKLayerNorm  bool    `json:"qk_layernorm"`
	}{LlamaConfig: LlamaDefaults(), LayerNormEps: 1e-5}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.HiddenAct = 51200, 2048, 8192, 24, nn.GELUTanh
	c.Read(&cfg)
	m := NewLlama(c, cfg.LlamaConfig)
	dim, d, heads, kv, eps := m.HiddenSize, m.HeadWidth, m.NumAttentionHeads, m.KVHeads, float32(cfg.LayerNormEps)
	if cfg.QKLayerNorm && d != dim/heads {
		c.Fail("head_dim %d with qk_layernorm, whose norms have hidden_size / num_attention_heads values, %d", d, dim/heads)
	}
	p := c.RopeParameters()
	rotary := c.Rope(p, hf.Rope{Dim: d, Theta: m.RopeTheta, MaxLen: m.MaxPositionEmbeddings, Share: 0.5})

	body := w.Root("model", "embed_tokens.weight", "final_layernorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embed_tokens"), w.Name("lm_head"))
	}
	out := &arch.Decoder{Trunk: &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: rotatedLength(p, m.MaxPositionEmbeddings)}}
	out.Embeddings.Words = body.Embedding("embed_tokens", m.VocabSize, dim)
	for _, l := range body.Layers("layers", m.NumHiddenLayers) {
		s := l.At("self_attn")
		a := &attention.MultiHead{
			Heads: heads, KVHeads: kv, HeadDim: d, Rotary: rotary, Mask: attention.Mask{Causal: true},
			QKV: s.Fused(dim, true, nn.Part{Name: "q_proj", Out: heads * d}, nn.Part{Name: "k_proj", Out: kv * d}, nn.Part{Name: "v_proj", Out: kv * d}),
			Out: s.Linear("dense", heads*d, dim, true),
		}
		if cfg.QKLayerNorm {
			a.QNorm, a.KNorm = s.LayerNorm("q_layernorm", d, eps), s.LayerNorm("k_layernorm", d, eps)
		}
		out.Blocks = append(out.Blocks, sideBySide(l.LayerNorm("input_layernorm", dim, eps),
			a, mlp(l.At("mlp"), "fc1", "fc2", dim, m.IntermediateSize, true, m.HiddenAct)))
	}
	out.Norm = body.LayerNorm("final_layernorm", dim, eps)
	out.Head = w.Head(out.Embeddings.Words, "lm_head")
	if out.Head.Weight != nil {
		out.Head.Bias = w.Vector("lm_head.bias", m.VocabSize) // even the logits have a bias
	}
	w.Ignore(isRotaryTable)
	return out
}
