// Package half converts between float32 and the 16-bit floating-point formats: float16 (IEEE 754 binary16) and
// bfloat16 (the upper half of a float32). Widening is exact; narrowing rounds to nearest, ties to even. It also reads
// the 8-bit exponents that scale blocks of smaller formats.
//
// A 16-bit number is held as its bits, a uint16. Slices agree in length; an operation panics with both lengths
// where they do not. Nothing is allocated, and any number of goroutines may call at once.
package half

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/internal/bytesview"
)

//go:generate go run ../simd/rowgen half

// BF16 returns the bits of the bfloat16 nearest to v. A NaN keeps its sign and upper payload, and becomes quiet.
func BF16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7FFF + u>>16&1) >> 16)
}

// F16 returns the bits of the float16 nearest to v, ±Inf from 65520 in magnitude. A NaN keeps its sign and upper
// payload, and becomes quiet.
func F16(v float32) uint16 { return float16.Fromfloat32(v).Bits() }

// FromBF16 returns the bfloat16 whose bits are u.
func FromBF16(u uint16) float32 { return math.Float32frombits(uint32(u) << 16) }

// FromF16 returns the float16 whose bits are u. A signalling NaN becomes a quiet one.
func FromF16(u uint16) float32 { return float16.Frombits(u).Float32() }

// WidenBF16 sets dst[i] to [FromBF16] of src[i].
func WidenBF16(dst []float32, src []uint16) {
	check("WidenBF16", len(dst), len(src))
	if len(dst) > 0 {
		widenBF16(dst, src)
	}
}

// WidenF16 sets dst[i] to [FromF16] of src[i].
func WidenF16(dst []float32, src []uint16) {
	check("WidenF16", len(dst), len(src))
	if len(dst) > 0 {
		widenF16(dst, src)
	}
}

// NarrowBF16 sets dst[i] to [BF16] of src[i].
func NarrowBF16(dst []uint16, src []float32) {
	check("NarrowBF16", len(dst), len(src))
	if len(dst) > 0 {
		narrowBF16(dst, src)
	}
}

// NarrowF16 sets dst[i] to [F16] of src[i].
func NarrowF16(dst []uint16, src []float32) {
	check("NarrowF16", len(dst), len(src))
	if len(dst) > 0 {
		narrowF16(dst, src)
	}
}

func check(op string, dst, src int) {
	if dst != src {
		panic(fmt.Sprintf("half: %s: dst has length %d, src has %d", op, dst, src))
	}
}

// piece is how many elements bytes are read and written at a time where they may not lie on even addresses.
const piece = 256

// BF16FromBytes sets dst to the bfloat16 numbers that b holds, two little-endian bytes each.
func BF16FromBytes(dst []float32, b []byte) {
	check("BF16FromBytes", 2*len(dst), len(b))
	if all, ok := bytesview.SharedUint16s(b); ok {
		WidenBF16(dst, all)
		return
	}
	var u [piece]uint16
	for i := 0; i < len(dst); i += piece {
		n := min(piece, len(dst)-i)
		load(u[:n], b[2*i:])
		WidenBF16(dst[i:i+n], u[:n])
	}
}

// F16FromBytes sets dst to the float16 numbers that b holds, two little-endian bytes each.
func F16FromBytes(dst []float32, b []byte) {
	check("F16FromBytes", 2*len(dst), len(b))
	if all, ok := bytesview.SharedUint16s(b); ok {
		WidenF16(dst, all)
		return
	}
	var u [piece]uint16
	for i := 0; i < len(dst); i += piece {
		n := min(piece, len(dst)-i)
		load(u[:n], b[2*i:])
		WidenF16(dst[i:i+n], u[:n])
	}
}

// BF16ToBytes sets b to the bfloat16 numbers nearest to src, two little-endian bytes each.
func BF16ToBytes(b []byte, src []float32) {
	check("BF16ToBytes", len(b), 2*len(src))
	var u [piece]uint16
	for i := 0; i < len(src); i += piece {
		n := min(piece, len(src)-i)
		NarrowBF16(u[:n], src[i:i+n])
		store(b[2*i:], u[:n])
	}
}

// F16ToBytes sets b to the float16 numbers nearest to src, two little-endian bytes each.
func F16ToBytes(b []byte, src []float32) {
	check("F16ToBytes", len(b), 2*len(src))
	var u [piece]uint16
	for i := 0; i < len(src); i += piece {
		n := min(piece, len(src)-i)
		NarrowF16(u[:n], src[i:i+n])
		store(b[2*i:], u[:n])
	}
}

func load(u []uint16, b []byte) {
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
}

func store(b []byte, u []uint16) {
	for i, v := range u {
		binary.LittleEndian.PutUint16(b[2*i:], v)
	}
}
