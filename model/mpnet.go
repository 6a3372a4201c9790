package model

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// buildMPNet is BERT without segments, with a bias for relative positions that all layers share (Song et
// al., 2020; transformers: MPNetModel and its heads). Whatever the config says, the reference uses 32
// buckets up to a distance of 128, and positions count from 2.
func buildMPNet(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(`{"vocab_size": 30527, "relative_attention_num_buckets": 32}`).defaults(bertDefaults)
	m := readBert(c)
	m.Types = 0
	m.names.query, m.names.key, m.names.value = "attention.attn.q", "attention.attn.k", "attention.attn.v"
	m.names.out, m.names.attentionNorm = "attention.attn.o", "attention.LayerNorm"
	body := w.Root("mpnet", "embeddings.word_embeddings.weight")
	buckets := c.size("relative_attention_num_buckets", maxWidth)
	if buckets < 32 {
		c.fail("relative_attention_num_buckets is %d; the 32 that are used are needed", buckets)
	}
	biases := body.Embedding("encoder.relative_attention_bias", buckets, m.Heads)
	var bias attention.Bias
	if biases.Weight != nil && buckets >= 32 {
		bias = bucketBias(biases.Weight, t5Buckets(32, 128, true))
	}
	e := m.encoder(body, "encoder.layer", func(i int, l nn.Loader) block.Block {
		a := m.attention(i, l)
		a.Bias = bias
		return m.postNorm(l, a)
	})
	padPositions(c, e, 1)
	h := heads{c: c, w: w, e: e, dim: m.Dim}
	pooler := h.pooler(body, "pooler.dense")
	h.set(headSet{
		features: pooler,
		masked:   func() *arch.Head { return h.robertaMasked(m) },
		classify: func() *arch.Head { return h.denseTanhOut() },
		choice:   func() *arch.Head { return then(pooler(), linear(w, "classifier", m.Dim, 1)) },
	})
	return e
}

// t5Buckets are those of [attention.Bucket] for all distances.
func t5Buckets(n, most int, bidirectional bool) attention.Buckets {
	return attention.NewBuckets(-most, most, func(d int) int { return attention.Bucket(d, n, most, bidirectional) })
}

// bucketBias returns the bias by distance of a table of biases by bucket, [buckets, H].
func bucketBias(table *tensor.Weight, b attention.Buckets) attention.RelativeBias {
	n := len(b.Of)
	r := attention.RelativeBias{Heads: table.In, Starts: b.Starts, Table: make([]float32, table.In*n)}
	row := make([]float32, table.In)
	for i, bucket := range b.Of {
		table.Row(row, bucket)
		for h, v := range row {
			r.Table[h*n+i] = v
		}
	}
	return r
}
