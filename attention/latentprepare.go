package attention

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// latentTask is a running [Latent]. It is pooled to reuse its buffers.
type latentTask struct {
	m       *Latent
	p       *Pass
	down    tensor.Tensor // [T, q + Rank + RopeDim]
	table   *rotation     // nil: no rotation
	seqs    []latentSeq
	low     tensor.Tensor // [T, q]: the input of QueryUp
	queries tensor.Tensor // [T, H·(NopeDim+RopeDim)], or rows that begin so
	picked  []segment     // the rows wanted of each sequence
	expand  expansion
}

// latentSeq is one sequence of a pass: its latents, and which of its rows are wanted.
type latentSeq struct {
	index    int     // in the pass
	all      segment // all its rows
	absorbed bool
	first, n int // its segments among picked
}

var latentTasks parallel.Free[latentTask]

// put gives the task back, without the caller's memory.
func (t *latentTask) put() {
	clear(t.seqs)
	clear(t.picked)
	*t = latentTask{seqs: t.seqs[:0], picked: t.picked[:0]}
	latentTasks.Put(t, 128*(cap(t.seqs)+cap(t.picked)))
}

// prepared returns a task whose queries are rotated and whose latents are in the caches. It wants all rows.
func (m *Latent) prepared(p *Pass, x tensor.Tensor) *latentTask {
	must(m.check())
	t := latentTasks.Get()
	t.m, t.p = m, p
	t.down = p.Scratch.New(x.Rows(), m.Down.Out())
	m.Down.Forward(t.down, x)
	if m.Rotary != nil {
		t.table = p.rotation(m.Rotary)
	}
	if m.QueryUp.Weight != nil {
		t.low = p.Scratch.New(x.Rows(), m.queryWidth())
	}
	t.addSequences()
	width, parts := parallel.Width(), (x.Rows()+prepareRows-1)/prepareRows
	if parts < 2 {
		width = 1
	}
	parallel.Run(width, parts, (*latentKeys)(t))
	t.queries = t.down
	if m.QueryUp.Weight != nil {
		t.queries = p.Scratch.New(x.Rows(), m.QueryUp.Out())
		m.QueryUp.Forward(t.queries, t.low)
	}
	if t.table != nil {
		parallel.Run(width, parts, (*latentQueries)(t))
	}
	return t
}

// addSequences makes room in the caches.
func (t *latentTask) addSequences() {
	m, row, ld := t.m, 0, t.down.Shape.Last()
	most := m.MaxAbsorbed()
	for i, s := range t.p.Seqs {
		if s.Rows == 0 {
			continue
		}
		all := segment{row: row, rows: s.Rows, pos: s.Pos, keys: s.Pos + s.Rows}
		if s.Cache != nil {
			all.kv.cache = t.p.kept(m, i)
			all.kv.cache.grow(s.Pos, s.Rows)
		} else {
			all.pos, all.keys = 0, s.Rows
			latents := t.down.Data[row*ld+m.queryWidth():]
			all.kv = keyValues{k: latents, v: latents, ldk: ld, ldv: ld}
		}
		t.seqs = append(t.seqs, latentSeq{index: i, all: all, absorbed: s.New <= most, first: len(t.picked), n: 1})
		t.picked = append(t.picked, all)
		row += s.Rows
	}
}

// choose restricts the queries to some rows of the pass, in ascending order.
func (t *latentTask) choose(rows []int) {
	queries := t.p.Scratch.New(len(rows), t.m.Heads*t.m.queryDim())
	t.picked = t.picked[:0]
	for i := range t.seqs {
		s := &t.seqs[i]
		s.first = len(t.picked)
		for len(t.picked) < len(rows) && rows[len(t.picked)] < s.all.row+s.all.rows {
			one := s.all
			row := rows[len(t.picked)]
			one.row, one.rows, one.pos = len(t.picked), 1, s.all.pos+row-s.all.row
			copy(queries.Row(one.row), t.queries.Row(row))
			t.picked = append(t.picked, one)
		}
		s.n = len(t.picked) - s.first
	}
	t.queries = queries
}

// latentKeys normalises and rotates what Down gives, some rows in a part, and caches the latents.
type latentKeys latentTask

func (t *latentKeys) Do(part, _ int) {
	first := part * prepareRows
	last := min(first+prepareRows, t.down.Rows())
	for i := range t.seqs {
		s := &t.seqs[i].all
		for row := max(first, s.row); row < min(last, s.row+s.rows); row++ {
			t.row(row, s.pos+row-s.row, s.kv.cache)
		}
	}
}

func (t *latentKeys) row(row, pos int, cache *layerCache) {
	m := t.m
	x := t.down.Row(row)
	q, kv := x[:m.queryWidth()], x[m.queryWidth():]
	if t.low.Data != nil {
		normaliseRow(m.QueryNorm, t.low.Row(row), q)
	}
	normaliseRow(m.LatentNorm, kv[:m.Rank], kv[:m.Rank])
	if t.table != nil {
		cos, sin := t.table.row(row)
		m.Rotary.rotate(kv[m.Rank:], cos, sin)
	}
	if cache != nil {
		cache.put(pos, kv, nil)
	}
}

// normaliseRow sets dst from x, which may be the same. A nil norm copies.
func normaliseRow(n nn.Norm, dst, x []float32) {
	if n == nil {
		copy(dst, x)
		return
	}
	n.Forward(tensor.From(dst, 1, len(dst)), tensor.From(x, 1, len(x)))
}

// latentQueries rotates the queries of some rows in a part.
type latentQueries latentTask

func (t *latentQueries) Do(part, _ int) {
	m := t.m
	for row := part * prepareRows; row < min((part+1)*prepareRows, t.queries.Rows()); row++ {
		q := t.queries.Row(row)
		cos, sin := t.table.row(row)
		for h := range m.Heads {
			m.Rotary.rotate(q[h*m.queryDim()+m.NopeDim:][:m.RopeDim], cos, sin)
		}
	}
}
