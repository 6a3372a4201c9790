package model

import (
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const gpt2Defaults = `{"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12,
	"activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "scale_attn_weights": true,
	"scale_attn_by_inverse_layer_idx": false, "tie_word_embeddings": true}`

// buildGPT2 is GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019;
// transformers: GPT2LMHeadModel): learned positions, LayerNorm, biases everywhere, and weights that are
// stored transposed.
func buildGPT2(c config, w nn.Loader) *arch.Decoder {
	c = c.defaults(gpt2Defaults)
	c.refuse("add_cross_attention", "false")
	layers, heads := c.size("n_layer", maxLayers), c.size("n_head", maxHeads)
	vocab, dim := c.size("vocab_size", maxVocab), c.size("n_embd", maxWidth)
	length, eps := c.size("n_positions", maxLength), c.epsilon("layer_norm_epsilon")
	inner, act := 4*dim, c.activation("activation_function")
	if c.has("n_inner") {
		inner = c.size("n_inner", maxWidth)
	}
	if dim%heads != 0 {
		c.fail("n_embd %d is no multiple of n_head %d", dim, heads)
	}
	scale := func(layer int) float32 {
		s := 1.0
		if c.bool("scale_attn_weights", true) {
			s = 1 / math.Sqrt(float64(dim/heads))
		}
		if c.bool("scale_attn_by_inverse_layer_idx", false) {
			s /= float64(layer + 1)
		}
		return float32(s)
	}

	body := w.Root("transformer", "wte.weight")
	d := &arch.Decoder{Trunk: &arch.Trunk{Vocab: vocab, Dim: dim, MaxLen: length}}
	d.Embeddings = arch.Embeddings{Words: body.Embedding("wte", vocab, dim), Positions: table(body, "wpe", length, dim).Weight}
	for i, l := range body.Layers("h", layers) {
		a, f := l.At("attn"), l.At("mlp")
		d.Blocks = append(d.Blocks, block.Block{
			{Pre: l.LayerNorm("ln_1", dim, eps), Op: &attention.MultiHead{
				Heads: heads, KVHeads: heads, HeadDim: dim / heads,
				QKV: a.Conv1D("c_attn", dim, 3*dim), Out: a.Conv1D("c_proj", dim, dim),
				Mask: attention.Mask{Causal: true}, Scale: scale(i),
			}},
			{Pre: l.LayerNorm("ln_2", dim, eps), Op: &block.MLP{
				Up: f.Conv1D("c_fc", dim, inner), Act: act, Down: f.Conv1D("c_proj", inner, dim),
			}},
		})
	}
	d.Norm = body.LayerNorm("ln_f", dim, eps)
	d.Head = w.Head(d.Embeddings.Words, "lm_head", c.bool("tie_word_embeddings", true))
	w.Ignore(func(name string) bool { // causal masks that old checkpoints store
		return strings.HasSuffix(name, ".attn.bias") || strings.HasSuffix(name, ".attn.masked_bias")
	})
	return d
}
