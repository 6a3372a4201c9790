package approx

import (
	"math"
	"testing"
)

// The fits have the errors that are written beside them, with float32 coefficients and exact arithmetic.
func TestErrors(t *testing.T) {
	f := func(c float64) float64 { return float64(float32(c)) }
	var two, one float64
	for r := -math.Ln2 / 2; r <= math.Ln2/2; r += 1e-5 {
		p := 2 + r*(2+r*(f(TwoExp2)+r*(f(TwoExp3)+r*(f(TwoExp4)+r*(f(TwoExp5)+r*f(TwoExp6))))))
		q := 1 + r*(1+r*(f(Exp2)+r*(f(Exp3)+r*(f(Exp4)+r*(f(Exp5)+r*f(Exp6))))))
		two, one = max(two, math.Abs(p/2/math.Exp(r)-1)), max(one, math.Abs(q/math.Exp(r)-1))
	}
	if !(two < 3.2e-9 && one < 3.7e-9) {
		t.Errorf("relative errors of e^r are %.2g and %.2g", two, one)
	}
	for end, bound := range map[float64]float64{5: 9.4e-8, 7: 2.2e-7, 13.2: 2.5e-5} {
		var worst float64
		for x := 0.0; x <= end; x += 1e-3 {
			p := f(TailP0) + x*(f(TailP1)+x*(f(TailP2)+x*f(TailP3)))
			q := 1 + x*(f(TailQ1)+x*(f(TailQ2)+x*(f(TailQ3)+x*f(TailQ4))))
			worst = max(worst, math.Abs(math.Exp(-x*x/2)*p/q/(math.Erfc(x/math.Sqrt2)/2)-1))
		}
		if !(worst < bound) {
			t.Errorf("relative error of the tail to %v is %.3g", end, worst)
		}
	}
	if hi := float32(Ln2Hi); float64(hi) != Ln2Hi || float32(Ln2Hi*1024) != hi*1024 || Ln2Hi+Ln2Lo != math.Ln2 {
		t.Errorf("ln 2 is %v + %v", Ln2Hi, Ln2Lo)
	}
}
