package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type optConfig struct {
	VocabSize                  int           `json:"vocab_size" hf:"vocab"`
	HiddenSize                 int           `json:"hidden_size" hf:"width"`
	WordEmbedProjDim           *int          `json:"word_embed_proj_dim" hf:"width"` // nil: hidden_size
	FFNDim                     int           `json:"ffn_dim" hf:"width"`
	NumHiddenLayers            int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads          int           `json:"num_attention_heads" hf:"heads"`
	MaxPositionEmbeddings      int           `json:"max_position_embeddings" hf:"length"`
	ActivationFunction         nn.Activation `json:"activation_function"`
	DoLayerNormBefore          bool          `json:"do_layer_norm_before"`
	RemoveFinalLayerNorm       bool          `json:"_remove_final_layer_norm"`
	EnableBias                 bool          `json:"enable_bias"`
	LayerNormElementwiseAffine bool          `json:"layer_norm_elementwise_affine"`
	TieWordEmbeddings          bool          `json:"tie_word_embeddings"`
}

// norm returns a LayerNorm. Its epsilon is not in the config.
func (cfg *optConfig) norm(w nn.Loader, name string) nn.Norm {
	if !cfg.LayerNormElementwiseAffine {
		return &nn.LayerNorm{Eps: 1e-5}
	}
	return w.LayerNorm(name, cfg.HiddenSize, 1e-5)
}

// layer returns the layer at l.
func (cfg *optConfig) layer(l nn.Loader, headDim int) block.Block {
	dim, s := cfg.HiddenSize, l.At("self_attn")
	residual := func(norm string, op attention.Op) block.Residual {
		n := cfg.norm(l, norm)
		if cfg.DoLayerNormBefore {
			return block.Residual{Pre: n, Op: op}
		}
		return block.Residual{Op: op, Out: n}
	}
	return block.Block{
		residual("self_attn_layer_norm", &attention.MultiHead{
			Heads: cfg.NumAttentionHeads, KVHeads: cfg.NumAttentionHeads, HeadDim: headDim, Mask: attention.Mask{Causal: true},
			QKV: s.Fused(dim, cfg.EnableBias, parts(dim, "q_proj", "k_proj", "v_proj")...),
			Out: s.Linear("out_proj", dim, dim, cfg.EnableBias),
		}),
		residual("final_layer_norm", mlp(l, "fc1", "fc2", dim, cfg.FFNDim, cfg.EnableBias, cfg.ActivationFunction)),
	}
}

// opt is OPT (Zhang et al., "OPT: Open Pre-trained Transformer Language Models", 2022; transformers:
// OPTForCausalLM). The 350M has norms after each sublayer, no final norm, and embeddings narrower than its
// layers, with a projection on each side.
func opt(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := optConfig{VocabSize: 50272, HiddenSize: 768, FFNDim: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, MaxPositionEmbeddings: 2048,
		ActivationFunction: nn.ReLU, DoLayerNormBefore: true, EnableBias: true, LayerNormElementwiseAffine: true, TieWordEmbeddings: true}
	c.Read(&cfg)
	dim, words := cfg.HiddenSize, cfg.HiddenSize
	if cfg.WordEmbedProjDim != nil {
		words = *cfg.WordEmbedProjDim
	}
	d := wholeHeads(c, dim, cfg.NumAttentionHeads)

	body := w.Root("model", "decoder.embed_tokens.weight", "decoder.embed_positions.weight").At("decoder")
	if cfg.TieWordEmbeddings {
		w.Tie(body.Name("embed_tokens"), w.Name("lm_head"))
	}
	m := &arch.Decoder{Trunk: &arch.Trunk{Vocab: cfg.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: cfg.MaxPositionEmbeddings}}
	m.Embeddings = arch.Embeddings{Words: body.Embedding("embed_tokens", cfg.VocabSize, words),
		Positions: body.Table("embed_positions", cfg.MaxPositionEmbeddings+2, dim).Weight, PositionOffset: 2} // two unused rows come first
	for _, l := range body.Layers("layers", cfg.NumHiddenLayers) {
		m.Blocks = append(m.Blocks, cfg.layer(l, d))
	}
	if cfg.DoLayerNormBefore && !cfg.RemoveFinalLayerNorm {
		m.Norm = cfg.norm(body, "final_layer_norm")
	}
	if words != dim {
		in, out := body.Linear("project_in", words, dim, false), body.Linear("project_out", dim, words, false)
		m.Embeddings.ProjectWords, m.Project = &in, &out
	}
	m.Head = w.Head(m.Embeddings.Words, "lm_head")
	return m
}
