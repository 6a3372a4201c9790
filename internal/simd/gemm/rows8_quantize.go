package gemm

import "math"

// Activations as [AsInt8Rows]. A row x of K numbers is K/4 words of four codes, and then three words:
//
//	0  s, float32
//	1  −z and −256·z, int16, the first in the lower half
//	2  minus the sum of the codes
//
// With lo the least of x and 0, and hi the most: s = hi·r − lo·r, where r is the float32 next to 1/254;
// z = −127 − round(lo/s) and q = min(127, round(x/s) + z), where x/s is x·(1/s) and round is to the nearest integer, ties
// to even. So −127 ≤ q, z ≤ 127, and x = 0 is exact. All of this is float32 arithmetic without fused steps, so the bits are
// the same on every machine. If s is less than 2⁻¹⁰⁰ then s, z and all codes are 0. If x has a NaN or an infinity s is NaN
// and all else is 0.
const (
	rowsLen = 3 // words after the codes

	rowsScaleAt = 0
	rowsZeroAt  = 1
	rowsSumAt   = 2

	inverse254 = 0x3b810204 // the bits of 1/254
)

// rowScale returns the scale and the zero point of a row, and what it is multiplied by, from hi and −lo. ok is false if
// all codes are to be 0.
func rowScale(hi, minusLo float32) (s, by float32, zero int32, ok bool) {
	r := math.Float32frombits(inverse254)
	s = float32(hi*r) + float32(minusLo*r)
	if !(s >= 0x1p-100) {
		return 0, 0, 0, false
	}
	by = 1 / s
	return s, by, nearest(float32(minusLo*by)) - 127, true
}

// endRow sets the words after a row's codes.
func endRow(tail []uint32, s float32, zero, sum int32) {
	tail[rowsScaleAt] = math.Float32bits(s)
	tail[rowsZeroAt] = uint32(uint16(-zero)) | uint32(-zero)<<24
	tail[rowsSumAt] = uint32(-sum)
}

// quantizeRowPortable packs a row.
func quantizeRowPortable(dst, x []float32) {
	k := len(x)
	words := uints(dst[:k/4+rowsLen])
	var hi, lo float32
	finite := true
	for _, v := range x {
		hi, lo, finite = max(hi, v), min(lo, v), finite && v-v == 0
	}
	s, by, zero, ok := rowScale(hi, -lo)
	if !finite || !ok {
		clear(words)
		if !finite {
			words[k/4+rowsScaleAt] = math.Float32bits(float32(math.NaN()))
		}
		return
	}
	sum := int32(0)
	for i := range words[:k/4] {
		var w uint32
		for j, v := range x[4*i:][:4] {
			q := min(127, nearest(float32(v*by))+zero)
			sum += q
			w |= uint32(uint8(q)) << (8 * j)
		}
		words[i] = w
	}
	endRow(words[k/4:], s, zero, sum)
}

// packRows8 packs rows of x as tiles have them, the missing rows of the last as copies of its last.
func packRows8(dst, x []float32, rows, ldx, k int) {
	pitch := k/4 + rowsLen
	quantizeRows(dst, x, rows, ldx, k)
	for r := rows; r < wholeTiles(rows); r++ {
		copy(dst[r*pitch:][:pitch], dst[(rows-1)*pitch:])
	}
}
