//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// A transpose function transposes its number of rows of k elements, at src and stride bytes apart, into
// columns at dst, pitch bytes apart. With last below its number of rows minus one, the rows
// after that are taken to be its copies.

//go:noescape
func transpose8x32(dst *float32, pitch int, src unsafe.Pointer, stride, last, k int)

//go:noescape
func transpose4x32(dst *float32, pitch int, src unsafe.Pointer, stride, last, k int)

// transpose16x16 leaves out k%8 elements.
//
//go:noescape
func transpose16x16(dst *uint16, pitch int, src unsafe.Pointer, stride, k int)

// packK is how many elements of each row are packed at a time, so that what is written of a panel stays in
// the nearest caches until its lines are whole.
const packK = 256

func packBytes32(dst []float32, width, rows, k int, src []byte) {
	if !pack32(dst, width, rows, k, unsafe.Pointer(unsafe.SliceData(src))) {
		packBytes32Generic(dst, width, rows, k, k, src)
	}
}

func packFloats(dst []float32, width, rows, k int, src []float32) {
	if !pack32(dst, width, rows, k, unsafe.Pointer(unsafe.SliceData(src))) {
		packGeneric(dst, width, rows, k, k, src)
	}
}

// pack32 packs rows of k elements, 8 rows at a time, and reports whether it could.
func pack32(dst []float32, width, rows, k int, src unsafe.Pointer) bool {
	const group = 8
	if !simd.Active().Has(simd.AVX2) || rows < group {
		return false
	}
	for k0 := 0; k0 < k; k0 += packK {
		n := min(packK, k-k0)
		for r := 0; r < rows; r += group {
			r := min(r, rows-group)
			transpose8x32(&dst[k0*width+r], width*4, unsafe.Add(src, (r*k+k0)*4), k*4, group-1, n)
		}
	}
	return true
}

func packBytes16(dst []uint16, width, rows, k int, src []byte) {
	done := pack16(dst, width, rows, k, unsafe.Pointer(unsafe.SliceData(src)))
	if done < k {
		packBytes16Generic(dst[done*width:], width, rows, k-done, k, src[done*2:])
	}
}

func packHalves(dst []uint16, width, rows, k int, src []uint16) {
	done := pack16(dst, width, rows, k, unsafe.Pointer(unsafe.SliceData(src)))
	if done < k {
		packGeneric(dst[done*width:], width, rows, k-done, k, src[done:])
	}
}

// pack16 packs the first elements of rows of k, 16 rows at a time, and returns how many.
func pack16(dst []uint16, width, rows, k int, src unsafe.Pointer) (done int) {
	const group = 16
	if !simd.Active().Has(simd.AVX2) || rows < group {
		return 0
	}
	done = k &^ 7
	for k0 := 0; k0 < done; k0 += packK {
		n := min(packK, done-k0)
		for r := 0; r < rows; r += group {
			r := min(r, rows-group)
			transpose16x16(&dst[k0*width+r], width*2, unsafe.Add(src, (r*k+k0)*2), k*2, n)
		}
	}
	return done
}

func packTile(dst []float32, n int, x []float32, have, ldx, k int) {
	switch {
	case !simd.Active().Has(simd.AVX2) || k == 0:
		packTileGeneric(dst, n, x, have, ldx, k)
	case n == 1:
		copy(dst, x[:k])
	case n == 4:
		transpose4x32(&dst[0], 4*4, unsafe.Pointer(&x[0]), ldx*4, have-1, k)
	default:
		transpose8x32(&dst[0], 8*4, unsafe.Pointer(&x[0]), ldx*4, have-1, k)
	}
}
