package family

import (
	"slices"

	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// blip2Builder builds BLIP-2 and InstructBLIP.
type blip2Builder struct {
	c    *hf.Config
	w    nn.Loader
	text *hf.Config
	out  *arch.ImageToText
}

// newBlip2 loads what both have in common: the tower and the Q-Former's queries.
func newBlip2(c *hf.Config, w nn.Loader) *blip2Builder {
	w = w.Root("", "vision_model.embeddings.class_embedding")
	b := &blip2Builder{c, w, c.Object("text_config"), &arch.ImageToText{}}
	b.out.Image = blipTower(c.Object("vision_config").Without("num_channels"), w.At("vision_model"), blip2Vision())
	b.out.ImageToken = c.Alias("image_token_index", "image_token_id").Int("image_token_index", -1, -1, hf.MaxVocab)
	return b
}

// reader loads the Q-Former (transformers: Blip2QFormerModel, InstructBlipQFormerModel). With text, its layers have
// feed-forward networks for the tokens of a text beside those for the queries.
func (b *blip2Builder) reader(text bool) (*arch.Reader, *lookingBert) {
	c := b.c.Object("qformer_config")
	m := newLookingBert(c, bertDefaults(), b.out.Image.Dim, "attention")
	every := c.Int("cross_attention_frequency", 2, 1, hf.MaxLayers)
	w, dim := b.w.At("qformer"), m.HiddenSize
	queries := b.c.Int("num_query_tokens", 32, 1, hf.MaxLength)
	r := &arch.Reader{Stack: arch.Stack{Dim: dim}}
	if v := b.w.Vector("query_tokens", 1, queries, dim); v != nil {
		r.Queries = tensor.From(v, queries, dim)
	}
	for i, l := range w.Layers("encoder.layer", m.NumHiddenLayers) {
		r.Blocks = append(r.Blocks, m.queryLayer(l, i%every == 0, text))
	}
	return r, m
}

// queryLayer returns a layer of the Q-Former.
func (m *lookingBert) queryLayer(l nn.Loader, looks, text bool) block.Block {
	dim := m.HiddenSize
	network := func(up, down string, part block.Part) block.Residual {
		return block.Residual{Part: part, Op: mlp(l, up+".dense", down+".dense", dim, m.IntermediateSize, true, m.HiddenAct), Out: l.LayerNorm(down+".LayerNorm", dim, m.Eps)}
	}
	b := block.Block{{Op: m.attention(l), Out: l.LayerNorm(m.names.attentionNorm, dim, m.Eps)}}
	if looks {
		b = append(b, m.look(l, block.Prefix))
	}
	b = append(b, network("intermediate_query", "output_query", block.Prefix))
	if text {
		b = append(b, network("intermediate", "output", block.Rest))
	}
	return b
}

// readsText gives the reader its tables, at w.
func (m *lookingBert) readsText(r *arch.Reader, w nn.Loader) {
	r.Vocab, r.MaxLen = m.VocabSize, m.MaxPositionEmbeddings
	r.Embeddings.Words = w.Table("word_embeddings", m.VocabSize, m.HiddenSize)
	r.Embeddings.Positions = w.Table("position_embeddings", m.MaxPositionEmbeddings, m.HiddenSize).Weight
}

// language loads the language model, by the recipe of its own family, and the projection to its words.
func (b *blip2Builder) language(dim int) {
	kind := b.text.String("model_type", "opt")
	recipe, w := Recipes()[kind], b.w.At("language_model")
	var words *arch.Embeddings
	switch {
	case recipe.EncoderDecoder != nil:
		m := recipe.EncoderDecoder(b.text, w)
		b.out.Encoder, b.out.Decoder, words = m.Encoder, m.Decoder, &m.Encoder.Embeddings
	case recipe.Decoder != nil:
		b.out.Decoder = recipe.Decoder(b.text, w)
		words = &b.out.Decoder.Embeddings
	default:
		b.text.Fail("model_type %.200q is no language model that is supported", kind)
		return
	}
	if words.Words.Weight != nil {
		b.out.Project = linear(b.w, "language_projection", dim, words.Words.Weight.In)
	}
}

// blip2 is BLIP-2 (Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large
// Language Models", 2023; transformers: Blip2ForConditionalGeneration, Blip2ForImageTextRetrieval).
func blip2(c *hf.Config, w nn.Loader) *arch.ImageToText {
	class := c.Architecture()
	if !slices.Contains([]string{"", "Blip2ForConditionalGeneration", "Blip2ForImageTextRetrieval"}, class) {
		c.Fail("architecture %.200q is not supported; Blip2ForConditionalGeneration and Blip2ForImageTextRetrieval are", class)
	}
	b := newBlip2(c, w)
	switch {
	case class == "Blip2ForImageTextRetrieval", class == "" && b.w.HasBelow("itm_head."):
		b.matching()
	default:
		text := c.Object("qformer_config").Bool("use_qformer_text_input", false) // weights that nothing reads here
		r, m := b.reader(text)
		r.Embeddings.Norm = b.w.LayerNorm("qformer.layernorm", m.HiddenSize, m.Eps)
		b.out.Reader = r
		b.language(m.HiddenSize)
	}
	return b.out
}

// matching loads the model that matches texts and pictures.
func (b *blip2Builder) matching() {
	c := b.c.Object("qformer_config")
	if !c.Bool("use_qformer_text_input", false) {
		c.Fail("use_qformer_text_input is false: a model that matches texts and pictures reads texts")
	}
	r, m := b.reader(true)
	m.readsText(r, b.w.At("embeddings"))
	r.Embeddings.Norm = b.w.LayerNorm("qformer.layernorm", m.HiddenSize, m.Eps)
	width := b.c.Int("image_text_hidden_size", 256, 1, hf.MaxWidth)
	b.out.Reader = r
	b.out.Match = &arch.Match{Head: b.w.Linear("itm_head", m.HiddenSize, 2, true), Image: b.w.Linear("vision_projection", m.HiddenSize, width, true),
		Text: b.w.Linear("text_projection", m.HiddenSize, width, true)}
}

// instructBlip is BLIP-2 with a Q-Former that reads the instruction (Dai et al., "InstructBLIP: Towards General-purpose
// Vision-Language Models with Instruction Tuning", 2023; transformers: InstructBlipForConditionalGeneration).
func instructBlip(c *hf.Config, w nn.Loader) *arch.ImageToText {
	if class := c.Architecture(); class != "" && class != "InstructBlipForConditionalGeneration" {
		c.Fail("architecture %.200q is not supported; InstructBlipForConditionalGeneration is", class)
	}
	b := newBlip2(c, w)
	r, m := b.reader(true)
	e := b.w.At("qformer.embeddings")
	m.readsText(r, e)
	r.Embeddings.Norm = e.LayerNorm("layernorm", m.HiddenSize, m.Eps)
	b.out.Reader, b.out.Instructed = r, true
	b.language(m.HiddenSize)
	return b.out
}

// blipWriting returns what says how BLIP writes: the special tokens of text_config. A text ends at sep_token_id.
func blipWriting(c *hf.Config) (*hf.Config, hf.Tokens) {
	text := c.Object("text_config")
	end := hf.Tokens{BOS: new(30522), EOS: new(102), PAD: new(0)}
	return text.Only("bos_token_id", "pad_token_id", "sep_token_id").Alias("eos_token_id", "sep_token_id"), end
}

// blip2Writing returns what says how BLIP-2 and InstructBLIP write: the special tokens of text_config.
func blip2Writing(c *hf.Config) (*hf.Config, hf.Tokens) {
	text := c.Object("text_config")
	return text.Only("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"), Recipes()[text.String("model_type", "opt")].Tokens
}
