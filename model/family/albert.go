package family

import (
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// albert is BERT with a few layers that run many times, and embeddings narrower than the stream (Lan et al.,
// 2020; transformers: AlbertModel and its heads).
func albert(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := struct {
		bertConfig
		NumHiddenGroups int `json:"num_hidden_groups" hf:"layers"`
		InnerGroupNum   int `json:"inner_group_num" hf:"layers"`
	}{bertDefaults(), 1, 1}
	cfg.VocabSize, cfg.EmbeddingSize, cfg.HiddenSize, cfg.NumAttentionHeads = 30000, new(128), 4096, 64
	cfg.IntermediateSize, cfg.HiddenAct = 16384, nn.GELUTanh
	c.Read(&cfg)
	layers, groups, inner := cfg.NumHiddenLayers, cfg.NumHiddenGroups, cfg.InnerGroupNum
	if layers*inner > hf.MaxLayers || groups > layers {
		c.Fail("%d layers in %d groups of %d", layers, groups, inner)
		layers, groups, inner = 1, 1, 1
	}
	cfg.NumHiddenLayers = groups // only the groups are stored
	m := newBert(c, cfg.bertConfig)
	m.names = bertNames{query: "attention.query", key: "attention.key", value: "attention.value", out: "attention.dense",
		attentionNorm: "attention.LayerNorm", up: "ffn", down: "ffn_output", norm: "full_layer_layer_norm"}

	body := w.Root("albert", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("predictions.decoder"))
	}
	stored := make([][]block.Block, 0, groups)
	e := m.encoder(body, "encoder.albert_layer_groups", func(g nn.Loader) block.Block {
		var group []block.Block
		for _, l := range g.Layers("albert_layers", inner) {
			group = append(group, m.layer(l))
		}
		stored = append(stored, group)
		return nil
	})
	e.Blocks = nil
	for i := 0; i < layers && len(stored) == groups; i++ {
		e.Blocks = append(e.Blocks, stored[i*groups/layers]...) // layers of a group share their weights
	}
	dim := m.HiddenSize
	e.Embeddings.ProjectNormed = linear(body, "encoder.embedding_hidden_mapping_in", m.Width, dim)

	h := heads{c: c, w: w, e: e, dim: dim}
	pooler, dense := h.pooler(body, "pooler"), body.Prefix()+"pooler.weight"
	masked := func() *arch.Head {
		p := w.At("predictions")
		return &arch.Head{Dense: linear(p, "dense", dim, m.Width), Act: m.HiddenAct, Norm: p.LayerNorm("LayerNorm", m.Width, m.Eps),
			Out: h.vocabulary("predictions.decoder", "predictions.bias")}
	}
	h.set(headSet{
		features: pooler,
		masked:   head{masked, []string{"predictions."}},
		classify: head{func() *arch.Head { return then(pooler(), linear(w, "classifier", dim, h.labels())) }, []string{"classifier.weight", dense}},
		next: head{func() *arch.Head { return then(pooler(), linear(w, "sop_classifier.classifier", dim, 2)) },
			[]string{"sop_classifier.classifier.weight", dense}},
		choice:      head{func() *arch.Head { return then(pooler(), linear(w, "classifier", dim, 1)) }, []string{"classifier.weight", dense}},
		preTraining: []arch.Task{arch.MaskedLM, arch.NextSentence},
	}, "predictions.", "sop_classifier.", "pooler.", "classifier.", "qa_outputs.")
	return e
}
