package gemm

import (
	"math"
	"unsafe"
)

// Activations as [AsInt8Blocks]. A block is 32 neighbours of a row x, rounded to 8 bits, in int8Len elements of packed
// activations:
//
//	0–7   32 codes, int8; code i is x[i]·(127/m) rounded to nearest, ties to even, where m is the largest |x| of the block
//	8     m/127, float32
//	9     minus the sum of the first 16 codes and minus the sum of the last 16, int16, the first in the lower half
//	10    minus the sum of all codes, float32
//
// All of this is float32 arithmetic without fused steps, so the bits are the same on every machine. Codes are zero,
// and m/127 too, if m is less than 2⁻¹⁰⁰. Codes are zero and m/127 is NaN if one of the block is NaN or infinite: all
// outputs of the row are NaN then, and those of no other row.
const (
	int8Inputs = 32
	int8Len    = 11

	int8ScaleAt  = 8
	int8HalvesAt = 9
	int8SumAt    = 10

	smallestInt8 = 27 << 23  // the bits of 2⁻¹⁰⁰
	infinite     = 255 << 23 // and of infinity, below which every finite one's are
	absolute     = 1<<31 - 1 // all but the sign
)

// uints returns the memory of x as 32-bit integers.
func uints(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// quantizePortable packs a row of whole blocks x, pitch elements apart.
func quantizePortable(dst []float32, pitch int, x []float32) {
	for ; len(x) > 0; x = x[int8Inputs:] {
		quantizeBlock((*[int8Len]uint32)(uints(dst[:int8Len])), (*[int8Inputs]float32)(x))
		dst = dst[min(pitch, len(dst)):]
	}
}

func quantizeBlock(dst *[int8Len]uint32, x *[int8Inputs]float32) {
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&absolute)
	}
	switch {
	case most < smallestInt8:
		*dst = [int8Len]uint32{}
		return
	case most >= infinite:
		*dst = [int8Len]uint32{int8ScaleAt: math.Float32bits(float32(math.NaN()))}
		return
	}
	m := math.Float32frombits(most)
	by := 127 / m
	var sums [2]int32
	for i := range 8 {
		var word uint32
		for j := range 4 {
			code := int32(math.Float32bits(float32(x[4*i+j]*by)+magic)) - 0x4b400000
			sums[i/4] += code
			word |= uint32(uint8(code)) << (8 * j)
		}
		dst[i] = word
	}
	dst[int8ScaleAt] = math.Float32bits(m / 127)
	dst[int8HalvesAt] = uint32(uint16(-sums[0])) | uint32(uint16(-sums[1]))<<16
	dst[int8SumAt] = math.Float32bits(float32(-sums[0] - sums[1]))
}
