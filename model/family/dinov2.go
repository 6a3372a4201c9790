package family

import (
	"encoding/json"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

var dinov2Layer = towerNames{
	query: "attention.attention.query", key: "attention.attention.key", value: "attention.attention.value", out: "attention.output.dense",
	up: "mlp.fc1", down: "mlp.fc2", before: "norm1", after: "norm2",
}

// dinov2 is DINOv2 (Oquab et al., 2023; transformers: Dinov2Model and Dinov2ForImageClassification).
func dinov2(c *hf.Config, w nn.Loader) *arch.ImageEncoder { return dino(c, w, "dinov2", "14", 0) }

// dinov2Registers is DINOv2 with rows that belong to no patch, and with antialiased positions (Darcet et al., "Vision
// Transformers Need Registers", 2024; transformers: Dinov2WithRegistersModel and its classifier).
func dinov2Registers(c *hf.Config, w nn.Loader) *arch.ImageEncoder {
	registers := c.Int("num_register_tokens", 4, 0, hf.MaxVocab)
	e := dino(c, w, "dinov2_with_registers", "16", registers)
	e.Patches.Interpolation = arch.BicubicAntialias
	return e
}

func dino(c *hf.Config, w nn.Loader, prefix, patch string, registers int) *arch.ImageEncoder {
	cfg := vitDefaults()
	cfg.LayerNormEps, cfg.PatchSize = 1e-6, json.RawMessage(patch)
	c.Read(&cfg)
	own := struct {
		Ratio  float64 `json:"mlp_ratio" hf:"positive"`
		SwiGLU bool    `json:"use_swiglu_ffn"`
	}{Ratio: 4}
	c.Read(&own)
	inner := float64(cfg.HiddenSize) * own.Ratio
	if inner < 1 || inner > hf.MaxWidth {
		c.Fail("mlp_ratio %v times hidden_size %d is not a width", own.Ratio, cfg.HiddenSize)
		inner = 1
	}
	cfg.IntermediateSize = int(inner)
	if own.SwiGLU {
		cfg.IntermediateSize = (int(float64(cfg.IntermediateSize)*2/3) + 7) / 8 * 8
	}
	m, dim := newTower(c, cfg, dinov2Layer), cfg.HiddenSize
	body := w.Root(prefix, "embeddings.cls_token", "embeddings.position_embeddings")
	em := body.At("embeddings")
	e := m.encoder(em, "patch_embeddings.projection", true)
	rows, columns := m.grid()
	m.place(e, em.Vector("position_embeddings", 1, 1+rows*columns, dim), em.Vector("cls_token", 1, 1, dim))
	if registers > 0 {
		tokens := em.Vector("register_tokens", 1, registers, dim)
		e.Patches.First.Shape[0] += len(tokens) / dim
		e.Patches.First.Data = append(e.Patches.First.Data, tokens...)
	}
	for _, l := range body.Layers("encoder.layer", cfg.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.dinoLayer(l, own.SwiGLU))
	}
	e.Norm = body.LayerNorm("layernorm", dim, m.eps)
	m.classifier(w, e, "classifier.", func(labels int) {
		e.Pool, e.Head = arch.ClassAndMean, &arch.Head{Out: linear(w, "classifier", 2*dim, labels)}
	})
	w.Ignore(isOneOf([]string{"embeddings.mask_token", "classifier."}))
	return e
}

// dinoLayer is ViT's with a scale of each column after each sublayer.
func (m *tower) dinoLayer(l nn.Loader, swiGLU bool) block.Block {
	dim, inner := m.HiddenSize, m.IntermediateSize
	scale := func(name string) nn.Norm { return nn.Scale(l.Vector(name+".lambda1", dim)) }
	network := func() attention.Op {
		switch f := l.At("mlp"); {
		case !swiGLU:
			return mlp(l, m.names.up, m.names.down, dim, inner, true, m.HiddenAct)
		case f.Has("gate_proj.weight"):
			return glu(f, dim, inner, true, nn.SiLU)
		default:
			return &block.GLU{GateUp: f.Linear("weights_in", dim, 2*inner, true), Act: nn.SiLU, Down: f.Linear("weights_out", inner, dim, true)}
		}
	}
	return block.Block{
		{Pre: l.LayerNorm(m.names.before, dim, m.eps), Op: m.selfAttention(l), Post: scale("layer_scale1")},
		{Pre: l.LayerNorm(m.names.after, dim, m.eps), Op: network(), Post: scale("layer_scale2")},
	}
}
