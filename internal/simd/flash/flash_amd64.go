//go:build !purego

package flash

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

//go:generate go run ./gen

// Here every operation chooses its kernel by instruction set and number of lanes, the fastest first and portable
// Go last. Suffixes of kernels: Z takes vectors of 16 lanes (AVX-512), V of 8 with the registers of AVX-512, Y of
// 8 (AVX2), X single numbers.

func scores(s []float32, lanes, n, d int, k []float32, ldk int, qt, mx []float32) {
	most := unsafe.SliceData(mx) // nil if no maxima are wanted
	switch set := simd.Active(); {
	case lanes == 1 && set.Has(simd.AVX2):
		scoresOne(s, n, d, k, ldk, qt, mx)
	case set.Has(simd.AVX512):
		switch lanes {
		case 48:
			scores48Z(&s[0], &qt[0], &k[0], most, n, d, ldk)
		case 32:
			scores32Z(&s[0], &qt[0], &k[0], most, n, d, ldk)
		case 16:
			scores16Z(&s[0], &qt[0], &k[0], most, n, d, ldk)
		default:
			scores8V(&s[0], &qt[0], &k[0], most, n, d, ldk)
		}
	case set.Has(simd.AVX2):
		switch lanes {
		case 48:
			scores24Y(&s[0], &qt[0], &k[0], most, n, d, ldk)
			scores24Y(&s[24], &qt[24], &k[0], from(mx, 24), n, d, ldk)
		case 32:
			scores16of32Y(&s[0], &qt[0], &k[0], most, n, d, ldk)
			scores16of32Y(&s[16], &qt[16], &k[0], from(mx, 16), n, d, ldk)
		case 16:
			scores16Y(&s[0], &qt[0], &k[0], most, n, d, ldk)
		default:
			scores8Y(&s[0], &qt[0], &k[0], most, n, d, ldk)
		}
	default:
		scoresPortable(s, lanes, n, d, k, ldk, qt, mx)
	}
}

// from returns where x[i:] begins, or nil if x is nil.
func from(x []float32, i int) *float32 {
	if x == nil {
		return nil
	}
	return &x[i]
}

func accumulate(o []float32, lanes, d int, v []float32, ldv int, p []float32, n int) {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		switch lanes {
		case 48:
			accumulate48Z(&o[0], &p[0], &v[0], n, d, ldv)
		case 32:
			accumulate32Z(&o[0], &p[0], &v[0], n, d, ldv)
		case 16:
			accumulate16Z(&o[0], &p[0], &v[0], n, d, ldv)
		case 8:
			accumulate8V(&o[0], &p[0], &v[0], n, d, ldv)
		default:
			accumulateOneZ(&o[0], &p[0], &v[0], n, d, ldv)
		}
	case set.Has(simd.AVX2):
		switch lanes {
		case 48:
			accumulate24Y(&o[0], &p[0], &v[0], n, d, ldv)
			accumulate24Y(&o[24], &p[24], &v[0], n, d, ldv)
		case 32:
			accumulate16of32Y(&o[0], &p[0], &v[0], n, d, ldv)
			accumulate16of32Y(&o[16], &p[16], &v[0], n, d, ldv)
		case 16:
			accumulate16Y(&o[0], &p[0], &v[0], n, d, ldv)
		case 8:
			accumulate8Y(&o[0], &p[0], &v[0], n, d, ldv)
		default:
			accumulateOneY(&o[0], &p[0], &v[0], n, d, ldv)
		}
	default:
		accumulatePortable(o, lanes, d, v, ldv, p, n)
	}
}

func maximum(s []float32, lanes, n int, mx []float32) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			maxZ(&s[i], &mx[i], 4*lanes, n)
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			maxY(&s[i], &mx[i], 4*lanes, n)
		}
	case set.Has(simd.AVX2):
		maximumOne(s, n, mx)
	default:
		maxPortable(s, lanes, n, mx)
	}
}

func maskMax(s []float32, lanes, n int, key0 int32, lo, hi []int32, mx []float32) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			maskMaxZ(&s[i], &mx[i], &lo[i], &hi[i], 4*lanes, n, int(key0))
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			maskMaxY(&s[i], &mx[i], &lo[i], &hi[i], 4*lanes, n, int(key0))
		}
	case set.Has(simd.AVX2):
		maskMaxOne(s, n, key0, lo[0], hi[0], mx)
	default:
		maskMaxPortable(s, lanes, n, key0, lo, hi, mx)
	}
}

func addDiagonals(s []float32, lanes, n int, e []float32) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			addDiagonalsZ(&s[i], &e[n-1+i], 4*lanes, n)
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			addDiagonalsY(&s[i], &e[n-1+i], 4*lanes, n)
		}
	default:
		addDiagonalsPortable(s, lanes, n, e)
	}
}

func softCap(s []float32, limit float32) {
	limits := [2]float32{limit, 1 / limit}
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		if n := len(s) / 16; n > 0 {
			softCapZ(&s[0], &limits, n)
		}
		if rest := s[len(s)&^15:]; len(rest) > 0 {
			var last [16]float32
			copy(last[:], rest)
			softCapZ(&last[0], &limits, 1)
			copy(rest, last[:])
		}
	case set.Has(simd.AVX2):
		if n := len(s) / 8; n > 0 {
			softCapY(&s[0], &limits, n)
		}
		if rest := s[len(s)&^7:]; len(rest) > 0 {
			var last [8]float32
			copy(last[:], rest)
			softCapY(&last[0], &limits, 1)
			copy(rest, last[:])
		}
	default:
		softCapPortable(s, limit)
	}
}

func expSum(s []float32, lanes, n int, m, l []float32) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			expSumZ(&s[i], &m[i], &l[i], 4*lanes, n)
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			expSumY(&s[i], &m[i], &l[i], 4*lanes, n)
		}
	case set.Has(simd.AVX2):
		expSumOne(s, n, m, l)
	default:
		expSumPortable(s, lanes, n, m, l)
	}
}

func rescale(o []float32, lanes, d int, m, mnew, l []float32) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			rescaleZ(&o[i], &m[i], &mnew[i], &l[i], 4*lanes, d)
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			rescaleY(&o[i], &m[i], &mnew[i], &l[i], 4*lanes, d)
		}
	case set.Has(simd.AVX2):
		rescaleOne(o, d, m, mnew, l)
	default:
		rescalePortable(o, lanes, d, m, mnew, l)
	}
}

func merge(o, m, l, oc, mc, lc []float32, lanes, d int) {
	switch set := simd.Active(); {
	case lanes > 8 && set.Has(simd.AVX512):
		for i := 0; i < lanes; i += 16 {
			mergeZ(&o[i], &m[i], &l[i], &oc[i], &mc[i], &lc[i], 4*lanes, d)
		}
	case lanes > 1 && set.Has(simd.AVX2):
		for i := 0; i < lanes; i += 8 {
			mergeY(&o[i], &m[i], &l[i], &oc[i], &mc[i], &lc[i], 4*lanes, d)
		}
	case set.Has(simd.AVX2):
		mergeOneY(&o[0], &m[0], &l[0], &oc[0], &mc[0], &lc[0], d)
	default:
		mergePortable(o, m, l, oc, mc, lc, lanes, d)
	}
}

func loadQueries(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
	switch set := simd.Active(); {
	case lanes > 1 && d >= 8 && set.Has(simd.AVX2):
		loadQueriesOf8(qt, lanes, d, q, offsets, scale)
	case d >= 8 && set.Has(simd.AVX2):
		scaleOneY(&qt[0], &q[offsets[0]], &scale, d)
	default:
		loadQueriesPortable(qt, lanes, d, q, offsets, scale)
	}
}

// loadQueriesOf8 goes by groups of 8 lanes; those without a query repeat the last.
func loadQueriesOf8(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
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
	switch set := simd.Active(); {
	case lanes > 1 && d >= 8 && set.Has(simd.AVX2):
		for i := 0; i < len(offsets); i += 8 {
			finishY(&dst[0], &offsets[i], min(8, len(offsets)-i), &o[i], &l[i], 4*lanes, d)
		}
	case d >= 8 && set.Has(simd.AVX2):
		finishOne(dst, offsets[0], o, l, d)
	default:
		finishPortable(dst, offsets, o, l, lanes, d)
	}
}
