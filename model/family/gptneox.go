package family

import (
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type gptNeoXConfig struct {
	VocabSize             int           `json:"vocab_size" hf:"vocab"`
	HiddenSize            int           `json:"hidden_size" hf:"width"`
	IntermediateSize      int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers       int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads     int           `json:"num_attention_heads" hf:"heads"`
	HiddenAct             nn.Activation `json:"hidden_act"`
	MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
	LayerNormEps          float64       `json:"layer_norm_eps" hf:"epsilon"`
	RotaryPct             float64       `json:"rotary_pct"`
	RotaryEmbBase         float64       `json:"rotary_emb_base"`
	UseParallelResidual   bool          `json:"use_parallel_residual"`
	AttentionBias         bool          `json:"attention_bias"`
	TieWordEmbeddings     bool          `json:"tie_word_embeddings"`
}

// rotary returns the rotation of heads of width d, or nil if no value rotates. Outside rope_parameters this
// family ignores rope_theta and partial_rotary_factor; its keys are rotary_emb_base and rotary_pct. If the
// number of rotated values is odd, one more rotates.
func (cfg *gptNeoXConfig) rotary(c, p *hf.Config, d int) *attention.RoPE {
	const key = "partial_rotary_factor"
	share := p.Float(key, cfg.RotaryPct)
	if share >= 0 && int(share*float64(d)) == 0 {
		return nil
	}
	return c.Without(key).Rope(p, hf.Rope{Dim: d, Theta: cfg.RotaryEmbBase, MaxLen: cfg.MaxPositionEmbeddings, Share: share, OddDim: true})
}

// gptneox is GPT-NeoX and Pythia (Black et al., "GPT-NeoX-20B", 2022; Biderman et al., 2023; transformers:
// GPTNeoXForCausalLM). Attention and feed-forward network run side by side, each behind its own norm.
func gptneox(c *hf.Config, w nn.Loader) *arch.Decoder {
	cfg := gptNeoXConfig{VocabSize: 50432, HiddenSize: 6144, IntermediateSize: 24576, NumHiddenLayers: 44, NumAttentionHeads: 64,
		HiddenAct: nn.GELU, MaxPositionEmbeddings: 2048, LayerNormEps: 1e-5, RotaryPct: 0.25, RotaryEmbBase: 10000,
		UseParallelResidual: true, AttentionBias: true}
	c.Read(&cfg)
	dim, heads, eps := cfg.HiddenSize, cfg.NumAttentionHeads, float32(cfg.LayerNormEps)
	d := wholeHeads(c, dim, heads)
	p := c.RopeParameters()
	rotary := cfg.rotary(c, p, d)

	body := w.Root("gpt_neox", "embed_in.weight", "final_layer_norm.weight")
	head := "embed_out"
	if w.Has("lm_head.weight") { // as the class names it in memory
		head = "lm_head"
	}
	if cfg.TieWordEmbeddings {
		w.Tie(body.Name("embed_in"), w.Name(head))
	}
	m := &arch.Decoder{Trunk: &arch.Trunk{Vocab: cfg.VocabSize, Stack: arch.Stack{Dim: dim}, MaxLen: rotatedLength(p, cfg.MaxPositionEmbeddings)}}
	m.Embeddings.Words = body.Embedding("embed_in", cfg.VocabSize, dim)
	for _, l := range body.Layers("layers", cfg.NumHiddenLayers) {
		a := &attention.MultiHead{
			Heads: heads, KVHeads: heads, HeadDim: d, Rotary: rotary, Mask: attention.Mask{Causal: true},
			QKV: groupedQKV(l.At("attention"), "query_key_value", heads, 1, d, dim, cfg.AttentionBias), // stored head by head
			Out: l.Linear("attention.dense", dim, dim, cfg.AttentionBias),
		}
		f := mlp(l.At("mlp"), "dense_h_to_4h", "dense_4h_to_h", dim, cfg.IntermediateSize, true, cfg.HiddenAct)
		before, between := l.LayerNorm("input_layernorm", dim, eps), l.LayerNorm("post_attention_layernorm", dim, eps)
		if cfg.UseParallelResidual {
			m.Blocks = append(m.Blocks, block.Block{{Op: &block.Parallel{Branches: []block.Branch{{Pre: before, Op: a}, {Pre: between, Op: f}}}}})
		} else {
			m.Blocks = append(m.Blocks, block.Block{{Pre: before, Op: a}, {Pre: between, Op: f}})
		}
	}
	m.Norm = body.LayerNorm("final_layer_norm", dim, eps)
	m.Head = w.Head(m.Embeddings.Words, head)
	w.Ignore(func(name string) bool { // causal masks and tables that old checkpoints store
		return isRotaryTable(name) || strings.HasSuffix(name, ".attention.bias") || strings.HasSuffix(name, ".attention.masked_bias")
	})
	return m
}
