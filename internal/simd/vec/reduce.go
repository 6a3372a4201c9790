package vec

import "math"

var negInf = float32(math.Inf(-1))

// Max returns the largest element, NaN if any is NaN, −Inf for an empty row. Whether a maximum of zero
// is +0 or −0 is not defined.
func Max(x []float32) float32 {
	if len(x) == 0 {
		return negInf
	}
	return maximum(x)
}

// Finite reports whether no element is NaN or infinite.
func Finite(x []float32) bool {
	if len(x) == 0 {
		return true
	}
	if s := sum(x); s-s == 0 {
		return true
	}
	for _, v := range x { // the sum may have overflowed
		if v-v != 0 {
			return false
		}
	}
	return true
}

// ArgMax returns the index of the largest element, the first of equals, or that of the first NaN if
// there is one; −1 for an empty row.
func ArgMax(x []float32) int {
	if len(x) == 0 {
		return -1
	}
	m := maximum(x)
	if m != m {
		return indexNaN(x)
	}
	return index(x, m)
}

func indexNaN(x []float32) int {
	for i, v := range x {
		if v != v {
			return i
		}
	}
	return -1
}

// Softmax sets dst[i] = e^x[i] / Σe^x[j], with the maximum subtracted first. A row of −Inf alone gives
// zeros; one with NaN or +Inf gives NaN throughout.
func Softmax(dst, x []float32) {
	sameLen("Softmax", "x", len(dst), len(x))
	if len(dst) == 0 {
		return
	}
	m := maximum(x)
	if m == negInf {
		clear(dst)
		return
	}
	scale(dst, dst, 1/expSum(dst, x, m))
}

// LogSumExp returns log Σe^x[i], with the maximum subtracted first; −Inf for an empty row or one of
// −Inf alone, NaN if any is NaN, +Inf if any is +Inf and none NaN.
func LogSumExp(x []float32) float32 {
	m := Max(x)
	if m-m != 0 { // infinite or NaN
		return m
	}
	return m + float32(math.Log(float64(sumExp(x, m))))
}

// RMSNorm sets dst[i] = x[i]·r·weight[i] with r = 1/√(mean x² + eps) (Zhang and Sennrich 2019,
// arXiv:1910.07467). A nil weight is all ones. The row must fit float32 when squared.
func RMSNorm(dst, x, weight []float32, eps float32) {
	sameLen("RMSNorm", "x", len(dst), len(x))
	if weight != nil {
		sameLen("RMSNorm", "weight", len(dst), len(weight))
	}
	if len(dst) > 0 {
		scaleShifted(dst, x, weight, nil, 0, inverseRoot(sumSquares(x, 0), len(x), eps))
	}
}

// AddRMSNorm adds y to x and sets dst to RMSNorm of the sum, with the bits that Add(x, x, y) and
// RMSNorm(dst, x, weight, eps) give. dst may be y, and may be x where the sum is not wanted.
func AddRMSNorm(dst, x, y, weight []float32, eps float32) {
	sameLen("AddRMSNorm", "x", len(dst), len(x))
	sameLen("AddRMSNorm", "y", len(dst), len(y))
	if weight != nil {
		sameLen("AddRMSNorm", "weight", len(dst), len(weight))
	}
	if len(dst) > 0 {
		r := inverseRoot(addSumSquares(x, y), len(x), eps)
		scaleShifted(dst, x, weight, nil, 0, r)
	}
}

// LayerNorm sets dst[i] = (x[i]−m)·r·weight[i] + bias[i] with m the mean, r = 1/√(variance + eps) and
// the variance that of the population, in two passes (Ba et al. 2016, arXiv:1607.06450). A nil weight
// is all ones, a nil bias all zeros.
func LayerNorm(dst, x, weight, bias []float32, eps float32) {
	sameLen("LayerNorm", "x", len(dst), len(x))
	if weight != nil {
		sameLen("LayerNorm", "weight", len(dst), len(weight))
	}
	if bias != nil {
		sameLen("LayerNorm", "bias", len(dst), len(bias))
	}
	if len(dst) > 0 {
		m := sum(x) / float32(len(x))
		scaleShifted(dst, x, weight, bias, m, inverseRoot(sumSquares(x, m), len(x), eps))
	}
}

// scaleShifted sets dst[i] = (x[i]−m)·r·weight[i] + bias[i]; weight and bias may be nil.
func scaleShifted(dst, x, weight, bias []float32, m, r float32) {
	switch {
	case weight != nil && bias != nil:
		normalizeBoth(dst, x, weight, bias, m, r)
	case weight != nil:
		normalizeWeight(dst, x, weight, m, r)
	case bias != nil:
		normalizeBias(dst, x, bias, m, r)
	default:
		normalize(dst, x, m, r)
	}
}

// inverseRoot returns 1/√(squares/n + eps), rounded once.
func inverseRoot(squares float32, n int, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(squares)/float64(n)+float64(eps)))
}
