package gemm

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// A matrix of Pairs multiplies bfloat16 weights by activations rounded to bfloat16, two products at a
// time, for processors that do so at twice the rate of float32. Its K counts pairs: a [N, 2·K] tensor of
// bfloat16 is packed as the [N, K] matrix that it is the bytes of, little-endian.

// FastPairs reports whether the processor has an instruction for Pairs, and it is in use. Without it they
// are slow, and there for tests.
func FastPairs() bool { return simd.Active().Has(simd.AVX512BF16) }

// PackPairs is [PackColumns] for a matrix of Pairs: x is rounded to the nearest bfloat16 on the way. k, k0
// and n count elements of x and are even; dst has PackedRowsLen(rows, k/2) elements, and half is memory for
// rows·n.
func PackPairs(dst, x []float32, half []uint16, rows, ldx, k, k0, n int) {
	if (k|k0|n)%2 != 0 || len(half) < rows*n {
		panic(fmt.Sprintf("gemm: pairs of [%d, %d] from column %d on in memory of %d", rows, n, k0, len(half)))
	}
	if rows == 0 || n == 0 {
		return
	}
	for r := range rows {
		vec.NarrowBF16(half[r*n:][:n], x[r*ldx:][:n])
	}
	pairs := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(half))), rows*n/2)
	PackColumns(dst, pairs, rows, n/2, k/2, k0/2, n/2)
}

// RowPairs sets dst, 2·K elements, to row i of a matrix of Pairs.
func (m Matrix) RowPairs(dst []float32, i int) {
	if m.Type != Pairs || uint(i) >= uint(m.N) || len(dst) != 2*m.K {
		panic(fmt.Sprintf("gemm: row %d of a [%d, %d] matrix of pairs into %d elements", i, m.N, m.K, len(dst)))
	}
	p := m.part(i, 1)
	for k := range m.K {
		pair := math.Float32bits(m.F32[p.start+k*p.width])
		dst[2*k], dst[2*k+1] = upper(pair<<16), upper(pair)
	}
}
