//go:build !purego

package flash

import "math"

// The kernels of one lane, with what they leave to Go: ends of rows, and empty lanes.

func scoresOne(s []float32, n, d int, k []float32, ldk int, q, mx []float32) {
	if whole := n &^ 7; whole > 0 && d%4 == 0 {
		scoresOneY(&s[0], &q[0], &k[0], whole, d, ldk)
		if whole < n { // once more for some keys
			scoresOneY(&s[n-8], &q[0], &k[(n-8)*ldk], 8, d, ldk)
		}
	} else {
		scoresOneX(&s[0], &q[0], &k[0], n, d, ldk)
	}
	if mx != nil {
		maximumOne(s, n, mx)
	}
}

func maximumOne(s []float32, n int, mx []float32) {
	if n < 8 {
		maxPortable(s, 1, n, mx)
		return
	}
	maxOneY(&s[0], &mx[0], n)
}

func maskMaxOne(s []float32, n int, key0, lo, hi int32, mx []float32) {
	none := float32(math.Inf(-1))
	first := min(max(int(lo)-int(key0), 0), n)
	last := min(max(int(hi)-int(key0), first-1), n-1)
	for j := range s[:first] {
		s[j] = none
	}
	rest := s[last+1 : n]
	for j := range rest {
		rest[j] = none
	}
	maximumOne(s, n, mx)
}

func expSumOne(s []float32, n int, m, l []float32) {
	whole := n &^ 7
	if whole > 0 {
		expSumOneY(&s[0], &m[0], &l[0], whole/8)
	}
	if rest := s[whole:n]; len(rest) > 0 {
		none := float32(math.Inf(-1)) // whose exp is 0
		last := [8]float32{none, none, none, none, none, none, none, none}
		copy(last[:], rest)
		expSumOneY(&last[0], &m[0], &l[0], 1)
		copy(rest, last[:])
	}
}

func rescaleOne(o []float32, d int, m, mnew, l []float32) {
	if m[0] != mnew[0] {
		rescaleOneY(&o[0], &m[0], &mnew[0], &l[0], d)
	}
}

func finishOne(dst []float32, offset int, o, l []float32, d int) {
	if l[0] == 0 {
		clear(dst[offset:][:d])
		return
	}
	inv := 1 / l[0]
	scaleOneY(&dst[offset], &o[0], &inv, d)
}
