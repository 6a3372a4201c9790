package model

import (
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// bart is the geometry of BART and of the translators and summarisers that are a diff on it. Each family
// says in which of the points below it differs.
type bart struct {
	Vocab, Dim, MaxLen int
	Encoder, Decoder   bartSide
	Act                nn.Activation
	Scale              float32 // of the embeddings; 0 is 1
	Shared, Tied       bool    // one table for both sides; and for the head

	PreNorm   bool // norms stand before each sublayer, and one after the last
	EmbedNorm bool // and one after the embeddings
	LogitBias bool // final_logits_bias is added to the logits

	// positions gives the table of a side and the row of its first token.
	positions func(w nn.Loader) (t arch.PositionTable, first int)
	padded    bool // a padding token has its own row of the table
	pad       int
}

// bartSide is what encoder and decoder may differ in.
type bartSide struct {
	Vocab, Layers, Heads, Inner int
}

const bartDefaults = `{"vocab_size": 50265, "max_position_embeddings": 1024, "d_model": 1024, "encoder_layers": 12, "encoder_ffn_dim": 4096,
	"encoder_attention_heads": 16, "decoder_layers": 12, "decoder_ffn_dim": 4096, "decoder_attention_heads": 16,
	"activation_function": "gelu", "scale_embedding": false, "tie_word_embeddings": true}`

// Special tokens of the families.
const (
	bartTokens    = `{"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}`
	mbartTokens   = `{"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}`
	marianTokens  = `{"pad_token_id": 58100, "eos_token_id": 0, "decoder_start_token_id": 58100}`
	pegasusTokens = `{"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}`
)

// readBart reads what all relatives have in common.
func readBart(c config) *bart {
	m := &bart{
		Vocab: c.size("vocab_size", maxVocab), Dim: c.size("d_model", maxWidth), MaxLen: c.size("max_position_embeddings", maxLength),
		Act: c.activation("activation_function"), Shared: true, Tied: c.bool("tie_word_embeddings", true), LogitBias: true,
	}
	m.Encoder = bartSide{m.Vocab, c.size("encoder_layers", maxLayers), c.size("encoder_attention_heads", maxHeads), c.size("encoder_ffn_dim", maxWidth)}
	m.Decoder = bartSide{m.Vocab, c.size("decoder_layers", maxLayers), c.size("decoder_attention_heads", maxHeads), c.size("decoder_ffn_dim", maxWidth)}
	if c.bool("scale_embedding", false) {
		m.Scale = float32(math.Sqrt(float64(m.Dim)))
	}
	for _, heads := range []int{m.Encoder.Heads, m.Decoder.Heads} {
		if m.Dim%heads != 0 {
			c.fail("d_model %d is no multiple of %d attention heads", m.Dim, heads)
		}
	}
	m.positions = m.learned
	return m
}

// learned is BART's table, which has two rows before that of the first position.
func (m *bart) learned(w nn.Loader) (arch.PositionTable, int) {
	return w.Table("embed_positions", m.MaxLen+2, m.Dim).Weight, 2
}

// sinusoidal is the table that Marian and Pegasus compute, or store.
func (m *bart) sinusoidal(w nn.Loader) (arch.PositionTable, int) {
	if w.Has("embed_positions.weight") {
		return w.Table("embed_positions", m.MaxLen, m.Dim).Weight, 0
	}
	return arch.NewSinusoids(m.Dim).Table(m.MaxLen, m.Dim), 0
}

// self is the self-attention of layer i; heads is the number of its side.
func (m *bart) self(i, heads int, l nn.Loader, causal bool) *attention.MultiHead {
	return &attention.MultiHead{
		Heads: heads, KVHeads: heads, HeadDim: m.Dim / heads, Mask: attention.Mask{Causal: causal},
		QKV: l.Fused(m.Dim, true, parts(m.Dim, "q_proj", "k_proj", "v_proj")...), Out: l.Linear("out_proj", m.Dim, m.Dim, true),
	}
}

func (m *bart) cross(i, heads int, l nn.Loader) *attention.CrossAttention {
	return &attention.CrossAttention{
		Heads: heads, HeadDim: m.Dim / heads, Query: l.Linear("q_proj", m.Dim, m.Dim, true),
		KV:  l.Fused(m.Dim, true, parts(m.Dim, "k_proj", "v_proj")...),
		Out: l.Linear("out_proj", m.Dim, m.Dim, true),
	}
}

// residual puts an operation and its norm together.
func (m *bart) residual(l nn.Loader, norm string, op attention.Op) block.Residual {
	n := l.LayerNorm(norm, m.Dim, 1e-5)
	if m.PreNorm {
		return block.Residual{Pre: n, Op: op}
	}
	return block.Residual{Op: op, Out: n}
}

// stack assembles a side below w.
func (m *bart) trunk(w nn.Loader, side bartSide, words nn.Embedding, decoder bool) *arch.Trunk {
	s := &arch.Trunk{Vocab: side.Vocab, Dim: m.Dim, MaxLen: m.MaxLen}
	s.Embeddings = arch.Embeddings{Words: words, Scale: m.Scale, Padded: m.padded, PaddingIdx: m.pad}
	s.Embeddings.Positions, s.Embeddings.PositionOffset = m.positions(w)
	if m.EmbedNorm {
		s.Embeddings.Norm = w.LayerNorm("layernorm_embedding", m.Dim, 1e-5)
	}
	for i, l := range w.Layers("layers", side.Layers) {
		b := block.Block{m.residual(l, "self_attn_layer_norm", m.self(i, side.Heads, l.At("self_attn"), decoder))}
		if decoder {
			b = append(b, m.residual(l, "encoder_attn_layer_norm", m.cross(i, side.Heads, l.At("encoder_attn"))))
		}
		s.Blocks = append(s.Blocks, append(b, m.residual(l, "final_layer_norm", &block.MLP{
			Up: l.Linear("fc1", m.Dim, side.Inner, true), Act: m.Act, Down: l.Linear("fc2", side.Inner, m.Dim, true),
		})))
	}
	if m.PreNorm {
		s.Norm = w.LayerNorm("layer_norm", m.Dim, 1e-5)
	}
	return s
}

// model assembles both sides.
func (m *bart) model(c config, w nn.Loader) *arch.EncoderDecoder {
	body := w
	if w.Has("model.encoder.layers.0.fc1.weight") || !w.Has("encoder.layers.0.fc1.weight") {
		body = w.At("model")
	}
	source, target, head := m.words(w, body)
	e := &arch.Encoder{Trunk: m.trunk(body.At("encoder"), m.Encoder, source, false)}
	d := &arch.Decoder{Trunk: m.trunk(body.At("decoder"), m.Decoder, target, true), Head: head}
	if m.LogitBias && w.Has("final_logits_bias") {
		d.Head.Bias = w.Row("final_logits_bias", m.Decoder.Vocab)
	}
	w.Ignore(isBartBuffer)
	return &arch.EncoderDecoder{Encoder: e, Decoder: d}
}

// words loads the tables of both sides and the head. Names below the body are told from those beside it.
func (m *bart) words(w, body nn.Loader) (source, target nn.Embedding, head nn.Linear) {
	prefix := body.Prefix()
	shared, enc, dec := prefix+"shared", prefix+"encoder.embed_tokens", prefix+"decoder.embed_tokens"
	if m.Shared {
		t := &tables{w: w, vocab: m.Vocab, dim: m.Dim, names: []string{shared, enc, dec, "lm_head"}}
		defer t.done()
		return t.get(enc), t.get(dec), t.head("lm_head")
	}
	s := &tables{w: w, vocab: m.Encoder.Vocab, dim: m.Dim, names: []string{enc}}
	t := &tables{w: w, vocab: m.Decoder.Vocab, dim: m.Dim, names: []string{dec, "lm_head"}}
	return s.get(enc), t.get(dec), t.head("lm_head")
}

// isBartBuffer reports whether a tensor is none of the weights: files of old versions hold such.
func isBartBuffer(name string) bool {
	for _, end := range []string{"coder.version", "embed_positions.weights", "embed_positions.weight", "_float_tensor", "final_logits_bias"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// buildBart is BART (Lewis et al., 2020; transformers: BartForConditionalGeneration): norms after each
// sublayer and after the embeddings.
func buildBart(c config, w nn.Loader) *arch.EncoderDecoder {
	m := readBart(c.defaults(bartDefaults))
	m.EmbedNorm = true
	return m.model(c, w)
}

// buildMBart is mBART and mBART-50 (Liu et al., 2020; Tang et al., 2020; transformers:
// MBartForConditionalGeneration): BART with norms before each sublayer and at the end.
func buildMBart(c config, w nn.Loader) *arch.EncoderDecoder {
	m := readBart(c.defaults(bartDefaults))
	m.EmbedNorm, m.PreNorm = true, true
	return m.model(c, w)
}

// buildMarian is Marian's and OPUS-MT's transformer (Junczys-Dowmunt et al., 2018; transformers:
// MarianMTModel): BART with sinusoidal positions and no norm after the embeddings.
func buildMarian(c config, w nn.Loader) *arch.EncoderDecoder {
	c = c.defaults(`{"vocab_size": 58101}`).defaults(bartDefaults)
	m := readBart(c)
	m.positions = m.sinusoidal
	if m.Shared = c.bool("share_encoder_decoder_embeddings", true); c.has("decoder_vocab_size") {
		m.Decoder.Vocab = c.size("decoder_vocab_size", maxVocab)
	}
	if m.Shared && m.Decoder.Vocab != m.Vocab {
		c.fail("decoder_vocab_size %d differs from vocab_size %d, and share_encoder_decoder_embeddings is true", m.Decoder.Vocab, m.Vocab)
	}
	return m.model(c, w)
}

// buildPegasus is Pegasus (Zhang et al., 2020; transformers: PegasusForConditionalGeneration): mBART with
// sinusoidal positions and no norm after the embeddings.
func buildPegasus(c config, w nn.Loader) *arch.EncoderDecoder {
	c = c.defaults(bartDefaults)
	m := readBart(c)
	m.PreNorm, m.positions = true, m.sinusoidal
	return m.model(c, w)
}

// buildM2M100 is M2M-100 and NLLB (Fan et al., 2020; NLLB Team, 2022; transformers:
// M2M100ForConditionalGeneration): Pegasus with sinusoids of fairseq, which count from the padding id.
func buildM2M100(c config, w nn.Loader) *arch.EncoderDecoder {
	c = c.defaults(`{"vocab_size": 128112, "activation_function": "relu", "scale_embedding": true}`).defaults(bartDefaults)
	m := readBart(c)
	m.PreNorm, m.LogitBias = true, false
	m.padded, m.pad = true, c.int("pad_token_id", 1, 0, maxVocab)
	if m.Dim < 4 {
		c.fail("d_model is %d; sinusoids need at least 4", m.Dim)
		m.Dim = 4
	}
	m.positions = func(nn.Loader) (arch.PositionTable, int) { return arch.FairseqSinusoids(m.Dim, m.pad), m.pad + 1 }
	m.MaxLen = maxLength // any position has a row
	return m.model(c, w)
}
