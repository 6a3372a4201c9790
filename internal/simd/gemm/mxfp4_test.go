package gemm_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// Every code with every scale is what the definition says, in float64, and exact in bfloat16.
func TestMXFP4Values(t *testing.T) {
	magnitudes := [8]float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}
	var block [17]byte
	for i := range 16 {
		block[1+i] = byte(i | (15-i)<<4)
	}
	var got [32]float32
	for s := range 255 {
		block[0] = byte(s)
		MXFP4.Format().Decode(got[:], block[:])
		for i := range 16 {
			for j, code := range [2]int{i, 15 - i} {
				want := float32(math.Ldexp(magnitudes[code&7], s-127))
				if code >= 8 {
					want = float32(math.Copysign(float64(want), -1))
				}
				if v := got[i+16*j]; math.Float32bits(v) != math.Float32bits(want) || half.FromBF16(half.BF16(v)) != v {
					t.Fatalf("code %d, scale %d: %v, want %v, as bfloat16 %v", code, s, v, want, half.FromBF16(half.BF16(v)))
				}
			}
		}
	}
	block[0] = 255
	MXFP4.Format().Decode(got[:], block[:])
	for i, v := range got {
		if v == v {
			t.Fatalf("element %d with the scale NaN is %v", i, v)
		}
	}
}

// randomMXFP4 returns n blocks of values around 1.
func randomMXFP4(r *rand.Rand, n int) []byte {
	blocks := make([]byte, 17*n)
	for i := range blocks {
		blocks[i] = byte(r.Uint32())
		if i%17 == 0 {
			blocks[i] = 122 + blocks[i]%8
		}
	}
	return blocks
}

// Products have the bits of the same values in F32 and in BF16, for any number of rows.
func TestMXFP4Products(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for _, c := range [][3]int{{1, 1, 32}, {1, 100, 2880}, {3, 49, 1120}, {8, 50, 96}, {9, 97, 64}, {130, 150, 352}} {
			m, n, k := c[0], c[1], c[2]
			blocks, w := randomMXFP4(r, n*k/32), make([]float32, n*k)
			MXFP4.Format().Decode(w, blocks)
			bf16 := make([]byte, 2*n*k)
			half.BF16ToBytes(bf16, w)
			x := tensortest.Normal(r, m*k)
			want := chains(x, w, m, n, k)
			for _, f := range []struct {
				name Name
				b    []byte
			}{{MXFP4, blocks}, {BF16, bf16}} {
				matrix := New(f.name.Format(), n, k)
				matrix.Pack(0, f.b)
				got := make([]float32, m*n)
				matrix.Multiply(got, n, packRows(x, m, k), m, 0, matrix.Panels(), Epilogue{})
				if !same(got, want) {
					t.Fatalf("%v, %s: not the chains of the values", c, matrix.Format.Name)
				}
			}
		}
	})
}

func BenchmarkMXFP4Decode(b *testing.B) {
	blocks := randomMXFP4(rand.New(rand.NewPCG(1, 2)), 128)
	x := make([]float32, 32*128)
	b.SetBytes(4 * 32 * 128)
	for b.Loop() {
		MXFP4.Format().Decode(x, blocks)
	}
}
