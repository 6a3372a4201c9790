package gemm_test

import (
	"math/rand/v2"
	"testing"

	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// added adds to y, rows of n, a bias and then another matrix; nil adds nothing.
func added(y, bias, add []float32, n int) []float32 {
	for i := range y {
		if bias != nil {
			y[i] += bias[i%n]
		}
		if add != nil {
			y[i] += add[i]
		}
	}
	return y
}

// TestEpilogue compares outputs to which is added, in whole and in parts, with chains and sums after them.
func TestEpilogue(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		sizes := [][3]int{{130, 97, 1030}, {9, 150, 2500}, {1, 48, 3000}, {8, 60, 0}, {300, 96, 129}}
		for range 200 {
			sizes = append(sizes, [3]int{1 + r.IntN(30), 1 + r.IntN(160), 1 + r.IntN(70)})
		}
		for i, s := range sizes {
			m, n, k := s[0], s[1], s[2]
			x, w := tensortest.Normal(r, m*k), short(r, n*k)
			a := packRows(x, m, k)
			var e Epilogue
			if i%4 != 1 {
				e.Bias = tensortest.Normal(r, n)
			}
			if i%4 != 2 {
				e.Add = tensortest.Normal(r, m*n)
			}
			want := added(chains(x, w, m, n, k), e.Bias, e.Add, n)
			for _, typ := range types {
				matrix := packed(typ, w, n, k)
				whole, parts := make([]float32, m*n), make([]float32, m*n)
				matrix.Multiply(whole, n, a, m, 0, matrix.Panels(), e)
				for p := range matrix.Panels() {
					for row := 0; row < m; row += 16 {
						part := e
						if e.Add != nil {
							part.Add = e.Add[row*n:]
						}
						matrix.Multiply(parts[row*n:], n, a[row*k:], min(16, m-row), p, p+1, part)
					}
				}
				if !same(whole, want) || !same(parts, want) {
					t.Fatalf("type %d: [%d, %d]·[%d, %d]ᵀ and sums differ from those of the chains", typ, m, k, n, k)
				}
			}
		}
	})
}

// TestMultiplyPanels compares panels, in memory that is no wider, with the whole product.
func TestMultiplyPanels(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const guard = -7.25
		r := rand.New(rand.NewPCG(13, 14))
		for _, s := range [][3]int{{1, 48, 70}, {7, 150, 33}, {21, 97, 1100}, {130, 20, 40}, {8, 129, 5}, {9, 230, 2100}} {
			m, n, k := s[0], s[1], s[2]
			x, w, bias := tensortest.Normal(r, m*k), short(r, n*k), tensortest.Normal(r, n)
			a := packRows(x, m, k)
			want := added(chains(x, w, m, n, k), bias, nil, n)
			for _, typ := range types {
				matrix := packed(typ, w, n, k)
				for p, q := 0, 0; p < matrix.Panels(); p = q {
					q = min(p+1+r.IntN(3), matrix.Panels())
					col := p * PanelWidth
					cols := min(q*PanelWidth, n) - col
					ldd := cols + p%2
					y := make([]float32, m*ldd+16)
					for i := range y {
						y[i] = guard
					}
					matrix.MultiplyPanels(y, ldd, a, m, p, q, bias)
					for i, v := range y {
						switch row, c := i/ldd, i%ldd; {
						case row < m && c < cols:
							if v != want[row*n+col+c] {
								t.Fatalf("%v: column %d from panel %d on is %v, want %v", s, c, p, v, want[row*n+col+c])
							}
						case v != guard:
							t.Fatalf("%v: panels %d to %d wrote outside of their columns", s, p, q)
						}
					}
				}
			}
		}
	})
}

// TestPackColumns packs columns in parts, in any order.
func TestPackColumns(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for range 300 {
			m, k := 1+r.IntN(30), 1+r.IntN(150)
			x := tensortest.Normal(r, m*k)
			parts := make([]float32, F32.Format().PackedRowsLen(m, k))
			for _, c := range cuts(r, k) {
				F32.Format().PackColumns(parts, x[c[0]:], nil, m, k, k, c[0], c[1]-c[0])
			}
			if !same(parts, packRows(x, m, k)) {
				t.Fatalf("[%d, %d] packed in parts of its columns differs", m, k)
			}
		}
	})
}
