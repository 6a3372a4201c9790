package blocks

import (
	"encoding/binary"
	"math"

	"github.com/seed2010d43f/transformer/internal/half"
)

// Encoders do what ggml's reference does, in its order and in float32: every product is rounded before it is added, by
// a conversion, since a compiler may fuse what is not.
//
// A block in which an element is not finite is set to bytes 0xFF: it decodes to NaN, all of it.

// encode sets blocks one by one: bytes bytes from elements elements.
func encode(blocks []byte, src []float32, bytes, elements int, one func(b []byte, x []float32)) {
	for ; len(src) >= elements; src, blocks = src[elements:], blocks[bytes:] {
		b, x := blocks[:bytes], src[:elements]
		clear(b)
		if finite(x) {
			one(b, x)
			continue
		}
		for i := range b {
			b[i] = 0xFF
		}
	}
}

func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

func putF16(b []byte, v float32) { binary.LittleEndian.PutUint16(b, half.F16(v)) }

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// largest returns the first element of the largest magnitude.
func largest(x []float32) (at, magnitude float32) {
	for _, v := range x {
		if a := abs(v); a > magnitude {
			at, magnitude = v, a
		}
	}
	return at, magnitude
}

// extremes returns the least and the largest element.
func extremes(x []float32) (least, most float32) {
	least, most = x[0], x[0]
	for _, v := range x[1:] {
		if v < least {
			least = v
		}
		if v > most {
			most = v
		}
	}
	return least, most
}

// inverse returns 1/v, or 0 for 0.
func inverse(v float32) float32 {
	if v == 0 {
		return 0
	}
	return 1 / v
}

// floor returns v as an integer from 0 to most.
func floor(v float32, most int) int {
	switch {
	case !(v > 0):
		return 0
	case v >= float32(most):
		return most
	}
	return int(v)
}

// nearest returns the integer nearest to v, ties to even, for magnitudes below 2^22. The conversion keeps compilers from
// fusing the sum with a product of the caller.
func nearest(v float32) int {
	return int(math.Float32bits(float32(v)+12582912)&0x7FFFFF) - 0x400000
}

// putNibbles sets 16 bytes to the lower four bits of 32 codes, and returns their fifth bits.
func putNibbles(b []byte, codes *[32]byte) (fifth uint32) {
	for i := range 16 {
		b[i] = codes[i]&15 | codes[i+16]&15<<4
	}
	for i, c := range codes {
		fifth |= uint32(c>>4&1) << i
	}
	return fifth
}

// symmetric sets codes to the nearest of 2·middle steps, of which the element of the largest magnitude is the lowest,
// and returns the step.
func symmetric(codes *[32]byte, x []float32, middle int) (step float32) {
	at, _ := largest(x)
	step = at / float32(-middle)
	inv := inverse(step)
	for i, v := range x[:32] {
		codes[i] = byte(floor(float32(v*inv)+(float32(middle)+0.5), 2*middle-1))
	}
	return step
}

// above sets codes to the nearest of most steps from the least element on, and returns step and least.
func above(codes *[32]byte, x []float32, most int) (step, least float32) {
	least, greatest := extremes(x)
	step = (greatest - least) / float32(most)
	inv := inverse(step)
	for i, v := range x[:32] {
		codes[i] = byte(floor(float32((v-least)*inv)+0.5, most))
	}
	return step, least
}

// EncodeQ4_0: see [DecodeQ4_0].
func EncodeQ4_0(blocks []byte, src []float32) {
	encode(blocks, src, 18, 32, func(b []byte, x []float32) {
		var codes [32]byte
		putF16(b, symmetric(&codes, x, 8))
		putNibbles(b[2:], &codes)
	})
}

// EncodeQ4_1: see [DecodeQ4_1].
func EncodeQ4_1(blocks []byte, src []float32) {
	encode(blocks, src, 20, 32, func(b []byte, x []float32) {
		var codes [32]byte
		step, least := above(&codes, x, 15)
		putF16(b, step)
		putF16(b[2:], least)
		putNibbles(b[4:], &codes)
	})
}

// EncodeQ5_0: see [DecodeQ5_0].
func EncodeQ5_0(blocks []byte, src []float32) {
	encode(blocks, src, 22, 32, func(b []byte, x []float32) {
		var codes [32]byte
		putF16(b, symmetric(&codes, x, 16))
		binary.LittleEndian.PutUint32(b[2:], putNibbles(b[6:], &codes))
	})
}

// EncodeQ5_1: see [DecodeQ5_1].
func EncodeQ5_1(blocks []byte, src []float32) {
	encode(blocks, src, 24, 32, func(b []byte, x []float32) {
		var codes [32]byte
		step, least := above(&codes, x, 31)
		putF16(b, step)
		putF16(b[2:], least)
		binary.LittleEndian.PutUint32(b[4:], putNibbles(b[8:], &codes))
	})
}

// EncodeQ8_0: see [DecodeQ8_0]. Ties are rounded away from zero.
func EncodeQ8_0(blocks []byte, src []float32) {
	encode(blocks, src, 34, 32, func(b []byte, x []float32) {
		_, magnitude := largest(x)
		step := magnitude / 127
		inv := inverse(step)
		putF16(b, step)
		for i, v := range x {
			b[2+i] = byte(int8(min(127, max(-127, math.Round(float64(v*inv))))))
		}
	})
}

// EncodeMXFP4: see [DecodeMXFP4].
func EncodeMXFP4(blocks []byte, src []float32) {
	encode(blocks, src, 17, 32, func(b []byte, x []float32) {
		if _, magnitude := largest(x); magnitude > 0 {
			b[0] = byte(max(0, math.Floor(float64(float32(math.Log2(float64(magnitude)))))-2+127))
		}
		table := scaled(&e2m1, half.FromE8M0(b[0]))
		var codes [32]byte
		for i, v := range x {
			least := abs(table[0] - v)
			for c, w := range table {
				if e := abs(w - v); e < least {
					codes[i], least = byte(c), e
				}
			}
		}
		putNibbles(b[1:], &codes)
	})
}
