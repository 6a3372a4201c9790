//go:build !purego

package resample

import "github.com/seed2010d43f/transformer/internal/simd"

// half is what rounds a sum.
func (t *Table) half() int32 { return 1 << (t.Shift - 1) }

func rows(dst, src []byte, stride, n, channels int, t *Table) {
	if channels < 3 || !simd.Active().Has(simd.AVX2) {
		rowsPortable(dst, src, stride, n, channels, t)
		return
	}
	t.checkRows(src, stride, n, channels)
	width, taps, outputs := len(t.First)*channels, 4*t.Taps, len(t.First)
	kernel4, kernel1 := rows3x4AVX2, rows3x1AVX2
	if channels == 4 {
		kernel4, kernel1 = rows4x4AVX2, rows4x1AVX2
	}
	y := 0
	for ; y+4 <= n; y += 4 {
		kernel4(&dst[y*width], width, &src[y*stride], stride, &t.First[0], &t.Count[0], &t.pairs[0], taps, outputs, int(t.half()), int(t.Shift))
	}
	for ; y < n; y++ {
		kernel1(&dst[y*width], width, &src[y*stride], stride, &t.First[0], &t.Count[0], &t.pairs[0], taps, outputs, int(t.half()), int(t.Shift))
	}
}

// checkRows panics if a kernel would read beyond src's capacity.
func (t *Table) checkRows(src []byte, stride, n, channels int) {
	end := 0
	for i, first := range t.First {
		end = max(end, first+(t.Count[i]+3)&^3)
	}
	_ = src[: (n-1)*stride+end*channels+4 : cap(src)]
}

func columns(dst, src []byte, stride int, t *Table, i int) {
	n := len(dst)
	if n < 16 || !simd.Active().Has(simd.AVX2) {
		columnsPortable(dst, src, stride, t, i)
		return
	}
	pairs := &t.pairs[2*i*t.Taps]
	columnsAVX2(&dst[0], &src[0], stride, pairs, t.Count[i], n/16, int(t.half()), int(t.Shift))
	if n%16 != 0 { // once more for the last bytes, some of them a second time
		columnsAVX2(&dst[n-16], &src[n-16], stride, pairs, t.Count[i], 1, int(t.half()), int(t.Shift))
	}
}
