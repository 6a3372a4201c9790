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

// addApart adds n keys of block b to r.
func (w *worker) addApart(b, n int, r softmaxState) {
	j, key := w.j, b*flash.Block
	w.s.kv.cache.widen(w.wide, w.head, b, n)
	all := key >= w.loMax && key+n-1 <= w.hiMin
	scores := w.scores[:flash.Block]
	for i := range w.n {
		one, most := r.of(i, w.vdim), w.mnew[:1]
		most[0] = one.m[0]
		flash.ScoresColumns(scores, n, j.dim, w.wide.columns, w.qt[i*j.dim:])
		if j.softCap != 0 {
			flash.SoftCap(scores[:n], j.softCap)
		}
		if all {
			flash.Max(scores, 1, n, most)
		} else {
			flash.MaskMax(scores, 1, n, key, w.lo[i:i+1], w.hi[i:i+1], most)
		}
		flash.Rescale(one.o, 1, w.vdim, one.m, most, one.l)
		flash.ExpSum(scores, 1, n, one.m, one.l)
		flash.Accumulate(one.o, 1, w.vdim, w.wide.v, w.vdim, scores, n)
	}
}
