package family

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// roberta is BERT with other heads and shifted positions (Liu et al., 2019; transformers: RobertaModel,
// CamembertModel, XLMRobertaModel and their heads).
func roberta(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := bertDefaults()
	cfg.VocabSize, cfg.PadTokenID = 50265, new(1)
	c.Read(&cfg)
	cfg.EmbeddingSize = nil
	m := newBert(c, cfg)
	body := w.Root("roberta", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("lm_head.decoder"))
	}
	e := m.encoder(body, "encoder.layer", m.layer)
	pad := 1
	if cfg.PadTokenID != nil {
		pad = *cfg.PadTokenID
	}
	padPositions(c, e, pad)
	h := heads{c: c, w: w, e: e, dim: m.HiddenSize}
	pooler := h.pooler(body, "pooler.dense")
	h.set(headSet{
		features: pooler,
		masked:   head{func() *arch.Head { return h.robertaMasked(m) }, []string{"lm_head."}},
		classify: head{h.denseTanhOut, []string{"classifier.dense.weight"}},
		choice: head{func() *arch.Head { return then(pooler(), linear(w, "classifier", m.HiddenSize, 1)) },
			[]string{"classifier.weight", body.Prefix() + "pooler.dense.weight"}},
	}, "lm_head.", "pooler.", "classifier.", "qa_outputs.")
	return e
}

// padPositions makes positions start at pad + 1. This shortens the longest sequence: 514 positions are 512
// tokens.
func padPositions(c *hf.Config, e *arch.Encoder, pad int) {
	e.Embeddings.Padded, e.Embeddings.PaddingIdx, e.Embeddings.PositionOffset = true, pad, pad+1
	e.MaxLen -= pad + 1
	if e.MaxLen < 1 {
		c.Fail("max_position_embeddings leaves no position after those up to the padding id, %d", pad)
	}
}

// denseTanhOut is RoBERTa's head over the first token.
func (h heads) denseTanhOut() *arch.Head {
	return &arch.Head{Dense: linear(h.w, "classifier.dense", h.dim, h.dim), Act: nn.Tanh, Out: linear(h.w, "classifier.out_proj", h.dim, h.labels())}
}

// robertaMasked is RoBERTa's head over the vocabulary. Its activation is always GELU; the config's hidden_act
// is ignored.
func (h heads) robertaMasked(m *bertBuilder) *arch.Head {
	l := h.w.At("lm_head")
	return &arch.Head{Dense: linear(l, "dense", h.dim, h.dim), Act: nn.GELU, Norm: l.LayerNorm("layer_norm", h.dim, m.Eps),
		Out: h.vocabulary("lm_head.decoder", "lm_head.bias")}
}
