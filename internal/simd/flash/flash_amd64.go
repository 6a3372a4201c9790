//go:build !purego

package flash

import "github.com/seed2010d43f/transformer/internal/simd"

//go:generate go run ./gen

// Tiles. Strides of s, qt, o and p are those of 48, 32, 16 or 8 lanes; mx may be nil.

//go:noescape
func scores48Z(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores32Z(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores16Z(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores8V(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores24Y(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores16of32Y(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores16Y(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func scores8Y(s, qt, k, mx *float32, n, d, ldk int)

//go:noescape
func accumulate48Z(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate32Z(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate16Z(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate8V(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate24Y(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate16of32Y(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate16Y(o, p, v *float32, n, d, ldv int)

//go:noescape
func accumulate8Y(o, p, v *float32, n, d, ldv int)

// Softmax of one vector of lanes, stride bytes from row to row, n or d rows, at least one.

//go:noescape
func maxZ(s, mx *float32, stride, n int)

//go:noescape
func maxY(s, mx *float32, stride, n int)

//go:noescape
func maskMaxZ(s, mx *float32, lo, hi *int32, stride, n, key0 int)

//go:noescape
func maskMaxY(s, mx *float32, lo, hi *int32, stride, n, key0 int)

//go:noescape
func addDiagonalsZ(s, e *float32, stride, n int)

//go:noescape
func addDiagonalsY(s, e *float32, stride, n int)

//go:noescape
func softCapZ(s *float32, limits *[2]float32, n int)

//go:noescape
func softCapY(s *float32, limits *[2]float32, n int)

//go:noescape
func expSumZ(s, m, l *float32, stride, n int)

//go:noescape
func expSumY(s, m, l *float32, stride, n int)

//go:noescape
func rescaleZ(o, m, mnew, l *float32, stride, d int)

//go:noescape
func rescaleY(o, m, mnew, l *float32, stride, d int)

//go:noescape
func mergeZ(o, m, l, oc, mc, lc *float32, stride, d int)

//go:noescape
func mergeY(o, m, l, oc, mc, lc *float32, stride, d int)

// Transpositions of 8 lanes (lanes: how many are stored), d at least 8.

//go:noescape
func loadQueriesY(qt, q *float32, offsets *int, scale *float32, stride, d int)

//go:noescape
func finishY(dst *float32, offsets *int, lanes int, o, l *float32, stride, d int)

// Register peaks: n rounds of 24 FMAs of 16 lanes, or of 12 FMAs of 8 lanes.

func peakZ(n int)

func peakY(n int)

func scores(s []float32, lanes, n, d int, k []float32, ldk int, qt, mx []float32) {
	set := simd.Active()
	if !set.Has(simd.AVX2) {
		scoresGeneric(s, lanes, n, d, k, ldk, qt, mx)
		return
	}
	if lanes == 1 {
		scoresOne(s, n, d, k, ldk, qt, mx)
		return
	}
	var mx0, mx1 *float32 // of the first half of the lanes, and of the second
	if mx != nil {
		mx0, mx1 = &mx[0], &mx[lanes/2]
	}
	switch {
	case lanes == 8 && set.Has(simd.AVX512):
		scores8V(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	case lanes == 8:
		scores8Y(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	case lanes == 16 && set.Has(simd.AVX512):
		scores16Z(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	case lanes == 16:
		scores16Y(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	case lanes == 32 && set.Has(simd.AVX512):
		scores32Z(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	case lanes == 32:
		scores16of32Y(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
		scores16of32Y(&s[16], &qt[16], &k[0], mx1, n, d, ldk)
	case set.Has(simd.AVX512):
		scores48Z(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
	default:
		scores24Y(&s[0], &qt[0], &k[0], mx0, n, d, ldk)
		scores24Y(&s[24], &qt[24], &k[0], mx1, n, d, ldk)
	}
}

func accumulate(o []float32, lanes, d int, v []float32, ldv int, p []float32, n int) {
	set := simd.Active()
	switch {
	case !set.Has(simd.AVX2):
		accumulateGeneric(o, lanes, d, v, ldv, p, n)
	case lanes == 1:
		accumulateOne(o, d, v, ldv, p, n)
	case lanes == 8 && set.Has(simd.AVX512):
		accumulate8V(&o[0], &p[0], &v[0], n, d, ldv)
	case lanes == 8:
		accumulate8Y(&o[0], &p[0], &v[0], n, d, ldv)
	case lanes == 16 && set.Has(simd.AVX512):
		accumulate16Z(&o[0], &p[0], &v[0], n, d, ldv)
	case lanes == 16:
		accumulate16Y(&o[0], &p[0], &v[0], n, d, ldv)
	case lanes == 32 && set.Has(simd.AVX512):
		accumulate32Z(&o[0], &p[0], &v[0], n, d, ldv)
	case lanes == 32:
		accumulate16of32Y(&o[0], &p[0], &v[0], n, d, ldv)
		accumulate16of32Y(&o[16], &p[16], &v[0], n, d, ldv)
	case set.Has(simd.AVX512):
		accumulate48Z(&o[0], &p[0], &v[0], n, d, ldv)
	default:
		accumulate24Y(&o[0], &p[0], &v[0], n, d, ldv)
		accumulate24Y(&o[24], &p[24], &v[0], n, d, ldv)
	}
}

// width returns how many lanes the kernels of softmax take at once, 0 for the generic tier, 1 for the
// kernels of one lane.
func width(lanes int) int {
	switch set := simd.Active(); {
	case !set.Has(simd.AVX2):
		return 0
	case lanes == 1:
		return 1
	case set.Has(simd.AVX512) && lanes > 8:
		return 16
	}
	return 8
}

func maximum(s []float32, lanes, n int, mx []float32) {
	switch w := width(lanes); w {
	case 0:
		maxGeneric(s, lanes, n, mx)
	case 1:
		maximumOne(s, n, mx)
	case 16:
		for i := 0; i < lanes; i += w {
			maxZ(&s[i], &mx[i], 4*lanes, n)
		}
	default:
		for i := 0; i < lanes; i += w {
			maxY(&s[i], &mx[i], 4*lanes, n)
		}
	}
}

func maskMax(s []float32, lanes, n int, key0 int32, lo, hi []int32, mx []float32) {
	switch w := width(lanes); w {
	case 0:
		maskMaxGeneric(s, lanes, n, key0, lo, hi, mx)
	case 1:
		maskMaxOne(s, n, key0, lo[0], hi[0], mx)
	case 16:
		for i := 0; i < lanes; i += w {
			maskMaxZ(&s[i], &mx[i], &lo[i], &hi[i], 4*lanes, n, int(key0))
		}
	default:
		for i := 0; i < lanes; i += w {
			maskMaxY(&s[i], &mx[i], &lo[i], &hi[i], 4*lanes, n, int(key0))
		}
	}
}

func addDiagonals(s []float32, lanes, n int, e []float32) {
	switch w := width(lanes); w {
	case 0, 1:
		addDiagonalsGeneric(s, lanes, n, e)
	case 16:
		for i := 0; i < lanes; i += w {
			addDiagonalsZ(&s[i], &e[n-1+i], 4*lanes, n)
		}
	default:
		for i := 0; i < lanes; i += w {
			addDiagonalsY(&s[i], &e[n-1+i], 4*lanes, n)
		}
	}
}

func softCap(s []float32, limit float32) {
	limits := [2]float32{limit, 1 / limit}
	w := width(48)
	if w == 0 {
		softCapGeneric(s, limit)
		return
	}
	whole := len(s) / w
	if whole > 0 {
		capVectors(s, &limits, w, whole)
	}
	if rest := s[whole*w:]; len(rest) > 0 {
		var last [16]float32
		copy(last[:], rest)
		capVectors(last[:], &limits, w, 1)
		copy(rest, last[:])
	}
}

func capVectors(s []float32, limits *[2]float32, width, n int) {
	if width == 16 {
		softCapZ(&s[0], limits, n)
	} else {
		softCapY(&s[0], limits, n)
	}
}

func expSum(s []float32, lanes, n int, m, l []float32) {
	switch w := width(lanes); w {
	case 0:
		expSumGeneric(s, lanes, n, m, l)
	case 1:
		expSumOne(s, n, m, l)
	case 16:
		for i := 0; i < lanes; i += w {
			expSumZ(&s[i], &m[i], &l[i], 4*lanes, n)
		}
	default:
		for i := 0; i < lanes; i += w {
			expSumY(&s[i], &m[i], &l[i], 4*lanes, n)
		}
	}
}

func rescale(o []float32, lanes, d int, m, mnew, l []float32) {
	switch w := width(lanes); w {
	case 0:
		rescaleGeneric(o, lanes, d, m, mnew, l)
	case 1:
		rescaleOne(o, d, m, mnew, l)
	case 16:
		for i := 0; i < lanes; i += w {
			rescaleZ(&o[i], &m[i], &mnew[i], &l[i], 4*lanes, d)
		}
	default:
		for i := 0; i < lanes; i += w {
			rescaleY(&o[i], &m[i], &mnew[i], &l[i], 4*lanes, d)
		}
	}
}

func merge(o, m, l, oc, mc, lc []float32, lanes, d int) {
	switch w := width(lanes); w {
	case 0:
		mergeGeneric(o, m, l, oc, mc, lc, lanes, d)
	case 1:
		mergeOne(o, m, l, oc, mc, lc, d)
	case 16:
		for i := 0; i < lanes; i += w {
			mergeZ(&o[i], &m[i], &l[i], &oc[i], &mc[i], &lc[i], 4*lanes, d)
		}
	default:
		for i := 0; i < lanes; i += w {
			mergeY(&o[i], &m[i], &l[i], &oc[i], &mc[i], &lc[i], 4*lanes, d)
		}
	}
}

func loadQueries(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
	switch {
	case !simd.Active().Has(simd.AVX2) || d < 8:
		loadQueriesGeneric(qt, lanes, d, q, offsets, scale)
		return
	case lanes == 1:
		loadQueryOne(qt, d, q, offsets[0], scale)
		return
	}
	for i := 0; i < lanes; i += 8 {
		at := offsets[min(i, len(offsets)):]
		if len(at) < 8 {
			var some [8]int
			for j := range some {
				some[j] = offsets[min(i+j, len(offsets)-1)]
			}
			at = some[:]
		}
		loadQueriesY(&qt[i], &q[0], &at[0], &scale, 4*lanes, d)
	}
}

func finish(dst []float32, offsets []int, o, l []float32, lanes, d int) {
	switch {
	case !simd.Active().Has(simd.AVX2) || d < 8:
		finishGeneric(dst, offsets, o, l, lanes, d)
		return
	case lanes == 1:
		finishOne(dst, offsets[0], o, l, d)
		return
	}
	for i := 0; i < len(offsets); i += 8 {
		finishY(&dst[0], &offsets[i], min(8, len(offsets)-i), &o[i], &l[i], 4*lanes, d)
	}
}
