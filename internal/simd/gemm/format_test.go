package gemm_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// scaled is a format that the table does not have: blocks of 32 codes of 8 bits with a float16 that scales them.
var scaled = Format{Name: "scaled", Elements: 32, Bytes: 34, Decode: decodeScaled, Encode: encodeScaled}

func decodeScaled(dst []float32, blocks []byte) {
	for ; len(blocks) > 0; dst, blocks = dst[32:], blocks[34:] {
		scale := half.FromF16(binary.LittleEndian.Uint16(blocks))
		for i, code := range blocks[2:34] {
			dst[i] = scale * float32(int8(code))
		}
	}
}

func encodeScaled(blocks []byte, src []float32) {
	for ; len(src) > 0; src, blocks = src[32:], blocks[34:] {
		var most float64
		for _, v := range src[:32] {
			most = max(most, math.Abs(float64(v)))
		}
		scale := half.F16(float32(most / 127))
		binary.LittleEndian.PutUint16(blocks, scale)
		for i, v := range src[:32] {
			blocks[2+i] = byte(int8(math.Round(float64(v) / float64(half.FromF16(scale)))))
		}
	}
}

// A format with no more than blocks and a function that decodes them multiplies to the bits of its values.
func TestFormatWithoutTiles(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		if scaled.Fast() {
			t.Fatal("fast without tiles")
		}
		r := rand.New(rand.NewPCG(21, 22))
		for _, c := range [][3]int{{1, 1, 32}, {1, 100, 96}, {3, 49, 1120}, {8, 50, 2080}, {9, 97, 64}, {21, 48, 1056}, {130, 150, 352}, {300, 17, 32}} {
			m, n, k := c[0], c[1], c[2]
			x, blocks := tensortest.Normal(r, m*k), make([]byte, n*k/32*34)
			scaled.Encode(blocks, tensortest.Normal(r, n*k))
			w := make([]float32, n*k)
			scaled.Decode(w, blocks)
			matrix := New(&scaled, n, k)
			for _, p := range cuts(r, n) {
				matrix.Pack(p[0], blocks[p[0]*k/32*34:p[1]*k/32*34])
			}
			row := make([]float32, k)
			for i := range n {
				if matrix.Row(row, i); !same(row, w[i*k:][:k]) {
					t.Fatalf("%v: row %d differs", c, i)
				}
			}
			e := Epilogue{Bias: tensortest.Normal(r, n), Add: tensortest.Normal(r, m*n)}
			want := added(chains(x, w, m, n, k), e.Bias, e.Add, n)
			whole, panels := make([]float32, m*n), make([]float32, m*n)
			a := packRows(x, m, k)
			matrix.Multiply(whole, n, a, m, 0, matrix.Panels(), e)
			for p := range matrix.Panels() {
				matrix.Multiply(panels, n, a, m, p, p+1, e)
			}
			if !same(whole, want) || !same(panels, want) {
				t.Fatalf("[%d, %d]·[%d, %d]ᵀ is not the chains of its outputs", m, k, n, k)
			}
			if allocs := testing.AllocsPerRun(5, func() { matrix.Multiply(whole, n, a, m, 0, matrix.Panels(), e) }); allocs > 0.5 && !tensortest.Race {
				t.Errorf("%v: %v allocations", c, allocs)
			}
		}
	})
}

// Every format of the table decodes what it encodes, in blocks of its size.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	x := short(r, 96)
	for _, name := range []Name{F32, F16, BF16, BF16Rounded, BF16Pairs} {
		f := name.Format()
		b := make([]byte, len(x)/f.Elements*f.Bytes)
		back := make([]float32, len(x))
		f.Encode(b, x)
		f.Decode(back, b)
		if !same(back, x) {
			t.Errorf("%s: decoded %v, encoded %v", f.Name, back, x)
		}
		if f.PackedLen(48, 64) != 48*64/f.Elements*f.Bytes {
			t.Errorf("%s: [48, 64] is packed in %d bytes", f.Name, f.PackedLen(48, 64))
		}
	}
	for want, f := range map[string]func(){
		"gemm: a [5, 33] matrix of scaled, which has blocks of 32": func() { New(&scaled, 5, 33) },
		"gemm: a [5, 3] matrix of BF16, which has blocks of 2":     func() { New(BF16Pairs.Format(), 5, 3) },
		"gemm: a [-1, 3] matrix of F32, which has blocks of 1":     func() { New(F32.Format(), -1, 3) },
		"gemm: a [1, 512] matrix of long, which has blocks of 512": func() { New(&Format{Name: "long", Elements: 512}, 1, 512) },
		"gemm: 33 bytes of scaled from row 0 of a [5, 32] matrix":  func() { New(&scaled, 5, 32).Pack(0, make([]byte, 33)) },
	} {
		tensortest.Panics(t, want, f)
	}
}
