package family

import (
	"encoding/json"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// siglip is SigLIP, and SigLIP 2 with pictures of one size: two towers whose texts are padded, and are read in both
// directions (Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023; transformers: SiglipModel).
func siglip(c *hf.Config, w nn.Loader) *arch.ImageText {
	m := &arch.ImageText{Image: siglipImage(part(c, "vision_config"), w.At("vision_model")), Text: siglipText(part(c, "text_config"), w.At("text_model"))}
	if m.Image.Pool != arch.ByAttention {
		c.Fail("vision_config: vision_use_head is false: a model with texts needs the head")
	}
	cfg := siglipTextDefaults()
	part(c, "text_config").Read(&cfg)
	m.Sigmoid, m.Length = true, cfg.MaxPositionEmbeddings
	if cfg.PadTokenID != nil {
		m.PadID = *cfg.PadTokenID
	}
	m.Scale = logarithm(w, "logit_scale", 1)
	if bias := w.Vector("logit_bias", 1); len(bias) == 1 {
		m.Bias = bias[0]
	}
	w.Ignore(isOneOf(nil))
	return m
}

func siglipTextDefaults() textTower {
	return textTower{VocabSize: 32000, HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12,
		MaxPositionEmbeddings: 64, HiddenAct: nn.GELUTanh, LayerNormEps: 1e-6, EOSTokenID: 49407, PadTokenID: new(1)}
}

// siglipImage is the tower of pictures at body (transformers: SiglipVisionModel).
func siglipImage(c *hf.Config, body nn.Loader) *arch.ImageEncoder {
	cfg := vitDefaults()
	cfg.PatchSize, cfg.HiddenAct, cfg.LayerNormEps = json.RawMessage("16"), nn.GELUTanh, 1e-6
	c.Read(&cfg)
	m, dim := newTower(c, cfg, clipLayer), cfg.HiddenSize
	em := body.At("embeddings")
	e := m.encoder(em, "patch_embedding", true)
	rows, columns := m.grid()
	m.place(e, em.Vector("position_embedding.weight", rows*columns, dim))
	for _, l := range body.Layers("encoder.layers", cfg.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.layer(l, m.selfAttention(l)))
	}
	e.Norm, e.Pool = body.LayerNorm("post_layernorm", dim, m.eps), arch.MeanOfPatches
	if c.Bool("vision_use_head", true) {
		h := body.At("head")
		qkv := h.Split("attention.in_proj_weight", "attention.in_proj_bias", dim, dim, dim, dim)
		e.Pool = arch.ByAttention
		e.Attention = m.attentionPool(h, "probe", qkv, "attention.out_proj", "layernorm")
	}
	return e
}

// attentionPool returns the head with these names at h.
func (m *tower) attentionPool(h nn.Loader, probe string, qkv []nn.Linear, out, norm string) *arch.AttentionPool {
	dim, network := m.HiddenSize, mlp(h, "mlp.fc1", "mlp.fc2", m.HiddenSize, m.IntermediateSize, true, m.HiddenAct)
	return &arch.AttentionPool{Heads: m.NumAttentionHeads, Probe: h.Vector(probe, 1, 1, dim), Query: qkv[0], Key: qkv[1], Value: qkv[2],
		Out: h.Linear(out, dim, dim, true), Norm: h.LayerNorm(norm, dim, m.eps), Up: network.Up, Down: network.Down, Act: network.Act}
}

// siglipText is the tower of texts at body (transformers: SiglipTextModel). Its head reads the last token, which may be
// padding.
func siglipText(c *hf.Config, body nn.Loader) *arch.Encoder {
	cfg := siglipTextDefaults()
	c.Read(&cfg)
	width := cfg.HiddenSize
	if c.Has("projection_size") {
		width = c.Int("projection_size", width, 1, hf.MaxWidth)
	}
	e := newTextTower(c, cfg).text(body, cfg, attention.Mask{})
	e.Pool, e.Sequence = arch.LastToken, &arch.Head{Out: linear(body, "head", cfg.HiddenSize, width)}
	return e
}

// siglipImageAlone is the tower of pictures of a checkpoint of it alone, or of both. A classifier reads the mean of the
// patches.
func siglipImageAlone(c *hf.Config, w nn.Loader) *arch.ImageEncoder {
	body, config := w.Root("vision_model", "embeddings.patch_embedding.weight"), c
	if !isPart(c) {
		config = part(c, "vision_config")
	}
	h := heads{c: c, w: w}
	task := h.choose([]taskHead{{head{func() *arch.Head { return nil }, []string{"classifier."}}, arch.ImageClassification}})
	e := siglipImage(config, body)
	if e.Task = task; task == arch.ImageClassification {
		e.Pool, e.Attention, e.Head = arch.MeanOfPatches, nil, &arch.Head{Out: linear(w, "classifier", e.Dim, h.labels())}
		e.Labels, e.MultiLabel, e.Regression = readLabels(c, w)
	}
	w.Ignore(isOneOf([]string{"text_model.", "logit_scale", "logit_bias", "classifier."}))
	return e
}

// siglipTextAlone is the tower of texts of a checkpoint of it alone, or of both.
func siglipTextAlone(c *hf.Config, w nn.Loader) *arch.Encoder {
	body, config := w.Root("text_model", "embeddings.token_embedding.weight"), c
	if !isPart(c) {
		config = part(c, "text_config")
	}
	e := siglipText(config, body)
	w.Ignore(isOneOf([]string{"vision_model.", "logit_scale", "logit_bias"}))
	return e
}
