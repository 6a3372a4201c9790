package gemm_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
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
	w.Multiply(buf[32:], ldd, a, rows, 0, w.Panels())
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

func equal(x, y []float32) bool {
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			return false
		}
	}
	return len(x) == len(y)
}

// chain is one output as the tier in use must compute it, to the bit.
func chain(x, w []float32) float32 {
	var s float32
	for i := range x {
		if simd.Active() == simd.Generic {
			s += float32(x[i] * w[i])
		} else {
			s = fma(x[i], w[i], s)
		}
	}
	return s
}

// fma rounds x·y + z once: the product is exact in float64; the sum's rounding to float64 is undone
// where it could make the second rounding wrong by rounding to odd.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	v := s - p
	if e := (p - (s - v)) + (c - v); e != 0 && !math.IsInf(s, 0) && math.Float64bits(s)&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}

func TestSizes(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for m := 1; m <= 40; m++ {
			for k := 1; k <= 70; k += 1 + r.IntN(5) {
				check(t, r, m, 1+r.IntN(150), k)
			}
		}
		for n := 1; n <= 150; n++ {
			check(t, r, 1+r.IntN(12), n, 1+r.IntN(70))
		}
		for _, s := range [][3]int{{1, 100, 2049}, {9, 50, 1025}, {8, 48, 5000}, {130, 97, 1030}, {257, 30, 1}, {300, 200, 130}, {20, 1, 3000}} {
			check(t, r, s[0], s[1], s[2])
		}
	})
}

// check compares every output, of every type, with its chain.
func check(t *testing.T, r *rand.Rand, m, n, k int) {
	t.Helper()
	x, w := full(r, m*k), random(r, n*k)
	a := packRows(x, m, k)
	want := make([]float32, 0, m*n)
	for i := range m {
		for j := range n {
			want = append(want, chain(x[i*k:][:k], w[j*k:][:k]))
		}
	}
	for _, typ := range types {
		if y := product(t, packed(typ, w, n, k), a, m); !equal(y, want) {
			t.Fatalf("type %d: [%d, %d]·[%d, %d]ᵀ is not the chains of its outputs", typ, m, k, n, k)
		}
	}
}
