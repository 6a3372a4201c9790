package family

import (
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type bartConfig struct {
	VocabSize                     int           `json:"vocab_size" hf:"vocab"`
	DecoderVocabSize              *int          `json:"decoder_vocab_size" hf:"vocab"` // nil: vocab_size
	DModel                        int           `json:"d_model" hf:"width"`
	MaxPositionEmbeddings         int           `json:"max_position_embeddings" hf:"length"`
	EncoderLayers                 int           `json:"encoder_layers" hf:"layers"`
	EncoderFFNDim                 int           `json:"encoder_ffn_dim" hf:"width"`
	EncoderAttentionHeads         int           `json:"encoder_attention_heads" hf:"heads"`
	DecoderLayers                 int           `json:"decoder_layers" hf:"layers"`
	DecoderFFNDim                 int           `json:"decoder_ffn_dim" hf:"width"`
	DecoderAttentionHeads         int           `json:"decoder_attention_heads" hf:"heads"`
	ActivationFunction            nn.Activation `json:"activation_function"`
	ScaleEmbedding                bool          `json:"scale_embedding"`
	ShareEncoderDecoderEmbeddings bool          `json:"share_encoder_decoder_embeddings"`
	PadTokenID                    *int          `json:"pad_token_id" hf:"vocab0"`
	TieWordEmbeddings             bool          `json:"tie_word_embeddings"`
}

func bartDefaults() bartConfig {
	return bartConfig{VocabSize: 50265, DModel: 1024, MaxPositionEmbeddings: 1024, EncoderLayers: 12, EncoderFFNDim: 4096,
		EncoderAttentionHeads: 16, DecoderLayers: 12, DecoderFFNDim: 4096, DecoderAttentionHeads: 16, ActivationFunction: nn.GELU,
		ShareEncoderDecoderEmbeddings: true, PadTokenID: new(1), TieWordEmbeddings: true}
}

func bartTokens() hf.Tokens {
	return hf.Tokens{BOS: new(0), PAD: new(1), EOS: new(2), Start: new(2)}
}

// bartBuilder builds BART and the related translators and summarisers.
type bartBuilder struct {
	bartConfig
	decoderVocab int
	maxLen       int

	preNorm   bool // norms before each sublayer and after the last; otherwise after each sublayer
	embedNorm bool // a norm after the embeddings
	logitBias bool // final_logits_bias is added to the logits

	// positions sets the position table of a side, and the row of the first token.
	positions func(w nn.Loader, em *arch.Embeddings)
}

// bartSide holds the sizes in which encoder and decoder may differ.
type bartSide struct{ vocab, layers, heads, inner int }

// newBart reads the config and returns the builder.
func newBart(c *hf.Config, cfg bartConfig) *bartBuilder {
	c.Read(&cfg)
	m := &bartBuilder{bartConfig: cfg, decoderVocab: cfg.VocabSize, maxLen: cfg.MaxPositionEmbeddings, logitBias: true}
	for _, heads := range []int{cfg.EncoderAttentionHeads, cfg.DecoderAttentionHeads} {
		if cfg.DModel%heads != 0 {
			c.Fail("d_model %d is not a multiple of %d attention heads", cfg.DModel, heads)
		}
	}
	m.positions = m.learned
	return m
}

// learned sets BART's learned positions. Two unused rows come first.
func (m *bartBuilder) learned(w nn.Loader, em *arch.Embeddings) {
	em.Positions, em.PositionOffset = w.Table("embed_positions", m.MaxPositionEmbeddings+2, m.DModel).Weight, 2
}

// sinusoidal sets the sinusoids of Marian and Pegasus, stored or computed.
func (m *bartBuilder) sinusoidal(w nn.Loader, em *arch.Embeddings) {
	if w.HasOptional("embed_positions.weight") {
		em.Positions = w.Table("embed_positions", m.MaxPositionEmbeddings, m.DModel).Weight
	} else {
		em.Positions = arch.NewSinusoids(m.DModel).Table(m.MaxPositionEmbeddings, m.DModel)
	}
}

func (m *bartBuilder) self(heads int, l nn.Loader, causal bool) *attention.MultiHead {
	dim := m.DModel
	return &attention.MultiHead{
		Heads: heads, KVHeads: heads, HeadDim: dim / heads, Mask: attention.Mask{Causal: causal},
		QKV: l.Fused(dim, true, parts(dim, "q_proj", "k_proj", "v_proj")...), Out: l.Linear("out_proj", dim, dim, true),
	}
}

func (m *bartBuilder) cross(heads int, l nn.Loader) *attention.CrossAttention {
	dim := m.DModel
	return &attention.CrossAttention{
		Heads: heads, HeadDim: dim / heads, Query: l.Linear("q_proj", dim, dim, true),
		KV: l.Fused(dim, true, parts(dim, "k_proj", "v_proj")...), Out: l.Linear("out_proj", dim, dim, true),
	}
}

// residual joins an operation with its norm.
func (m *bartBuilder) residual(l nn.Loader, norm string, op attention.Op) block.Residual {
	n := l.LayerNorm(norm, m.DModel, 1e-5)
	if m.preNorm {
		return block.Residual{Pre: n, Op: op}
	}
	return block.Residual{Op: op, Out: n}
}

// trunk assembles the side at w.
func (m *bartBuilder) trunk(w nn.Loader, side bartSide, words nn.Embedding, decoder bool) *arch.Trunk {
	t := &arch.Trunk{Vocab: side.vocab, Stack: arch.Stack{Dim: m.DModel}, MaxLen: m.maxLen, Embeddings: arch.Embeddings{Words: words}}
	if m.ScaleEmbedding {
		t.Embeddings.Scale = float32(math.Sqrt(float64(m.DModel)))
	}
	m.positions(w, &t.Embeddings)
	if m.embedNorm {
		t.Embeddings.Norm = w.LayerNorm("layernorm_embedding", m.DModel, 1e-5)
	}
	for _, l := range w.Layers("layers", side.layers) {
		b := block.Block{m.residual(l, "self_attn_layer_norm", m.self(side.heads, l.At("self_attn"), decoder))}
		if decoder {
			b = append(b, m.residual(l, "encoder_attn_layer_norm", m.cross(side.heads, l.At("encoder_attn"))))
		}
		t.Blocks = append(t.Blocks, append(b, m.residual(l, "final_layer_norm", &block.MLP{
			Up: l.Linear("fc1", m.DModel, side.inner, true), Act: m.ActivationFunction, Down: l.Linear("fc2", side.inner, m.DModel, true),
		})))
	}
	if m.preNorm {
		t.Norm = w.LayerNorm("layer_norm", m.DModel, 1e-5)
	}
	return t
}

// model assembles both sides.
func (m *bartBuilder) model(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	body := w.Root("model", "encoder.layers.0.fc1.weight")
	source, target := m.words(w, body)
	e := &arch.Encoder{Trunk: m.trunk(body.At("encoder"), bartSide{m.VocabSize, m.EncoderLayers, m.EncoderAttentionHeads, m.EncoderFFNDim}, source, false)}
	d := &arch.Decoder{Trunk: m.trunk(body.At("decoder"), bartSide{m.decoderVocab, m.DecoderLayers, m.DecoderAttentionHeads, m.DecoderFFNDim}, target, true)}
	out := &arch.EncoderDecoder{Encoder: e, Decoder: d}
	named, _ := taskOf(c.Architecture())
	wanted := slices.Contains(c.Wanted(), arch.SequenceClassification)
	switch {
	case wanted && !w.HasBelow("classification_head."):
		c.Fail("the checkpoint is for generation; it has no head for %v, which is stored as classification_head.", arch.SequenceClassification)
	case wanted, c.Wanted() == nil && named == arch.SequenceClassification:
		out.Classifier = m.classifier(c, w)
	default:
		d.Head = w.Head(target, "lm_head")
		if m.logitBias && w.HasOptional("final_logits_bias") {
			d.Head.Bias = w.Vector("final_logits_bias", 1, m.decoderVocab)
		}
		w.Ignore(func(name string) bool { return strings.HasPrefix(name, "classification_head.") })
	}
	w.Ignore(isBartBuffer)
	return out
}

// classifier is that of BartForSequenceClassification: the decoder reads the source too, and a head reads its
// state at the end token.
func (m *bartBuilder) classifier(c *hf.Config, w nn.Loader) *arch.SourceClassifier {
	s := &arch.SourceClassifier{Start: c.Int("decoder_start_token_id", 2, 0, m.decoderVocab-1), End: c.Int("eos_token_id", 2, 0, m.decoderVocab-1)}
	s.Head = &arch.Head{Dense: linear(w, "classification_head.dense", m.DModel, m.DModel), Act: nn.Tanh,
		Out: linear(w, "classification_head.out_proj", m.DModel, c.NumLabels())}
	s.Labels, s.MultiLabel, s.Regression = readLabels(c, w)
	return s
}

// words loads the tables of both sides, which are one with each other and the head in most checkpoints. shared is their
// source, and nothing reads it itself.
func (m *bartBuilder) words(w, body nn.Loader) (source, target nn.Embedding) {
	const enc, dec, out = "encoder.embed_tokens", "decoder.embed_tokens", "lm_head"
	switch {
	case m.TieWordEmbeddings && m.ShareEncoderDecoderEmbeddings:
		w.Tie(body.Name("shared"), body.Name(enc), body.Name(dec), w.Name(out))
	case m.TieWordEmbeddings:
		w.Tie(body.Name(dec), w.Name(out))
	}
	if m.ShareEncoderDecoderEmbeddings {
		if w.ShapesOnly() && !m.TieWordEmbeddings { // the class has it, though nothing reads it
			body.Table("shared", m.VocabSize, m.DModel)
		}
		w.Ignore(func(name string) bool { return name == body.Name("shared.weight") })
	}
	return body.Embedding(enc, m.VocabSize, m.DModel), body.Embedding(dec, m.decoderVocab, m.DModel)
}

// isBartBuffer reports whether a tensor is a buffer of an old checkpoint and not a weight.
func isBartBuffer(name string) bool {
	for _, end := range []string{"coder.version", "embed_positions.weights", "embed_positions.weight", "_float_tensor", "final_logits_bias"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// bart is BART (Lewis et al., 2020; transformers: BartForConditionalGeneration): norms after each sublayer
// and after the embeddings.
func bart(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	m := newBart(c, bartDefaults())
	m.ShareEncoderDecoderEmbeddings, m.embedNorm = true, true
	return m.model(c, w)
}

// mbart is mBART and mBART-50 (Liu et al., 2020; Tang et al., 2020; transformers:
// MBartForConditionalGeneration): BART with norms before each sublayer and at the end.
func mbart(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	m := newBart(c, bartDefaults())
	m.ShareEncoderDecoderEmbeddings, m.embedNorm, m.preNorm = true, true, true
	return m.model(c, w)
}

// marian is the transformer of Marian and OPUS-MT (Junczys-Dowmunt et al., 2018; transformers:
// MarianMTModel): BART with sinusoidal positions and without a norm after the embeddings. Source and target
// may have different vocabularies.
func marian(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	cfg := bartDefaults()
	cfg.VocabSize = 58101
	m := newBart(c, cfg)
	m.positions = m.sinusoidal
	if m.DecoderVocabSize != nil {
		m.decoderVocab = *m.DecoderVocabSize
	}
	if m.ShareEncoderDecoderEmbeddings && m.decoderVocab != m.VocabSize {
		c.Fail("decoder_vocab_size %d differs from vocab_size %d, and share_encoder_decoder_embeddings is true", m.decoderVocab, m.VocabSize)
	}
	return m.model(c, w)
}

// pegasus is Pegasus (Zhang et al., 2020; transformers: PegasusForConditionalGeneration): mBART with
// sinusoidal positions and without a norm after the embeddings.
func pegasus(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	m := newBart(c, bartDefaults())
	m.ShareEncoderDecoderEmbeddings, m.preNorm, m.positions = true, true, m.sinusoidal
	return m.model(c, w)
}

// m2m100 is M2M-100 and NLLB (Fan et al., 2020; NLLB Team, 2022; transformers:
// M2M100ForConditionalGeneration): Pegasus with the sinusoids of fairseq, which start at the row after the
// padding id.
func m2m100(c *hf.Config, w nn.Loader) *arch.EncoderDecoder {
	cfg := bartDefaults()
	cfg.VocabSize, cfg.ActivationFunction, cfg.ScaleEmbedding = 128112, nn.ReLU, true
	m := newBart(c, cfg)
	m.ShareEncoderDecoderEmbeddings, m.preNorm, m.logitBias = true, true, false
	if m.DModel < 4 {
		c.Fail("d_model is %d; sinusoids need at least 4", m.DModel)
		m.DModel = 4
	}
	pad := 1
	if m.PadTokenID != nil {
		pad = *m.PadTokenID
	}
	m.positions = func(_ nn.Loader, em *arch.Embeddings) {
		em.Positions, em.PositionOffset = arch.FairseqSinusoids(m.DModel, pad), pad+1
		em.Padded, em.PaddingIdx = true, pad
	}
	m.maxLen = hf.MaxLength // any position has a row
	return m.model(c, w)
}
