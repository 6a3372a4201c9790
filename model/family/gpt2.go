package family

import (
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type gpt2Config struct {
	VocabSize                  int           `json:"vocab_size" hf:"vocab"`
	NPositions                 int           `json:"n_positions" hf:"length"`
	NEmbd                      int           `json:"n_embd" hf:"width"`
	NLayer                     int           `json:"n_layer" hf:"layers"`
	NHead                      int           `json:"n_head" hf:"heads"`
	NInner                     *int          `json:"n_inner" hf:"width"` // nil: 4 · n_embd
	ActivationFunction         nn.Activation `json:"activation_function"`
	LayerNormEpsilon           float64       `json:"layer_norm_epsilon" hf:"epsilon"`
	ScaleAttnWeights           bool          `json:"scale_attn_weights"`
	ScaleAttnByInverseLayerIdx bool          `json:"scale_attn_by_inverse_layer_idx"`
	TieWordEmbeddings          bool          `json:"tie_word_embeddings"`
}

// scale returns the scale of the scores in a layer.
func (cfg *gpt2Config) scale(layer int) float32 {
	s := 1.0
	if cfg.ScaleAttnWeights {
		s = 1 / math.Sqrt(float64(cfg.NEmbd/cfg.NHead))
	}
	if cfg.ScaleAttnByInverseLayerIdx {
		s /= float64(layer + 1)
	}
	return float32(s)
}

// gpt2 is GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; transformers:
// GPT2LMHeadModel): learned positions, LayerNorm, and biases everywhere.
func gpt2(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := gpt2Config{VocabSize: 50257, NPositions: 1024, NEmbd: 768, NLayer: 12, NHead: 12, ActivationFunction: nn.GELUTanh,
		LayerNormEpsilon: 1e-5, ScaleAttnWeights: true, TieWordEmbeddings: true}
	c.Read(&cfg)
	c.Refuse("add_cross_attention", "false")
	dim, heads, eps := cfg.NEmbd, cfg.NHead, float32(cfg.LayerNormEpsilon)
	inner := 4 * dim
	if cfg.NInner != nil {
		inner = *cfg.NInner
	}
	if dim%heads != 0 {
		c.Fail("n_embd %d is not a multiple of n_head %d", dim, heads)
	}

	body := w.Root("transformer", "wte.weight", "ln_f.weight")
	if cfg.TieWordEmbeddings {
		w.Tie(body.Name("wte"), w.Name("lm_head"))
	}
	d := &arch.Decoder{Trunk: &arch.Trunk{Vocab: cfg.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: cfg.NPositions}}
	d.Embeddings = arch.Embeddings{Words: body.Embedding("wte", cfg.VocabSize, dim), Positions: body.Table("wpe", cfg.NPositions, dim).Weight}
	for i, l := range body.Layers("h", cfg.NLayer) {
		a, f := l.At("attn"), l.At("mlp")
		d.Blocks = append(d.Blocks, block.Block{
			{Pre: l.LayerNorm("ln_1", dim, eps), Op: &attention.MultiHead{
				Heads: heads, KVHeads: heads, HeadDim: dim / heads,
				QKV: a.Conv1D("c_attn", dim, 3*dim), Out: a.Conv1D("c_proj", dim, dim), // stored transposed
				Mask: attention.Mask{Causal: true}, Scale: cfg.scale(i),
			}},
			{Pre: l.LayerNorm("ln_2", dim, eps), Op: &block.MLP{
				Up: f.Conv1D("c_fc", dim, inner), Act: cfg.ActivationFunction, Down: f.Conv1D("c_proj", inner, dim),
			}},
		})
	}
	d.Norm = body.LayerNorm("ln_f", dim, eps)
	d.Head = w.Head(d.Embeddings.Words, "lm_head")
	w.Ignore(func(name string) bool { // causal masks that old checkpoints store
		return strings.HasSuffix(name, ".attn.bias") || strings.HasSuffix(name, ".attn.masked_bias")
	})
	return d
}
