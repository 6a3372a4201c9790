package attention

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// MultiHead is self-attention with its projections (Vaswani et al., 2017), for any number of heads that
// share keys and values (multi-query, grouped-query). It is read-only when it computes.
type MultiHead struct {
	Heads, KVHeads int
	HeadDim        int

	Layer int // the layer of the caches in which it keeps its keys and values

	// QKV projects to queries, keys and values, one after the other: [(H + 2·Hkv)·D, Dim].
	QKV nn.Linear
	Out nn.Linear // [Dim, H·D]

	QNorm, KNorm nn.Norm // of each head, before it is rotated; nil is none
	Rotary       *RoPE   // nil is none

	Mask    Mask
	Scale   float32 // 0 is 1/√D
	SoftCap float32 // 0 is none
	Bias    Bias    // nil is none
}

// Cache describes what the layer keeps in a [Cache].
func (m *MultiHead) Cache() CacheLayer {
	return CacheLayer{KVHeads: m.KVHeads, KeyDim: m.HeadDim, ValueDim: m.HeadDim, Mask: m.Mask}
}

// Forward sets dst, [T, Dim], to the attention of the rows of x, [T, Dim], to their own sequence: the
// tokens in its cache and those of this pass.
func (m *MultiHead) Forward(p *Pass, dst, x tensor.Tensor) { m.ForwardAdd(p, dst, x, tensor.Tensor{}) }

// ForwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *MultiHead) ForwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	mark := p.Scratch.Mark()
	rows, width := x.Rows(), m.Heads*m.HeadDim
	qkv := p.Scratch.New(rows, width+2*m.KVHeads*m.HeadDim) // queries, keys, values
	heads := p.Scratch.New(rows, width)
	m.QKV.Forward(qkv, x)
	m.prepare(p, qkv)
	m.attend(p, heads, qkv)
	m.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}

// ForwardRows is Forward for some rows of the result, [len(rows), Dim]; all rows of x, [T, Dim], are keys,
// and remembered.
func (m *MultiHead) ForwardRows(p *Pass, dst, x tensor.Tensor, rows []int) {
	mark := p.Scratch.Mark()
	width := m.Heads * m.HeadDim
	qkv := p.Scratch.New(x.Rows(), width+2*m.KVHeads*m.HeadDim) // queries, keys, values
	queries, heads := p.Scratch.New(len(rows), width), p.Scratch.New(len(rows), width)
	m.QKV.Forward(qkv, x)
	m.prepare(p, qkv)
	for i, row := range rows {
		copy(queries.Row(i), qkv.Row(row))
	}
	w := m.problem(queries, heads)
	start := 0
	for _, s := range p.Seqs {
		for i, row := range rows {
			if row >= start && row < start+s.Rows {
				sp := m.span(s, start, qkv)
				sp.row, sp.rows, sp.pos = i, 1, sp.pos+row-start
				w.spans = append(w.spans, sp)
			}
		}
		start += s.Rows
	}
	w.run()
	w.put()
	if len(rows) > 0 {
		m.Out.Forward(dst, heads)
	}
	p.Scratch.Release(mark)
}

// problem returns the computation of these heads from these queries, [T, H·D] or rows that begin so.
func (m *MultiHead) problem(queries, heads tensor.Tensor) *problem {
	return newProblem(m.Heads, m.KVHeads, m.HeadDim, queries, heads,
		Options{Mask: m.Mask, Scale: m.Scale, SoftCap: m.SoftCap, Bias: m.Bias})
}

// span returns the queries and keys of a sequence whose first row is row.
func (m *MultiHead) span(s Seq, row int, qkv tensor.Tensor) span {
	sp := span{row: row, rows: s.Rows, pos: s.Pos, keys: s.Pos + s.Rows}
	if s.Cache != nil {
		sp.kv.cache = &s.Cache.layers[m.Layer]
		return sp
	}
	ld := qkv.Shape.Last()
	keys := qkv.Data[row*ld+m.Heads*m.HeadDim:]
	sp.pos, sp.keys = 0, s.Rows
	sp.kv = source{k: keys, v: keys[m.KVHeads*m.HeadDim:], ldk: ld, ldv: ld, headK: m.HeadDim, headV: m.HeadDim}
	return sp
}

// attend sets dst, [T, H·D], from the prepared queries, and the keys and values of the caches or, for
// sequences without one, of qkv.
func (m *MultiHead) attend(p *Pass, dst, qkv tensor.Tensor) {
	w, row := m.problem(qkv, dst), 0
	for _, s := range p.Seqs {
		if s.Rows > 0 {
			w.spans = append(w.spans, m.span(s, row, qkv))
			row += s.Rows
		}
	}
	w.runSeen(p, Point{Stage: Weights, Layer: m.Layer})
}

// prepare normalises and rotates the heads of queries and keys in qkv, and puts keys and values into
// the caches.
func (m *MultiHead) prepare(p *Pass, qkv tensor.Tensor) {
	t := preparations.Get()
	t.m, t.p, t.qkv = m, p, qkv
	if m.Rotary != nil {
		t.table = p.rotation(m.Rotary)
	}
	for _, s := range p.Seqs {
		if s.Cache != nil && s.Rows > 0 {
			s.Cache.layers[m.Layer].grow(s.Pos, s.Rows)
		}
	}
	rows := qkv.Rows()
	width := parallel.Width()
	if rows < 2*prepareRows {
		width = 1
	}
	parallel.Run(width, (rows+prepareRows-1)/prepareRows, t)
	*t = preparation{}
	preparations.Put(t, 0)
}

const prepareRows = 8 // of a part

var preparations parallel.Free[preparation]

type preparation struct {
	m     *MultiHead
	p     *Pass
	qkv   tensor.Tensor
	table *rotation
}

// Do prepares some rows.
func (t *preparation) Do(part, _ int) {
	start, end, row := part*prepareRows, min((part+1)*prepareRows, t.qkv.Rows()), 0
	for _, s := range t.p.Seqs {
		for r := max(row, start); r < min(row+s.Rows, end); r++ {
			t.row(r, s.Pos+r-row, s.Cache)
		}
		row += s.Rows
	}
}

func (t *preparation) row(row, pos int, cache *Cache) {
	m, x := t.m, t.qkv.Row(row)
	nq, nk := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	q, k, v := x[:nq], x[nq:nq+nk], x[nq+nk:]
	if m.QNorm != nil {
		h := tensor.From(q, m.Heads, m.HeadDim)
		m.QNorm.Forward(h, h)
	}
	if m.KNorm != nil {
		h := tensor.From(k, m.KVHeads, m.HeadDim)
		m.KNorm.Forward(h, h)
	}
	if t.table != nil {
		half := len(m.Rotary.InvFreq)
		cos, sin := t.table.cos[row*half:][:half], t.table.sin[row*half:][:half]
		for i := 0; i < nq+nk; i += m.HeadDim { // keys follow queries
			m.Rotary.rotate(x[i:i+m.HeadDim], cos, sin)
		}
	}
	if cache != nil {
		cache.layers[m.Layer].put(pos, k, v)
	}
}
