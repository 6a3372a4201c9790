package model

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const modernBertDefaults = `{"vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22,
	"num_attention_heads": 12, "hidden_activation": "gelu", "max_position_embeddings": 8192, "norm_eps": 1e-5, "norm_bias": false,
	"attention_bias": false, "mlp_bias": false, "local_attention": 128, "global_attn_every_n_layers": 3, "decoder_bias": true,
	"classifier_pooling": "cls", "classifier_bias": false, "classifier_activation": "gelu", "tie_word_embeddings": true}`

// buildModernBert has rotary positions, norms before each sublayer, gated feed-forward networks, and
// attention that is local in most layers (Warner et al., 2024; transformers: ModernBertModel and its
// heads).
func buildModernBert(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(modernBertDefaults)
	vocab, dim, inner := c.size("vocab_size", maxVocab), c.size("hidden_size", maxWidth), c.size("intermediate_size", maxWidth)
	layers, nHeads := c.size("num_hidden_layers", maxLayers), c.size("num_attention_heads", maxHeads)
	act, eps := c.activation("hidden_activation"), c.epsilon("norm_eps")
	if dim%nHeads != 0 {
		c.fail("hidden_size %d is no multiple of num_attention_heads %d", dim, nHeads)
	}
	every := c.size("global_attn_every_n_layers", maxLayers)
	types := c.layerTypes(layers, func(i int) string {
		if i%every != 0 {
			return slidingAttention
		}
		return fullAttention
	})
	local := attention.Mask{Window: c.int("local_attention", 128, 0, maxLength)/2 + 1}
	global, sliding := c.modernBertRoPE(max(1, dim/nHeads))
	norm := func(w nn.Loader, name string) nn.Norm {
		n := &nn.LayerNorm{Weight: w.Vector(name+".weight", dim), Eps: eps}
		if c.bool("norm_bias", false) {
			n.Bias = w.Vector(name+".bias", dim)
		}
		return n
	}

	body := w.Root("model", "embeddings.tok_embeddings.weight")
	e := &arch.Encoder{Trunk: &arch.Trunk{Vocab: vocab, Dim: dim, MaxLen: c.size("max_position_embeddings", maxLength)}}
	e.Embeddings = arch.Embeddings{Words: body.Embedding("embeddings.tok_embeddings", vocab, dim), Norm: norm(body, "embeddings.norm")}
	for i, l := range body.Layers("layers", layers) {
		a := &attention.MultiHead{Heads: nHeads, KVHeads: nHeads, HeadDim: dim / nHeads,
			QKV: l.Linear("attn.Wqkv", dim, 3*dim, c.bool("attention_bias", false)), Out: l.Linear("attn.Wo", dim, dim, c.bool("attention_bias", false)),
			Rotary: global}
		if types[i] == slidingAttention {
			a.Mask, a.Rotary = local, sliding
		}
		attend := block.Residual{Op: a}
		if i > 0 { // the embeddings have just been normalised
			attend.Pre = norm(l, "attn_norm")
		}
		e.Blocks = append(e.Blocks, block.Block{attend, {Pre: norm(l, "mlp_norm"), Op: &block.GLU{
			GateUp: l.Linear("mlp.Wi", dim, 2*inner, c.bool("mlp_bias", false)), Act: act,
			Down: l.Linear("mlp.Wo", inner, dim, c.bool("mlp_bias", false))}}})
	}
	e.Norm = norm(body, "final_norm")

	h := heads{c: c, w: w, e: e, dim: dim}
	head := func(out *nn.Linear) *arch.Head {
		dense := w.Linear("head.dense", dim, dim, c.bool("classifier_bias", false))
		return &arch.Head{Dense: &dense, Act: c.activation("classifier_activation"), Norm: norm(w, "head.norm"), Out: out}
	}
	switch pool := c.string("classifier_pooling", "cls"); pool {
	case "cls":
	case "mean":
		e.Pool = arch.MeanOfTokens
	default:
		c.fail("classifier_pooling %q is not supported; cls and mean are", pool)
	}
	h.set(headSet{
		masked: func() *arch.Head {
			out := w.Head(e.Embeddings.Words, "decoder", c.bool("tie_word_embeddings", true))
			if c.bool("decoder_bias", true) {
				out.Bias = w.Vector("decoder.bias", vocab)
			}
			return head(&out)
		},
		classify: func() *arch.Head { return head(linear(w, "classifier", dim, h.labels())) },
		tokens:   func() *arch.Head { return head(linear(w, "classifier", dim, h.labels())) },
		answers:  func() *arch.Head { return head(linear(w, "classifier", dim, 2)) },
		choice:   func() *arch.Head { return head(linear(w, "classifier", dim, 1)) },
	})
	return e
}

// modernBertRoPE returns the rotations of global and local layers.
func (c config) modernBertRoPE(headDim int) (global, local *attention.RoPE) {
	p := c.object("rope_parameters")
	full, sliding := p.object(fullAttention), p.object(slidingAttention)
	if old := c.object("rope_scaling"); len(old.keys) > 0 {
		full, sliding = old, old
	}
	return c.rope(full, headDim, c.float("global_rope_theta", 160000), false), c.rope(sliding, headDim, c.float("local_rope_theta", 10000), false)
}
