package model

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// buildElectra is BERT with embeddings that may be narrower than the stream, trained to tell replaced
// tokens from original ones (Clark et al., 2020; transformers: ElectraModel and its heads).
func buildElectra(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(`{"embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024,
		"summary_activation": "gelu"}`).defaults(bertDefaults)
	m := readBert(c)
	m.Width = c.size("embedding_size", maxWidth)
	body := w.Root("electra", "embeddings.word_embeddings.weight")
	e := m.encoder(body, "encoder.layer", m.plainLayer)
	if m.Width != m.Dim {
		e.Embeddings.ProjectNormed = linear(body, "embeddings_project", m.Width, m.Dim)
	}
	h := heads{c: c, w: w, e: e, dim: m.Dim}
	h.set(headSet{
		masked: func() *arch.Head {
			g := w.At("generator_predictions")
			return &arch.Head{Dense: linear(g, "dense", m.Dim, m.Width), Act: nn.GELU, Norm: g.LayerNorm("LayerNorm", m.Width, m.Eps),
				Out: h.vocabulary("generator_lm_head", "generator_lm_head.bias", m.Tied)}
		},
		classify: func() *arch.Head {
			head := h.denseTanhOut()
			head.Act = nn.GELU
			return head
		},
		choice: func() *arch.Head {
			return &arch.Head{Dense: linear(w, "sequence_summary.summary", m.Dim, m.Dim), Act: c.activation("summary_activation"),
				Out: linear(w, "classifier", m.Dim, 1)}
		},
		preTraining: func() {
			d := w.At("discriminator_predictions")
			e.Task = arch.ReplacedToken
			e.Tokens = &arch.Head{Dense: linear(d, "dense", m.Dim, m.Dim), Act: m.Act, Out: linear(d, "dense_prediction", m.Dim, 1)}
		},
	})
	return e
}
