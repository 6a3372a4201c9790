package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// bertConfig has the keys that BERT's config.json shares with those of its relatives.
type bertConfig struct {
	VocabSize             int           `json:"vocab_size" hf:"vocab"`
	TypeVocabSize         int           `json:"type_vocab_size" hf:"vocab0"`
	HiddenSize            int           `json:"hidden_size" hf:"width"`
	EmbeddingSize         *int          `json:"embedding_size" hf:"width"` // nil: hidden_size
	IntermediateSize      int           `json:"intermediate_size" hf:"width"`
	NumHiddenLayers       int           `json:"num_hidden_layers" hf:"layers"`
	NumAttentionHeads     int           `json:"num_attention_heads" hf:"heads"`
	HiddenAct             nn.Activation `json:"hidden_act"`
	MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
	LayerNormEps          float64       `json:"layer_norm_eps" hf:"epsilon"`
	PadTokenID            *int          `json:"pad_token_id" hf:"vocab0"`
	TieWordEmbeddings     bool          `json:"tie_word_embeddings"`
}

func bertDefaults() bertConfig {
	return bertConfig{VocabSize: 30522, TypeVocabSize: 2, HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12,
		HiddenAct: nn.GELU, MaxPositionEmbeddings: 512, LayerNormEps: 1e-12, PadTokenID: new(0), TieWordEmbeddings: true}
}

// bertBuilder builds BERT and its relatives: encoders whose norms stand after each sublayer.
type bertBuilder struct {
	bertConfig
	Width int // width of the embedding tables
	Eps   float32

	names     bertNames
	positions func(e nn.Loader) arch.PositionTable // nil: learned positions
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

// newBert returns the builder for a config that has been read.
func newBert(c *hf.Config, cfg bertConfig) *bertBuilder {
	m := &bertBuilder{bertConfig: cfg, Width: cfg.HiddenSize, Eps: float32(cfg.LayerNormEps), names: bertLayer}
	if cfg.EmbeddingSize != nil {
		m.Width = *cfg.EmbeddingSize
	}
	c.Refuse("position_embedding_type", `"absolute"`)
	c.Refuse("is_decoder", "false")
	c.Refuse("add_cross_attention", "false")
	if m.HiddenSize%m.NumAttentionHeads != 0 {
		c.Fail("a hidden size of %d is not a multiple of %d attention heads", m.HiddenSize, m.NumAttentionHeads)
	}
	return m
}

// embeddings returns the sum of the tables at w, normalised.
func (m *bertBuilder) embeddings(w nn.Loader) arch.Embeddings {
	e := w.At("embeddings")
	em := arch.Embeddings{Words: e.Table("word_embeddings", m.VocabSize, m.Width), Norm: e.LayerNorm("LayerNorm", m.Width, m.Eps)}
	if m.positions != nil {
		em.Positions = m.positions(e)
	} else {
		em.Positions = e.Table("position_embeddings", m.MaxPositionEmbeddings, m.Width).Weight
	}
	if m.TypeVocabSize > 0 {
		em.Types = table(e, "token_type_embeddings", m.TypeVocabSize, m.Width)
	}
	return em
}

// attention returns the self-attention of a layer.
func (m *bertBuilder) attention(l nn.Loader) *attention.MultiHead {
	dim := m.HiddenSize
	return &attention.MultiHead{
		Heads: m.NumAttentionHeads, KVHeads: m.NumAttentionHeads, HeadDim: dim / m.NumAttentionHeads,
		QKV: l.Fused(dim, true, parts(dim, m.names.query, m.names.key, m.names.value)...),
		Out: l.Linear(m.names.out, dim, dim, true),
	}
}

// postNorm returns BERT's layer around an attention.
func (m *bertBuilder) postNorm(l nn.Loader, a attention.Op) block.Block {
	dim, inner := m.HiddenSize, m.IntermediateSize
	return block.Block{
		{Op: a, Out: l.LayerNorm(m.names.attentionNorm, dim, m.Eps)},
		{Op: &block.MLP{
			Up: l.Linear(m.names.up, dim, inner, true), Act: m.HiddenAct, Down: l.Linear(m.names.down, inner, dim, true),
		}, Out: l.LayerNorm(m.names.norm, dim, m.Eps)},
	}
}

func (m *bertBuilder) layer(l nn.Loader) block.Block { return m.postNorm(l, m.attention(l)) }

// encoder assembles the body. layer returns the layer at l, which is below name.
func (m *bertBuilder) encoder(body nn.Loader, name string, layer func(l nn.Loader) block.Block) *arch.Encoder {
	e := &arch.Encoder{Types: m.TypeVocabSize,
		Trunk: &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: m.HiddenSize}, MaxLen: m.MaxPositionEmbeddings, Embeddings: m.embeddings(body)}}
	for _, l := range body.Layers(name, m.NumHiddenLayers) {
		e.Blocks = append(e.Blocks, layer(l))
	}
	return e
}

// bert is BERT (Devlin et al., 2019; transformers: BertModel and its heads).
func bert(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := bertDefaults()
	c.Read(&cfg)
	cfg.EmbeddingSize = nil
	m := newBert(c, cfg)
	body := w.Root("bert", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("cls.predictions.decoder"))
	}
	e := m.encoder(body, "encoder.layer", m.layer)
	h, dim := heads{c: c, w: w, e: e, dim: m.HiddenSize}, m.HiddenSize
	pooler, dense := h.pooler(body, "pooler.dense"), body.Prefix()+"pooler.dense.weight"
	masked := func() *arch.Head {
		t := w.At("cls.predictions.transform")
		return &arch.Head{Dense: linear(t, "dense", dim, dim), Act: m.HiddenAct, Norm: t.LayerNorm("LayerNorm", dim, m.Eps),
			Out: h.vocabulary("cls.predictions.decoder", "cls.predictions.bias")}
	}
	h.set(headSet{
		features: pooler,
		masked:   head{masked, []string{"cls.predictions."}},
		classify: head{func() *arch.Head { return then(pooler(), linear(w, "classifier", dim, h.labels())) }, []string{"classifier.weight", dense}},
		next: head{func() *arch.Head { return then(pooler(), linear(w, "cls.seq_relationship", dim, 2)) },
			[]string{"cls.seq_relationship.weight", dense}},
		choice:      head{func() *arch.Head { return then(pooler(), linear(w, "classifier", dim, 1)) }, []string{"classifier.weight", dense}},
		preTraining: []arch.Task{arch.MaskedLM, arch.NextSentence},
	}, "cls.", "pooler.", "classifier.", "qa_outputs.")
	return e
}

// distilbert is BERT without segments and pooler, with other names (Sanh et al., 2019; transformers:
// DistilBertModel and its heads).
func distilbert(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := struct {
		VocabSize             int           `json:"vocab_size" hf:"vocab"`
		Dim                   int           `json:"dim" hf:"width"`
		HiddenDim             int           `json:"hidden_dim" hf:"width"`
		NLayers               int           `json:"n_layers" hf:"layers"`
		NHeads                int           `json:"n_heads" hf:"heads"`
		Activation            nn.Activation `json:"activation"`
		MaxPositionEmbeddings int           `json:"max_position_embeddings" hf:"length"`
		SinusoidalPosEmbds    bool          `json:"sinusoidal_pos_embds"`
		TieWordEmbeddings     bool          `json:"tie_word_embeddings"`
	}{30522, 768, 3072, 6, 12, nn.GELU, 512, false, true}
	c.Read(&cfg)
	b := bertDefaults()
	b.VocabSize, b.TypeVocabSize, b.HiddenSize, b.IntermediateSize = cfg.VocabSize, 0, cfg.Dim, cfg.HiddenDim
	b.NumHiddenLayers, b.NumAttentionHeads, b.HiddenAct = cfg.NLayers, cfg.NHeads, cfg.Activation
	b.MaxPositionEmbeddings, b.TieWordEmbeddings = cfg.MaxPositionEmbeddings, cfg.TieWordEmbeddings
	m := newBert(c, b)
	m.names = bertNames{query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", out: "attention.out_lin",
		attentionNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", norm: "output_layer_norm"}
	body, dim := w.Root("distilbert", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight"), cfg.Dim
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("vocab_projector"))
	}
	if cfg.SinusoidalPosEmbds && !body.HasOptional("embeddings.position_embeddings.weight") {
		m.positions = func(nn.Loader) arch.PositionTable {
			s := arch.NewSinusoids(dim)
			s.Interleaved = true // unlike Marian: sines and cosines alternate
			return s.Table(cfg.MaxPositionEmbeddings, dim)
		}
	}
	e := m.encoder(body, "transformer.layer", m.layer)
	h := heads{c: c, w: w, e: e, dim: dim}
	first := func(out int) *arch.Head {
		return &arch.Head{Dense: linear(w, "pre_classifier", dim, dim), Act: nn.ReLU, Out: linear(w, "classifier", dim, out)}
	}
	h.set(headSet{
		masked: head{func() *arch.Head {
			return &arch.Head{Dense: linear(w, "vocab_transform", dim, dim), Act: m.HiddenAct, Norm: w.LayerNorm("vocab_layer_norm", dim, 1e-12),
				Out: h.vocabulary("vocab_projector", "vocab_projector.bias")}
		}, []string{"vocab_transform."}},
		classify: head{func() *arch.Head { return first(h.labels()) }, []string{"classifier.weight", "pre_classifier.weight"}},
		choice:   head{func() *arch.Head { return first(1) }, []string{"classifier.weight", "pre_classifier.weight"}},
	}, "vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.", "classifier.", "qa_outputs.")
	return e
}
