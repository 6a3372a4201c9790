package gemm_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// Products of pairs are those of the rounded numbers, up to float32's rounding of their sum; a row has the
// same bits alone and in a batch; and rows can be read back.
func TestPairs(t *testing.T) {
	for _, set := range simd.Sets() {
		t.Run(set.String(), func(t *testing.T) {
			defer simd.Force(set)()
			t.Logf("by VDPBF16PS: %v", FastPairs())
			r := rand.New(rand.NewPCG(1, 2))
			for _, c := range [][3]int{{1, 1, 2}, {1, 50, 6}, {3, 17, 64}, {8, 48, 130}, {21, 97, 34}, {130, 33, 2100}} {
				m, n, k := c[0], c[1], c[2]
				x, w := make([]float32, m*k), make([]float32, n*k)
				for i := range x {
					x[i] = float32(r.NormFloat64())
				}
				half := make([]uint16, max(n, m)*k)
				for i := range w {
					w[i] = float32(r.NormFloat64())
				}
				vec.NarrowBF16(half[:n*k], w)
				bytes := make([]byte, 0, 2*n*k)
				for _, u := range half[:n*k] {
					bytes = binary.LittleEndian.AppendUint16(bytes, u)
				}
				vec.WidenBF16(w, half[:n*k])
				weights := New(Pairs, n, k/2)
				weights.Pack(0, bytes)
				row := make([]float32, k)
				for i := range n {
					weights.RowPairs(row, i)
					for j := range row {
						if row[j] != w[i*k+j] {
							t.Fatalf("%v: element (%d, %d) reads %v, want %v", c, i, j, row[j], w[i*k+j])
						}
					}
				}
				multiply := func(x []float32, m int) []float32 {
					a := make([]float32, PackedRowsLen(m, k/2))
					PackPairs(a, x, half, m, k, k, 0, k)
					y := make([]float32, m*n)
					weights.Multiply(y, n, a, m, 0, weights.Panels())
					return y
				}
				got := multiply(x, m)
				rounded := make([]float32, m*k)
				vec.NarrowBF16(half[:m*k], x)
				vec.WidenBF16(rounded, half[:m*k])
				for i := range m {
					for j := range n {
						var want, size float64
						for l := range k {
							p := float64(rounded[i*k+l]) * float64(w[j*k+l])
							want += p
							size += math.Abs(p)
						}
						if d := math.Abs(want - float64(got[i*n+j])); d > size*float64(k)*0x1p-24 {
							t.Fatalf("%v: (%d, %d) is %v, want %v", c, i, j, got[i*n+j], want)
						}
					}
					alone := multiply(x[i*k:(i+1)*k], 1)
					for j, v := range alone {
						if v != got[i*n+j] {
							t.Fatalf("%v: (%d, %d) is %v alone, %v in the batch", c, i, j, v, got[i*n+j])
						}
					}
				}
			}
		})
	}
}
