package logits

import "math"

// A softmax gives a score v the weight exp((v−max)/temperature), to which its probability is proportional. Exponents
// are counted in steps of ln2/expSteps. The whole part of a number of steps picks a table entry and a power of two.
// The rest, r from −½ to ½, is so small that a parabola serves: with h = ln2/expSteps,
//
//	exp(h·r) ≈ h/2A · ((r+A)² + B), A = 1477 ≈ 1/h, B = 2A/h − A²
//
// with a relative error of 2e-11. Adding the whole number A to r costs nothing: less is subtracted before.
type softmax struct {
	table *expTable
	max   float64 // the largest score, which has weight 1
	scale float64 // steps per unit of score: expSteps/(ln2·temperature)
}

const (
	expSteps = 1024
	// roundMagic is 1.5·2⁵². Adding it rounds a float64 to a whole number, which is then in the low bits.
	roundMagic = 3 << 51
	expStep    = math.Ln2 / expSteps
	expA       = 1477
	expB       = 2*expA/expStep - expA*expA
	// minSteps is where weights end: those below 2⁻⁹⁰⁰ count as 0.
	minSteps = -900 * expSteps
)

// expTable holds, for each i, the bits of h/2A · 2^(i/expSteps), minus i shifted to where whole steps are added to
// the exponent field.
type expTable [expSteps]uint64

// exponent is how far whole steps are shifted to count as powers of two.
const exponent = 52 - 10

// newExpTable multiplies repeated square roots, which every platform rounds alike.
func newExpTable() *expTable {
	var power [expSteps]float64
	power[0] = expStep / (2 * expA)
	root := 2.0
	for half := expSteps / 2; half > 0; half /= 2 {
		root = math.Sqrt(root) // 2^(half/expSteps)
		for i := 0; i < expSteps; i += 2 * half {
			power[i+half] = float64(power[i] * root)
		}
	}
	t := new(expTable)
	for i, p := range power {
		t[i] = math.Float64bits(p) - uint64(i)<<exponent
	}
	return t
}

func newSoftmax(table *expTable, largest float32, temperature float64) softmax {
	scale := expSteps / float64(math.Ln2*temperature)
	// Capped, so that a gap of 0 between scores times the scale stays 0.
	return softmax{table: table, max: float64(largest), scale: min(scale, 1e300)}
}

// steps is the exponent of v, at most 0.
func (s *softmax) steps(v float32) float64 { return float64((float64(v) - s.max) * s.scale) }

// exp is e to the power of that many steps, from minSteps to 0. Conversions keep the compiler from fusing products
// and sums.
func (t *expTable) exp(steps float64) float64 {
	whole := steps + roundMagic
	bits := math.Float64bits(whole)
	y := steps - (whole - (roundMagic + expA)) // r + A
	y = float64(y*y) + expB
	return float64(y * math.Float64frombits(t[bits%expSteps]+bits<<exponent))
}

// weight is the weight of a score, 0 below reach.
func (s *softmax) weight(v float32) float64 {
	if n := s.steps(v); n >= minSteps {
		return s.table.exp(n)
	}
	return 0
}

// reach is the smallest score with a weight above 0.
func (s *softmax) reach() float32 {
	return max(-math.MaxFloat32, ceil32(s.max+minSteps/s.scale))
}

// sum adds the weights of the scores from low to high. None may be below reach.
func (s *softmax) sum(scores []float32, low, high float32) float64 {
	table, top, scale := s.table, s.max, s.scale
	sum := 0.0
	for _, v := range scores {
		if v >= low && v <= high {
			sum += table.exp(float64((float64(v) - top) * scale))
		}
	}
	return sum
}

// log finds the number of steps whose exponential reaches w, from 0 to 1. It bisects, because the last bit of
// math.Log may differ between platforms.
func (t *expTable) log(w float64) float64 {
	low, high := float64(minSteps), 0.0
	for range 80 {
		if mid := (low + high) / 2; t.exp(mid) >= w {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// ceil32 is the smallest float32 that is not below x.
func ceil32(x float64) float32 {
	f := float32(x)
	if float64(f) < x {
		f = math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}
