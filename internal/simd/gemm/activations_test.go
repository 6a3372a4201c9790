package gemm_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// roundBF16 returns x rounded to bfloat16.
func roundBF16(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = half.FromBF16(half.BF16(v))
	}
	return y
}

// pairChain is one output of a tile of pairs: the second product of a pair is added before the first.
func pairChain(x, w []float32) (s float32) {
	for i := 0; i < len(x); i += 2 {
		s += float32(x[i+1] * w[i+1])
		s += float32(x[i] * w[i])
	}
	return s
}

// multiplyBy packs activations as a format has it, and multiplies.
func multiplyBy(w Matrix, x []float32, m int) []float32 {
	f := w.Format
	a, scratch := make([]float32, f.PackedRowsLen(m, w.K)), make([]float32, f.ScratchLen(w.K))
	f.PackRows(a, x, scratch, m, w.K, w.K)
	y := make([]float32, m*w.N)
	w.Multiply(y, w.N, a, m, 0, w.Panels(), Epilogue{})
	return y
}

// Products of rounded activations: those of BF16Rounded are the chains of float32 to the bit, those of BF16Pairs
// the chains of pairs, to the bit in plain Go and up to float32's rounding of their sum by VDPBF16PS, which takes
// denormals for 0. Either way a row has the same bits alone and in a batch, and the rows of the matrix are read
// back.
func TestRoundedActivations(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, name := range []Name{BF16Rounded, BF16Pairs} {
			f := name.Format()
			for _, c := range [][3]int{{1, 1, 2}, {1, 50, 6}, {3, 17, 64}, {8, 48, 130}, {21, 97, 34}, {130, 33, 2100}} {
				m, n, k := c[0], c[1], c[2]
				x, w := tensortest.Normal(r, m*k), roundBF16(tensortest.Normal(r, n*k))
				weights := packed(name, w, n, k)
				row := make([]float32, k)
				for i := range n {
					if weights.Row(row, i); !same(row, w[i*k:(i+1)*k]) {
						t.Fatalf("%v: row %d differs", c, i)
					}
				}
				got, rounded := multiplyBy(weights, x, m), roundBF16(x)
				for i := range m {
					for j := range n {
						a, b := rounded[i*k:][:k], w[j*k:][:k]
						want, bound := chain(a, b), 0.0
						if f.Activations == AsBF16Pairs {
							want = pairChain(a, b)
							if f.Fast() {
								bound = float64(k) * 0x1p-24 * sizeOfSum(a, b)
							}
						}
						if d := math.Abs(float64(want) - float64(got[i*n+j])); !(d <= bound) {
							t.Fatalf("%v: (%d, %d) is %v, want %v", c, i, j, got[i*n+j], want)
						}
					}
					if alone := multiplyBy(weights, x[i*k:(i+1)*k], 1); !same(alone, got[i*n:][:n]) {
						t.Fatalf("%v: row %d has other bits alone", c, i)
					}
				}
				checkColumns(t, r, f, x, m, k)
			}
		}
	})
}

// sizeOfSum returns the sum of the magnitudes of products.
func sizeOfSum(x, w []float32) (s float64) {
	for i := range x {
		s += math.Abs(float64(x[i]) * float64(w[i]))
	}
	return s
}

// checkColumns packs activations in two parts of their columns.
func checkColumns(t *testing.T, r *rand.Rand, f *Format, x []float32, m, k int) {
	t.Helper()
	whole, parts := make([]float32, f.PackedRowsLen(m, k)), make([]float32, f.PackedRowsLen(m, k))
	scratch := make([]float32, f.ScratchLen(k))
	f.PackRows(whole, x, scratch, m, k, k)
	apart := make([]float32, 0, m*(k+3)) // rows that are no one run
	for i := range m {
		apart = append(append(apart, x[i*k:][:k]...), 1, 2, 3)
	}
	f.PackRows(parts, apart, scratch, m, k+3, k)
	if !same(whole, parts) {
		t.Fatalf("%s: [%d, %d] packed from rows %d apart differs", f.Name, m, k, k+3)
	}
	clear(parts)
	cut := r.IntN(k/2+1) * 2
	f.PackColumns(parts, x[cut:], scratch, m, k, k, cut, k-cut)
	f.PackColumns(parts, x, scratch, m, k, k, 0, cut)
	if !same(whole, parts) {
		t.Fatalf("%s: [%d, %d] packed in two parts of its columns differs", f.Name, m, k)
	}
}
