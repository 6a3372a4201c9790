// Package approx holds the coefficients of the approximations that portable Go and the generators of
// assembly share, so that each is written once.
//
// They are minimax fits: Lawson's iteration (least squares at Chebyshev points, reweighted, 40 digits), then
// rounding to float32 of one coefficient after the other, with a new fit of those that are left. The errors are
// those of the rounded coefficients.
package approx

import "math"

// The natural logarithm of 2 in two parts, for arithmetic without fused multiply-add: the first has 9 bits, so
// its product with the exponent of a float32 is exact.
const (
	Ln2Hi = 355.0 / 512
	Ln2Lo = math.Ln2 - Ln2Hi
)

// 2·e^r ≈ 2 + 2r + TwoExp2·r² + … for |r| ≤ ½·ln 2, relative error 3.2e-9. The coefficients of r⁰ and r¹ are
// held at 2, so that e⁰ is exactly 1 and small results of e^r − 1 keep their relative accuracy. The factor 2
// goes with a halved power of two, which reaches both ends of the range of exponents.
const (
	TwoExp2 = 0.9999998807907104
	TwoExp3 = 0.3333304524421692
	TwoExp4 = 0.08333658427000046
	TwoExp5 = 0.016737064346671104
	TwoExp6 = 0.0027636606246232986
)

// e^r ≈ 1 + r + Exp2·r² + … for |r| ≤ ½·ln 2, relative error 3.7e-9.
const (
	Exp2 = 0.4999999403953552
	Exp3 = 0.1666652113199234
	Exp4 = 0.04166838899254799
	Exp5 = 0.00836874544620514
	Exp6 = 0.0013814537087455392
)

// The tail of the normal distribution is Φ(−t) ≈ e^(−t²/2)·(TailP0 + TailP1·t + …)/(1 + TailQ1·t + …). The
// quotient was fitted with linearised weights; its relative error is 9.4e-8 to t = 5, 2.2e-7 to 7, 2.5e-5 to 13.2.
const (
	TailP0 = 0.499999961694
	TailP1 = 0.337711417938
	TailP2 = 0.10611295282
	TailP3 = 0.013986287369

	TailQ1 = 1.47330296318
	TailQ2 = 0.887792839602
	TailQ3 = 0.265487245586
	TailQ4 = 0.0350762001488
)
