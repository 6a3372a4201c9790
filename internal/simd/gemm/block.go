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

// decoded is memory for a part of a panel as float32.
type decoded struct {
	panel [maxK * PanelWidth]float32
	block [maxElements]float32
}

var decodings parallel.Free[decoded]

// multiply is Multiply after the checks; dst and what is added begin with the first column of panel0.
func (m Matrix) multiply(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, e Epilogue) {
	if m.K == 0 {
		cols := min(m.N, panel1*PanelWidth) - panel0*PanelWidth
		for r := range rows {
			clear(dst[r*ldd:][:cols])
		}
		addPortable(dst, ldd, rows, cols, from(e.Bias, panel0*PanelWidth), e.Add)
		return
	}
	f, set := m.Format, simd.Active()
	b := block{m: m, own: f.tilesFor(set), k: m.K / f.Activations.step(), ldd: ldd}
	b.tiles = b.own
	if b.own == nil || b.own.few > 0 && rows > b.own.few {
		b.tiles = formats[F32].tilesFor(set)
		b.decoded = decodings.Get()
		defer decodings.Put(b.decoded)
	}
	outer, inner := b.tiles.steps(b.k, rows, max(1, f.Elements/f.Activations.step()), b.decoded != nil)
	for r := 0; r < rows; r += rowBlock {
		b.rows, b.a, b.e = min(rowBlock, rows-r), a[r*b.k:], Epilogue{e.Bias, from(e.Add, r*ldd)}
		for k := 0; k < b.k; k += outer {
			b.sweep(dst[r*ldd:], panel0, panel1, k, min(k+outer, b.k), inner)
		}
	}
}

// from returns x[i:], or nil if x is nil.
func from(x []float32, i int) []float32 {
	if x == nil {
		return nil
	}
	return x[i:]
}

// block is rows of activations, to be multiplied by parts of panels, one after the other.
type block struct {
	m       Matrix
	own     *tiles   // of the format, or nil
	tiles   *tiles   // in use: own, or those of float32
	decoded *decoded // nil if tiles read panels as they are
	rows    int
	k       int       // steps in all of K
	a       []float32 // tiles of rows, whole K
	ldd     int
	e       Epilogue
	k0, k1  int // the part of K, in steps
	next    int // where the part of a panel that comes next starts, in bytes
}

// at returns where panel p and step k start, in bytes.
func (b *block) at(p, k int) int {
	f := b.m.Format
	start := p * PanelWidth * f.rowBytes(b.m.K)
	if p < b.m.Panels() {
		start += f.rowBytes(k*f.Activations.step()) * b.m.panelWidth(p)
	}
	return start
}

// sweep multiplies by k0…k1-1 of the panels, step at a time.
func (b *block) sweep(dst []float32, panel0, panel1, k0, k1, step int) {
	for p := panel0; p < panel1; p++ {
		for k := k0; k < k1; k += step {
			b.k0, b.k1, b.next = k, min(k+step, k1), b.at(p, k+step)
			if k+step >= k1 {
				b.next = b.at(p+1, k0)
			}
			b.multiply(dst, (p-panel0)*PanelWidth, p)
		}
	}
}

// multiply multiplies by panel p, whose columns of the block's rows, c, begin with col.
func (b *block) multiply(c []float32, col, p int) {
	w := b.m.panelWidth(p)
	k := b.k1 - b.k0
	start, end := b.at(p, b.k0), b.at(p, b.k1)
	part := b.m.Data[start:end]
	t := tile{set: b.tiles.set, k: k, width: w, ldc: b.ldd, chain: b.k0 > 0, panel: unsafe.Pointer(unsafe.SliceData(part))}
	if b.decoded != nil {
		panel := b.decoded.panel[:k*w]
		if b.own != nil && b.own.keeps && b.rows >= RowTile {
			t.set, t.keep = b.own.set, panel
		} else {
			b.m.Format.unpack(panel, part, w, &b.decoded.block)
			t.panel = unsafe.Pointer(unsafe.SliceData(panel))
		}
	}
	cols := min(PanelWidth, b.m.N-p*PanelWidth)
	if b.k1 == b.k {
		t.bias = from(b.e.Bias, p*PanelWidth)
	}
	next := b.stream(end - start)
	for r := 0; r < b.rows; {
		t.next, t.step = next.take(k * b.tiles.fetches)
		t.rows = tileRows(b.rows - r)
		a := b.a[r*b.k+b.k0*t.rows:][:k*t.rows]
		if b.k1 == b.k {
			t.add = from(b.e.Add, r*b.ldd+col)
		}
		if n := min(t.rows, b.rows-r); n < t.rows || cols < w {
			t.edge(c[r*b.ldd+col:], a, n, cols)
		} else {
			t.multiply(c[r*b.ldd+col:], a)
		}
		r += t.rows
		if t.keep != nil {
			t.set, t.panel, t.keep = b.tiles.set, unsafe.Pointer(unsafe.SliceData(t.keep)), nil
		}
	}
}

// stream is cache lines to fetch while tiles are computed, so that the next part of a panel is near.
type stream struct {
	at    uintptr
	lines int
}

// stream returns the n bytes that come next.
func (b *block) stream(n int) stream {
	n = min(n, len(b.m.Data)-b.next)
	if b.rows <= RowTile || n <= 0 {
		return stream{} // the tile itself fetches what it reads soon enough
	}
	return stream{uintptr(unsafe.Pointer(&b.m.Data[b.next])), n / 64}
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
