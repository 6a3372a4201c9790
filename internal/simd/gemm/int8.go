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
// do this for each 16. Scales and minima are products of a file's numbers, and exact in float32.
//
// An infinite scale, and one of 2¹⁰⁶ or more, which only MXFP4 has, counts as NaN.
//
// Tiles take a part of a panel expanded: for each 32 of its k the codes as bytes, [8][width][4], four k in a word; and
// rows of float32, [width]: scales, and −1.5·2²³ times those; after them minima or the same two of the last 16. Vectors
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
	int8Plain  int8Kind = iota // a scale
	int8Minima                 // a scale and a minimum
	int8Halves                 // two scales
)

// words returns the elements that an output has of 32 k in an expanded panel.
func (k int8Kind) words() int { return 8 + 2 + int(k) }

// mostWords is the most of them.
const mostWords = 8 + 4

// magic is a number whose bits, as an integer, a sum is added to to have it as float32.
const magic = 3 << 22

// int8Part is 32 neighbours of a row of weights.
type int8Part struct {
	codes  [32]uint8
	scales [2]float32 // the second is the minimum, or the scale of the last 16
}

// expand sets dst to a part of a panel of f, expanded for tiles t. p is memory.
func (f *Format) expand(dst []float32, part []byte, width int, t *tiles, p *int8Part) {
	if f.layout.units.expandFast(t, len(part)/(width*f.Bytes), &dst[0], unsafe.Pointer(unsafe.SliceData(part)), width) {
		return
	}
	var (
		w     = f.layout.units
		words = w.kind.words()
		out   = uints(dst)
	)
	for size := width * f.Bytes; len(part) > 0; part = part[size:] {
		for i := range f.Elements / int8Inputs {
			for col := range width {
				w.read(p, part[:size], width, col, i)
				for j := range 8 {
					c := p.codes[4*j:][:4]
					out[j*width+col] = uint32(c[0]) | uint32(c[1])<<8 | uint32(c[2])<<16 | uint32(c[3])<<24
				}
				row := out[8*width+col:]
				for j, v := range p.scales {
					if j == 0 || w.kind == int8Halves {
						least := -magic * v
						if least-least != 0 {
							v = least - least
						}
						row[0], row[width] = math.Float32bits(v), math.Float32bits(least)
						row = row[min(2*width, len(row)):]
					} else if w.kind == int8Minima {
						row[0] = math.Float32bits(v)
					}
				}
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
			start0, start1 := t.offset*int32(int16(block[int8HalvesAt])), t.offset*int32(int16(block[int8HalvesAt]>>16))
			scale, sum := math.Float32frombits(block[int8ScaleAt]), math.Float32frombits(block[int8SumAt])
			for col := range t.width {
				first := start0 + dot16(w[col:], t.width, (*[16]int32)(x[:16]))
				last := start1 + dot16(w[4*t.width+col:], t.width, (*[16]int32)(x[16:]))
				var u float32
				switch t.kind {
				case int8Halves:
					c[r*t.ldc+col] += float32(float32(float32(first)*scales[col]) * scale)
					u = float32(float32(last) * scales[2*t.width+col])
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
