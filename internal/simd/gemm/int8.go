package gemm

import (
	"math"
	"unsafe"
)

// Products with activations as [AsInt8Blocks].
//
// A weight is its code, an unsigned integer, less a bias, by a scale, less a minimum. 32 neighbours of a row, with
// activations a of which s is the scale, add to an output c
//
//	u = float32(Σ (code − bias)·a) · scale        the sum is exact
//	u = u + float32(−Σ a) · minimum               in formats with minima
//	c = c + u·s
//
// in ascending order of k: fused in assembly, rounded twice in portable Go. Formats whose scales are for 16 neighbours
// do this for each 16, Q2_K with −Σ of them. Scales and minima are products of a file's numbers, and exact in float32.
//
// An infinite scale, and one of 2¹⁰⁶ or more, which only MXFP4 has, counts as NaN.
//
// Tiles take a part of a panel expanded: for each 32 of its k the codes as bytes, [8][width][4], four k in a word; and
// rows of float32, [width]: scales, and −1.5·2²³ times those; after them minima, and then the same of the last 16. Vectors
// make the sum in the bits of 1.5·2²³ as float32. Of that, the scale and the other product one fused operation makes
// float32(sum)·scale, since all but its last rounding is exact.

// int8Weights is how a format lies in panels (see units.go), and what its tiles make of it.
type int8Weights struct {
	bias  int32
	kind  int8Kind
	tiles []tiles

	// pack sets column col of a unit from a block as a file has it; restore is its inverse.
	pack    func(unit []byte, width, col int, block []byte)
	restore func(block, unit []byte, width, col int)
	// read reads the part i of 32 neighbours of column col.
	read func(p *int8Part, unit []byte, width, col, i int)
}

// int8Kind is what a format has besides codes.
type int8Kind uint8

const (
	int8Plain    int8Kind = iota // a scale
	int8Minima                   // a scale and a minimum
	int8Halves                   // two scales
	int8Quarters                 // two of both
)

// words returns the elements that an output has of 32 k in an expanded panel.
func (k int8Kind) words() int {
	return 8 + [...]int{int8Plain: 2, int8Minima: 3, int8Halves: 4, int8Quarters: 6}[k]
}

// magic is a number whose bits, as an integer, a sum is added to to have it as float32.
const magic = 3 << 22

// int8Part is 32 neighbours of a row of weights.
type int8Part struct {
	codes  [32]uint8
	scales [2]float32 // the second is the minimum, or the scale of the last 16
	minima [2]float32 // where there are two
}

// put sets elements of rows, width apart, to what an expanded panel has besides codes.
func (p *int8Part) put(rows []uint32, width int, kind int8Kind) {
	next := 0
	set := func(v float32) {
		rows[next] = math.Float32bits(v)
		next += width
	}
	scale := func(v float32) {
		by := float32(-magic * v)
		if by-by != 0 {
			v = by - by
		}
		set(v)
		set(by)
	}
	scale(p.scales[0])
	switch kind {
	case int8Minima:
		set(p.scales[1])
	case int8Halves:
		scale(p.scales[1])
	case int8Quarters:
		set(p.minima[0])
		scale(p.scales[1])
		set(p.minima[1])
	}
}

// expand sets dst to a part of a panel of f, expanded for tiles t. d is memory.
func (f *Format) expand(dst []float32, part []byte, width int, t *tiles, d *decoded) {
	if f.expandFast(dst, part, width, t, d) {
		return
	}
	var (
		w     = f.layout.units
		words = w.kind.words()
		out   = uints(dst)
		p     = &d.part
	)
	for size := width * f.Bytes; len(part) > 0; part = part[size:] {
		for i := range f.Elements / int8Inputs {
			for col := range width {
				w.read(p, part[:size], width, col, i)
				for j := range 8 {
					c := p.codes[4*j:][:4]
					out[j*width+col] = uint32(c[0]) | uint32(c[1])<<8 | uint32(c[2])<<16 | uint32(c[3])<<24
				}
				p.put(out[8*width+col:], width, w.kind)
			}
			out = out[words*width:]
		}
	}
}

// int8s computes a tile in plain Go: the specification of those in assembly.
func (t *tile) int8s(c, a []float32) {
	words := t.kind.words() * t.width
	if !t.chain {
		for r := range t.rows {
			clear(c[r*t.ldc:][:t.width])
		}
	}
	blocks := t.k / int8Len
	packed, panel := uints(a), unsafe.Slice((*uint32)(t.panel), blocks*words)
	var x [int8Inputs]int32
	for b := range blocks {
		w := panel[b*words:][:words]
		scales := floats(w[8*t.width:])
		for r := range t.rows {
			block := packed[(b*t.rows+r)*int8Len:][:int8Len]
			for i, word := range block[:8] {
				x[4*i], x[4*i+1] = int32(int8(word)), int32(int8(word>>8))
				x[4*i+2], x[4*i+3] = int32(int8(word>>16)), int32(int8(word>>24))
			}
			sum0, sum1 := int32(int16(block[int8HalvesAt])), int32(int16(block[int8HalvesAt]>>16))
			scale, sum := math.Float32frombits(block[int8ScaleAt]), math.Float32frombits(block[int8SumAt])
			for col := range t.width {
				first := t.offset*sum0 + dot16(w[col:], t.width, (*[16]int32)(x[:16]))
				last := t.offset*sum1 + dot16(w[4*t.width+col:], t.width, (*[16]int32)(x[16:]))
				var u float32
				switch t.kind {
				case int8Halves:
					c[r*t.ldc+col] += float32(float32(float32(first)*scales[col]) * scale)
					u = float32(float32(last) * scales[2*t.width+col])
				case int8Quarters:
					u = float32(float32(first)*scales[col]) + float32(float32(sum0)*scales[2*t.width+col])
					c[r*t.ldc+col] += float32(u * scale)
					u = float32(float32(last)*scales[3*t.width+col]) + float32(float32(sum1)*scales[5*t.width+col])
				case int8Minima:
					u = float32(float32(first+last)*scales[col]) + float32(sum*scales[2*t.width+col])
				default:
					u = float32(float32(first+last) * scales[col])
				}
				c[r*t.ldc+col] += float32(u * scale)
			}
		}
	}
}

// dot16 returns the sum of products of 16 codes, four in a word, with activations.
func dot16(w []uint32, width int, x *[16]int32) (s int32) {
	for i := range 4 {
		c := w[i*width]
		s += int32(c&255)*x[4*i] + int32(c>>8&255)*x[4*i+1] + int32(c>>16&255)*x[4*i+2] + int32(c>>24)*x[4*i+3]
	}
	return s
}

// floats returns the memory of x as float32.
func floats(x []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
