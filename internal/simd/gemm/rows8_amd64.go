//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// rowsSet returns the fastest tiles that set allows.
func (f *Format) rowsSet(set simd.Set) rowsSet {
	switch {
	case set.Has(simd.AVX512VNNI):
		return rowsAVX512VNNI
	case set.Has(simd.AVXVNNI):
		return rowsAVXVNNI
	case !set.Has(simd.AVX2):
		return rowsPortable
	case f.layout.codes.most < 64:
		return rowsSevenAVX2
	}
	return rowsWideAVX2
}

func (t *rowsTile) multiply(c, a []float32) {
	switch t.set {
	case rowsPortable:
		t.multiplyPortable(c, a)
	case rowsAVX512VNNI:
		t.multiply512(c, a)
	default:
		t.multiply256(c, a)
	}
}

// widenRow makes the codes of a packed row 16 bits.
func widenRow(dst, src []float32, k int) {
	if n := k / 16; n > 0 {
		widenRowAVX2(n, &dst[0], &src[0])
	}
	codes, from := unsafe.Slice((*int16)(unsafe.Pointer(&dst[0])), k), unsafe.Slice((*int8)(unsafe.Pointer(&src[0])), k)
	for i := k &^ 15; i < k; i++ {
		codes[i] = int16(from[i])
	}
	copy(dst[k/2:], src[k/4:][:rowsLen])
}

// widenPanel makes the codes of a panel 16 bits.
func widenPanel(dst []float32, panel []byte, width, k int) {
	widenPanelAVX2(k/4, width, &dst[0], unsafe.Pointer(&panel[0]))
	copy(dst[k/2*width:], words[float32](panel[k*width:]))
}

// quantizeRows packs rows of x.
func quantizeRows(dst, x []float32, rows, ldx, k int) {
	set, pitch := simd.Active(), k/4+rowsLen
	for r := 0; r < rows; {
		if set.Has(simd.AVX512VNNI) && k > 0 {
			done := 0
			quantizeRowsAVX512(rows-r, k/64, k%64, &x[r*ldx], 4*ldx, &dst[r*pitch], 4*pitch, &done)
			if r += done; r == rows {
				return
			}
			quantizeRowPortable(dst[r*pitch:], x[r*ldx:][:k])
		} else if set.Has(simd.AVX2) && k > 0 {
			quantizeRowAVX2(dst[r*pitch:][:pitch], x[r*ldx:][:k])
		} else {
			quantizeRowPortable(dst[r*pitch:], x[r*ldx:][:k])
		}
		r++
	}
}

// quantizeRowAVX2 packs a row.
func quantizeRowAVX2(dst, x []float32) {
	const block = 32
	k := len(x)
	whole, left := k/block, k%block
	var (
		last  [block]float32 // what is left, and zeros
		codes [block / 4]float32
		e     [3]float32
	)
	if whole > 0 {
		extremesAVX2(whole, &x[0], &e[0])
	}
	if left > 0 {
		var f [3]float32
		copy(last[:], x[whole*block:])
		extremesAVX2(1, &last[0], &f[0])
		e = [3]float32{max(e[0], f[0]), max(e[1], f[1]), e[2] + f[2]}
	}
	s, by, zero, ok := rowScale(e[0], e[1])
	if e[2] != e[2] || !ok {
		quantizeRowPortable(dst, x)
		return
	}
	var sum, part int32
	if whole > 0 {
		codesAVX2(whole, &x[0], &dst[0], &by, int(zero), &sum)
	}
	if left > 0 {
		codesAVX2(1, &last[0], &codes[0], &by, int(zero), &part)
		copy(dst[whole*block/4:], codes[:left/4])
		sum += part - int32(block-left)*zero
	}
	endRow(uints(dst[k/4:][:rowsLen]), s, zero, sum)
}
