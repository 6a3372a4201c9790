package gemm_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// product multiplies, and checks that nothing but the outputs was written.
func product(t *testing.T, w Matrix, a []float32, rows int) []float32 {
	t.Helper()
	const guard = -7.25
	ldd := w.N + 3
	buf := make([]float32, rows*ldd+64)
	for i := range buf {
		buf[i] = guard
	}
	w.Multiply(buf[32:], ldd, a, rows, 0, w.Panels(), Epilogue{})
	y := make([]float32, 0, rows*w.N)
	for i, v := range buf {
		if r, c := (i-32)/max(ldd, 1), (i-32)%max(ldd, 1); i >= 32 && r < rows && c < w.N {
			y = append(y, v)
		} else if v != guard {
			t.Fatalf("[%d, %d]·[%d, %d]ᵀ wrote outside, element %d of %d", rows, w.K, w.N, w.K, i-32, ldd)
		}
	}
	return y
}

// chain is one output as the instructions in use must compute it, to the bit: the specification of every tile.
func chain(x, w []float32) (s float32) {
	for i := range x {
		s = tensortest.MulAdd(x[i], w[i], s)
	}
	return s
}

func TestSizes(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		step := 1
		if testing.Short() {
			step = 7 // prime to what tiles hold, so that every remainder comes
		}
		for m := 1; m <= 40; m++ {
			for k := 1 + m%step; k <= 70; k += step {
				check(t, r, m, 1+r.IntN(60), k)
			}
		}
		for n := 1; n <= 150; n += step {
			check(t, r, 1+r.IntN(12), n, 1+r.IntN(70))
		}
		for _, s := range [][3]int{
			{1, 100, 2049}, {4, 33, 4100}, {9, 50, 1025}, {8, 48, 5000}, {12, 97, 3000}, {17, 20, 2500},
			{130, 97, 1030}, {257, 30, 1}, {300, 200, 130}, {20, 1, 3000}, {33, 1000, 64},
		} {
			check(t, r, s[0], s[1], s[2])
		}
	})
}

// check compares every output, of every type, with its chain: so a row or a column is the same to the
// bit alone and in any batch, and whatever the type that holds its values.
func check(t *testing.T, r *rand.Rand, m, n, k int) {
	t.Helper()
	x, w := tensortest.Normal(r, m*k), short(r, n*k)
	a := packRows(x, m, k)
	want := chains(x, w, m, n, k)
	for _, typ := range types {
		if y := product(t, packed(typ, w, n, k), a, m); !same(y, want) {
			t.Fatalf("type %d: [%d, %d]·[%d, %d]ᵀ is not the chains of its outputs", typ, m, k, n, k)
		}
	}
	w = tensortest.Normal(r, n*k)
	if y := product(t, packed(F32, w, n, k), a, m); !same(y, chains(x, w, m, n, k)) {
		t.Fatalf("[%d, %d]·[%d, %d]ᵀ is not the chains of its outputs", m, k, n, k)
	}
}

func chains(x, w []float32, m, n, k int) []float32 {
	y := make([]float32, 0, m*n)
	for i := range m {
		for j := range n {
			y = append(y, chain(x[i*k:][:k], w[j*k:][:k]))
		}
	}
	return y
}

// TestSplits divides products between calls, by panels and by tiles of rows, as workers do.
func TestSplits(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range [][3]int{{1, 500, 70}, {7, 150, 2049}, {21, 290, 33}, {300, 100, 1100}} {
			m, n, k := s[0], s[1], s[2]
			a := packRows(tensortest.Normal(r, m*k), m, k)
			for _, typ := range types {
				w := packed(typ, short(r, n*k), n, k)
				whole := product(t, w, a, m)
				split := make([]float32, m*n)
				for p := 0; p < w.Panels(); {
					q := min(w.Panels(), p+1+r.IntN(4))
					for row := 0; row < m; {
						end := min(m, row+RowTile*(1+r.IntN(4)))
						w.Multiply(split[row*n:], n, a[row*k:], end-row, p, q, Epilogue{})
						row = end
					}
					p = q
				}
				if !same(split, whole) {
					t.Errorf("type %d: [%d, %d]·[%d, %d]ᵀ in parts differs", typ, m, k, n, k)
				}
			}
		}
	})
}

// TestColumnsOfOthers checks that panels which were not asked for are not written.
func TestColumnsOfOthers(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const m, n, k, guard = 9, 150, 20, -3
		w := New(F32.Format(), n, k)
		a := make([]float32, F32.Format().PackedRowsLen(m, k))
		y := make([]float32, m*n)
		for i := range y {
			y[i] = guard
		}
		w.Multiply(y, n, a, m, 1, 3, Epilogue{})
		for i, v := range y {
			if c := i % n; (c >= 48 && c < 144) != (v == 0) || v != 0 && v != guard {
				t.Fatalf("column %d of row %d is %v", c, i/n, v)
			}
		}
	})
}

// TestAccuracy compares with gonum's product in float64, by the error that a plain loop makes.
func TestAccuracy(t *testing.T) {
	const m, n, k = 33, 117, 3000
	r := rand.New(rand.NewPCG(5, 6))
	x, w := tensortest.Normal(r, m*k), tensortest.Normal(r, n*k)
	exact := blas64.General{Rows: m, Cols: n, Stride: n, Data: make([]float64, m*n)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, general(x, m, k), general(w, n, k), 0, exact)
	worst := func(y []float32) (e float64) {
		for i, v := range y {
			e = max(e, math.Abs(float64(v)-exact.Data[i]))
		}
		return e
	}
	plain := make([]float32, m*n)
	for i := range plain {
		for p := range k {
			plain[i] += float32(x[i/n*k+p] * w[i%n*k+p])
		}
	}
	tensortest.EachSet(t, func(t *testing.T) {
		y := product(t, packed(F32, w, n, k), packRows(x, m, k), m)
		if e, bound := worst(y), 2*worst(plain)+1e-6; e > bound {
			t.Errorf("error %g, bound %g", e, bound)
		}
	})
}

func general(x []float32, rows, cols int) blas64.General {
	g := blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, len(x))}
	for i, v := range x {
		g.Data[i] = float64(v)
	}
	return g
}

// TestSpecials checks that NaN and infinities reach the outputs of their rows and columns, and no others.
func TestSpecials(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, m := range []int{1, 3, 8, 13, 40} {
			const n, k = 70, 37
			x, w := tensortest.Normal(r, m*k), short(r, n*k)
			for i := range w {
				w[i] = max(1, float32(math.Abs(float64(w[i])))) // infinity stays one
			}
			clean := chains(x, w, m, n, k)
			x[(m-1)*k+5], w[66*k+k-1] = inf, nan
			for _, typ := range types {
				y := product(t, packed(typ, w, n, k), packRows(x, m, k), m)
				for i, v := range y {
					switch row, col := i/n, i%n; {
					case col == 66:
						if v == v {
							t.Fatalf("%d rows: output [%d, %d] is %v, want NaN", m, row, col, v)
						}
					case row == m-1:
						if v != inf {
							t.Fatalf("%d rows: output [%d, %d] is %v, want +Inf", m, row, col, v)
						}
					case v != clean[i]:
						t.Fatalf("%d rows: output [%d, %d] is %v, want %v", m, row, col, v, clean[i])
					}
				}
			}
		}
	})
}

func TestEmpty(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, typ := range types {
			y := []float32{1, 2, 3, 4}
			New(typ.Format(), 2, 0).Multiply(y, 2, nil, 1, 0, 1, Epilogue{})
			if !same(y, []float32{0, 0, 3, 4}) {
				t.Errorf("without inputs the outputs are %v, want zeros", y[:2])
			}
			New(typ.Format(), 2, 3).Multiply(y, 2, nil, 0, 0, 1, Epilogue{})
			New(typ.Format(), 0, 3).Multiply(y, 0, make([]float32, 3), 1, 0, 0, Epilogue{})
			if !same(y, []float32{0, 0, 3, 4}) {
				t.Errorf("no rows or no outputs wrote %v", y)
			}
		}
	})
}

func TestShapeMistakes(t *testing.T) {
	w := New(F32.Format(), 50, 4)
	x, y := make([]float32, 8), make([]float32, 100)
	for want, f := range map[string]func(){
		"gemm: panels 0 to 3 of a [50, 4] matrix with 2":               func() { w.Multiply(y, 50, x, 1, 0, 3, Epilogue{}) },
		"gemm: destination [1, 49] for a [50, 4] matrix":               func() { w.Multiply(y, 49, x, 1, 0, 2, Epilogue{}) },
		"gemm: destination [2, 60] needs 110 elements, has 100":        func() { w.Multiply(y, 60, x, 2, 0, 2, Epilogue{}) },
		"gemm: 2 packed rows of 4 need 16 elements, have 8":            func() { w.Multiply(y, 50, x, 2, 0, 2, Epilogue{}) },
		"gemm: 24 bytes of F32 from row 0 of a [50, 4] matrix":         func() { w.Pack(0, bytesview.Bytes(x[:6])) },
		"gemm: 32 bytes of F32 from row 49 of a [50, 4] matrix":        func() { w.Pack(49, bytesview.Bytes(x)) },
		"gemm: 17 bytes of F32 from row 0 of a [50, 4] matrix":         func() { w.Pack(0, make([]byte, 17)) },
		"gemm: row 50 of a [50, 4] matrix into 4 elements":             func() { w.Row(y[:4], 50) },
		"gemm: packing [3, 4], 4 apart, of 8 elements into 100":        func() { F32.Format().PackRows(y, x, nil, 3, 4, 4) },
		"gemm: rows [3, 4], 3 apart, as columns from 0 on of 4":        func() { F32.Format().PackRows(y, x, nil, 3, 3, 4) },
		"gemm: rows [3, 4], 4 apart, as columns from 5 on of 8":        func() { F32.Format().PackColumns(y, x, nil, 3, 4, 8, 5, 4) },
		"gemm: panels 2 to 3 of a [50, 4] matrix with 2":               func() { w.MultiplyPanels(y, 48, x, 1, 2, 3, nil) },
		"gemm: destination [1, 1] for panels of 2 columns":             func() { w.MultiplyPanels(y, 1, x, 1, 1, 2, nil) },
		"gemm: bias of 49 elements for a [50, 4] matrix":               func() { w.MultiplyPanels(y, 48, x, 1, 0, 1, y[:49]) },
		"gemm: adding to destination [1, 50] needs 50 elements, has 8": func() { w.Multiply(y, 50, x, 1, 0, 2, Epilogue{Add: x}) },
		"gemm: packed matrix [50, 4] has 32 bytes, needs 1024": func() {
			Matrix{N: 50, K: 4, Format: F32.Format(), Data: make([]byte, 32)}.Multiply(y, 50, x, 1, 0, 1, Epilogue{})
		},
	} {
		tensortest.Panics(t, want, f)
	}
}

func TestNoAllocation(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const n, k = 100, 40
		for _, typ := range types {
			w := New(typ.Format(), n, k)
			for _, m := range []int{1, 5, 40} {
				x, a, y := make([]float32, m*k), make([]float32, F32.Format().PackedRowsLen(m, k)), make([]float32, m*n)
				if avg := testing.AllocsPerRun(100, func() {
					F32.Format().PackRows(a, x, nil, m, k, k)
					w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
				}); avg > 0.5 && !tensortest.Race {
					t.Errorf("type %d, %d rows: %v allocations", typ, m, avg)
				}
			}
		}
	})
}

// TestConcurrent is for the race detector: rows are packed, then panels computed, by several goroutines.
func TestConcurrent(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const m, n, k = 40, 200, 30
		r := rand.New(rand.NewPCG(9, 10))
		x, w := tensortest.Normal(r, m*k), short(r, n*k)
		a := packRows(x, m, k)
		for _, typ := range types[1:] {
			packed, y := New(typ.Format(), n, k), make([]float32, m*n)
			var wg sync.WaitGroup
			for row := 0; row < n; row += 25 {
				wg.Go(func() { packed.Pack(row, stored(typ.Format(), w[row*k:(row+25)*k])) })
			}
			wg.Wait()
			for p := range packed.Panels() {
				wg.Go(func() { packed.Multiply(y, n, a, m, p, p+1, Epilogue{}) })
			}
			wg.Wait()
			if !same(y, chains(x, w, m, n, k)) {
				t.Errorf("type %d differs", typ)
			}
		}
	})
}
