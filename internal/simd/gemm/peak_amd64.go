//go:build amd64 && !purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

// A peak function does n rounds of 24 or, in AVX2, 12 multiply-adds of vectors.

func peakAVX512(n int)
func peakAVX2(n int)

// readAVX2 sums n groups of 64.
//
//go:noescape
func readAVX2(n int, src, sum *float32)

func peak(n int) (flops float64) {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		peakAVX512(n)
		return float64(n) * 24 * 16 * 2
	case set.Has(simd.AVX2):
		peakAVX2(n)
		return float64(n) * 12 * 8 * 2
	}
	return peakGeneric(n)
}

func read(buf []float32) (sum float32) {
	n := len(buf) / 64
	if !simd.Active().Has(simd.AVX2) || n == 0 {
		return readGeneric(buf)
	}
	readAVX2(n, &buf[0], &sum)
	return sum + readGeneric(buf[n*64:])
}
