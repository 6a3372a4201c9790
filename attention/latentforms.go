package attention

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// attend sets heads, [rows wanted, H·ValueDim].
func (t *latentTask) attend(heads tensor.Tensor) {
	show := t.observed()
	for i := 0; i < len(t.seqs); {
		if !t.seqs[i].absorbed {
			t.expanded(heads, &t.seqs[i], show)
			i++
			continue
		}
		end := i + 1 // sequences in a row share products
		for end < len(t.seqs) && t.seqs[end].absorbed {
			end++
		}
		t.absorbed(heads, t.seqs[i:end], show)
		i = end
	}
	for i := range show {
		if f := show[i].show; f != nil {
			f(show[i].weights)
		}
	}
}

// shownWeights is where the weights of a sequence go, and who wants to see them.
type shownWeights struct {
	weights tensor.Tensor // [H, T, S]
	show    func(tensor.Tensor)
}

// observed returns room for the weights of each sequence, or nil if nobody wants to see any.
func (t *latentTask) observed() []shownWeights {
	if t.p.Observer == nil {
		return nil
	}
	all, wanted := make([]shownWeights, len(t.seqs)), false
	for i := range t.seqs {
		all[i].show = t.p.Observer(Point{StageWeights, t.p.layer, t.seqs[i].index})
		wanted = wanted || all[i].show != nil
	}
	if !wanted {
		return nil
	}
	for i := range t.seqs {
		s := &t.seqs[i].all
		all[i].weights = tensor.New(t.m.Heads, s.rows, s.keys)
	}
	return all
}

// job returns the attention of some heads to keys of dim and values of vdim. Its queries, results and segments
// are to be set.
func (t *latentTask) job(heads, kvHeads, dim, vdim int) *job {
	scale := t.m.Scale
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(t.m.queryDim())))
	}
	j := jobs.Get()
	j.heads, j.kvHeads, j.dim, j.vdim = heads, kvHeads, dim, vdim
	j.set(Options{Mask: Mask{Causal: true}, Scale: scale}, 0)
	return j
}

// segments returns the segments of sequence s.
func (t *latentTask) segments(s *latentSeq) []segment { return t.picked[s.first : s.first+s.n] }

// absorbed attends to the latents of some sequences.
func (t *latentTask) absorbed(heads tensor.Tensor, seqs []latentSeq, show []shownWeights) {
	m, a := t.m, &t.p.Scratch
	mark := a.Mark()
	var first, rows int
	for i := range seqs {
		for _, s := range t.segments(&seqs[i]) {
			if rows == 0 {
				first = s.row
			}
			rows += s.rows
		}
	}
	if rows == 0 {
		return
	}
	dim, ldq := m.keyDim(), t.queries.Shape.Last()
	queries, sums := a.New(rows, m.Heads*dim), a.New(rows, m.Heads*m.Rank)
	from := tensor.Batch{Data: t.queries.Data[first*ldq:], Matrix: m.queryDim(), Row: ldq}
	tensor.MatMulBatch(tensor.Batch{Data: queries.Data, Matrix: dim, Row: m.Heads * dim}, from, rows, m.Up.KeysTransposed)
	for row := range rows {
		for h := range m.Heads {
			copy(queries.Data[(row*m.Heads+h)*dim+m.Rank:][:m.RopeDim], from.Data[row*ldq+h*m.queryDim()+m.NopeDim:])
		}
	}
	j := t.job(m.Heads, 1, dim, m.Rank)
	j.q, j.ldq, j.dst, j.ldd = queries.Data, m.Heads*dim, sums.Data, m.Heads*m.Rank
	for i := range seqs {
		for _, s := range t.segments(&seqs[i]) {
			s.row -= first
			j.segments = append(j.segments, s)
		}
		if show != nil {
			j.weights = append(j.weights, show[t.place(&seqs[i])].weights)
		}
	}
	j.run()
	j.put()
	tensor.MatMulBatch(tensor.Batch{Data: heads.Data[first*m.Heads*m.ValueDim:], Matrix: m.ValueDim, Row: m.Heads * m.ValueDim},
		tensor.Batch{Data: sums.Data, Matrix: m.Rank, Row: m.Heads * m.Rank}, rows, m.Up.Values)
	a.Release(mark)
}

// place returns which of the sequences s is.
func (t *latentTask) place(s *latentSeq) int {
	for i := range t.seqs {
		if &t.seqs[i] == s {
			return i
		}
	}
	return -1
}

// expandedLen is about the number of elements of keys and values that are expanded at a time.
const expandedLen = 8 << 20

// expanded attends to keys and values made of the latents of one sequence, some heads at a time.
func (t *latentTask) expanded(heads tensor.Tensor, s *latentSeq, show []shownWeights) {
	if s.n == 0 {
		return
	}
	m, a := t.m, &t.p.Scratch
	mark := a.Mark()
	e := &t.expand
	*e = expansion{m: m, keys: s.all.keys}
	e.latents, e.ld = t.latents(s)
	group := min(m.Heads, max(1, expandedLen/(e.keys*(m.queryDim()+m.ValueDim))))
	k, v := a.Floats(group*e.keys*m.queryDim()), a.Floats(group*e.keys*m.ValueDim)
	for h := 0; h < m.Heads; h += group {
		n := min(group, m.Heads-h)
		e.run(k, v, h, n)
		j := t.job(n, n, m.queryDim(), m.ValueDim)
		j.q, j.ldq = t.queries.Data[h*m.queryDim():], t.queries.Shape.Last()
		j.dst, j.ldd = heads.Data[h*m.ValueDim:], m.Heads*m.ValueDim
		for _, one := range t.segments(s) {
			one.kv = keyValues{k: k, v: v, ldk: m.queryDim(), ldv: m.ValueDim, headK: e.keys * m.queryDim(), headV: e.keys * m.ValueDim}
			j.segments = append(j.segments, one)
		}
		if show != nil {
			w := show[t.place(s)].weights
			size := w.Shape[1] * w.Shape[2]
			j.weights = append(j.weights, tensor.From(w.Data[h*size:(h+n)*size], n, w.Shape[1], w.Shape[2]))
		}
		j.run()
		j.put()
	}
	a.Release(mark)
}

// latents returns the rows [latent, rotated part] of a sequence in float32, ld apart.
func (t *latentTask) latents(s *latentSeq) (x []float32, ld int) {
	c := s.all.kv.cache
	if c == nil {
		return s.all.kv.k, s.all.kv.ldk
	}
	ld = t.m.keyDim()
	x = t.p.Scratch.Floats(s.all.keys * ld)
	var w widened
	if c.keys.dtype != tensor.F32 {
		w = widenedIn(t.p.Scratch.Floats(widenedLen(ld, 0)), ld, 0)
	}
	for key := 0; key < s.all.keys; key += flash.Block {
		n := min(flash.Block, s.all.keys-key)
		from, _, _, _ := c.rows(0, key/flash.Block, n, &w)
		copy(x[key*ld:][:n*ld], from)
	}
	return x, ld
}

// expansion computes keys and values of some heads.
type expansion struct {
	m       *Latent
	latents []float32 // [S, Rank + RopeDim], rows ld apart
	ld      int
	keys    int       // S
	k       []float32 // [heads, S, NopeDim+RopeDim]
}

// run sets k, [n, S, NopeDim+RopeDim], and v, [n, S, ValueDim], for n heads from h on.
func (e *expansion) run(k, v []float32, h, n int) {
	m := e.m
	from := tensor.Batch{Data: e.latents, Row: e.ld}
	tensor.MatMulBatch(tensor.Batch{Data: k, Matrix: e.keys * m.queryDim(), Row: m.queryDim()}, from, e.keys, m.Up.Keys[h:h+n])
	tensor.MatMulBatch(tensor.Batch{Data: v, Matrix: e.keys * m.ValueDim, Row: m.ValueDim}, from, e.keys, m.Up.Values[h:h+n])
	e.k = k
	width := parallel.Width()
	if n*e.keys*m.RopeDim < minWork {
		width = 1
	}
	parallel.Run(width, n, e)
}

// Do copies the rotated parts, which all heads share, into the keys of one head.
func (e *expansion) Do(part, _ int) {
	m := e.m
	k := e.k[part*e.keys*m.queryDim():]
	for key := range e.keys {
		copy(k[key*m.queryDim()+m.NopeDim:][:m.RopeDim], e.latents[key*e.ld+m.Rank:])
	}
}
