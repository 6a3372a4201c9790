package plot

import (
	"math"
	"strconv"
)

// A Unit says what an axis counts, and so how its ticks read.
type Unit int

const (
	Count   Unit = iota // plain numbers: 4096
	Seconds             // 250 µs, 1 ms, 10 s
	Bytes               // 64 KiB, 1 GiB
)

// A logAxis maps values to a stretch of pixels. Its ends are rounded outwards
// to whole ticks.
type logAxis struct {
	unit      Unit
	base      float64 // ticks are at powers of 2 or of 10
	low, high float64 // values at the ends
	ticks     []float64
	minor     []float64 // between ticks, without labels
}

// newLogAxis spans the values, which are positive and finite. Ticks are at
// powers of two for bytes, and for counts that are all powers of two.
func newLogAxis(unit Unit, values []float64, maxTicks int) logAxis {
	a := logAxis{unit: unit, base: 10, low: math.Inf(1)}
	powers := true
	for _, v := range values {
		a.low, a.high = min(a.low, v), max(a.high, v)
		fraction, _ := math.Frexp(v)
		powers = powers && fraction == 0.5
	}
	if unit == Bytes || unit == Count && powers {
		a.base = 2
	}
	log := func(v float64) float64 { return math.Log2(v) / math.Log2(a.base) }
	// A hair of slack, so that 1000 is not above 10³.
	from, to := math.Floor(log(a.low)+1e-9), math.Ceil(log(a.high)-1e-9)
	if from >= to {
		from, to = from-1, from+1
	}
	every := math.Ceil((to - from + 1) / float64(maxTicks))
	from, to = math.Floor(from/every)*every, math.Ceil(to/every)*every
	a.low, a.high = a.power(from), a.power(to)
	for e := from; e <= to; e += every {
		a.ticks = append(a.ticks, a.power(e))
		for m := 2.0; m < a.base && e < to && every == 1; m++ {
			a.minor = append(a.minor, m*a.power(e))
		}
	}
	return a
}

// power stays within what a float64 holds.
func (a *logAxis) power(e float64) float64 {
	return min(max(math.Pow(a.base, e), math.SmallestNonzeroFloat64), math.MaxFloat64)
}

// at is where v lies, 0 at the low end and 1 at the high end.
func (a *logAxis) at(v float64) float64 {
	return (math.Log2(v) - math.Log2(a.low)) / (math.Log2(a.high) - math.Log2(a.low))
}

func (a *logAxis) labels() []string {
	labels := make([]string, len(a.ticks))
	for i, v := range a.ticks {
		labels[i] = a.unit.label(v)
	}
	return labels
}

// label writes a value with its unit.
func (u Unit) label(v float64) string {
	switch u {
	case Seconds:
		return scaled(v, []prefix{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}})
	case Bytes:
		return scaled(v, []prefix{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}})
	}
	return number(v)
}

type prefix struct {
	size float64
	name string
}

// scaled uses the largest prefix that leaves at least 1.
func scaled(v float64, prefixes []prefix) string {
	p := prefixes[len(prefixes)-1]
	for _, q := range prefixes {
		if v >= q.size*(1-1e-9) {
			p = q
			break
		}
	}
	return number(v/p.size) + " " + p.name
}

// number is short: five digits in full, then with an exponent.
func number(v float64) string {
	if v >= 1e7 || v < 1e-4 {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
