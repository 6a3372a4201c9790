package family

import (
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type debertaConfig struct {
	bertConfig
	RelativeAttention    bool          `json:"relative_attention"`
	MaxRelativePositions int           `json:"max_relative_positions"` // below 1: max_position_embeddings
	PositionBuckets      int           `json:"position_buckets"`       // below 1: none
	PositionBiasedInput  bool          `json:"position_biased_input"`
	ShareAttKey          bool          `json:"share_att_key"` // positions use the projections of the contents
	NormRelEbd           string        `json:"norm_rel_ebd"`
	PoolerHiddenAct      nn.Activation `json:"pooler_hidden_act"`
	AttentionHeadSize    *int          `json:"attention_head_size" hf:"width"`
	ConvKernelSize       int           `json:"conv_kernel_size"` // below 1: no convolution
	ConvAct              nn.Activation `json:"conv_act"`
	ConvGroups           int           `json:"conv_groups" hf:"width"`
}

func debertaDefaults() debertaConfig {
	cfg := debertaConfig{bertConfig: bertDefaults(), MaxRelativePositions: -1, PositionBuckets: -1, PositionBiasedInput: true,
		NormRelEbd: "none", PoolerHiddenAct: nn.GELU, ConvAct: nn.Tanh, ConvGroups: 1}
	cfg.VocabSize, cfg.TypeVocabSize, cfg.LayerNormEps = 50265, 0, 1e-7
	return cfg
}

// debertaBuilder builds BERT with disentangled attention.
type debertaBuilder struct {
	*bertBuilder
	cfg            debertaConfig
	terms          []string // position terms of the scores: c2p, p2c
	reach, buckets int      // longest distance; buckets on either side, or 0
	longest        int      // longest sequence that the buckets cover; 0: any
}

// newDeberta reads the config and returns the builder.
func newDeberta(c *hf.Config, cfg debertaConfig) *debertaBuilder {
	c.Read(&cfg)
	m := &debertaBuilder{bertBuilder: newBert(c, cfg.bertConfig), cfg: cfg, terms: positionTerms(c)}
	m.reach, m.buckets = cfg.MaxRelativePositions, max(0, cfg.PositionBuckets)
	if m.reach < 1 {
		m.reach = min(cfg.MaxPositionEmbeddings, hf.MaxWidth)
	}
	if m.reach > hf.MaxWidth || m.buckets > hf.MaxWidth {
		c.Fail("max_relative_positions is %d and position_buckets %d; at most %d are supported", m.reach, m.buckets, hf.MaxWidth)
		m.reach, m.buckets = 1, 0
	}
	c.Refuse("talking_head", "false")
	if cfg.AttentionHeadSize != nil && *cfg.AttentionHeadSize != cfg.HiddenSize/cfg.NumAttentionHeads {
		c.Fail("attention_head_size other than hidden_size / num_attention_heads is not supported")
	}
	return m
}

// positionTerms reads pos_att_type: a list, or the terms in one string.
func positionTerms(c *hf.Config) []string {
	var terms []string
	if raw := c.Raw("pos_att_type"); len(raw) > 0 && raw[0] == '"' {
		for term := range strings.SplitSeq(strings.ToLower(c.String("pos_att_type", "")), "|") {
			terms = append(terms, strings.TrimSpace(term))
		}
	} else {
		terms = c.List("pos_att_type")
	}
	return slices.DeleteFunc(terms, func(s string) bool { return s == "" })
}

// span returns the number of rows on either side in the table of relative positions.
func (m *debertaBuilder) span() int {
	if m.buckets > 0 {
		return m.buckets
	}
	return m.reach
}

// distances returns the table row of each distance.
func (m *debertaBuilder) distances() attention.Buckets {
	return attention.NewBuckets(-m.reach, m.reach, func(d int) int {
		if m.buckets > 0 {
			d = logBucket(d, m.buckets, m.reach)
		}
		return min(max(d+m.span(), 0), 2*m.span()-1)
	})
}

// logBucket returns distances of up to half the buckets unchanged; longer ones share buckets that widen
// logarithmically. It rounds in float32 where transformers does.
func logBucket(distance, buckets, longest int) int {
	mid := buckets / 2
	n := max(distance, -distance)
	if n <= mid || mid == 0 {
		return distance
	}
	log := func(x float32) float32 { return float32(math.Log(float64(x))) }
	far := int(math.Ceil(float64(log(float32(n)/float32(mid))/log(float32(float64(longest-1)/float64(mid)))*float32(mid-1)))) + mid
	if distance < 0 {
		return -far
	}
	return far
}

// embeddings returns BERT's, perhaps without positions, and perhaps with a projection before the norm.
func (m *debertaBuilder) embeddings(w nn.Loader) arch.Embeddings {
	e := w.At("embeddings")
	em := arch.Embeddings{Words: e.Embedding("word_embeddings", m.VocabSize, m.Width), Norm: e.LayerNorm("LayerNorm", m.HiddenSize, m.Eps)}
	if m.cfg.PositionBiasedInput {
		em.Positions = e.Table("position_embeddings", m.MaxPositionEmbeddings, m.Width).Weight
	}
	if m.TypeVocabSize > 0 {
		em.Types = table(e, "token_type_embeddings", m.TypeVocabSize, m.Width)
	}
	if m.Width != m.HiddenSize {
		before := e.Linear("embed_proj", m.Width, m.HiddenSize, false)
		em.Project = &before
	}
	return em
}

// encoder assembles the body. attend returns the attention of the layer at l.
func (m *debertaBuilder) encoder(body nn.Loader, attend func(l nn.Loader, positions tensor.Tensor) *attention.Disentangled, norm string) *arch.Encoder {
	e := &arch.Encoder{Types: m.TypeVocabSize, Trunk: &arch.Trunk{Vocab: m.VocabSize, Stack: arch.Stack{Dim: m.HiddenSize}, MaxLen: m.MaxPositionEmbeddings, Embeddings: m.embeddings(body)}}
	if !m.cfg.PositionBiasedInput {
		e.MaxLen = hf.MaxLength // without a position table there is no limit
	}
	if m.longest > 0 {
		e.MaxLen = min(e.MaxLen, m.longest)
	}
	var positions tensor.Tensor // [2·span, Dim]
	var distances attention.Buckets
	if m.cfg.RelativeAttention {
		if positions = m.positionTable(body, norm); positions.Shape.Rank() != 0 {
			distances = m.distances()
		}
	}
	for _, l := range body.Layers("encoder.layer", m.NumHiddenLayers) {
		a := attend(l, positions)
		if a.Keys == nil && a.Queries == nil {
			plain := &attention.MultiHead{Heads: a.Heads, KVHeads: a.Heads, HeadDim: a.HeadDim, QKV: a.QKV, Out: a.Out, Scale: a.Scale}
			e.Blocks = append(e.Blocks, m.postNorm(l, plain))
			continue
		}
		a.Distances = distances
		e.Blocks = append(e.Blocks, m.postNorm(l, a))
	}
	return e
}

// positionTable reads the table of relative positions, normalised if norm names a norm.
func (m *debertaBuilder) positionTable(body nn.Loader, norm string) tensor.Tensor {
	t := body.Table("encoder.rel_embeddings", 2*m.span(), m.HiddenSize)
	if t.Weight == nil || !body.Derive("encoder.rel_embeddings", 2*m.span(), m.HiddenSize) {
		return tensor.Tensor{}
	}
	if body.ShapesOnly() {
		if norm != "" {
			body.LayerNorm(norm, m.HiddenSize, m.Eps)
		}
		return tensor.Tensor{Shape: tensor.Of(2*m.span(), m.HiddenSize)}
	}
	x := tensor.New(2*m.span(), m.HiddenSize)
	for i := range x.Rows() {
		t.Weight.Row(x.Row(i), i)
	}
	if norm != "" {
		body.LayerNorm(norm, m.HiddenSize, m.Eps).Forward(x, x)
	}
	return x
}

// perHead projects positions and splits the result by heads: [2·span, D] each.
func (m *debertaBuilder) perHead(w nn.Loader, l nn.Linear, positions tensor.Tensor) []*tensor.Weight {
	if l.Weight == nil || positions.Shape.Rank() == 0 || !w.Derive("positions of each head", positions.Rows(), m.HiddenSize) {
		return nil
	}
	d := m.HiddenSize / m.NumAttentionHeads
	if w.ShapesOnly() {
		return w.Described(m.NumAttentionHeads, positions.Rows(), d)
	}
	out := make([]*tensor.Weight, m.NumAttentionHeads)
	y := tensor.New(positions.Rows(), m.HiddenSize)
	l.Forward(y, positions)
	for h := range out {
		part := tensor.New(y.Rows(), d)
		for i := range y.Rows() {
			copy(part.Row(i), y.Row(i)[h*d:])
		}
		out[h] = tensor.WeightFrom(part)
	}
	return out
}

// disentangled returns an attention without its position terms. Its scale is 1/√(D·(1 + terms)), not 1/√D.
func (m *debertaBuilder) disentangled(qkv, out nn.Linear, terms int) *attention.Disentangled {
	d := m.HiddenSize / m.NumAttentionHeads
	return &attention.Disentangled{Heads: m.NumAttentionHeads, HeadDim: d, QKV: qkv, Out: out, Scale: float32(1 / math.Sqrt(float64(d*(1+terms))))}
}

func (m *debertaBuilder) has(term string) bool {
	return m.cfg.RelativeAttention && slices.Contains(m.terms, term)
}

// deberta is DeBERTa v1 (He et al., 2021; transformers: DebertaModel and its heads).
func deberta(c *hf.Config, w nn.Loader) *arch.Encoder {
	m := newDeberta(c, debertaDefaults())
	m.buckets = 0
	dim, n := m.HiddenSize, m.NumAttentionHeads
	d := dim / n
	var rows [][2]int // files have them head by head; here queries of all heads come first, then keys, then values
	for part := range 3 {
		for h := range n {
			rows = append(rows, [2]int{(3*h + part) * d, d})
		}
	}
	body := w.Root("deberta", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("cls.predictions.decoder"))
	}
	e := m.encoder(body, func(l nn.Loader, positions tensor.Tensor) *attention.Disentangled {
		a := l.At("attention.self")
		qkv := a.LinearRows("in_proj", dim, 3*n*d, false, rows)
		qkv.Bias = slices.Concat(a.Vector("q_bias", n*d), make([]float32, n*d), a.Vector("v_bias", n*d))
		dis := m.disentangled(qkv, l.Linear(m.names.out, dim, dim, true), len(m.terms))
		if m.has("c2p") {
			dis.Keys = m.perHead(a, a.Linear("pos_proj", dim, dim, false), positions)
		}
		if m.has("p2c") {
			dis.Queries = m.perHead(a, a.Linear("pos_q_proj", dim, dim, true), positions)
		}
		return dis
	}, "")
	m.heads(c, w, e)
	return e
}

// deberta2 is DeBERTa v2 and v3 (He et al., "DeBERTaV3", 2023; transformers: DebertaV2Model and its heads):
// long distances share buckets, positions may use the projections of the contents, and a convolution may
// follow the first layer.
func deberta2(c *hf.Config, w nn.Loader) *arch.Encoder {
	cfg := debertaDefaults()
	cfg.VocabSize, cfg.HiddenSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads, cfg.IntermediateSize = 128100, 1536, 24, 24, 6144
	m := newDeberta(c, cfg)
	dim := m.HiddenSize
	if mid := m.buckets / 2; m.buckets > 1 && m.reach-1 <= mid {
		m.reach, m.longest = mid, mid+1 // the reference has no bucket for longer distances: it divides by 0, or less
	}
	m.names.query, m.names.key, m.names.value = "attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"
	norm := ""
	if strings.Contains(strings.ToLower(m.cfg.NormRelEbd), "layer_norm") {
		norm = "encoder.LayerNorm"
	}
	terms := 0 // unlike v1, unknown terms do not change the scale
	for _, t := range []string{"c2p", "p2c"} {
		if slices.Contains(m.terms, t) {
			terms++
		}
	}
	body := w.Root("deberta", "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight")
	if m.TieWordEmbeddings {
		w.Tie(body.Name("embeddings.word_embeddings"), w.Name("cls.predictions.decoder"))
	}
	e := m.encoder(body, func(l nn.Loader, positions tensor.Tensor) *attention.Disentangled {
		plain := m.attention(l)
		dis := m.disentangled(plain.QKV, plain.Out, terms)
		key, query := "attention.self.pos_key_proj", "attention.self.pos_query_proj"
		if m.cfg.ShareAttKey {
			key, query = m.names.key, m.names.query
		}
		if m.has("c2p") {
			dis.Keys = m.perHead(l, l.Linear(key, dim, dim, true), positions)
		}
		if m.has("p2c") {
			dis.Queries = m.perHead(l, l.Linear(query, dim, dim, true), positions)
		}
		return dis
	}, norm)
	m.convolution(c, body, e)
	m.heads(c, w, e)
	return e
}

// convolution adds the optional convolution after the first layer.
func (m *debertaBuilder) convolution(c *hf.Config, body nn.Loader, e *arch.Encoder) {
	kernel, groups, dim := m.cfg.ConvKernelSize, m.cfg.ConvGroups, m.HiddenSize
	if kernel < 1 || len(e.Blocks) == 0 {
		return
	}
	if kernel%2 == 0 || kernel > 64 {
		c.Fail("conv_kernel_size %d is not supported; an odd number below 64 is needed", kernel)
		return
	}
	if dim%groups != 0 {
		c.Fail("hidden_size %d is not a multiple of conv_groups %d", dim, groups)
		return
	}
	conv := body.At("encoder.conv")
	e.Blocks[0] = append(e.Blocks[0], block.Residual{
		Op:  &convOfInput{kernel: kernel, linear: conv.Convolution("conv", dim, dim, kernel, groups), act: m.cfg.ConvAct},
		Out: conv.LayerNorm("LayerNorm", dim, m.Eps),
	})
}

// convOfInput computes act(b + Σ Wₖ·x) over windows of tokens of the first block's input, not of the present
// stream. Beyond the ends of a sequence are zeros.
type convOfInput struct {
	kernel int       // tokens of the window, the output's own in the middle
	linear nn.Linear // [Out, kernel·Dim]: the weights of the window's tokens side by side
	act    nn.Activation
}

func (o *convOfInput) Traits() attention.Traits {
	return attention.Traits{Of: o, Out: o.linear.Out(), ReadsInput: true, Work: func(s attention.Span) attention.Work {
		return attention.Work{Products: []attention.Product{{Weight: o.linear.Weight, Rows: s.Out}}}
	}}
}

func (o *convOfInput) Forward(p *attention.Pass, dst, _ tensor.Tensor) {
	mark := p.Scratch.Mark()
	in := p.Input
	dim := in.Shape.Last()
	windows := p.Scratch.New(in.Rows(), o.kernel*dim)
	clear(windows.Data)
	row := 0
	for _, s := range p.Seqs {
		for i := range s.Rows {
			for k := range o.kernel {
				if j := i + k - (o.kernel-1)/2; j >= 0 && j < s.Rows {
					copy(windows.Row(row + i)[k*dim:], in.Row(row+j))
				}
			}
		}
		row += s.Rows
	}
	o.linear.Forward(dst, windows)
	o.act.Forward(dst, dst)
	p.Scratch.Release(mark)
}

// heads sets the head; all versions have the same ones.
func (m *debertaBuilder) heads(c *hf.Config, w nn.Loader, e *arch.Encoder) {
	dim := m.HiddenSize
	h := heads{c: c, w: w, e: e, dim: dim}
	pooled := func(out int) *arch.Head {
		return &arch.Head{Dense: linear(w, "pooler.dense", dim, dim), Act: m.cfg.PoolerHiddenAct, Out: linear(w, "classifier", dim, out)}
	}
	masked := "cls.predictions."
	if m.published(w) {
		masked = "lm_predictions.lm_head."
	}
	h.set(headSet{
		masked:   head{func() *arch.Head { return h.debertaMasked(m) }, []string{masked}},
		classify: head{func() *arch.Head { return pooled(h.labels()) }, []string{"classifier.weight", "pooler.dense.weight"}},
		choice:   head{func() *arch.Head { return pooled(1) }, []string{"classifier.weight", "pooler.dense.weight"}},
	}, "cls.", "lm_predictions.", "mask_predictions.", "pooler.", "classifier.", "qa_outputs.")
	w.Ignore(func(name string) bool { // stored although positions are not added to the embeddings
		return !m.cfg.PositionBiasedInput && strings.HasSuffix(name, "embeddings.position_embeddings.weight")
	})
}

// published reports whether the head over the vocabulary is that of the checkpoints as they were published.
func (m *debertaBuilder) published(w nn.Loader) bool {
	return w.Has("lm_predictions.lm_head.dense.weight") && !w.Has("cls.predictions.transform.dense.weight")
}

// debertaMasked is the head over the vocabulary: BERT's, or the one that the published checkpoints hold.
func (h heads) debertaMasked(m *debertaBuilder) *arch.Head {
	if l := h.w.At("lm_predictions.lm_head"); m.published(h.w) {
		out := nn.Linear{Weight: h.e.Embeddings.Words.Weight, Bias: l.Vector("bias", m.VocabSize)}
		return &arch.Head{Dense: linear(l, "dense", h.dim, h.dim), Act: m.HiddenAct, Norm: l.LayerNorm("LayerNorm", h.dim, m.Eps), Out: &out}
	}
	t := h.w.At("cls.predictions.transform")
	return &arch.Head{Dense: linear(t, "dense", h.dim, m.Width), Act: m.HiddenAct, Norm: t.LayerNorm("LayerNorm", m.Width, m.Eps),
		Out: h.vocabulary("cls.predictions.decoder", "cls.predictions.bias")}
}
