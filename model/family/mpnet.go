package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// mpnet is BERT without segments, with a bias by distance that all layers share (Song et al., 2020;
// transformers: MPNetModel and its heads). As in transformers, it always uses 32 buckets up to distance 128
// and positions from 2, whatever the config says.
func mpnet(c *hf.Config, w nn.Loader) *arch.Encoder {
	const used, most = 32, 128
	cfg := struct {
		bertConfig
		RelativeAttentionNumBuckets int `json:"relative_attention_num_buckets" hf:"width"`
	}{bertDefaults(), used}
	cfg.VocabSize = 30527
	c.Read(&cfg)
	cfg.TypeVocabSize, cfg.EmbeddingSize = 0, nil
	m := newBert(c, cfg.bertConfig)
	m.names.query, m.names.key, m.names.value = "attention.attn.q", "attention.attn.k", "attention.attn.v"
	m.names.out, m.names.attentionNorm = "attention.attn.o", "attention.LayerNorm"
	if cfg.RelativeAttentionNumBuckets < used {
		c.Fail("relative_attention_num_buckets is %d; the %d that are used are needed", cfg.RelativeAttentionNumBuckets, used)
	}
	body := w.Root("mpnet", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("lm_head.decoder"))
	}
	biases := body.Embedding("encoder.relative_attention_bias", cfg.RelativeAttentionNumBuckets, m.NumAttentionHeads)
	var bias attention.Bias
	if biases.Weight != nil && !w.ShapesOnly() && cfg.RelativeAttentionNumBuckets >= used {
		bias = bucketBias(biases.Weight, t5Buckets(used, most, true))
	}
	e := m.encoder(body, "encoder.layer", func(l nn.Loader) block.Block {
		a := m.attention(l)
		a.Bias = bias
		return m.postNorm(l, a)
	})
	padPositions(c, e, 1)
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
