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

// decodedPart is memory for a part of a panel as float32; decoded has it, and what the instruction set needs besides.
type decodedPart struct {
	panel [maxK * PanelWidth]float32
	block [maxElements]float32
	bytes [maxBytes]byte
	part  int8Part
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
	if m.Format.Activations == AsInt8Rows {
		m.multiplyRows(dst, ldd, a, rows, panel0, panel1, e)
		return
	}
	if m.Stored != nil {
		defer m.Stored.Mapping.Release(m.Stored.Mapping.Acquire())
	}
	f, set := m.Format, simd.Active()
	b := block{m: m, own: f.tilesFor(set), ldd: ldd}
	b.unit.set(f, m.K)
	b.tiles = b.own
	other := b.own == nil || b.own.few > 0 && rows > b.own.few
	if other {
		b.tiles = formats[F32].tilesFor(set)
	}
	if other || b.tiles.expands {
		b.decoded = decodings.Get()
		defer decodings.Put(b.decoded, int(unsafe.Sizeof(decoded{})))
	}
	if m.Stored != nil {
		b.gathered = gatherings.Get()
		defer gatherings.Put(b.gathered, int(unsafe.Sizeof(gathered{})))
	}
	outer, inner := b.tiles.steps(&b.unit, rows, b.decoded != nil, m.Stored != nil)
	for r := 0; r < rows; r += rowBlock {
		b.rows, b.a, b.e = min(rowBlock, rows-r), a[r*b.unit.n*b.unit.k:], Epilogue{e.Bias, from(e.Add, r*ldd)}
		for i := 0; i < b.unit.n; i += outer {
			b.sweep(dst[r*ldd:], panel0, panel1, i, min(i+outer, b.unit.n), inner)
		}
	}
}

// units are what K is divided into: whole blocks of weights, and of activations.
type units struct {
	n     int // in K
	k     int // elements of packed activations, for each row
	bytes int // of weights, for each output
	step  int // elements of k that a tile takes at a time
}

func (u *units) set(f *Format, k int) {
	var inputs int
	inputs, u.step = f.Activations.block()
	elements := max(f.Elements, inputs)
	u.n, u.k, u.bytes = k/elements, f.RowLen(elements), elements/f.Elements*f.Bytes
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
	m        Matrix
	unit     units
	own      *tiles    // of the format, or nil
	tiles    *tiles    // in use: own, or those of float32
	decoded  *decoded  // nil if tiles read panels as they are
	gathered *gathered // of a matrix that is stored as in a file, or nil
	rows     int
	a        []float32 // tiles of rows, whole K
	ldd      int
	e        Epilogue
	i0, i1   int // the part of K, in units
	next     int // where the part of a panel that comes next starts, in bytes
}

// at returns where panel p and unit i start, in bytes.
func (b *block) at(p, i int) int {
	start := p * PanelWidth * b.m.Format.rowBytes(b.m.K)
	if p < b.m.Panels() {
		start += i * b.unit.bytes * b.m.panelWidth(p)
	}
	return start
}

// sweep multiplies by the units i0…i1-1 of the panels, step at a time.
func (b *block) sweep(dst []float32, panel0, panel1, i0, i1, step int) {
	for p := panel0; p < panel1; p++ {
		for i := i0; i < i1; i += step {
			b.i0, b.i1, b.next = i, min(i+step, i1), b.at(p, i+step)
			if i+step >= i1 {
				b.next = b.at(p+1, i0)
			}
			b.multiply(dst, (p-panel0)*PanelWidth, p)
		}
	}
}

// multiply multiplies by panel p, whose columns of the block's rows, c, begin with col.
func (b *block) multiply(c []float32, col, p int) {
	w := b.m.panelWidth(p)
	k := (b.i1 - b.i0) * b.unit.k
	part := b.part(p, w)
	t := tile{set: b.tiles.set, k: k, width: w, ldc: b.ldd, chain: b.i0 > 0, panel: unsafe.Pointer(unsafe.SliceData(part))}
	if units := b.m.Format.layout.units; units != nil {
		t.kind, t.offset = units.kind, units.bias
	}
	single := b.tiles.single
	if w < PanelWidth {
		single = b.tiles.narrow
	}
	if single != 0 && b.rows == 1 {
		t.set, t.memory = single, &b.decoded.panel[0]
	} else if b.decoded != nil {
		panel := b.decoded.panel[:]
		if b.tiles.expands {
			b.m.Format.expand(panel, part, w, b.tiles, b.decoded)
			t.panel = unsafe.Pointer(unsafe.SliceData(panel))
		} else if panel = panel[:k*w]; b.own != nil && b.own.keeps && b.rows >= RowTile {
			t.set, t.keep = b.own.set, panel
		} else if codes := b.m.Format.layout.codes; codes != nil {
			codes.unpack(panel, part, b.m.panel(p)[b.m.K*w:], w)
			t.panel = unsafe.Pointer(unsafe.SliceData(panel))
		} else {
			b.m.Format.unpack(panel, part, w, b.decoded)
			t.panel = unsafe.Pointer(unsafe.SliceData(panel))
		}
	}
	cols, last := min(PanelWidth, b.m.N-p*PanelWidth), b.i1 == b.unit.n
	if last {
		t.bias = from(b.e.Bias, p*PanelWidth)
	}
	next := b.stream(len(part))
	for r := 0; r < b.rows; {
		t.next, t.step = next.take(k / b.unit.step * b.tiles.fetches)
		t.rows = tileRows(b.rows - r)
		a := b.a[(r*b.unit.n+b.i0*t.rows)*b.unit.k:][:k*t.rows]
		if last {
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

// part returns the part of panel p, which is w wide.
func (b *block) part(p, w int) []byte {
	n := (b.i1 - b.i0) * b.unit.bytes * w
	if b.gathered != nil {
		part := b.gathered.bytes(n)
		b.gather(part, p, w)
		return part
	}
	return b.m.Data[b.at(p, b.i0):][:n]
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
	if n == 0 {
		return at, 0
	}
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
