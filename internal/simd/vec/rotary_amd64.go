//go:build amd64 && !purego

package vec

import "github.com/seed2010d43f/transformer/internal/simd"

func rotatePairs(x, cos, sin []float32) {
	n := 0
	if simd.Active().Has(simd.AVX2) {
		n = len(cos) &^ 3
	}
	if n > 0 {
		rotatePairsAVX2(&x[0], &cos[0], &sin[0], n)
	}
	rotatePairsPortable(x[2*n:], cos[n:], sin[n:])
}
