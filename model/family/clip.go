package family

import (
	"encoding/json"
	"math"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// CLIP is two towers with one space (Radford et al., 2021; transformers: CLIPModel, and its towers alone). MetaCLIP has
// CLIP's form. MetaCLIP 2 differs in the end token, whose id is really 2.

var clipLayer = towerNames{
	query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj", out: "self_attn.out_proj",
	up: "mlp.fc1", down: "mlp.fc2", before: "layer_norm1", after: "layer_norm2",
}

func clipVisionDefaults() towerConfig {
	cfg := vitDefaults()
	cfg.PatchSize, cfg.HiddenAct, cfg.LayerNormEps = json.RawMessage("32"), nn.QuickGELU, 1e-5
	return cfg
}

// textTower has the keys of a text_config.
type textTower struct {
	VocabSize             int           `json:"vocab_size" hf:"vocab"`
	HiddenSize            int           `json:"hidden_size" hf:"width"`
	IntermediateSize      int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers       int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads     int           `json:"num_attention_heads" hf:"heads"`
	MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
	HiddenAct             nn.Activation `json:"hidden_act"`
	LayerNormEps          float64       `json:"layer_norm_eps" hf:"epsilon"`
	EOSTokenID            int           `json:"eos_token_id" hf:"vocab0"`
	PadTokenID            *int          `json:"pad_token_id" hf:"vocab0"`
}

func clipTextDefaults() textTower {
	return textTower{VocabSize: 49408, HiddenSize: 512, IntermediateSize: 2048, NumHiddenLayers: 12, NumAttentionHeads: 8,
		MaxPositionEmbeddings: 77, HiddenAct: nn.QuickGELU, LayerNormEps: 1e-5, EOSTokenID: 49407, PadTokenID: new(1)}
}

// part returns the config of a tower. In old files it stands a second time under key_dict, and that counts.
func part(c *hf.Config, key string) *hf.Config {
	if c.Has(key + "_dict") {
		return c.Object(key + "_dict")
	}
	return c.Object(key)
}

// isPart reports whether the config is that of a tower alone.
func isPart(c *hf.Config) bool { return !c.Has("text_config") && !c.Has("vision_config") }

// clip is both towers.
func clip(c *hf.Config, w nn.Loader) *arch.ImageText { return clipKind(c, w, clipText) }

// metaclip2 is CLIP; in the pooling of texts the id 2 is no sign of an old config.
func metaclip2(c *hf.Config, w nn.Loader) *arch.ImageText { return clipKind(c, w, metaclip2Text) }

// clipKind is CLIP with a tower of texts, which text reads from its config and its weights, without projection.
func clipKind(c *hf.Config, w nn.Loader, text func(c *hf.Config, body nn.Loader) *arch.Encoder) *arch.ImageText {
	width := c.Int("projection_dim", 512, 1, hf.MaxWidth)
	m := &arch.ImageText{Image: clipImage(part(c, "vision_config"), w.At("vision_model")), Text: text(part(c, "text_config"), w.At("text_model"))}
	m.Image.Head.Out = project(w, "visual_projection", m.Image.Dim, width)
	dim := m.Text.Dim
	if d := m.Text.Sequence.Dense; d != nil {
		dim = d.Out()
	}
	m.Text.Sequence.Out = project(w, "text_projection", dim, width)
	m.Scale = logarithm(w, "logit_scale")
	w.Ignore(isOneOf([]string{"text_model.pooler."}))
	return m
}

// project returns the projection into the space of both towers.
func project(w nn.Loader, name string, dim, width int) *nn.Linear {
	l := w.Linear(name, dim, width, false)
	return &l
}

// logarithm returns e to a number that is stored as one of [1] or of no dimensions.
func logarithm(w nn.Loader, name string, dims ...int) float32 {
	if x := w.Vector(name, dims...); len(x) == 1 {
		return float32(math.Exp(float64(x[0])))
	}
	return 1
}

// clipImage is CLIP's tower of pictures at body, without projection (transformers: CLIPVisionModel).
func clipImage(c *hf.Config, body nn.Loader) *arch.ImageEncoder {
	cfg := clipVisionDefaults()
	c.Read(&cfg)
	m, dim := newTower(c, cfg, clipLayer), cfg.HiddenSize
	em := body.At("embeddings")
	e := m.encoder(em, "patch_embedding", false)
	rows, columns := m.grid()
	m.place(e, em.Vector("position_embedding.weight", 1+rows*columns, dim), em.Vector("class_embedding", dim))
	e.Patches.Norm = body.LayerNorm("pre_layrnorm", dim, m.eps)
	layers := "encoder.layers"
	if body.Has("encoder.layer.0.layer_norm1.weight") {
		layers = "encoder.layer" // transformers 5 saves AltCLIP so
	}
	for _, l := range body.Layers(layers, cfg.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.layer(l, m.selfAttention(l)))
	}
	e.Head = &arch.Head{Norm: body.LayerNorm("post_layernorm", dim, m.eps)} // of the class token only
	return e
}

// newTextTower returns the builder for a tower of texts, whose layers are those of pictures.
func newTextTower(c *hf.Config, cfg textTower) *tower {
	return &tower{c: c, names: clipLayer, eps: float32(cfg.LayerNormEps), towerConfig: towerConfig{HiddenSize: cfg.HiddenSize,
		IntermediateSize: cfg.IntermediateSize, NumHiddenLayers: cfg.NumHiddenLayers, NumAttentionHeads: cfg.NumAttentionHeads,
		HiddenAct: cfg.HiddenAct, QKVBias: true}}
}

// text returns a tower of texts at body, without a head.
func (m *tower) text(body nn.Loader, cfg textTower, mask attention.Mask) *arch.Encoder {
	dim, em := m.HiddenSize, body.At("embeddings")
	e := &arch.Encoder{Trunk: &arch.Trunk{Stack: arch.Stack{Dim: dim}, Vocab: cfg.VocabSize, MaxLen: cfg.MaxPositionEmbeddings,
		Embeddings: arch.Embeddings{Words: em.Table("token_embedding", cfg.VocabSize, dim), Positions: em.Table("position_embedding", cfg.MaxPositionEmbeddings, dim).Weight}}}
	for _, l := range body.Layers("encoder.layers", m.NumHiddenLayers) {
		a := m.selfAttention(l)
		a.Mask = mask
		e.Blocks = append(e.Blocks, m.layer(l, a))
	}
	e.Norm = body.LayerNorm("final_layer_norm", dim, m.eps)
	return e
}

// clipText is CLIP's tower of texts at body, without projection (transformers: CLIPTextModel).
func clipText(c *hf.Config, body nn.Loader) *arch.Encoder {
	e := metaclip2Text(c, body)
	if e.End == 2 { // configs from before the end token was written to them
		e.Pool = arch.LargestID
	}
	return e
}

func metaclip2Text(c *hf.Config, body nn.Loader) *arch.Encoder {
	cfg := clipTextDefaults()
	c.Read(&cfg)
	e := newTextTower(c, cfg).text(body, cfg, attention.Mask{Causal: true})
	e.Pool, e.End, e.Sequence = arch.EndToken, cfg.EOSTokenID, &arch.Head{}
	return e
}

// clipImageAlone is the tower of pictures of a checkpoint of it alone, or of both: with the projection where it is
// stored, or with a classifier, which reads the mean of the patches.
func clipImageAlone(c *hf.Config, w nn.Loader) *arch.ImageEncoder {
	body, config, width := w.Root("vision_model", "embeddings.class_embedding"), c, c.Int("projection_dim", 512, 1, hf.MaxWidth)
	if !isPart(c) {
		config = part(c, "vision_config")
	}
	e := clipImage(config, body)
	h := heads{c: c, w: w}
	if e.Task = h.choose([]taskHead{{head{func() *arch.Head { return nil }, []string{"classifier."}}, arch.ImageClassification}}); e.Task == arch.ImageClassification {
		e.Pool, e.Head = arch.MeanOfPatches, &arch.Head{Out: linear(w, "classifier", e.Dim, h.labels())}
		e.Labels, e.MultiLabel, e.Regression = readLabels(c, w)
	} else if w.Has("visual_projection.weight") || w.ShapesOnly() && !isPart(c) {
		e.Head.Out = project(w, "visual_projection", e.Dim, width)
	}
	w.Ignore(isOneOf([]string{"text_model.", "text_projection.", "logit_scale", "classifier.", "visual_projection.", "post_layernorm."}))
	return e
}

// clipTextAlone is the tower of texts of a checkpoint of it alone, or of both: with the projection where it is stored.
func clipTextAlone(text func(*hf.Config, nn.Loader) *arch.Encoder) func(c *hf.Config, w nn.Loader) *arch.Encoder {
	return func(c *hf.Config, w nn.Loader) *arch.Encoder {
		body, config, width := w.Root("text_model", "embeddings.token_embedding.weight"), c, c.Int("projection_dim", 512, 1, hf.MaxWidth)
		if !isPart(c) {
			config = part(c, "text_config")
		}
		e := text(config, body)
		if w.Has("text_projection.weight") || w.ShapesOnly() && !isPart(c) {
			e.Sequence.Out = project(w, "text_projection", e.Dim, width)
		}
		w.Ignore(isOneOf([]string{"vision_model.", "visual_projection.", "logit_scale"}))
		return e
	}
}

// chineseClip is CLIP whose tower of texts is BERT; the class token pools (Yang et al., "Chinese CLIP", 2022;
// transformers: ChineseCLIPModel).
func chineseClip(c *hf.Config, w nn.Loader) *arch.ImageText { return clipKind(c, w, chineseText) }

func chineseText(c *hf.Config, body nn.Loader) *arch.Encoder {
	cfg := bertDefaults()
	c.Read(&cfg)
	cfg.EmbeddingSize = nil
	m := newBert(c, cfg)
	e := m.encoder(body, "encoder.layer", m.layer)
	e.Sequence = &arch.Head{}
	return e
}

// altclip is CLIP whose tower of texts is XLM-RoBERTa and a projection to the width of the model that it learned from
// (Chen et al., "AltCLIP", 2022; transformers: AltCLIPModel).
func altclip(c *hf.Config, w nn.Loader) *arch.ImageText { return clipKind(c, w, altText) }

func altText(c *hf.Config, body nn.Loader) *arch.Encoder {
	cfg := bertDefaults()
	cfg.VocabSize, cfg.TypeVocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 250002, 1, 1024, 4096, 24, 16
	cfg.MaxPositionEmbeddings, cfg.LayerNormEps, cfg.PadTokenID = 514, 1e-5, new(1)
	c.Read(&cfg)
	cfg.EmbeddingSize = nil
	m := newBert(c, cfg)
	e := m.encoder(body.At("roberta"), "encoder.layer", m.layer)
	pad := 1
	if cfg.PadTokenID != nil {
		pad = *cfg.PadTokenID
	}
	padPositions(c, e, pad)
	e.Norm = body.LayerNorm("pre_LN", cfg.HiddenSize, m.Eps)
	e.Sequence = &arch.Head{Dense: linear(body, "transformation", cfg.HiddenSize, c.Int("project_dim", 768, 1, hf.MaxWidth)), Act: nn.Identity}
	return e
}
