package family

import (
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type llama4Config struct {
	LlamaConfig
	IntermediateSizeMLP    int     `json:"intermediate_size_mlp" hf:"width"` // of layers without experts
	NumLocalExperts        int     `json:"num_local_experts" hf:"experts"`
	NumExpertsPerTok       int     `json:"num_experts_per_tok" hf:"experts"`
	MoELayers              []int   `json:"moe_layers"` // nil: see the step
	InterleaveMoELayerStep int     `json:"interleave_moe_layer_step" hf:"layers"`
	UseQKNorm              bool    `json:"use_qk_norm"`
	NoRopeLayers           []int   `json:"no_rope_layers"` // despite the name, 1 means that the layer rotates; empty: see the interval
	NoRopeLayerInterval    int     `json:"no_rope_layer_interval" hf:"layers"`
	AttentionChunkSize     *int    `json:"attention_chunk_size" hf:"length"` // nil: no chunks
	AttnTemperatureTuning  bool    `json:"attn_temperature_tuning"`
	FloorScale             int     `json:"floor_scale" hf:"length"`
	AttnScale              float64 `json:"attn_scale"`
}

func llama4Defaults() llama4Config {
	cfg := llama4Config{LlamaConfig: LlamaDefaults(), IntermediateSizeMLP: 16384, NumLocalExperts: 16, NumExpertsPerTok: 1,
		InterleaveMoELayerStep: 1, UseQKNorm: true, NoRopeLayerInterval: 4, AttentionChunkSize: new(8192),
		AttnTemperatureTuning: true, FloorScale: 8192, AttnScale: 0.1}
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 202048, 5120, 8192, 48, 40
	cfg.NumKeyValueHeads, cfg.HeadDim, cfg.MaxPositionEmbeddings, cfg.RMSNormEps, cfg.RopeTheta = new(8), new(128), 131072, 1e-5, 500000
	return cfg
}

// rotates reports whether layer i rotates queries and keys.
func (cfg *llama4Config) rotates(i int) bool {
	if len(cfg.NoRopeLayers) > 0 {
		return i < len(cfg.NoRopeLayers) && cfg.NoRopeLayers[i] != 0
	}
	return (i+1)%cfg.NoRopeLayerInterval != 0
}

// sparse reports whether layer i has experts.
func (cfg *llama4Config) sparse(i int) bool {
	if cfg.MoELayers != nil {
		return slices.Contains(cfg.MoELayers, i)
	}
	return (i+1)%cfg.InterleaveMoELayerStep == 0
}

// masks returns the masks of the layers. Those that rotate attend within chunks, unless layer_types says otherwise.
func (cfg *llama4Config) masks(c *hf.Config) func(layer int) attention.Mask {
	types := c.LayerTypes(cfg.NumHiddenLayers, func(i int) string {
		if cfg.rotates(i) && cfg.AttentionChunkSize != nil {
			return hf.ChunkedAttention
		}
		return hf.FullAttention
	}, hf.FullAttention, hf.ChunkedAttention)
	chunk := 0
	if cfg.AttentionChunkSize != nil {
		chunk = *cfg.AttentionChunkSize
	} else if slices.Contains(types, hf.ChunkedAttention) {
		c.Fail("layers of type %q need an attention_chunk_size", hf.ChunkedAttention)
	}
	return func(i int) attention.Mask {
		if types[i] == hf.ChunkedAttention {
			return attention.Mask{Causal: true, Chunk: chunk}
		}
		return attention.Mask{Causal: true}
	}
}

// temperature returns the factor of the queries in layers without rotation: it grows with the logarithm of the
// position (Nakanishi, "Scalable-Softmax Is Superior for Attention", 2025). All steps are in float32, as in the
// reference.
func (cfg *llama4Config) temperature() func(pos int) float32 {
	floor, scale := float32(cfg.FloorScale), float32(cfg.AttnScale)
	return func(pos int) float32 {
		steps := math.Floor(float64((float32(pos) + 1) / floor))
		grown := float32(math.Log1p(steps)) * scale
		return grown + 1
	}
}

// attention returns that of layer i.
func (cfg *llama4Config) attention(m *Llama, i int, l nn.Loader) *attention.MultiHead {
	a := m.Attention(i, l)
	switch {
	case !cfg.rotates(i):
		if a.Rotary = nil; cfg.AttnTemperatureTuning {
			a.QueryScale = cfg.temperature()
		}
	case cfg.UseQKNorm:
		a.QNorm = &nn.RMSNorm{Eps: float32(cfg.RMSNormEps)}
		a.KNorm, a.NormAfterRotary = a.QNorm, true
	}
	return a
}

// experts returns the experts in f. Their weights multiply what goes into them.
func (cfg *llama4Config) experts(f nn.Loader) *moe.Layer {
	return &moe.Layer{
		Router: &moe.TopK{
			Gate: f.Float32("router", cfg.HiddenSize, cfg.NumLocalExperts, false), Active: cfg.NumExpertsPerTok,
			Weight: moe.Sigmoid,
		},
		WeightInput: true,
		Experts: fusedExperts(f, "experts.gate_up_proj", "experts.down_proj", cfg.NumLocalExperts, cfg.HiddenSize, cfg.IntermediateSize,
			nn.Fusion{Transposed: true}),
		Shared: glu(f.At("shared_expert"), cfg.HiddenSize, cfg.IntermediateSize, false, cfg.HiddenAct),
		Act:    cfg.HiddenAct,
	}
}

// newLlama4 reads the config and returns the builder and its layers.
func newLlama4(c *hf.Config) (*Llama, func(i int, l nn.Loader) block.Block) {
	cfg := llama4Defaults()
	if tuning := "attn_temperature_tuning"; string(c.Raw(tuning)) == "4" { // as the first version of transformers with LLaMA 4 wrote
		c = c.With(tuning, "true")
	}
	c.Read(&cfg)
	checkActive(c, cfg.NumExpertsPerTok, cfg.NumLocalExperts)
	if n := len(cfg.NoRopeLayers); n > 0 && n < cfg.NumHiddenLayers {
		c.Fail("no_rope_layers has %d entries for %d layers", n, cfg.NumHiddenLayers)
	}
	m := NewLlama(c, cfg.LlamaConfig)
	m.RotateAll()
	for r := m.Rotary(0); r != nil; r = r.Long {
		r.Interleaved = true
	}
	m.Mask = cfg.masks(c)
	return m, func(i int, l nn.Loader) block.Block {
		f := l.At("feed_forward")
		if cfg.sparse(i) {
			return m.PreNorm(l, cfg.attention(m, i, l), cfg.experts(f))
		}
		return m.PreNorm(l, cfg.attention(m, i, l), glu(f, m.HiddenSize, cfg.IntermediateSizeMLP, false, m.HiddenAct))
	}
}

// llama4 is the text model of LLaMA 4 (Meta, 2025; transformers: Llama4ForCausalLM). Most layers rotate and attend
// within chunks; every fourth does neither and sees everything.
func llama4(c *hf.Config, w nn.Loader) *arch.Decoder {
	m, layer := newLlama4(c)
	return m.Decoder(w, layer)
}

// llama4Pictures is the text model of a LLaMA 4 for pictures and text (transformers: Llama4ForConditionalGeneration).
// The vision tower and the projector are not read.
func llama4Pictures(c *hf.Config, w nn.Loader) *arch.Decoder {
	m, layer := newLlama4(c.Object("text_config"))
	w = w.Root("", "language_model.model.norm.weight")
	inner := w.At("language_model")
	d := m.Assemble(inner.At("model"), inner, layer)
	w.Ignore(func(name string) bool {
		return strings.HasPrefix(name, "vision_model.") || strings.HasPrefix(name, "multi_modal_projector.")
	})
	return d
}
