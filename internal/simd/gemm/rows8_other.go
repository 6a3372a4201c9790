//go:build !amd64 || purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

func (f *Format) rowsSet(simd.Set) rowsSet { return rowsPortable }

func (t *rowsTile) multiply(c, a []float32) { t.multiplyPortable(c, a) }

func widenRow(dst, src []float32, k int) {}

func widenPanel(dst []float32, panel []byte, width, k int) {}

func quantizeRows(dst, x []float32, rows, ldx, k int) {
	for r := range rows {
		quantizeRowPortable(dst[r*(k/4+rowsLen):], x[r*ldx:][:k])
	}
}
