package attention

import (
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// widened is memory for one block of keys and values in float32, and says what it holds.
type widened struct {
	buf     []float32
	k, v    []float32 // [Block][dim]
	columns []float32 // [dim][Block]: keys
	scales  []float32

	cache       *layerCache // nil: it holds nothing
	head, block int
	keys        int  // that are there
	rows        bool // k is set
}

// widenedLen returns the memory for keys and values of these dimensions.
func widenedLen(dim, vdim int) int {
	return flash.Block * (2*dim + vdim + flash.Q8Scales(max(dim, vdim)))
}

// widenedIn returns memory for blocks in buf, of the length of widenedLen.
func widenedIn(buf []float32, dim, vdim int) widened {
	k, v := flash.Block*dim, flash.Block*vdim
	return widened{buf: buf, k: buf[:k], columns: buf[k : 2*k], v: buf[2*k : 2*k+v], scales: buf[2*k+v:]}
}

// resize makes room for blocks of these dimensions.
func (w *widened) resize(dim, vdim int) {
	buf, n := w.buf, widenedLen(dim, vdim)
	if cap(buf) < n {
		buf = make([]float32, n)
	}
	*w = widenedIn(buf[:n], dim, vdim)
}

// widen makes w hold the first n keys and values of a head from page b, keys in columns if they are stored so.
func (l *layerCache) widen(w *widened, head, b, n int) {
	if w.cache == l && w.head == head && w.block == b && w.keys >= n {
		return
	}
	p := l.pages[b]
	if l.keys.columns {
		l.keys.widen(w.columns[:flash.Block*l.KeyDim], p.k, head, n, w.scales)
	} else {
		l.keys.widen(w.k[:n*l.KeyDim], p.k, head, n, w.scales)
	}
	if !l.ValuesInKeys {
		l.values.widen(w.v[:n*l.ValueDim], p.v, head, n, w.scales)
	}
	w.cache, w.head, w.block, w.keys, w.rows = l, head, b, n, !l.keys.columns
}

// rows returns n keys and values of a head from page b, as rows. They lie in w if the cache is not float32.
func (l *layerCache) rows(head, b, n int, w *widened) (k []float32, ldk int, v []float32, ldv int) {
	if l.keys.dtype == tensor.F32 {
		p := l.pages[b]
		k, v = p.k.wide[head*flash.Block*l.KeyDim:], p.v.wide[head*flash.Block*l.ownValues():]
	} else {
		l.widen(w, head, b, n)
		if !w.rows {
			flash.Rows(w.k, w.keys, l.KeyDim, w.columns)
			w.rows = true
		}
		k, v = w.k, w.v
	}
	if l.ValuesInKeys {
		return k, l.KeyDim, k, l.KeyDim
	}
	return k, l.KeyDim, v, l.ValueDim
}
