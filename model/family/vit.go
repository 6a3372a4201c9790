package family

import (
	"encoding/json"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func vitDefaults() towerConfig {
	return towerConfig{HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, NumChannels: 3,
		ImageSize: json.RawMessage("224"), PatchSize: json.RawMessage("16"), HiddenAct: nn.GELU, LayerNormEps: 1e-12, QKVBias: true}
}

var vitLayer = towerNames{
	query: "attention.attention.query", key: "attention.attention.key", value: "attention.attention.value", out: "attention.output.dense",
	up: "intermediate.dense", down: "output.dense", before: "layernorm_before", after: "layernorm_after",
}

// vit is the Vision Transformer (Dosovitskiy et al., 2021; transformers: ViTModel and ViTForImageClassification).
func vit(c *hf.Config, w nn.Loader) *arch.ImageEncoder { return vitKind(c, w, "vit", "cls_token") }

// deit is ViT with a distillation token, which has a classifier of its own (Touvron et al., "Training data-efficient
// image transformers", 2021; transformers: DeiTModel and its classifiers).
func deit(c *hf.Config, w nn.Loader) *arch.ImageEncoder {
	return vitKind(c, w, "deit", "cls_token", "distillation_token")
}

// vitKind builds a ViT with these rows before its patches.
func vitKind(c *hf.Config, w nn.Loader, prefix string, first ...string) *arch.ImageEncoder {
	cfg := vitDefaults()
	c.Read(&cfg)
	pooler := struct {
		Size *int          `json:"pooler_output_size" hf:"width"`
		Act  nn.Activation `json:"pooler_act"`
	}{&cfg.HiddenSize, nn.Tanh}
	c.Read(&pooler)
	m, dim := newTower(c, cfg, vitLayer), cfg.HiddenSize
	body := w.Root(prefix, "embeddings.cls_token", "embeddings.position_embeddings")
	em := body.At("embeddings")
	e := m.encoder(em, "patch_embeddings.projection", true)
	rows, columns := m.grid()
	var tokens [][]float32
	for _, name := range first {
		tokens = append(tokens, em.Vector(name, 1, 1, dim))
	}
	m.place(e, em.Vector("position_embeddings", 1, len(first)+rows*columns, dim), tokens...)
	for _, l := range body.Layers("encoder.layer", cfg.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.layer(l, m.selfAttention(l)))
	}
	e.Norm = body.LayerNorm("layernorm", dim, m.eps)
	classifier := "classifier."
	if w.HasBelow("cls_classifier.") && w.HasBelow("distillation_classifier.") {
		classifier = "cls_classifier."
	}
	m.classifier(w, e, classifier, func(labels int) {
		e.Head = &arch.Head{Out: linear(w, classifier[:len(classifier)-1], dim, labels)}
		if classifier == "cls_classifier." {
			e.Distilled = &arch.Head{Out: linear(w, "distillation_classifier", dim, labels)}
		}
	})
	if e.Task == arch.Features && body.HasOptional("pooler.dense.weight") {
		size := dim
		if pooler.Size != nil {
			size = *pooler.Size
		}
		e.Head = &arch.Head{Dense: linear(body, "pooler.dense", dim, size), Act: pooler.Act}
	}
	w.Ignore(isOneOf([]string{"embeddings.mask_token", "pooler.", "classifier.", "cls_classifier.", "distillation_classifier."}))
	return e
}
