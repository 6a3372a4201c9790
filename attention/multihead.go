package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// MultiHead is self-attention with its projections (Vaswani et al., 2017). Groups of query heads may share a
// key head (multi-query and grouped-query attention). For the rows x of a sequence it computes
//
//	q, k, v = split(QKV(x))               // [T, H, D], [T, Hkv, D], [T, Hkv, D]
//	q, k = QNorm(q), KNorm(k)             // per head, or over all heads; in some models after the rotation
//	q, k, v = clip(q), clip(k), clip(v)   // to ±Clip, in few models
//	q, k = Rotary(q, pos), Rotary(k, pos)
//	q = q · QueryScale(pos)
//	k, v = cache.append(k, v)             // [S, Hkv, D]: the whole sequence so far
//	s = softcap(q·kᵀ · Scale) + Bias      // [H, T, S]
//	y = softmax(s where Mask, Sinks) · v  // [T, H, D]; sinks have no value
//	dst = Out(y)
//
// Forward does not change the MultiHead: any number of passes may use it at once.
type MultiHead struct {
	Heads, KVHeads int
	HeadDim        int

	// QKV projects to queries, then keys, then values: [(H + 2·Hkv)·D, Dim].
	QKV nn.Linear
	Out nn.Linear // [Dim, H·D]

	// QNorm and KNorm normalise queries and keys; nil means no norm. They normalise each head by itself,
	// [H, D], or, with NormAllHeads, all heads together, [1, H·D]. They run before the rotation, or after it
	// with NormAfterRotary. Use [nn.PerRow] if each head has its own weights.
	QNorm, KNorm    nn.Norm
	NormAllHeads    bool
	NormAfterRotary bool

	// Clip limits queries, keys and values to ±Clip, before the rotation; 0 means no limit (clip_qkv).
	Clip float32

	Rotary     *RoPE                 // nil means no rotation
	QueryScale func(pos int) float32 // multiplies the query at position pos; nil means 1

	Mask    Mask
	Scale   float32   // multiplies q·kᵀ; 0 means 1/√D
	SoftCap float32   // c: scores become c·tanh(score/c); 0 means no cap
	Bias    Bias      // nil means no bias
	Sinks   []float32 // [H]: see [Options]; nil means none
}

// Traits implements [Describer].
func (m *MultiHead) Traits() Traits {
	return Traits{
		Of: m, Err: m.check(), In: m.QKV.In(), Out: m.Out.Out(),
		Cache:      CacheLayer{KVHeads: m.KVHeads, KeyDim: m.HeadDim, ValueDim: m.HeadDim, Mask: m.Mask},
		ForwardAdd: m.forwardAdd, ForwardRows: m.forwardRows, Work: m.work,
	}
}

// check returns an error that names what does not fit.
func (m *MultiHead) check() error {
	if m.Heads < 1 || m.KVHeads < 1 || m.HeadDim < 1 || m.Heads%m.KVHeads != 0 {
		return fmt.Errorf("attention: MultiHead has %d heads of %d and %d key/value heads; all must be positive, and KVHeads must divide Heads", m.Heads, m.HeadDim, m.KVHeads)
	}
	if err := checkLinear("MultiHead.QKV", m.QKV, (m.Heads+2*m.KVHeads)*m.HeadDim, 0); err != nil {
		return err
	}
	if m.Sinks != nil && len(m.Sinks) != m.Heads {
		return fmt.Errorf("attention: MultiHead.Sinks has %d values for %d heads", len(m.Sinks), m.Heads)
	}
	if m.Rotary != nil && m.Rotary.Dim() > m.HeadDim {
		return fmt.Errorf("attention: MultiHead.Rotary rotates %d values of heads of %d", m.Rotary.Dim(), m.HeadDim)
	}
	return checkLinear("MultiHead.Out", m.Out, 0, m.Heads*m.HeadDim)
}

// checkLinear returns an error unless l is [out, in]; 0 is any.
func checkLinear(name string, l nn.Linear, out, in int) error {
	if l.Weight == nil {
		return fmt.Errorf("attention: %s has no weight", name)
	}
	if out != 0 && l.Out() != out || in != 0 && l.In() != in {
		want := [2]int{out, in}
		if out == 0 {
			want[0] = l.Out()
		}
		if in == 0 {
			want[1] = l.In()
		}
		return fmt.Errorf("attention: %s is [%d, %d], want [%d, %d]", name, l.Out(), l.In(), want[0], want[1])
	}
	return nil
}

// must panics with the error of a layer that was assembled wrongly.
func must(err error) {
	if err != nil {
		panic(err.Error())
	}
}

// Forward sets dst, [T, Dim], from x, [T, Dim]: each row attends to its own sequence, that is the tokens in
// its cache and those of this pass. dst must not overlap x.
func (m *MultiHead) Forward(p *Pass, dst, x tensor.Tensor) { m.forwardAdd(p, dst, x, tensor.Tensor{}) }

// forwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *MultiHead) forwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	alias.Disjoint("attention: MultiHead", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	qkv := m.prepared(p, x)
	heads := p.Scratch.New(x.Rows(), m.Heads*m.HeadDim)
	m.attend(p, heads, qkv, m.Bias)
	m.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}

// forwardRows is Forward for some rows of the result, [len(rows), Dim]; all rows of x, [T, Dim], are keys,
// and cached.
func (m *MultiHead) forwardRows(p *Pass, dst, x tensor.Tensor, rows []int) {
	alias.Disjoint("attention: MultiHead", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	qkv := m.prepared(p, x)
	width := m.Heads * m.HeadDim
	queries, heads := p.Scratch.New(len(rows), width), p.Scratch.New(len(rows), width)
	for i, row := range rows {
		copy(queries.Row(i), qkv.Row(row))
	}
	w := m.job(queries, heads, m.Bias)
	start := 0
	for j, s := range p.Seqs {
		for i, row := range rows {
			if row >= start && row < start+s.Rows {
				sp := m.segment(p, j, start, qkv)
				sp.row, sp.rows, sp.pos = i, 1, sp.pos+row-start
				w.segments = append(w.segments, sp)
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

// job returns the computation of these heads from these queries, [T, H·D] or rows that begin so.
func (m *MultiHead) job(queries, heads tensor.Tensor, bias Bias) *job {
	return newJob(m.Heads, m.KVHeads, m.HeadDim, m.HeadDim, queries, heads,
		Options{Mask: m.Mask, Scale: m.Scale, SoftCap: m.SoftCap, Bias: bias, Sinks: m.Sinks})
}

// segment returns the queries and keys of sequence i of the pass, whose first row is row.
func (m *MultiHead) segment(p *Pass, i, row int, qkv tensor.Tensor) segment {
	s := p.Seqs[i]
	sp := segment{row: row, rows: s.Rows, pos: s.Pos, keys: s.Pos + s.Rows}
	if s.Cache != nil {
		sp.kv.cache = p.kept(m, i)
		return sp
	}
	ld := qkv.Shape.Last()
	keys := qkv.Data[row*ld+m.Heads*m.HeadDim:]
	sp.pos, sp.keys = 0, s.Rows
	if s.Keys > 0 {
		sp.keys = min(s.Keys, s.Rows)
	}
	sp.kv = keyValues{k: keys, v: keys[m.KVHeads*m.HeadDim:], ldk: ld, ldv: ld, headK: m.HeadDim, headV: m.HeadDim}
	return sp
}

// attend sets dst, [T, H·D], from the prepared queries, and the keys and values of the caches or, for
// sequences without one, of qkv.
func (m *MultiHead) attend(p *Pass, dst, qkv tensor.Tensor, bias Bias) {
	w, row := m.job(qkv, dst, bias), 0
	for i, s := range p.Seqs {
		if s.Rows > 0 {
			w.segments = append(w.segments, m.segment(p, i, row, qkv))
			row += s.Rows
		}
	}
	w.runObserved(p, StageWeights)
}

// prepared returns queries, keys and values of the rows of x, one after the other, normalised and rotated;
// keys and values are in the caches.
func (m *MultiHead) prepared(p *Pass, x tensor.Tensor) tensor.Tensor {
	must(m.check())
	qkv := p.Scratch.New(x.Rows(), m.QKV.Out())
	m.QKV.Forward(qkv, x)
	t := preparations.Get()
	t.m, t.p, t.qkv = m, p, qkv
	if m.Rotary != nil {
		t.table = p.rotation(m.Rotary)
	}
	for i, s := range p.Seqs {
		var c *layerCache
		if s.Cache != nil && s.Rows > 0 {
			c = p.kept(m, i)
			c.grow(s.Pos, s.Rows)
		}
		t.caches = append(t.caches, c)
	}
	rows := qkv.Rows()
	width := parallel.Width()
	if rows < 2*prepareRows {
		width = 1
	}
	parallel.Run(width, (rows+prepareRows-1)/prepareRows, t)
	clear(t.caches)
	*t = preparation{caches: t.caches[:0]}
	preparations.Put(t, 8*cap(t.caches))
	return qkv
}

const prepareRows = 8 // of a part

var preparations parallel.Free[preparation]

type preparation struct {
	m      *MultiHead
	p      *Pass
	qkv    tensor.Tensor
	table  *rotation
	caches []*layerCache // of each sequence; nil is none
}

// Do prepares some rows.
func (t *preparation) Do(part, _ int) {
	start, end, row := part*prepareRows, min((part+1)*prepareRows, t.qkv.Rows()), 0
	for i, s := range t.p.Seqs {
		for r := max(row, start); r < min(row+s.Rows, end); r++ {
			t.row(r, s.Pos+r-row, t.caches[i])
		}
		row += s.Rows
	}
}

// row prepares one row, of the token at position pos.
func (t *preparation) row(row, pos int, cache *layerCache) {
	m, x := t.m, t.qkv.Row(row)
	nq, nk := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	q, k, v := x[:nq], x[nq:nq+nk], x[nq+nk:]
	if !m.NormAfterRotary {
		m.normalise(q, k)
	}
	if m.Clip > 0 {
		for i := range x {
			x[i] = min(max(x[i], -m.Clip), m.Clip)
		}
	}
	if t.table != nil {
		cos, sin := t.table.row(row)
		for i := 0; i < nq+nk; i += m.HeadDim { // keys follow queries
			m.Rotary.rotate(x[i:i+m.HeadDim], cos, sin)
		}
	}
	if m.NormAfterRotary {
		m.normalise(q, k)
	}
	if m.QueryScale != nil {
		vec.Scale(q, q, m.QueryScale(pos))
	}
	if cache != nil {
		cache.put(pos, k, v)
	}
}

// normalise normalises the queries and keys of a row.
func (m *MultiHead) normalise(q, k []float32) {
	if m.QNorm != nil {
		m.normaliseHeads(m.QNorm, q)
	}
	if m.KNorm != nil {
		m.normaliseHeads(m.KNorm, k)
	}
}

func (m *MultiHead) normaliseHeads(n nn.Norm, x []float32) {
	width := m.HeadDim
	if m.NormAllHeads {
		width = len(x)
	}
	h := tensor.From(x, len(x)/width, width)
	n.Forward(h, h)
}
