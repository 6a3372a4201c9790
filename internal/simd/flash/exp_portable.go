package flash

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/approx"
)

// exp and tanh by the method of the vector kernels, with their polynomial: exp(x) = 2^(n−1)·P(r), P ≈ 2·exp.
const (
	log2e  = math.Log2E
	magic  = 3<<22 + 126 // n + 126 appears in the low bits of x·log2e + magic
	expMin = -87.5       // n = −126: the power of two is 0
	expMax = 89          // beyond the largest finite result
)

// expPortable returns exp(x) to about 1 ulp: exactly 1 for 0, 0 below −86.99, +Inf above 88.7228.
func expPortable(x float32) float32 {
	if x < expMin {
		return 0
	}
	if x > expMax {
		x = expMax
	}
	p, half := expm1Parts(x)
	return (p + 2) * half
}

// expm1Parts returns P(r) − 2 and 2^(n−1).
func expm1Parts(x float32) (p, half float32) {
	t := float32(x*log2e) + magic
	n := t - magic
	r := x - float32(n*approx.Ln2Hi)
	r -= float32(n * approx.Ln2Lo)
	p = float32(r*approx.TwoExp6) + approx.TwoExp5
	p = float32(r*p) + approx.TwoExp4
	p = float32(r*p) + approx.TwoExp3
	p = float32(r*p) + approx.TwoExp2
	p = float32(r*p) + 2
	return float32(r * p), math.Float32frombits(math.Float32bits(t) << 23)
}

// tanhPortable returns tanh(x) to 4 ulp as expm1(2|x|)/(expm1(2|x|)+2) with the sign of x.
func tanhPortable(x float32) float32 {
	sign := math.Float32bits(x) & (1 << 31)
	u := math.Float32frombits(math.Float32bits(x)^sign) * 2
	if u > 20 {
		u = 20
	}
	p, half := expm1Parts(u)
	e := float32(p*half) + (half + half - 1)
	return math.Float32frombits(math.Float32bits(e/(e+2)) | sign)
}
