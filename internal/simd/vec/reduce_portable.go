package vec

// Sums in portable Go are kept in float64 and rounded at the end.

func maximumPortable(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// indexPortable returns the first i with x[i] = v, −1 if there is none.
func indexPortable(x []float32, v float32) int {
	for i, w := range x {
		if w == v {
			return i
		}
	}
	return -1
}

// expSumPortable sets dst[i] = e^(x[i]−m) and returns their sum.
func expSumPortable(dst, x []float32, m float32) float32 {
	var s float64
	for i, v := range x {
		e := exp32(v - m)
		dst[i] = e
		s += float64(e)
	}
	return float32(s)
}

func sumExpPortable(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(exp32(v - m))
	}
	return float32(s)
}

func sumPortable(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

// sumSquaresPortable returns Σ(x[i]−m)².
func sumSquaresPortable(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v - m)
		s += float64(d * d)
	}
	return float32(s)
}

// addSumSquaresPortable adds y to x and returns the sum's sum of squares.
func addSumSquaresPortable(x, y []float32) float32 {
	var s float64
	for i, v := range y {
		x[i] += v
		d := float64(x[i])
		s += float64(d * d)
	}
	return float32(s)
}

// normalizePortable sets dst[i] = (x[i]−m)·r·weight[i] + bias[i]; weight and bias may be nil.
func normalizePortable(dst, x, weight, bias []float32, m, r float32) {
	for i, v := range x {
		y := float32((v - m) * r)
		if weight != nil {
			y = float32(y * weight[i])
		}
		if bias != nil {
			y += bias[i]
		}
		dst[i] = y
	}
}
