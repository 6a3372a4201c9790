package family

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// electra is BERT trained to tell replaced tokens from original ones, with embeddings that may be narrower
// than the stream (Clark et al., 2020; transformers: ElectraModel and its heads).
func electra(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := struct {
		bertConfig
		SummaryActivation nn.Activation `json:"summary_activation"`
	}{bertDefaults(), nn.GELU}
	cfg.EmbeddingSize, cfg.HiddenSize, cfg.NumAttentionHeads, cfg.IntermediateSize = new(128), 256, 4, 1024
	c.Read(&cfg)
	m := newBert(c, cfg.bertConfig)
	body := w.Root("electra", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("generator_lm_head"))
	}
	e := m.encoder(body, "encoder.layer", m.layer)
	dim := m.HiddenSize
	if m.Width != dim {
		e.Embeddings.ProjectNormed = linear(body, "embeddings_project", m.Width, dim) // unlike DeBERTa: after the norm
	}
	h := heads{c: c, w: w, e: e, dim: dim}
	h.set(headSet{
		masked: head{func() *arch.Head {
			g := w.At("generator_predictions")
			return &arch.Head{Dense: linear(g, "dense", dim, m.Width), Act: nn.GELU, Norm: g.LayerNorm("LayerNorm", m.Width, m.Eps),
				Out: h.vocabulary("generator_lm_head", "generator_lm_head.bias")}
		}, []string{"generator_predictions."}},
		classify: head{func() *arch.Head {
			out := h.denseTanhOut()
			out.Act = nn.GELU // unlike RoBERTa
			return out
		}, []string{"classifier.dense.weight"}},
		choice: head{func() *arch.Head {
			return &arch.Head{Dense: linear(w, "sequence_summary.summary", dim, dim), Act: cfg.SummaryActivation, Out: linear(w, "classifier", dim, 1)}
		}, []string{"classifier.weight", "sequence_summary.summary.weight"}},
		replaced: head{func() *arch.Head {
			d := w.At("discriminator_predictions")
			return &arch.Head{Dense: linear(d, "dense", dim, dim), Act: m.HiddenAct, Out: linear(d, "dense_prediction", dim, 1)}
		}, []string{"discriminator_predictions."}},
		preTraining: []arch.Task{arch.ReplacedToken},
	}, "generator_predictions.", "generator_lm_head.", "discriminator_predictions.", "sequence_summary.", "classifier.", "qa_outputs.")
	return e
}
