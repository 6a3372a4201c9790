package gemm_test

import (
	"math/rand/v2"
	"testing"

	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestReadsWithinBounds(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			m, n, k := 1+r.IntN(20), 1+r.IntN(110), 1+r.IntN(70)
			x, w := tensortest.Normal(r, m*k), short(r, n*k)
			a := tensortest.AtPageEnd(t, make([]float32, F32.Format().PackedRowsLen(m, k)))
			F32.Format().PackRows(a, tensortest.AtPageEnd(t, x), nil, m, k, k)
			want := chains(x, w, m, n, k)
			for _, typ := range types {
				packed := New(typ.Format(), n, k)
				packed.Pack(0, tensortest.AtPageEnd(t, stored(typ.Format(), w)))
				packed.Data = tensortest.AtPageEnd(t, packed.Data)
				y := tensortest.AtPageEnd(t, make([]float32, m*n))
				if packed.Multiply(y, n, a, m, 0, packed.Panels(), Epilogue{}); !same(y, want) {
					t.Fatalf("type %d: [%d, %d]·[%d, %d]ᵀ differs", typ, m, k, n, k)
				}
			}
			Read(tensortest.AtPageEnd(t, x))
		}
	})
}

// TestEpilogueReadsWithinBounds fences what is added to outputs.
func TestEpilogueReadsWithinBounds(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 300 {
			m, n, k := 1+r.IntN(20), 1+r.IntN(110), 1+r.IntN(70)
			x, w, bias, add := tensortest.Normal(r, m*k), tensortest.Normal(r, n*k), tensortest.Normal(r, n), tensortest.Normal(r, m*n)
			y := tensortest.AtPageEnd(t, make([]float32, m*n))
			matrix := packed(F32, w, n, k)
			matrix.Multiply(y, n, packRows(x, m, k), m, 0, matrix.Panels(), Epilogue{tensortest.AtPageEnd(t, bias), tensortest.AtPageEnd(t, add)})
			if !same(y, added(chains(x, w, m, n, k), bias, add, n)) {
				t.Fatalf("[%d, %d]·[%d, %d]ᵀ differs", m, k, n, k)
			}
		}
	})
}
