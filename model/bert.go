package model

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// bert is the geometry of BERT and of the encoders that are a diff on it: blocks whose norms stand after
// each sublayer. Each family fills it from its config and gives its own names of weights.
type bert struct {
	Vocab, Types  int
	Dim, Width    int // of the stream; of the embedding tables
	Inner, Layers int
	Heads         int
	Positions     int // rows of their table
	Act           nn.Activation
	Eps           float32
	Tied          bool

	names     bertNames
	positions func(e nn.Loader) arch.PositionTable
}

// bertNames are the names of a layer's weights.
type bertNames struct {
	query, key, value, out, attentionNorm string
	up, down, norm                        string
}

var bertLayer = bertNames{
	query: "attention.self.query", key: "attention.self.key", value: "attention.self.value",
	out: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
	up: "intermediate.dense", down: "output.dense", norm: "output.LayerNorm",
}

const bertDefaults = `{"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
	"intermediate_size": 3072, "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
	"layer_norm_eps": 1e-12, "pad_token_id": 0, "tie_word_embeddings": true}`

// readBert reads what all relatives have in common.
func readBert(c config) *bert {
	m := &bert{
		Vocab:     c.size("vocab_size", maxVocab),
		Types:     c.int("type_vocab_size", 2, 0, maxVocab),
		Dim:       c.size("hidden_size", maxWidth),
		Inner:     c.size("intermediate_size", maxWidth),
		Layers:    c.size("num_hidden_layers", maxLayers),
		Heads:     c.size("num_attention_heads", maxHeads),
		Positions: c.size("max_position_embeddings", maxLength),
		Act:       c.activation("hidden_act"),
		Eps:       c.epsilon("layer_norm_eps"),
		Tied:      c.bool("tie_word_embeddings", true),
		names:     bertLayer,
	}
	m.Width = m.Dim
	c.refuse("position_embedding_type", `"absolute"`)
	c.refuse("is_decoder", "false")
	c.refuse("add_cross_attention", "false")
	m.checkHeads(c)
	return m
}

func (m *bert) checkHeads(c config) {
	if m.Dim%m.Heads != 0 {
		c.fail("a hidden size of %d is no multiple of %d attention heads", m.Dim, m.Heads)
	}
}

// embeddings are the tables below name, summed and normalised.
func (m *bert) embeddings(w nn.Loader) arch.Embeddings {
	e := w.At("embeddings")
	em := arch.Embeddings{Words: e.Table("word_embeddings", m.Vocab, m.Width), Norm: e.LayerNorm("LayerNorm", m.Width, m.Eps)}
	if m.positions != nil {
		em.Positions = m.positions(e)
	} else {
		em.Positions = table(e, "position_embeddings", m.Positions, m.Width).Weight
	}
	if m.Types > 0 {
		em.Types = table(e, "token_type_embeddings", m.Types, m.Width)
	}
	return em
}

func table(w nn.Loader, name string, rows, dim int) *nn.Embedding {
	t := w.Table(name, rows, dim)
	return &t
}

// attention is the self-attention of layer i.
func (m *bert) attention(i int, l nn.Loader) *attention.MultiHead {
	return &attention.MultiHead{
		Heads: m.Heads, KVHeads: m.Heads, HeadDim: m.Dim / m.Heads,
		QKV: l.Fused(m.Dim, true, nn.Part{Name: m.names.query, Out: m.Dim}, nn.Part{Name: m.names.key, Out: m.Dim},
			nn.Part{Name: m.names.value, Out: m.Dim}),
		Out: l.Linear(m.names.out, m.Dim, m.Dim, true),
	}
}

// postNorm is BERT's layer around an attention.
func (m *bert) postNorm(l nn.Loader, a attention.Op) block.Block {
	return block.Block{
		{Op: a, Out: l.LayerNorm(m.names.attentionNorm, m.Dim, m.Eps)},
		{Op: &block.MLP{
			Up: l.Linear(m.names.up, m.Dim, m.Inner, true), Act: m.Act, Down: l.Linear(m.names.down, m.Inner, m.Dim, true),
		}, Out: l.LayerNorm(m.names.norm, m.Dim, m.Eps)},
	}
}

// encoder assembles the body from what layer returns for each layer below name.
func (m *bert) encoder(body nn.Loader, name string, layer func(i int, l nn.Loader) block.Block) *arch.Encoder {
	e := &arch.Encoder{Types: m.Types, Trunk: &arch.Trunk{Vocab: m.Vocab, Dim: m.Dim, MaxLen: m.Positions, Embeddings: m.embeddings(body)}}
	for i, l := range body.Layers(name, m.Layers) {
		e.Blocks = append(e.Blocks, layer(i, l))
	}
	return e
}

func (m *bert) plainLayer(i int, l nn.Loader) block.Block { return m.postNorm(l, m.attention(i, l)) }

// buildBert is BERT (Devlin et al., 2019; transformers: BertModel and its heads).
func buildBert(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(bertDefaults)
	m := readBert(c)
	body := w.Root("bert", "embeddings.word_embeddings.weight")
	e := m.encoder(body, "encoder.layer", m.plainLayer)
	h := heads{c: c, w: w, e: e, dim: m.Dim}
	pooler := h.pooler(body, "pooler.dense")
	masked := func() *arch.Head {
		t := w.At("cls.predictions.transform")
		return &arch.Head{Dense: linear(t, "dense", m.Dim, m.Dim), Act: m.Act, Norm: t.LayerNorm("LayerNorm", m.Dim, m.Eps),
			Out: h.vocabulary("cls.predictions.decoder", "cls.predictions.bias", m.Tied)}
	}
	h.set(headSet{
		features: pooler,
		masked:   masked,
		classify: func() *arch.Head { return then(pooler(), linear(w, "classifier", m.Dim, h.labels())) },
		next:     func() *arch.Head { return then(pooler(), linear(w, "cls.seq_relationship", m.Dim, 2)) },
		choice:   func() *arch.Head { return then(pooler(), linear(w, "classifier", m.Dim, 1)) },
		preTraining: func() {
			e.Task, e.Tokens = arch.MaskedLM, masked()
			e.Sequence = then(pooler(), linear(w, "cls.seq_relationship", m.Dim, 2))
		},
	})
	return e
}

const robertaDefaults = `{"vocab_size": 50265, "pad_token_id": 1}`

// buildRoberta is BERT with positions that count from the padding id, and heads of its own (Liu et al.,
// 2019; transformers: RobertaModel, CamembertModel, XLMRobertaModel and their heads).
func buildRoberta(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(robertaDefaults).defaults(bertDefaults)
	m := readBert(c)
	body := w.Root("roberta", "embeddings.word_embeddings.weight")
	e := m.encoder(body, "encoder.layer", m.plainLayer)
	padPositions(c, e, c.int("pad_token_id", 1, 0, maxVocab))
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

// padPositions makes positions count from pad + 1, which shortens the longest sequence.
func padPositions(c config, e *arch.Encoder, pad int) {
	e.Embeddings.Padded, e.Embeddings.PaddingIdx, e.Embeddings.PositionOffset = true, pad, pad+1
	e.MaxLen -= pad + 1
	if e.MaxLen < 1 {
		c.fail("max_position_embeddings leaves no position after those up to the padding id, %d", pad)
	}
}

const distilbertDefaults = `{"vocab_size": 30522, "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "activation": "gelu",
	"max_position_embeddings": 512, "sinusoidal_pos_embds": false, "tie_word_embeddings": true}`

// buildDistilbert is BERT without segments and pooler, under names of its own (Sanh et al., 2019;
// transformers: DistilBertModel and its heads).
func buildDistilbert(c config, w nn.Loader) *arch.Encoder {
	c = c.defaults(distilbertDefaults)
	m := &bert{
		Vocab: c.size("vocab_size", maxVocab), Dim: c.size("dim", maxWidth), Inner: c.size("hidden_dim", maxWidth),
		Layers: c.size("n_layers", maxLayers), Heads: c.size("n_heads", maxHeads),
		Positions: c.size("max_position_embeddings", maxLength), Act: c.activation("activation"), Eps: 1e-12,
		Tied: c.bool("tie_word_embeddings", true),
		names: bertNames{query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", out: "attention.out_lin",
			attentionNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", norm: "output_layer_norm"},
	}
	m.Width = m.Dim
	m.checkHeads(c)
	body := w.Root("distilbert", "embeddings.word_embeddings.weight")
	if c.bool("sinusoidal_pos_embds", false) && !body.Has("embeddings.position_embeddings.weight") {
		m.positions = func(nn.Loader) arch.PositionTable {
			s := arch.NewSinusoids(m.Dim)
			s.Interleaved = true
			return s.Table(m.Positions, m.Dim)
		}
	}
	e := m.encoder(body, "transformer.layer", m.plainLayer)
	h := heads{c: c, w: w, e: e, dim: m.Dim}
	first := func(out int) *arch.Head {
		return &arch.Head{Dense: linear(w, "pre_classifier", m.Dim, m.Dim), Act: nn.ReLU, Out: linear(w, "classifier", m.Dim, out)}
	}
	h.set(headSet{
		masked: func() *arch.Head {
			return &arch.Head{Dense: linear(w, "vocab_transform", m.Dim, m.Dim), Act: m.Act, Norm: w.LayerNorm("vocab_layer_norm", m.Dim, 1e-12),
				Out: h.vocabulary("vocab_projector", "vocab_projector.bias", m.Tied)}
		},
		classify: func() *arch.Head { return first(h.labels()) },
		choice:   func() *arch.Head { return first(1) },
	})
	return e
}
