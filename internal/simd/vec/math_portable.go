package vec

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/approx"
)

// Every product that is then added to goes through float32(…), so that no compiler fuses the two and
// the bits are the same on all platforms.

const (
	log2e = math.Log2E
	// roundBias rounds a float32 below 2²² to an integer, left in the lowest bits, when added.
	roundBias     = 3 << 22
	roundBiasBits = 0x4B400000
)

// reduceExp returns r and k with x = k·ln 2 + r and e^r − 1 = r + r²·q. |x| must not exceed 110.
func reduceExp(x float32) (r, r2q float32, k int32) {
	t := float32(x*log2e) + roundBias
	n := t - roundBias
	r = x - float32(n*approx.Ln2Hi)
	r -= float32(n * approx.Ln2Lo)
	q := float32(approx.Exp6*r) + approx.Exp5
	q = float32(q*r) + approx.Exp4
	q = float32(q*r) + approx.Exp3
	q = float32(q*r) + approx.Exp2
	return r, float32(float32(r*r) * q), int32(math.Float32bits(t)) - roundBiasBits
}

// pow2 returns 2^k, −126 ≤ k ≤ 127.
func pow2(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }

func exp32(x float32) float32 {
	if x > 89 {
		x = 89 // +Inf
	}
	if x < -104 {
		x = -104 // 0
	}
	r, r2q, k := reduceExp(x)
	half := k >> 1
	return float32(float32((1+(r+r2q))*pow2(half)) * pow2(k-half))
}

func sigmoid32(x float32) float32 { return 1 / (1 + exp32(-x)) }

// tanhOne is where tanh rounds to 1.
const tanhOne = 9.2

// tanh32 is e/(e+2) with e = e^2|x| − 1, which keeps its relative accuracy at 0.
func tanh32(x float32) float32 {
	a := float32(math.Float32frombits(math.Float32bits(x) &^ (1 << 31)))
	if a > tanhOne {
		a = tanhOne
	}
	r, r2q, k := reduceExp(2 * a)
	s := pow2(k)
	e := float32((r+r2q)*s) + (s - 1)
	y := e / (e + 2)
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}

// gateFloor replaces x below it in the numerator of x/(1+e^−z), where the quotient is −0 anyway, so
// that −Inf does not meet Inf.
const gateFloor = -104

// gated returns x·sigmoid(z), for z with the sign of x and at least as large.
func gated(x, z float32) float32 {
	n := x
	if n < gateFloor {
		n = gateFloor
	}
	return n / (1 + exp32(-z))
}

const (
	quickScale = 1.702
	// 2√(2/π)(x + 0.044715x³) = x(tanh0 + tanh1·x²)
	geluTanh0 = 1.5957691216057308
	geluTanh1 = 0.07135481627260025
)

func silu32(x float32) float32      { return gated(x, x) }
func quickGELU32(x float32) float32 { return gated(x, float32(x*quickScale)) }

func geluTanh32(x float32) float32 {
	return gated(x, float32(x*(float32(float32(x*x)*geluTanh1)+geluTanh0)))
}

// tailEnd is where float32 has no room for the tail of the normal distribution.
const tailEnd = 14.5

// gelu32 is max(x, 0) − t·Φ(−t), t = |x|.
func gelu32(x float32) float32 {
	t := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	if t > tailEnd {
		t = tailEnd
	}
	// t² in two parts: the rounding error of one would be a relative error of the tail.
	square := float64(t) * float64(t)
	hi := float32(square)
	lo := float32(square - float64(hi))
	e := exp32(-0.5 * hi)
	e -= float32(e * float32(0.5*lo))

	p := float32(approx.TailP3*t) + approx.TailP2
	p = float32(p*t) + approx.TailP1
	p = float32(p*t) + approx.TailP0
	q := float32(approx.TailQ4*t) + approx.TailQ3
	q = float32(q*t) + approx.TailQ2
	q = float32(q*t) + approx.TailQ1
	q = float32(q*t) + 1
	tail := float32(float32(t*p)*e) / q
	if x < 0 {
		return -tail
	}
	return x - tail
}
