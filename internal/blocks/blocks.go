// Package blocks reads and writes the block formats of ggml, as GGUF files hold them: so many neighbours of a row in
// so many bytes, with scales of their own. Decode functions give ggml's float32 values to the bit, Encode functions
// its bytes where no importance matrix is given, on every processor.
//
// The first argument is set, the second read; their lengths must be those of the same whole number of blocks, which
// callers check. Nothing is kept. Any bytes decode: a scale that is not finite gives values that are not.
package blocks

import (
	"encoding/binary"

	"github.com/seed2010d43f/transformer/internal/half"
)

// f16 returns the little-endian float16 at the start of b.
func f16(b []byte) float32 { return half.FromF16(binary.LittleEndian.Uint16(b)) }

// scaled returns scale times the values.
func scaled(values *[16]float32, scale float32) (table [16]float32) {
	for i, v := range values {
		table[i] = float32(scale * v)
	}
	return table
}

// nibbles sets the first half of dst to what the table has for the lower four bits of each code, the second half to
// that of the upper four.
func nibbles(dst *[32]float32, codes *[16]byte, table *[16]float32) {
	for i, c := range codes {
		dst[i] = table[c&15]
		dst[i+16] = table[c>>4]
	}
}

var (
	// signed4 are the values of a nibble in Q4_0, unsigned4 in Q4_1.
	signed4   = [16]float32{-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}
	unsigned4 = [16]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

	// nonlinear are the values of a nibble in IQ4_NL and IQ4_XS: closer to each other near 0.
	nonlinear = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

	// e2m1 are floats of four bits: a sign, two bits of exponent, one of mantissa.
	e2m1 = [16]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6, negativeZero, -0.5, -1, -1.5, -2, -3, -4, -6}
)

// DecodeQ4_0: 32 elements in 18 bytes, a float16 scale and nibbles. In this and all formats of 32 elements with
// nibbles, byte i has elements i, lower, and i+16.
func DecodeQ4_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 18; dst, blocks = dst[32:], blocks[18:] {
		table := scaled(&signed4, f16(blocks))
		nibbles((*[32]float32)(dst), (*[16]byte)(blocks[2:]), &table)
	}
}

// DecodeQ4_1: 32 elements in 20 bytes, a float16 scale, a float16 minimum, nibbles.
func DecodeQ4_1(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 20; dst, blocks = dst[32:], blocks[20:] {
		table, least := scaled(&unsigned4, f16(blocks)), f16(blocks[2:])
		for i, v := range table {
			table[i] = v + least
		}
		nibbles((*[32]float32)(dst), (*[16]byte)(blocks[4:]), &table)
	}
}

// DecodeQ5_0: 32 elements in 22 bytes, a float16 scale, the fifth bit of each element, nibbles.
func DecodeQ5_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 22; dst, blocks = dst[32:], blocks[22:] {
		scale, high := f16(blocks), binary.LittleEndian.Uint32(blocks[2:])
		out := (*[32]float32)(dst)
		for i, c := range (*[16]byte)(blocks[6:]) {
			out[i] = float32(int32(c&15)|int32(high>>i&1)<<4-16) * scale
			out[i+16] = float32(int32(c>>4)|int32(high>>(i+16)&1)<<4-16) * scale
		}
	}
}

// DecodeQ5_1: 32 elements in 24 bytes, a float16 scale, a float16 minimum, the fifth bit of each element, nibbles.
func DecodeQ5_1(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 24; dst, blocks = dst[32:], blocks[24:] {
		scale, least, high := f16(blocks), f16(blocks[2:]), binary.LittleEndian.Uint32(blocks[4:])
		out := (*[32]float32)(dst)
		for i, c := range (*[16]byte)(blocks[8:]) {
			out[i] = float32(float32(int32(c&15)|int32(high>>i&1)<<4)*scale) + least
			out[i+16] = float32(float32(int32(c>>4)|int32(high>>(i+16)&1)<<4)*scale) + least
		}
	}
}

// DecodeQ8_0: 32 elements in 34 bytes, a float16 scale and signed bytes.
func DecodeQ8_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 34; dst, blocks = dst[32:], blocks[34:] {
		scale, out := f16(blocks), (*[32]float32)(dst)
		for i, c := range (*[32]byte)(blocks[2:]) {
			out[i] = float32(int8(c)) * scale
		}
	}
}

// DecodeIQ4_NL: 32 elements in 18 bytes, a float16 scale and nibbles that stand for [nonlinear] values.
func DecodeIQ4_NL(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 18; dst, blocks = dst[32:], blocks[18:] {
		table := scaled(&nonlinear, f16(blocks))
		nibbles((*[32]float32)(dst), (*[16]byte)(blocks[2:]), &table)
	}
}

// DecodeMXFP4: 32 elements in 17 bytes, the exponent of their scale and nibbles that are floats, as in OCP
// Microscaling Formats 1.0. The exponent 255 is NaN there and here, and 2^128 in ggml. The result is exact in bfloat16
// too, but for what exceeds both: 2^127 times 2 or more is infinite.
func DecodeMXFP4(dst []float32, blocks []byte) {
	for ; len(dst) >= 32 && len(blocks) >= 17; dst, blocks = dst[32:], blocks[17:] {
		table := scaled(&e2m1, half.FromE8M0(blocks[0]))
		nibbles((*[32]float32)(dst), (*[16]byte)(blocks[1:]), &table)
	}
}
