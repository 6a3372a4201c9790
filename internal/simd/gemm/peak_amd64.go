//go:build amd64 && !purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

func peak(n int) (flops float64) {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		peakAVX512(n)
		return float64(n) * 24 * 16 * 2
	case set.Has(simd.AVX2):
		peakAVX2(n)
		return float64(n) * 12 * 8 * 2
	}
	return peakPortable(n)
}

func peakInt8(n int) (ops float64) {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512VNNI):
		peakInt8AVX512VNNI(n)
		return float64(n) * 24 * 64 * 2
	case set.Has(simd.AVXVNNI):
		peakInt8AVXVNNI(n)
		return float64(n) * 12 * 32 * 2
	}
	return 0
}

func read(buf []float32) (sum float32) {
	n := len(buf) / 64
	if !simd.Active().Has(simd.AVX2) || n == 0 {
		return readPortable(buf)
	}
	readAVX2(n, &buf[0], &sum)
	return sum + readPortable(buf[n*64:])
}
