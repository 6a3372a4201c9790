package model

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const albertDefaults = `{"vocab_size": 30000, "embedding_size": 128, "hidden_size": 4096, "num_hidden_groups": 1, "num_attention_heads": 64,
	"intermediate_size": 16384, "inner_group_num": 1, "hidden_act": "gelu_new"}`

// buildAlbert is BERT with few layers that are used many times, and embeddings narrower than the stream
// (Lan et al., 2020; transformers: AlbertModel and its heads).
func buildAlbert(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(albertDefaults).defaults(bertDefaults)
	m := readBert(c)
	m.Width = c.size("embedding_size", maxWidth)
	groups, inner := c.size("num_hidden_groups", maxLayers), c.size("inner_group_num", maxLayers)
	layers := m.Layers
	if layers*inner > maxLayers || groups > layers {
		c.fail("%d layers in %d groups of %d", layers, groups, inner)
		layers, groups, inner = 1, 1, 1
	}
	m.names = bertNames{query: "attention.query", key: "attention.key", value: "attention.value", out: "attention.dense",
		attentionNorm: "attention.LayerNorm", up: "ffn", down: "ffn_output", norm: "full_layer_layer_norm"}

	body := w.Root("albert", "embeddings.word_embeddings.weight")
	m.Layers = groups
	stored := make([][]block.Block, 0, groups)
	e := m.encoder(body, "encoder.albert_layer_groups", func(_ int, g nn.Loader) block.Block {
		var group []block.Block
		for i, l := range g.Layers("albert_layers", inner) {
			group = append(group, m.plainLayer(i, l))
		}
		stored = append(stored, group)
		return nil
	})
	e.Blocks = nil
	for i := 0; i < layers && len(stored) == groups; i++ {
		group := stored[i*groups/layers]
		e.Blocks = append(e.Blocks, group...)
	}
	e.Embeddings.ProjectNormed = linear(body, "encoder.embedding_hidden_mapping_in", m.Width, m.Dim)

	h := heads{c: c, w: w, e: e, dim: m.Dim}
	pooler := h.pooler(body, "pooler")
	masked := func() *arch.Head {
		p := w.At("predictions")
		return &arch.Head{Dense: linear(p, "dense", m.Dim, m.Width), Act: m.Act, Norm: p.LayerNorm("LayerNorm", m.Width, m.Eps),
			Out: h.vocabulary("predictions.decoder", "predictions.bias", m.Tied)}
	}
	h.set(headSet{
		features: pooler,
		masked:   masked,
		classify: func() *arch.Head { return then(pooler(), linear(w, "classifier", m.Dim, h.labels())) },
		choice:   func() *arch.Head { return then(pooler(), linear(w, "classifier", m.Dim, 1)) },
		preTraining: func() {
			e.Task, e.Tokens = arch.MaskedLM, masked()
			e.Sequence = then(pooler(), linear(w, "sop_classifier.classifier", m.Dim, 2))
		},
	})
	return e
}
