//go:build !purego

package flash

import "github.com/seed2010d43f/transformer/internal/simd"

func q8Columns(dst []float32, d int, codes []int8, scales []float32) {
	decode := q8ColumnsY
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		decode = q8ColumnsZ
	case !set.Has(simd.AVX2):
		q8ColumnsPortable(dst, d, codes, scales)
		return
	}
	for x := 0; x < d; x += Q8Elements {
		decode(&dst[x*Block], &codes[x*Block], &scales[x/Q8Elements*Block], min(Q8Elements, d-x))
	}
}

func q8Rows(dst []float32, n, d int, codes []int8, scales []float32) {
	switch set := simd.Active(); {
	case d%8 == 0 && set.Has(simd.AVX512):
		q8RowsZ(&dst[0], &codes[0], &scales[0], n, d)
	case d%8 == 0 && set.Has(simd.AVX2):
		q8RowsY(&dst[0], &codes[0], &scales[0], n, d)
	default:
		q8RowsPortable(dst, n, d, codes, scales)
	}
}

// rows takes keys for lanes whose sums are 1.
func rows(dst []float32, n, d int, columns []float32) {
	if d < 8 || !simd.Active().Has(simd.AVX2) {
		rowsPortable(dst, n, d, columns)
		return
	}
	ones, offsets := [8]float32{1, 1, 1, 1, 1, 1, 1, 1}, [8]int{}
	for j := 0; j < n; j += 8 {
		for i := range offsets {
			offsets[i] = (j + i) * d
		}
		finishY(&dst[0], &offsets[0], min(8, n-j), &columns[j], &ones[0], 4*Block, d)
	}
}

func prefetch(p *byte, lines int) { prefetchLines(p, lines) }

func scoresColumns(s []float32, n, d int, k, q []float32) {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		scoresColumnsZ(&s[0], &q[0], &k[0], (n+15)/16, d)
	case set.Has(simd.AVX2):
		scoresColumnsY(&s[0], &q[0], &k[0], (n+7)/8, d)
	default:
		scoresColumnsPortable(s, n, d, k, q)
	}
}
