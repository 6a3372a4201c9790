package vec

// Sums of the generic tier are kept in float64 and rounded at the end.

func maximumGeneric(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// indexGeneric returns the first i with x[i] = v, −1 if there is none.
func indexGeneric(x []float32, v float32) int {
	for i, w := range x {
		if w == v {
			return i
		}
	}
	return -1
}

// expSumGeneric sets dst[i] = e^(x[i]−m) and returns their sum.
func expSumGeneric(dst, x []float32, m float32) float32 {
	var s float64
	for i, v := range x {
		e := exp32(v - m)
		dst[i] = e
		s += float64(e)
	}
	return float32(s)
}

func sumExpGeneric(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(exp32(v - m))
	}
	return float32(s)
}

func sumGeneric(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

// sumSquaresGeneric returns Σ(x[i]−m)².
func sumSquaresGeneric(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v - m)
		s += float64(d * d)
	}
	return float32(s)
}

// addSumSquaresGeneric adds y to x and returns the sum's sum of squares.
func addSumSquaresGeneric(x, y []float32) float32 {
	var s float64
	for i, v := range y {
		x[i] += v
		d := float64(x[i])
		s += float64(d * d)
	}
	return float32(s)
}

// normalizeGeneric sets dst[i] = (x[i]−m)·r·weight[i] + bias[i]; weight and bias may be nil.
func normalizeGeneric(dst, x, weight, bias []float32, m, r float32) {
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
