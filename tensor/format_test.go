package tensor

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// scaled is an entry that the table of formats does not have: blocks of 32 codes of 8 bits, scaled by a float16.
var scaled = gemm.Format{Name: "scaled", Elements: 32, Bytes: 34, Decode: func(dst []float32, blocks []byte) {
	for ; len(blocks) > 0; dst, blocks = dst[32:], blocks[34:] {
		scale := half.FromF16(binary.LittleEndian.Uint16(blocks))
		for i, code := range blocks[2:34] {
			dst[i] = scale * float32(int8(code))
		}
	}
}}

// scaledWeight returns random blocks as a Weight, packed in two parts, and as float32.
func scaledWeight(r *rand.Rand, out, in int) (w, wide *Weight) {
	blocks, values := make([]byte, out*in/32*34), New(out, in)
	for i := range blocks {
		blocks[i] = byte(r.Uint32())
	}
	for b := blocks; len(b) > 0; b = b[34:] {
		binary.LittleEndian.PutUint16(b, half.F16(float32(r.NormFloat64())/128))
	}
	scaled.Decode(values.Data, blocks)
	w = &Weight{Out: out, In: in, packed: gemm.New(&scaled, out, in)}
	cut := out / 3 * (in / 32 * 34)
	w.Pack(out/3, blocks[cut:])
	w.Pack(0, blocks[:cut])
	return w, WeightFrom(values)
}

// A new format is an entry of the table: rows, products, epilogues and chained products have the bits of its values,
// on any number of processors.
func TestNewFormat(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, c := range [][4]int{{1, 32, 64, 20}, {1, 1120, 352, 97}, {3, 64, 96, 33}, {8, 96, 1056, 50}, {37, 64, 160, 70}, {700, 32, 96, 33}, {40, 320, 704, 100}} {
			rows, in, mid, out := c[0], c[1], c[2], c[3]
			up, wideUp := scaledWeight(r, mid, in)
			down, wideDown := scaledWeight(r, out, mid)
			a, b := New(in), New(in)
			for i := range mid {
				up.Row(a.Data, i)
				wideUp.Row(b.Data, i)
				same(t, fmt.Sprintf("%v, row %d", c, i), a, b)
			}
			x := From(tensortest.Normal(r, rows*in), rows, in)
			e := Epilogue{Bias: tensortest.Normal(r, mid), F: relu{}}
			e2 := Epilogue{Bias: tensortest.Normal(r, out), Add: From(tensortest.Normal(r, rows*out), rows, out)}
			onProcs(1, 3, func(procs int) {
				got, want := New(rows, mid), New(rows, mid)
				MatMul(got, x, up)
				MatMul(want, x, wideUp)
				same(t, fmt.Sprintf("%v, %d processors: product", c, procs), got, want)
				MatMulEpilogue(got, x, up, e)
				MatMulEpilogue(want, x, wideUp, e)
				same(t, fmt.Sprintf("%v, %d processors: epilogue", c, procs), got, want)
				got, want = New(rows, out), New(rows, out)
				FeedForward(got, x, up, e, down, e2)
				FeedForward(want, x, wideUp, e, wideDown, e2)
				same(t, fmt.Sprintf("%v, %d processors: two products", c, procs), got, want)
				if allocs := testing.AllocsPerRun(5, func() { FeedForward(got, x, up, e, down, e2) }); allocs != 0 {
					t.Errorf("%v: %v allocations", c, allocs)
				}
			})
		}
	})
}
