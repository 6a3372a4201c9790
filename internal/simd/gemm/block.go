package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd"
)

// Blocking. A block of activations, rowBlock × maxK floats, takes half a megabyte and stays in the
// second-level cache while the panels go by; the same part of a panel, maxK × 48, takes 192 KiB of the
// rest. Where a tile needs a panel more than once it goes by in parts of smallK, which the first level holds.
const (
	rowBlock = 128
	maxK     = 1024
	smallK   = 128
)

// multiply is MultiplyThen after the checks; dst and what is added begin with the first column of panel0.
func (m Matrix) multiply(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, then Then) {
	if m.K == 0 {
		cols := min(m.N, panel1*PanelWidth) - panel0*PanelWidth
		for r := range rows {
			clear(dst[r*ldd:][:cols])
		}
		addGeneric(dst, ldd, rows, cols, from(then.Bias, panel0*PanelWidth), then.Add)
		return
	}
	tier := simd.Active()
	var wide *[maxK * PanelWidth]float32
	if m.Type.Size() == 2 && !(canWiden(tier) && rows <= RowTile) {
		wide = scratch.Get()
		defer scratch.Put(wide)
	}
	outer, inner := steps(tier, m.K, rows, wide != nil)
	for r := 0; r < rows; r += rowBlock {
		b := block{m: m, tier: tier, rows: min(rowBlock, rows-r), a: a[r*m.K:], ldd: ldd, wide: wide}
		b.then = Then{then.Bias, from(then.Add, r*ldd)}
		for k := 0; k < m.K; k += outer {
			b.sweep(dst[r*ldd:], panel0, panel1, k, min(k+outer, m.K), inner)
		}
	}
}

// from returns the elements of x from i on, of none none.
func from(x []float32, i int) []float32 {
	if x == nil {
		return nil
	}
	return x[i:]
}

// at returns where the elements of panel p and k start, in elements.
func (m Matrix) at(p, k int) int {
	start := p * PanelWidth * m.K
	if p < m.Panels() {
		start += k * m.panelWidth(p)
	}
	return start
}

// scratch holds buffers for a block of a panel of 16-bit elements, widened.
var scratch parallel.Free[[maxK * PanelWidth]float32]

// steps returns how much of K goes by with one block of activations, and how much of that at a time.
func steps(tier simd.Set, k, rows int, wide bool) (outer, inner int) {
	outer = evenly(k, maxK)
	switch {
	case !tier.Has(simd.AVX2):
		return outer, evenly(outer, smallK)
	case !tier.Has(simd.AVX512) && rows > 1:
		if rows <= RowTile {
			outer = k
		}
		return outer, evenly(outer, smallK)
	case rows <= RowTile && !wide:
		return k, k
	}
	return outer, outer
}

// evenly returns the size of the fewest equal parts of k, none larger than most.
func evenly(k, most int) int {
	parts := (k + most - 1) / most
	return (k + parts - 1) / parts
}

// block is rows of activations, to be multiplied by parts of panels, one after the other.
type block struct {
	m      Matrix
	tier   simd.Set
	rows   int
	a      []float32 // tiles of rows, whole K
	ldd    int
	wide   *[maxK * PanelWidth]float32 // nil: tiles read the panel as it is
	then   Then
	k0, k1 int // the part of K
	next   int // where the part of a panel that comes next starts
}

// sweep multiplies by k0…k1-1 of the panels, step at a time.
func (b *block) sweep(dst []float32, panel0, panel1, k0, k1, step int) {
	for p := panel0; p < panel1; p++ {
		for k := k0; k < k1; k += step {
			b.k0, b.k1, b.next = k, min(k+step, k1), b.m.at(p, k+step)
			if k+step >= k1 {
				b.next = b.m.at(p+1, k0)
			}
			b.multiply(dst, (p-panel0)*PanelWidth, p)
		}
	}
}

// multiply multiplies by panel p, whose columns of the block's rows, c, begin with col.
func (b *block) multiply(c []float32, col, p int) {
	w := b.m.panelWidth(p)
	k := b.k1 - b.k0
	t := tile{tier: b.tier, k: k, width: w, ldc: b.ldd, chain: b.k0 > 0}
	start := b.m.at(p, b.k0)
	switch {
	case b.m.Type.Size() == 4:
		t.typ, t.f32 = b.m.Type, b.m.F32[start:start+k*w]
	case b.wide != nil:
		t.f32 = b.wide[:k*w]
		if t.u16 = b.m.U16[start : start+k*w]; canKeep(b.tier) && b.rows >= RowTile {
			t.typ, t.keep = b.m.Type, t.f32
		} else {
			widen(b.tier, t.f32, t.u16, b.m.Type)
		}
	default:
		t.typ, t.u16 = b.m.Type, b.m.U16[start:start+k*w]
	}
	cols := min(PanelWidth, b.m.N-p*PanelWidth)
	if b.k1 == b.m.K {
		t.bias = from(b.then.Bias, p*PanelWidth)
	}
	next := b.stream(k * w)
	for r := 0; r < b.rows; {
		t.next, t.step = next.take(k * fetches(b.tier))
		t.rows = tileRows(b.rows - r)
		a := b.a[r*b.m.K+b.k0*t.rows:][:k*t.rows]
		if b.k1 == b.m.K {
			t.add = from(b.then.Add, r*b.ldd+col)
		}
		if n := min(t.rows, b.rows-r); n < t.rows || cols < w {
			t.edge(c[r*b.ldd+col:], a, n, cols)
		} else {
			t.multiply(c[r*b.ldd+col:], a)
		}
		r += t.rows
		if t.keep != nil {
			t.typ, t.keep = F32, nil
		}
	}
}

// stream is cache lines to fetch while tiles are computed, so that the next part of a panel is near.
type stream struct {
	at    uintptr
	lines int
}

// stream returns the n elements that come next.
func (b *block) stream(n int) stream {
	n = min(n, len(b.m.F32)+len(b.m.U16)-b.next)
	switch {
	case b.rows <= RowTile || n <= 0:
		return stream{} // the tile itself fetches what it reads soon enough
	case b.m.Type.Size() == 4:
		return stream{uintptr(unsafe.Pointer(&b.m.F32[b.next])), n * 4 / 64}
	}
	return stream{uintptr(unsafe.Pointer(&b.m.U16[b.next])), n * 2 / 64}
}

// take takes lines off the stream for a tile that fetches n times, step bytes apart.
func (s *stream) take(n int) (at uintptr, step int) {
	at = s.at
	taken := min(n, s.lines)
	s.lines -= taken
	s.at += uintptr(taken) * 64
	return at, taken * 64 / n
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
	tier  simd.Set
	rows  int // 8, 4 or 1
	width int // 48, 32 or 16
	k     int
	chain bool      // continue the sums that the destination holds
	typ   Type      // of the panel
	f32   []float32 // part of the panel, [k][width], when typ is F32 or Pairs
	u16   []uint16  // otherwise
	keep  []float32 // if not nil, where to store the part of the panel widened
	ldc   int
	bias  []float32 // to add at the end, [width]
	add   []float32 // and then, [rows][width] with rows ldc apart
	next  uintptr   // memory to fetch meanwhile, in steps of up to 64 bytes
	step  int
}

// edge computes a tile of which only rows × cols outputs exist.
func (t *tile) edge(c, a []float32, rows, cols int) {
	var whole [RowTile * PanelWidth]float32
	u := *t
	u.ldc, u.bias, u.add = t.width, nil, nil
	if t.chain {
		for i := range rows {
			copy(whole[i*t.width:], c[i*t.ldc:][:cols])
		}
	}
	u.multiply(whole[:], a)
	for i := range rows {
		copy(c[i*t.ldc:][:cols], whole[i*t.width:])
	}
	addGeneric(c, t.ldc, rows, cols, t.bias, t.add)
}
