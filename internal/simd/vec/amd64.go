//go:build amd64 && !purego

package vec

import "github.com/seed2010d43f/transformer/internal/simd"

//go:generate go run ./gen

func normalize(dst, x, weight, bias []float32, m, r float32) {
	n, set := len(dst), simd.Active()
	switch {
	case set.Has(simd.AVX512) && weight != nil && bias != nil:
		normalizeBothAVX512(&dst[0], &x[0], &weight[0], &bias[0], n, &m, &r)
	case set.Has(simd.AVX512) && weight != nil:
		normalizeWeightAVX512(&dst[0], &x[0], &weight[0], n, &m, &r)
	case set.Has(simd.AVX512) && bias != nil:
		normalizeBiasAVX512(&dst[0], &x[0], &bias[0], n, &m, &r)
	case set.Has(simd.AVX512):
		normalizeAVX512(&dst[0], &x[0], n, &m, &r)
	case set.Has(simd.AVX2) && weight != nil && bias != nil:
		normalizeBothAVX2(&dst[0], &x[0], &weight[0], &bias[0], n, &m, &r)
	case set.Has(simd.AVX2) && weight != nil:
		normalizeWeightAVX2(&dst[0], &x[0], &weight[0], n, &m, &r)
	case set.Has(simd.AVX2) && bias != nil:
		normalizeBiasAVX2(&dst[0], &x[0], &bias[0], n, &m, &r)
	case set.Has(simd.AVX2):
		normalizeAVX2(&dst[0], &x[0], n, &m, &r)
	default:
		normalizeGeneric(dst, x, weight, bias, m, r)
	}
}

func rotateHalf(x, cos, sin []float32) {
	n := len(cos)
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		rotateHalfAVX512(&x[0], &x[n], &cos[0], &sin[0], n)
	case set.Has(simd.AVX2):
		rotateHalfAVX2(&x[0], &x[n], &cos[0], &sin[0], n)
	default:
		rotateHalfGeneric(x, cos, sin)
	}
}

func rotatePairs(x, cos, sin []float32) {
	n := 0
	if simd.Active().Has(simd.AVX2) {
		n = len(cos) &^ 3
	}
	if n > 0 {
		rotatePairsAVX2(&x[0], &cos[0], &sin[0], n)
	}
	rotatePairsGeneric(x[2*n:], cos[n:], sin[n:])
}

// The AVX2 conversions do whole vectors only; what is left has the same bits from the generic tier.

const lanesAVX2 = 8

func widenBF16(dst []float32, src []uint16) {
	n := len(dst) &^ (lanesAVX2 - 1)
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		widenBF16AVX512(&dst[0], &src[0], len(dst))
		return
	case !set.Has(simd.AVX2):
		n = 0
	case n > 0:
		widenBF16AVX2(&dst[0], &src[0], n)
	}
	widenBF16Generic(dst[n:], src[n:])
}

func widenF16(dst []float32, src []uint16) {
	n := len(dst) &^ (lanesAVX2 - 1)
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		widenF16AVX512(&dst[0], &src[0], len(dst))
		return
	case !set.Has(simd.AVX2):
		n = 0
	case n > 0:
		widenF16AVX2(&dst[0], &src[0], n)
	}
	widenF16Generic(dst[n:], src[n:])
}

func narrowBF16(dst []uint16, src []float32) {
	n := len(dst) &^ (lanesAVX2 - 1)
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		narrowBF16AVX512(&dst[0], &src[0], len(dst))
		return
	case !set.Has(simd.AVX2):
		n = 0
	case n > 0:
		narrowBF16AVX2(&dst[0], &src[0], n)
	}
	narrowBF16Generic(dst[n:], src[n:])
}

func narrowF16(dst []uint16, src []float32) {
	n := len(dst) &^ (lanesAVX2 - 1)
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		narrowF16AVX512(&dst[0], &src[0], len(dst))
		return
	case !set.Has(simd.AVX2):
		n = 0
	case n > 0:
		narrowF16AVX2(&dst[0], &src[0], n)
	}
	narrowF16Generic(dst[n:], src[n:])
}
