package family

import (
	"encoding/json"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// lookingBert builds BERT's layers with an attention to a picture between the other two: the text models of BLIP, and
// the Q-Former.
type lookingBert struct {
	bertBuilder
	picture int    // width of the picture's rows
	inner   string // what stands between the name of an attention and those of its projections
}

// newLookingBert reads the config of a text model or a Q-Former.
func newLookingBert(c *hf.Config, cfg bertConfig, picture int, inner string) *lookingBert {
	c.Read(&cfg)
	cfg.EmbeddingSize, cfg.TypeVocabSize = nil, 0
	m := &lookingBert{bertBuilder{bertConfig: cfg, Width: cfg.HiddenSize, Eps: float32(cfg.LayerNormEps), names: bertLayer}, picture, inner}
	m.names.query, m.names.key, m.names.value = "attention."+inner+".query", "attention."+inner+".key", "attention."+inner+".value"
	wholeHeads(c, cfg.HiddenSize, cfg.NumAttentionHeads)
	return m
}

// look returns the attention to the picture of the layer at l, for some of the tokens.
func (m *lookingBert) look(l nn.Loader, part block.Part) block.Residual {
	dim, a := m.HiddenSize, l.At("crossattention")
	in := a.At("%s", m.inner)
	return block.Residual{Part: part, Out: a.LayerNorm("output.LayerNorm", dim, m.Eps), Op: &attention.CrossAttention{
		Heads: m.NumAttentionHeads, HeadDim: dim / m.NumAttentionHeads,
		Query: in.Linear("query", dim, dim, true),
		KV:    in.Fused(m.picture, true, parts(dim, "key", "value")...),
		Out:   a.Linear("output.dense", dim, dim, true),
	}}
}

// layer returns a layer in which all tokens, or those of the part, look at the picture.
func (m *lookingBert) layer(l nn.Loader, mask attention.Mask, part block.Part) block.Block {
	a := m.attention(l)
	a.Mask = mask
	b := m.postNorm(l, a)
	return block.Block{b[0], m.look(l, part), b[1]}
}

// reader assembles BLIP's text encoder at w.
func (m *lookingBert) reader(w nn.Loader) *arch.Reader {
	r := &arch.Reader{Stack: arch.Stack{Dim: m.HiddenSize}, Vocab: m.VocabSize, MaxLen: m.MaxPositionEmbeddings, Embeddings: m.embeddings(w), TextLooks: true}
	for _, l := range w.Layers("encoder.layer", m.NumHiddenLayers) {
		r.Blocks = append(r.Blocks, m.layer(l, attention.Mask{}, block.Prefix))
	}
	return r
}

// decoder assembles BLIP's text decoder at w: BERT, reading from left to right, with its projection to the vocabulary.
func (m *lookingBert) decoder(w nn.Loader, tied bool) *arch.Decoder {
	body, dim := w.At("bert"), m.HiddenSize
	if tied {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("cls.predictions.decoder"))
	}
	e := m.embeddings(body)
	e.Words = body.Embedding("embeddings.word_embeddings", m.VocabSize, dim)
	d := &arch.Decoder{Trunk: &arch.Trunk{Stack: arch.Stack{Dim: dim}, Vocab: m.VocabSize, MaxLen: m.MaxPositionEmbeddings, Embeddings: e}}
	for _, l := range body.Layers("encoder.layer", m.NumHiddenLayers) {
		d.Blocks = append(d.Blocks, m.layer(l, attention.Mask{Causal: true}, block.All))
	}
	t := w.At("cls.predictions.transform")
	d.Transform = &arch.Head{Dense: linear(t, "dense", dim, dim), Act: m.HiddenAct, Norm: t.LayerNorm("LayerNorm", dim, m.Eps)}
	d.Head = vocabulary(w, d.Embeddings.Words, m.VocabSize, "cls.predictions.decoder", "cls.predictions.bias")
	w.Ignore(isOneOf([]string{"cls.predictions.bias"})) // a second name of the bias, or nothing that is read
	return d
}

// blip is BLIP (Li et al., "BLIP: Bootstrapping Language-Image Pre-training", 2022; transformers:
// BlipForConditionalGeneration, BlipForQuestionAnswering, BlipForImageTextRetrieval).
func blip(c *hf.Config, w nn.Loader) *arch.ImageToText {
	w = w.Root("", "vision_model.embeddings.class_embedding")
	class, text := blipClass(c, w), c.Object("text_config")
	out := &arch.ImageToText{ImageToken: -1}
	out.Image = blipTower(c.Object("vision_config").Without("num_channels").Without("qkv_bias"), w.At("vision_model"), blipVision())
	cfg := bertDefaults()
	cfg.VocabSize, cfg.NumAttentionHeads = 30524, 8
	m := newLookingBert(text, cfg, out.Image.Dim, "self")
	text.Refuse("is_decoder", "true") // without, no layer looks at the picture
	tied := c.Bool("tie_word_embeddings", true) || text.Bool("tie_word_embeddings", true)
	switch class {
	case "BlipForImageTextRetrieval":
		width := c.Int("image_text_hidden_size", 256, 1, hf.MaxWidth)
		out.Reader = m.reader(w.At("text_encoder"))
		out.Match = &arch.Match{Head: w.Linear("itm_head", m.HiddenSize, 2, true), Image: w.Linear("vision_proj", out.Image.Dim, width, true),
			Text: w.Linear("text_proj", m.HiddenSize, width, true)}
	case "BlipForQuestionAnswering":
		if m.HiddenSize != out.Image.Dim { // as in the reference, whose decoder has layers for the picture's rows
			c.Fail("text_config has a hidden_size of %d and vision_config one of %d: a decoder that reads questions needs them equal", m.HiddenSize, out.Image.Dim)
		}
		out.Reader = m.reader(w.At("text_encoder"))
		out.Decoder = m.decoder(w.At("text_decoder"), tied)
	default:
		out.Decoder = m.decoder(w.At("text_decoder"), tied)
	}
	return out
}

// blipClass returns the class of the model: what architectures names, or else what the weights tell.
func blipClass(c *hf.Config, w nn.Loader) string {
	switch class := c.Architecture(); {
	case class == "BlipForConditionalGeneration", class == "BlipForQuestionAnswering", class == "BlipForImageTextRetrieval":
		return class
	case class != "":
		c.Fail("architecture %.200q is not supported; BlipForConditionalGeneration, BlipForQuestionAnswering and BlipForImageTextRetrieval are", class)
		return class
	case w.HasBelow("itm_head."):
		return "BlipForImageTextRetrieval"
	case w.HasBelow("text_encoder."):
		return "BlipForQuestionAnswering"
	}
	return "BlipForConditionalGeneration"
}

var blipLayer = towerNames{out: "self_attn.projection", up: "mlp.fc1", down: "mlp.fc2", before: "layer_norm1", after: "layer_norm2"}

// blipTower is the tower of BLIP and BLIP-2 at w: a ViT whose queries, keys and values are one layer (transformers:
// BlipVisionModel, Blip2VisionModel). cfg has the defaults.
func blipTower(c *hf.Config, w nn.Loader, cfg towerConfig) *arch.ImageEncoder {
	c.Read(&cfg)
	m, dim := newTower(c, cfg, blipLayer), cfg.HiddenSize
	em := w.At("embeddings")
	e := m.encoder(em, "patch_embedding", true)
	rows, columns := m.grid()
	m.place(e, em.Vector("position_embedding", 1, 1+rows*columns, dim), em.Vector("class_embedding", 1, 1, dim))
	for _, l := range w.Layers("encoder.layers", cfg.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, m.layer(l, &attention.MultiHead{
			Heads: cfg.NumAttentionHeads, KVHeads: cfg.NumAttentionHeads, HeadDim: wholeHeads(c, dim, cfg.NumAttentionHeads),
			QKV: l.Linear("self_attn.qkv", dim, 3*dim, cfg.QKVBias), Out: l.Linear(m.names.out, dim, dim, true),
		}))
	}
	e.Norm = w.LayerNorm("post_layernorm", dim, m.eps)
	return e
}

// blipVision returns the defaults of BLIP's vision_config.
func blipVision() towerConfig {
	cfg := vitDefaults()
	cfg.ImageSize, cfg.LayerNormEps = json.RawMessage("384"), 1e-5
	return cfg
}

// blip2Vision returns the defaults of the vision_config of BLIP-2 and InstructBLIP: EVA-CLIP's ViT-g.
func blip2Vision() towerConfig {
	cfg := vitDefaults()
	cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 1408, 6144, 39, 16
	cfg.PatchSize, cfg.LayerNormEps = json.RawMessage("14"), 1e-6
	return cfg
}
