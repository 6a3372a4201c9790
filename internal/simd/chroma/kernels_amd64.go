//go:build !purego

package chroma

import "github.com/seed2010d43f/transformer/internal/simd"

// step is the number of values that a kernel takes at once.
const step = 16

func rgb(dst, luma, cb, cr []byte) {
	n := len(luma)
	if n < step || !simd.Active().Has(simd.AVX2) {
		rgbPortable(dst, luma, cb, cr)
		return
	}
	rgbAVX2(&dst[0], &luma[0], &cb[0], &cr[0], n/step)
	if at := n - step; n%step != 0 { // once more for the last ones, some of them a second time
		rgbAVX2(&dst[3*at], &luma[at], &cb[at], &cr[at], 1)
	}
}

func double(dst, near, far []byte) {
	n := len(near) - 2
	if n < step || !simd.Active().Has(simd.AVX2) {
		doublePortable(dst, near, far)
		return
	}
	doubleAVX2(&dst[0], &near[0], &far[0], n/step)
	if at := n - step; n%step != 0 {
		doubleAVX2(&dst[2*at], &near[at], &far[at], 1)
	}
}
