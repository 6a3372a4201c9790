package attention

import "github.com/seed2010d43f/transformer/internal/simd/flash"

// Few queries of a head, such as those of one token whose heads share keys, leave lanes of a tile empty. Where keys lie in
// columns, each of them gets a tile of one lane instead, which has the same bits: vectors hold keys or dimensions.

// mostApart is the number of queries up to which they are apart.
const mostApart = 4

// mayBeApart reports whether the queries of the tile may be apart.
func (w *worker) mayBeApart() bool {
	c := w.s.kv.cache
	return w.n <= mostApart && c != nil && c.keys.columns && w.j.bias == nil && len(w.j.weights) == 0
}

// loadApart loads the queries, one after the other.
func (w *worker) loadApart() {
	for i := range w.n {
		flash.LoadQueries(w.qt[i*w.j.dim:], 1, w.j.dim, w.j.q, w.qAt[i:i+1], w.j.scale)
	}
}

// addApart adds n keys of block b to r. Keys, and then values, are widened to the same memory, which stays in the
// innermost cache.
func (w *worker) addApart(b, n int, r softmaxState) {
	j, c, p := w.j, w.s.kv.cache, w.s.kv.cache.pages[b]
	w.fetchAfter(b)
	w.wide.cache = nil
	columns := w.wide.buf[:flash.Block*j.dim]
	c.keys.widen(columns, p.k, w.head, n, w.wide.scales)
	for i := range w.n {
		w.ahead.fetch(i, 2*w.n)
		flash.ScoresColumns(w.scores[i*flash.Block:][:flash.Block], n, j.dim, columns, w.qt[i*j.dim:])
	}
	all := b*flash.Block >= w.loMax && b*flash.Block+n-1 <= w.hiMin
	for i := range w.n {
		one, scores, most := r.of(i, w.vdim), w.scores[i*flash.Block:][:n], w.mnew[i:i+1]
		most[0] = one.m[0]
		if j.softCap != 0 {
			flash.SoftCap(scores, j.softCap)
		}
		if all {
			flash.Max(scores, 1, n, most)
		} else {
			flash.MaskMax(scores, 1, n, b*flash.Block, w.lo[i:i+1], w.hi[i:i+1], most)
		}
		flash.Rescale(one.o, 1, w.vdim, one.m, most, one.l)
		flash.ExpSum(scores, 1, n, one.m, one.l)
	}
	values := w.wide.buf[:n*w.vdim]
	c.values.widen(values, p.v, w.head, n, w.wide.scales)
	for i := range w.n {
		w.ahead.fetch(w.n+i, 2*w.n)
		flash.Accumulate(r.of(i, w.vdim).o, 1, w.vdim, values, w.vdim, w.scores[i*flash.Block:], n)
	}
}

// fetchAfter begins to fetch what follows block b.
func (w *worker) fetchAfter(b int) {
	w.ahead = ahead{}
	if b < w.lastKey/flash.Block {
		w.ahead.of(w.s.kv.cache, w.head, b+1)
	}
}
