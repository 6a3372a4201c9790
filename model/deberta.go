package model

import (
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const debertaDefaults = `{"vocab_size": 50265, "type_vocab_size": 0, "layer_norm_eps": 1e-7, "relative_attention": false,
	"max_relative_positions": -1, "position_biased_input": true, "pooler_hidden_act": "gelu", "position_buckets": -1,
	"share_att_key": false, "norm_rel_ebd": "none", "conv_kernel_size": 0, "conv_act": "tanh", "conv_groups": 1, "talking_head": false}`

// deberta is BERT with disentangled attention.
type deberta struct {
	*bert
	relative, biasedInput bool
	types                 []string // terms with positions: c2p, p2c
	reach, buckets        int      // longest distance; buckets on either side, or 0
	longest               int      // tokens that there are buckets for; 0: any number
	share                 bool     // positions are projected as contents are
}

func readDeberta(c config) *deberta {
	m := &deberta{bert: readBert(c), relative: c.bool("relative_attention", false), biasedInput: c.bool("position_biased_input", true),
		share: c.bool("share_att_key", false)}
	m.Width = m.Dim
	if c.has("embedding_size") {
		m.Width = c.size("embedding_size", maxWidth)
	}
	m.types = c.positionTerms()
	m.reach = c.int("max_relative_positions", -1, -1, maxWidth)
	if m.reach < 1 {
		m.reach = min(m.Positions, maxWidth)
	}
	m.buckets = max(0, c.int("position_buckets", -1, -1, maxWidth))
	c.refuse("talking_head", "false")
	if c.has("attention_head_size") && c.int("attention_head_size", 0, 0, maxWidth) != m.Dim/m.Heads {
		c.fail("attention_head_size other than hidden_size / num_attention_heads is not supported")
	}
	return m
}

// positionTerms reads pos_att_type: a list, or the terms in one string.
func (c config) positionTerms() []string {
	var terms []string
	if !c.has("pos_att_type") {
		return nil
	}
	if c.keys["pos_att_type"][0] == '"' {
		for term := range strings.SplitSeq(strings.ToLower(c.string("pos_att_type", "")), "|") {
			terms = append(terms, strings.TrimSpace(term))
		}
	} else {
		c.get("pos_att_type", &terms, "a list of strings or a string")
	}
	return slices.DeleteFunc(terms, func(s string) bool { return s == "" })
}

// span is the number of rows on either side in the table of relative positions.
func (m *deberta) span() int {
	if m.buckets > 0 {
		return m.buckets
	}
	return m.reach
}

// distances returns the row of each distance.
func (m *deberta) distances() attention.Buckets {
	return attention.NewBuckets(-m.reach, m.reach, func(d int) int {
		if m.buckets > 0 {
			d = logBucket(d, m.buckets, m.reach)
		}
		return min(max(d+m.span(), 0), 2*m.span()-1)
	})
}

// logBucket keeps distances of up to half the buckets, and takes longer ones together, the more the
// longer they are. It rounds where the reference does, in float32.
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

// embeddings are BERT's, but positions may be left out, and a projection may come before the norm.
func (m *deberta) embeddings(w nn.Loader) Embeddings {
	e := w.At("embeddings")
	em := Embeddings{Words: e.Embedding("word_embeddings", m.Vocab, m.Width), Norm: e.LayerNorm("LayerNorm", m.Dim, m.Eps)}
	if m.biasedInput {
		em.Positions = table(e, "position_embeddings", m.Positions, m.Width).Weight
	}
	if m.Types > 0 {
		em.Types = table(e, "token_type_embeddings", m.Types, m.Width)
	}
	if m.Width != m.Dim {
		before := e.Linear("embed_proj", m.Width, m.Dim, false)
		em.Before = &before
	}
	return em
}

// encoder assembles the body from what attend returns for each layer.
func (m *deberta) encoder(body nn.Loader, attend func(i int, l nn.Loader, positions tensor.Tensor) *attention.Disentangled, norm string) *Encoder {
	e := &Encoder{Types: m.Types, Stack: Stack{Vocab: m.Vocab, Dim: m.Dim, MaxLen: m.Positions, Embeddings: m.embeddings(body)}}
	if !m.biasedInput {
		e.MaxLen = maxLength // nothing in the model ends
	}
	if m.longest > 0 {
		e.MaxLen = min(e.MaxLen, m.longest)
	}
	var positions tensor.Tensor // [2·span, Dim]
	var distances attention.Buckets
	if m.relative {
		if positions = m.positionTable(body, norm); positions.Data != nil {
			distances = m.distances()
		}
	}
	for i, l := range body.Layers("encoder.layer", m.Layers) {
		a := attend(i, l, positions)
		if a.Keys == nil && a.Queries == nil {
			e.Blocks = append(e.Blocks, m.postNorm(l, &a.MultiHead))
			continue
		}
		a.Distances = distances
		e.Blocks = append(e.Blocks, m.postNorm(l, a))
	}
	return e
}

// positionTable reads the table of relative positions, normalised if norm names a norm.
func (m *deberta) positionTable(body nn.Loader, norm string) tensor.Tensor {
	t := body.Table("encoder.rel_embeddings", 2*m.span(), m.Dim)
	if t.Weight == nil || !body.Derive("encoder.rel_embeddings", 2*m.span(), m.Dim) {
		return tensor.Tensor{}
	}
	x := tensor.New(2*m.span(), m.Dim)
	for i := range x.Rows() {
		t.Weight.Row(x.Row(i), i)
	}
	if norm != "" {
		body.LayerNorm(norm, m.Dim, m.Eps).Forward(x, x)
	}
	return x
}

// perHead projects positions and divides the result by heads: [2·span, D] each.
func (m *deberta) perHead(w nn.Loader, l nn.Linear, positions tensor.Tensor) []*tensor.Weight {
	if l.Weight == nil || positions.Data == nil || !w.Derive("positions of each head", positions.Rows(), m.Dim) {
		return nil
	}
	y := tensor.New(positions.Rows(), m.Dim)
	l.Forward(y, positions)
	d := m.Dim / m.Heads
	out := make([]*tensor.Weight, m.Heads)
	for h := range out {
		part := tensor.New(y.Rows(), d)
		for i := range y.Rows() {
			copy(part.Row(i), y.Row(i)[h*d:])
		}
		out[h] = tensor.WeightFrom(part)
	}
	return out
}

// multiHead is the content's part of a layer's attention, whose scale counts the position terms.
func (m *deberta) multiHead(i int, qkv, out nn.Linear, terms int) attention.MultiHead {
	d := m.Dim / m.Heads
	return attention.MultiHead{Heads: m.Heads, KVHeads: m.Heads, HeadDim: d, Layer: i, QKV: qkv, Out: out,
		Scale: float32(1 / math.Sqrt(float64(d*(1+terms))))}
}

func (m *deberta) has(term string) bool { return m.relative && slices.Contains(m.types, term) }

// buildDeberta is DeBERTa v1 (He et al., 2021; transformers: DebertaModel and its heads).
func buildDeberta(c config, w nn.Loader) *Encoder {
	c = c.defaults(debertaDefaults).defaults(bertDefaults)
	m := readDeberta(c)
	m.buckets = 0
	d := m.Dim / m.Heads
	var rows [][2]int // queries of all heads, keys, values: the tensor has them head by head
	for part := range 3 {
		for h := range m.Heads {
			rows = append(rows, [2]int{(3*h + part) * d, d})
		}
	}
	body := w.Root("deberta", "embeddings.word_embeddings.weight")
	e := m.encoder(body, func(i int, l nn.Loader, positions tensor.Tensor) *attention.Disentangled {
		a := l.At("attention.self")
		qkv := a.Rows("in_proj.weight", m.Dim, 3*m.Heads*d, rows)
		qkv.Bias = slices.Concat(a.Vector("q_bias", m.Heads*d), make([]float32, m.Heads*d), a.Vector("v_bias", m.Heads*d))
		dis := &attention.Disentangled{MultiHead: m.multiHead(i, qkv, l.Linear(m.names.out, m.Dim, m.Dim, true), len(m.types))}
		if m.has("c2p") {
			dis.Keys = m.perHead(a, a.Linear("pos_proj", m.Dim, m.Dim, false), positions)
		}
		if m.has("p2c") {
			dis.Queries = m.perHead(a, a.Linear("pos_q_proj", m.Dim, m.Dim, true), positions)
		}
		return dis
	}, "")
	m.heads(c, w, e)
	return e
}

// buildDeberta2 is DeBERTa v2 and v3: longer distances share buckets, positions may share the contents'
// projections, and a convolution may follow the first layer (He et al., "DeBERTaV3", 2023; transformers:
// DebertaV2Model and its heads).
func buildDeberta2(c config, w nn.Loader) *Encoder {
	c = c.defaults(`{"vocab_size": 128100, "hidden_size": 1536, "num_hidden_layers": 24, "num_attention_heads": 24, "intermediate_size": 6144}`).
		defaults(debertaDefaults).defaults(bertDefaults)
	m := readDeberta(c)
	if mid := m.buckets / 2; m.buckets > 1 && m.reach-1 <= mid {
		m.reach, m.longest = mid, mid+1 // the reference has no bucket for longer distances: it divides by 0, or less
	}
	m.names.query, m.names.key, m.names.value = "attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"
	norm := ""
	if strings.Contains(strings.ToLower(c.string("norm_rel_ebd", "none")), "layer_norm") {
		norm = "encoder.LayerNorm"
	}
	terms := 0
	for _, t := range []string{"c2p", "p2c"} {
		if slices.Contains(m.types, t) {
			terms++
		}
	}
	body := w.Root("deberta", "embeddings.word_embeddings.weight")
	e := m.encoder(body, func(i int, l nn.Loader, positions tensor.Tensor) *attention.Disentangled {
		plain := m.attention(i, l)
		dis := &attention.Disentangled{MultiHead: m.multiHead(i, plain.QKV, plain.Out, terms)}
		key, query := "attention.self.pos_key_proj", "attention.self.pos_query_proj"
		if m.share {
			key, query = m.names.key, m.names.query
		}
		if m.has("c2p") {
			dis.Keys = m.perHead(l, l.Linear(key, m.Dim, m.Dim, true), positions)
		}
		if m.has("p2c") {
			dis.Queries = m.perHead(l, l.Linear(query, m.Dim, m.Dim, true), positions)
		}
		return dis
	}, norm)
	if kernel := c.int("conv_kernel_size", 0, 0, 64); kernel > 0 && len(e.Blocks) > 0 {
		if kernel%2 == 0 {
			c.fail("conv_kernel_size %d is not supported; an odd number is needed", kernel)
		}
		groups := c.size("conv_groups", maxWidth)
		if m.Dim%groups != 0 {
			c.fail("hidden_size %d is no multiple of conv_groups %d", m.Dim, groups)
			groups = 1
		}
		conv := body.At("encoder.conv")
		e.Blocks[0] = append(e.Blocks[0], block.Residual{
			Op:  &block.Convolution{Kernel: kernel, Linear: conv.Convolution("conv", m.Dim, m.Dim, kernel, groups), Act: c.activation("conv_act")},
			Out: conv.LayerNorm("LayerNorm", m.Dim, m.Eps),
		})
	}
	m.heads(c, w, e)
	return e
}

// heads are the same for all versions.
func (m *deberta) heads(c config, w nn.Loader, e *Encoder) {
	h := heads{c: c, w: w, e: e, dim: m.Dim}
	pooled := func(out int) *Head {
		return &Head{Dense: linear(w, "pooler.dense", m.Dim, m.Dim), Act: c.activation("pooler_hidden_act"), Out: linear(w, "classifier", m.Dim, out)}
	}
	h.set(headSet{
		masked:   func() *Head { return h.debertaMasked(m) },
		classify: func() *Head { return pooled(h.labels()) },
		choice:   func() *Head { return pooled(1) },
	})
	w.Ignore(func(name string) bool { // stored although positions are not added to the embeddings
		return !m.biasedInput && strings.HasSuffix(name, "embeddings.position_embeddings.weight")
	})
}

// debertaMasked is the head over the vocabulary: BERT's, or the one that the published checkpoints hold.
func (h heads) debertaMasked(m *deberta) *Head {
	if l := h.w.At("lm_predictions.lm_head"); l.Has("dense.weight") && !h.w.Has("cls.predictions.transform.dense.weight") {
		out := nn.Linear{Weight: h.e.Embeddings.Words.Weight, Bias: l.Vector("bias", m.Vocab)}
		return &Head{Dense: linear(l, "dense", m.Dim, m.Dim), Act: m.Act, Norm: l.LayerNorm("LayerNorm", m.Dim, m.Eps), Out: &out}
	}
	t := h.w.At("cls.predictions.transform")
	return &Head{Dense: linear(t, "dense", m.Dim, m.Width), Act: m.Act, Norm: t.LayerNorm("LayerNorm", m.Width, m.Eps),
		Out: h.vocabulary("cls.predictions.decoder", "cls.predictions.bias", m.Tied)}
}
