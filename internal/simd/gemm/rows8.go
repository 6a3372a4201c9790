package gemm

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd"
)

// Products of weights with a scale for each output, by activations with a scale and a zero point for each row.
//
// A weight is c·d: its code c, and the scale d of its output. An activation is (q−z)·s, as [AsInt8Rows] says. An output
// is
//
//	y = float32(Σ q·c − z·Σ c) · d · s        the integer is exact
//
// rounded once in the conversion and once after each product, and then bias and what else is added. Nothing is fused, so
// the bits are the same on all instruction sets, and in Go.
//
// A panel is codes, more by a bias, four neighbours of an output in a word: [K/4][width][4]. After them come the scales,
// [width] of float32, and the sums Σ c, [width]: the lowest 8 bits in one half of a word and the rest in the other, as
// VPMADDWD multiplies them by z and 256·z.
//
// In a file, which only [Format.Encode] makes, a row is K codes, the scale, and the sum.

// RowInputs bounds the inputs of formats with a scale for each output: integer sums of more could overflow.
const RowInputs = 1 << 16

// rowTail is the bytes that an output has besides its codes.
const rowTail = 8

// rowCodes are codes of weights.
type rowCodes struct {
	most  int32  // magnitude
	bias  uint32 // in each byte of a word, what codes in panels are more by: 1<<shift
	shift int
}

var (
	codesW8 = rowCodes{most: 127, bias: 0x80808080, shift: 7}
	codesW7 = rowCodes{most: 63, bias: 0x40404040, shift: 6}
)

// encode sets b to a row.
func (w rowCodes) encode(b []byte, src []float32) {
	k := len(src)
	b = b[:k+rowTail]
	var most uint32
	for _, v := range src {
		most = max(most, math.Float32bits(v)&absolute)
	}
	by, scale := float32(0), float32(0)
	switch m := math.Float32frombits(most); {
	case most >= infinite:
		scale = float32(math.NaN())
	case most >= smallestInt8:
		by, scale = float32(w.most)/m, m/float32(w.most)
	}
	sum := int32(0)
	for i, v := range src {
		c := int32(0)
		if by != 0 {
			c = nearest(float32(v * by))
		}
		sum += c
		b[i] = byte(c)
	}
	binary.LittleEndian.PutUint32(b[k:], math.Float32bits(scale))
	binary.LittleEndian.PutUint32(b[k+4:], uint32(sum))
}

// nearest returns the integer nearest to x, ties to even; its magnitude is below 2²².
func nearest(x float32) int32 {
	const magic = 3 << 22
	return int32(math.Float32bits(x+magic)) - 0x4b400000
}

// decodeRow sets dst to the values of a row.
func decodeRow(dst []float32, b []byte) {
	scale := math.Float32frombits(binary.LittleEndian.Uint32(b[len(dst):]))
	for i, c := range b[:len(dst)] {
		dst[i] = float32(int8(c)) * scale
	}
}

// pack is [layout.pack].
func (w rowCodes) pack(panel []byte, width, col, rows, words int, src []byte, stride int) {
	codes, scales := panel[:4*width*words], panel[4*width*words:]
	for r := range rows {
		row := src[r*stride:][:4*words+rowTail]
		for i := range words {
			at := 4 * (i*width + col + r)
			// A code in two's complement plus the bias, without carries between bytes.
			x := word(row, i)
			binary.LittleEndian.PutUint32(codes[at:], (x&0x7f7f7f7f+w.bias&0x7f7f7f7f)^(x^w.bias)&0x80808080)
		}
		setWord(scales, col+r, word(row, words))
		sum := word(row, words+1)
		setWord(scales, width+col+r, sum&255|uint32(int32(sum)>>8)<<16)
	}
}

// row is [layout.row].
func (w rowCodes) row(dst []float32, panel []byte, width, col int) {
	scale := math.Float32frombits(word(panel[len(dst)*width:], col))
	for i := range dst {
		dst[i] = float32(int32(panel[(i/4*width+col)*4+i%4])-1<<w.shift) * scale
	}
}

// unpack sets dst, [n][width], to rows of codes of a panel whose scales these are.
func (w rowCodes) unpack(dst []float32, part, scales []byte, width int) {
	for i, c := range part {
		k, col := i/(4*width)*4+i%4, i/4%width
		dst[k*width+col] = float32(int32(c)-1<<w.shift) * math.Float32frombits(word(scales, col))
	}
}

// rowsSet is a set of tiles.
type rowsSet uint8

const (
	rowsPortable rowsSet = iota
	rowsAVX512VNNI
	rowsAVXVNNI
	rowsSevenAVX2
	rowsWideAVX2
)

// rowsTile is a kernel's work: rows × width outputs.
type rowsTile struct {
	set   rowsSet
	rows  int // 8, 4 or 1
	width int // 48, 32 or 16
	k     int
	pitch int            // elements from one packed row to the next
	panel unsafe.Pointer // whole
	ldc   int
	bias  []float32 // to add at the end, [width]
	add   []float32 // and then, [rows][width] with rows ldc apart
	shift int       // by which codes in panels are biased
	next  uintptr   // memory to fetch meanwhile: three times for each 4 of k, in steps of bytes
	step  int
}

// widened is memory for rows and a panel in 16 bits.
type widened struct{ rows, panel []float32 }

var widenings parallel.Free[widened]

// multiplyRows is multiply for activations as AsInt8Rows.
func (m Matrix) multiplyRows(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, e Epilogue) {
	set := m.Format.rowsSet(simd.Active())
	t := rowsTile{set: set, k: m.K, pitch: m.Format.RowLen(m.K), ldc: ldd, shift: m.Format.layout.codes.shift}
	pitch := t.pitch
	var wide *widened
	if set == rowsWideAVX2 {
		wide = widenings.Get()
		defer func() { widenings.Put(wide, 4*(cap(wide.rows)+cap(wide.panel))) }()
		t.pitch = m.K/2 + rowsLen
		wide.grow(wholeTiles(min(rows, rowBlock))*t.pitch, PanelWidth*(m.K/2+2))
	}
	for r0 := 0; r0 < rows; r0 += rowBlock {
		n := min(rowBlock, rows-r0)
		block := a[r0*pitch:]
		if wide != nil {
			for r := range wholeTiles(n) {
				widenRow(wide.rows[r*t.pitch:], block[r*pitch:], m.K)
			}
			block = wide.rows
		}
		for p := panel0; p < panel1; p++ {
			t.width = m.panelWidth(p)
			panel := m.panel(p)
			t.panel = unsafe.Pointer(unsafe.SliceData(panel))
			if wide != nil {
				widenPanel(wide.panel, panel, t.width, m.K)
				t.panel = unsafe.Pointer(unsafe.SliceData(wide.panel))
			}
			cols := min(PanelWidth, m.N-p*PanelWidth)
			t.bias = from(e.Bias, p*PanelWidth)
			t.fetch(len(panel), (n+RowTile-1)/RowTile)
			for r := 0; r < n; r += t.rows {
				t.rows = tileRows(n - r)
				at := (r0+r)*ldd + (p-panel0)*PanelWidth
				t.add = from(e.Add, at)
				if have := min(t.rows, n-r); have < t.rows || cols < t.width {
					t.edge(dst[at:], block[r*t.pitch:], have, cols)
				} else {
					t.multiply(dst[at:], block[r*t.pitch:])
				}
				t.next += uintptr(t.k / 4 * 3 * t.step)
			}
		}
	}
}

// fetch sets what a panel's tiles fetch: the next panel, or if there is one tile what comes soon.
func (t *rowsTile) fetch(panel, tiles int) {
	t.next, t.step = uintptr(t.panel)+uintptr(panel), (64+tiles-1)/tiles
	if tiles == 1 {
		t.next = uintptr(t.panel) + rowsAhead
	}
}

// rowsAhead is how far ahead a tile fetches the panel that it reads, in bytes.
const rowsAhead = 4096

// grow makes room.
func (w *widened) grow(rows, panel int) {
	if len(w.rows) < rows {
		w.rows = make([]float32, rows)
	}
	if len(w.panel) < panel {
		w.panel = make([]float32, panel)
	}
}

// edge computes a tile of which only rows × cols outputs exist.
func (t *rowsTile) edge(c, a []float32, rows, cols int) {
	var whole [RowTile * PanelWidth]float32
	u := *t
	u.ldc, u.bias, u.add = t.width, nil, nil
	u.multiply(whole[:], a)
	for i := range rows {
		copy(c[i*t.ldc:][:cols], whole[i*t.width:])
	}
	addPortable(c, t.ldc, rows, cols, t.bias, t.add)
}

// multiplyPortable computes a tile in plain Go: the specification of those in assembly.
func (t *rowsTile) multiplyPortable(c, a []float32) {
	words := t.k / 4
	panel := unsafe.Slice((*uint32)(t.panel), (words+2)*t.width)
	scales, sums := floats(panel[words*t.width:][:t.width]), panel[(words+1)*t.width:]
	for r := range t.rows {
		row := uints(a[r*t.pitch:][:t.pitch])
		scale, zero, minus := math.Float32frombits(row[words]), row[words+1], int32(row[words+2])
		for col := range t.width {
			s := minus<<t.shift + int32(int16(zero))*int32(int16(sums[col])) + int32(int16(zero>>16))*int32(int16(sums[col]>>16))
			for i, x := range row[:words] {
				w := panel[i*t.width+col]
				s += int32(w&255)*int32(int8(x)) + int32(w>>8&255)*int32(int8(x>>8)) + int32(w>>16&255)*int32(int8(x>>16)) + int32(w>>24)*int32(int8(x>>24))
			}
			c[r*t.ldc+col] = float32(float32(s)*scales[col]) * scale
		}
	}
	addPortable(c, t.ldc, t.rows, t.width, t.bias, t.add)
}

// checkRow panics if rows of a format with a scale for each output have k inputs and that is too many.
func (f *Format) checkRow(k int) {
	if f.RowBytes > 0 && k > RowInputs {
		panic(fmt.Sprintf("gemm: a matrix of %s with %d inputs, at most %d have exact sums", f.Name, k, RowInputs))
	}
}
