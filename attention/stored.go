package attention

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// layout says how the keys of a page lie, or its values: as rows [heads][Block][dim], or in columns,
// [heads][dim][Block]. Scales of Q8_0 lie likewise, with one for each 32 neighbours of dim.
type layout struct {
	dtype      tensor.DType
	heads, dim int
	columns    bool
}

// stored holds the keys of a page, or its values, in one of these ways.
type stored struct {
	wide   []float32 // F32
	half   []uint16  // F16 and BF16
	codes  []int8    // Q8_0
	scales []uint16  // float16
}

func checkStored(dt tensor.DType) {
	switch dt {
	case tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0:
	default:
		panic(fmt.Sprintf("attention: a cache of %v; F32, F16, BF16 and Q8_0 are supported", dt))
	}
}

func (l layout) numbers() int { return l.heads * flash.Block * l.dim }

// scales returns the number of scales, which is 0 for types without.
func (l layout) scales() int {
	if l.dtype != tensor.Q8_0 {
		return 0
	}
	return l.heads * flash.Block * flash.Q8Scales(l.dim)
}

func (l layout) bytes() int64 {
	size := int64(2)
	switch l.dtype {
	case tensor.F32:
		size = 4
	case tensor.Q8_0:
		size = 1
	}
	return size*int64(l.numbers()) + 2*int64(l.scales())
}

func (l layout) make(mem *hugepages.Slab) (s stored) {
	switch l.dtype {
	case tensor.F32:
		s.wide = mem.Float32s(l.numbers())
	case tensor.Q8_0:
		s.codes, s.scales = mem.Int8s(l.numbers()), mem.Uint16s(l.scales())
	default:
		s.half = mem.Uint16s(l.numbers())
	}
	return s
}

// copy copies the first n of the 128 tokens, or more.
func (l layout) copy(dst, src stored, n int) {
	copyTokens(dst.wide, src.wide, l, l.dim, n)
	copyTokens(dst.half, src.half, l, l.dim, n)
	copyTokens(dst.codes, src.codes, l, l.dim, n)
	copyTokens(dst.scales, src.scales, l, flash.Q8Scales(l.dim), n)
}

// copyTokens is copy for one array, of width numbers for each token and head; it may be empty.
func copyTokens[T float32 | uint16 | int8](dst, src []T, l layout, width, n int) {
	if l.columns {
		copy(dst, src)
		return
	}
	for at := 0; at < len(src); at += flash.Block * width {
		copy(dst[at:][:n*width], src[at:])
	}
}

// put stores what a token has of a head, x [dim], as the one at of the 128.
func (l layout) put(s stored, head, at int, x []float32) {
	first, step := (head*flash.Block+at)*l.dim, 1
	if l.columns {
		first, step = head*flash.Block*l.dim+at, flash.Block
	}
	switch l.dtype {
	case tensor.F32:
		copy(s.wide[first:], x)
	case tensor.F16, tensor.BF16:
		l.putHalf(s.half[first:], step, x)
	default:
		l.putQ8(s, head, at, first, step, x)
	}
}

// putHalf stores x as numbers of 16 bits, step apart.
func (l layout) putHalf(to []uint16, step int, x []float32) {
	var some [64]uint16
	for i := 0; i < len(x); i += len(some) {
		n := min(len(some), len(x)-i)
		if l.dtype == tensor.F16 {
			half.NarrowF16(some[:n], x[i:i+n])
		} else {
			half.NarrowBF16(some[:n], x[i:i+n])
		}
		for j, u := range some[:n] {
			to[(i+j)*step] = u
		}
	}
}

func (l layout) putQ8(s stored, head, at, first, step int, x []float32) {
	per := flash.Q8Scales(l.dim)
	scale, next := (head*flash.Block+at)*per, 1
	if l.columns {
		scale, next = head*flash.Block*per+at, flash.Block
	}
	for i := 0; i < len(x); i += flash.Q8Elements {
		s.scales[scale] = quantise(s.codes[first+i*step:], step, x[i:min(i+flash.Q8Elements, len(x))])
		scale += next
	}
}

// quantise stores x as codes, step apart, and returns their scale: with m the largest magnitude, a code is v·(127/m)
// rounded to nearest, ties to even, and the scale m/127. If a number is not finite, or as large as 127 times the
// largest float16, all become NaN.
func quantise(codes []int8, step int, x []float32) (scale uint16) {
	const sign = 1 << 31
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^sign)
	}
	m := math.Float32frombits(most)
	by := 127 / m
	switch scale = half.F16(m / 127); {
	case scale == 0:
		by = 0
	case scale >= infinity:
		for i := range x {
			codes[i*step] = 0
		}
		return notANumber
	}
	const magic = 3 << 22 // added to a number, leaves its nearest integer in the lower bits
	at := 0
	for _, v := range x {
		codes[at] = int8(math.Float32bits(float32(v*by) + magic))
		at += step
	}
	return scale
}

// Numbers of float16.
const (
	infinity   = 0x7c00
	notANumber = 0x7e00
)

// widen sets dst to what n tokens have of a head in float32: rows, or all of the columns.
func (l layout) widen(dst []float32, s stored, head, n int, scales []float32) {
	at := head * flash.Block * l.dim
	switch l.dtype {
	case tensor.F32:
		copy(dst, s.wide[at:])
	case tensor.F16:
		half.WidenF16(dst, s.half[at:][:len(dst)])
	case tensor.BF16:
		half.WidenBF16(dst, s.half[at:][:len(dst)])
	default:
		per := flash.Q8Scales(l.dim)
		if l.columns {
			n = flash.Block
		}
		scales = scales[:n*per]
		half.WidenF16(scales, s.scales[head*flash.Block*per:][:len(scales)])
		if l.columns {
			flash.Q8Columns(dst, l.dim, s.codes[at:], scales)
		} else {
			flash.Q8Rows(dst, n, l.dim, s.codes[at:], scales)
		}
	}
}
