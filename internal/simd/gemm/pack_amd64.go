//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// packK is how many elements of each row are packed at a time, so that what is written of a panel stays in
// the nearest caches until its lines are whole.
const packK = 256

// pack32 packs rows of 32-bit blocks, 8 rows at a time.
func pack32(panel []byte, width, col, rows, k int, src []byte, stride int) {
	const group = 8
	dst := words[float32](panel)[col:]
	if !simd.Active().Has(simd.AVX2) || rows < group {
		pack32Portable(dst, width, rows, k, stride, src)
		return
	}
	from := unsafe.Pointer(unsafe.SliceData(src))
	for k0 := 0; k0 < k; k0 += packK {
		n := min(packK, k-k0)
		for r := 0; r < rows; r += group {
			r := min(r, rows-group)
			transpose8x32(&dst[k0*width+r], width*4, unsafe.Add(from, r*stride+k0*4), stride, group-1, n)
		}
	}
}

// pack16 packs rows of 16-bit elements, 16 rows at a time.
func pack16(panel []byte, width, col, rows, k int, src []byte, stride int) {
	const group = 16
	dst := words[uint16](panel)[col:]
	if !simd.Active().Has(simd.AVX2) || rows < group {
		pack16Portable(dst, width, rows, k, stride, src)
		return
	}
	from, done := unsafe.Pointer(unsafe.SliceData(src)), k&^7
	for k0 := 0; k0 < done; k0 += packK {
		n := min(packK, done-k0)
		for r := 0; r < rows; r += group {
			r := min(r, rows-group)
			transpose16x16(&dst[k0*width+r], width*2, unsafe.Add(from, r*stride+k0*2), stride, n)
		}
	}
	if done < k {
		pack16Portable(dst[done*width:], width, rows, k-done, stride, src[done*2:])
	}
}

func packTile(dst []float32, n int, x []float32, have, ldx, k int) {
	switch {
	case !simd.Active().Has(simd.AVX2) || k == 0:
		packTilePortable(dst, n, x, have, ldx, k)
	case n == 1:
		copy(dst, x[:k])
	case n == 4:
		transpose4x32(&dst[0], 4*4, unsafe.Pointer(&x[0]), ldx*4, have-1, k)
	default:
		transpose8x32(&dst[0], 8*4, unsafe.Pointer(&x[0]), ldx*4, have-1, k)
	}
}

// quantizeInt8 packs a row of whole blocks x, pitch elements apart.
func quantizeInt8(dst []float32, pitch int, x []float32) {
	set := simd.Active()
	if !set.Has(simd.AVX2) {
		quantizePortable(dst, pitch, x)
		return
	}
	for len(x) > 0 {
		done := 0
		if set.Has(simd.AVX512) {
			quantizeAVX512(len(x)/int8Inputs, &x[0], &dst[0], 4*pitch, &done)
		} else {
			quantizeAVX2(len(x)/int8Inputs, &x[0], &dst[0], 4*pitch, &done)
		}
		if x = x[done*int8Inputs:]; len(x) == 0 {
			return
		}
		dst = dst[done*pitch:]
		quantizePortable(dst, pitch, x[:int8Inputs])
		x, dst = x[int8Inputs:], dst[min(pitch, len(dst)):]
	}
}
