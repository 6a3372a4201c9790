package gemm

import (
	"sync"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// Blocking. A block of activations, rowBlock × maxK floats, takes half a megabyte and stays in the
// second-level cache while the panels go by; a block of a panel, maxK × 48, takes 192 KiB of the rest.
const (
	rowBlock = 128
	maxK     = 1024
	// genericK keeps a block of a panel in the first-level cache.
	genericK = 128
)

// multiply is Multiply after the checks.
func (m Matrix) multiply(dst []float32, ldd int, a []float32, rows, panel0, panel1 int) {
	if m.K == 0 {
		for r := range rows {
			clear(dst[r*ldd+panel0*PanelWidth : r*ldd+min(m.N, panel1*PanelWidth)])
		}
		return
	}
	tier := simd.Active()
	var wide *[maxK * PanelWidth]float32
	if m.Type != F32 && !widensInTile(tier, rows) {
		wide = scratch.Get().(*[maxK * PanelWidth]float32)
		defer scratch.Put(wide)
	}
	step := kStep(tier, m.K, rows, wide != nil)
	for r := 0; r < rows; r += rowBlock {
		n := min(rowBlock, rows-r)
		for k0 := 0; k0 < m.K; k0 += step {
			b := block{m: m, tier: tier, rows: n, a: a[r*m.K:], k0: k0, k1: min(k0+step, m.K), ldd: ldd, wide: wide}
			for p := panel0; p < panel1; p++ {
				b.panel(dst[r*ldd+p*PanelWidth:], p)
			}
		}
	}
}

// scratch holds buffers for a block of a panel of 16-bit elements, widened.
var scratch = sync.Pool{New: func() any { return new([maxK * PanelWidth]float32) }}

// kStep returns how much of K is done at a time.
func kStep(tier simd.Tier, k, rows int, wide bool) int {
	limit := maxK
	switch {
	case tier == simd.Generic:
		limit = genericK
	case rows <= RowTile && !wide:
		return k // each element of a panel is used once
	}
	parts := (k + limit - 1) / limit
	return (k + parts - 1) / parts
}

// block is a block of rows and of k, to be multiplied by one panel after the other.
type block struct {
	m      Matrix
	tier   simd.Tier
	rows   int
	a      []float32 // tiles of rows, whole K
	k0, k1 int
	ldd    int
	wide   *[maxK * PanelWidth]float32 // nil: tiles read the panel as it is
}

// panel multiplies the block by panel p; c is the block's first row at the panel's first column.
func (b *block) panel(c []float32, p int) {
	w := b.m.panelWidth(p)
	k := b.k1 - b.k0
	start := p*PanelWidth*b.m.K + b.k0*w
	t := tile{tier: b.tier, k: k, width: w, ldc: b.ldd, chain: b.k0 > 0}
	switch {
	case b.m.Type == F32:
		t.f32 = b.m.F32[start : start+k*w]
	case b.wide != nil:
		t.f32 = b.wide[:k*w]
		widen(b.tier, t.f32, b.m.U16[start:start+k*w], b.m.Type)
	default:
		t.typ, t.u16 = b.m.Type, b.m.U16[start:start+k*w]
	}
	cols := min(PanelWidth, b.m.N-p*PanelWidth)
	next := b.prefetch(p + 1)
	for r := 0; r < b.rows; {
		t.next, t.step = next.take(k)
		t.rows = tileRows(b.rows - r)
		a := b.a[r*b.m.K+b.k0*t.rows:][:k*t.rows]
		if n := min(t.rows, b.rows-r); n < t.rows || cols < w {
			t.edge(c[r*b.ldd:], a, n, cols)
		} else {
			t.multiply(c[r*b.ldd:], a)
		}
		r += t.rows
	}
}

// prefetch returns the part of panel p that the block will read.
func (b *block) prefetch(p int) stream {
	if p >= b.m.Panels() || b.rows <= RowTile {
		return stream{}
	}
	w := b.m.panelWidth(p)
	start, size := p*PanelWidth*b.m.K+b.k0*w, b.m.Type.Size()
	lines := (b.k1 - b.k0) * w * size / 64
	if b.m.Type == F32 {
		return stream{uintptr(unsafe.Pointer(&b.m.F32[start])), lines}
	}
	return stream{uintptr(unsafe.Pointer(&b.m.U16[start])), lines}
}

// stream is cache lines to fetch.
type stream struct {
	at    uintptr
	lines int
}

// take takes up to n lines off the stream for one tile.
func (s *stream) take(n int) (at uintptr, step int) {
	at = s.at
	if s.lines == 0 {
		return at, 0
	}
	n = min(n, s.lines)
	s.lines -= n
	s.at += uintptr(n) * 64
	return at, 64
}

// tileRows returns the rows of the next tile when left are to come.
func tileRows(left int) int {
	switch {
	case left == 1:
		return 1
	case left <= 4:
		return 4
	}
	return RowTile
}

// tile is a kernel's work: rows × width outputs, over k elements of each.
type tile struct {
	tier  simd.Tier
	rows  int // 8, 4 or 1
	width int // 48, 32 or 16
	k     int
	chain bool      // continue the sums that the destination holds
	typ   Type      // of the panel
	f32   []float32 // part of the panel, [k][width], when typ is F32
	u16   []uint16  // otherwise
	ldc   int
	next  uintptr // memory to fetch meanwhile, step bytes for each k: 64 or, for none, 0
	step  int
}

// edge computes a tile of which only rows × cols outputs exist.
func (t *tile) edge(c, a []float32, rows, cols int) {
	var whole [RowTile * PanelWidth]float32
	u := *t
	u.ldc = t.width
	if t.chain {
		for i := range rows {
			copy(whole[i*t.width:], c[i*t.ldc:][:cols])
		}
	}
	u.multiply(whole[:], a)
	for i := range rows {
		copy(c[i*t.ldc:][:cols], whole[i*t.width:])
	}
}
