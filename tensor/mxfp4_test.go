package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// mxfp4Weight returns random blocks as a Weight, and their values as one of type dt.
func mxfp4Weight(r *rand.Rand, dt DType, out, in int) (w, same *Weight) {
	blocks, values := make([]byte, MXFP4.Bytes(out*in)), New(out, in)
	for i := range blocks {
		if blocks[i] = byte(r.Uint32()); i%17 == 0 {
			blocks[i] = 120 + blocks[i]%6
		}
	}
	MXFP4.Decode(values.Data, blocks)
	w, same = NewWeight(MXFP4, out, in), NewWeight(dt, out, in)
	w.Pack(0, blocks)
	same.PackFloat32(0, values.Data)
	return w, same
}

// A weight kept in four bits has the rows and products of the same values in F32 and in BF16, to the bit.
func TestMXFP4(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, dt := range []DType{F32, BF16} {
			for _, c := range [][3]int{{1, 32, 64}, {1, 1120, 97}, {7, 64, 33}, {8, 96, 50}, {37, 64, 160}, {300, 320, 100}} {
				rows, in, out := c[0], c[1], c[2]
				w, wide := mxfp4Weight(r, dt, out, in)
				what := fmt.Sprintf("%v, %v", c, dt)
				a, b := New(in), New(in)
				for i := range out {
					w.Row(a.Data, i)
					wide.Row(b.Data, i)
					same(t, what, a, b)
				}
				x := From(tensortest.Normal(r, rows*in), rows, in)
				got, want := New(rows, out), New(rows, out)
				MatMul(got, x, w)
				MatMul(want, x, wide)
				same(t, what, got, want)
			}
		}
	})
}

// Experts kept in four bits give the bits of the same values in F32.
func TestMXFP4Experts(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		const in, hidden, out, rows = 96, 160, 70, 90
		four, wide := make([]Expert, 5), make([]Expert, 5)
		for i := range four {
			a, b := &four[i], &wide[i]
			a.Gate, b.Gate = mxfp4Weight(r, F32, hidden, in)
			a.Up, b.Up = mxfp4Weight(r, F32, hidden, in)
			a.Down, b.Down = mxfp4Weight(r, F32, out, hidden)
		}
		x, g := From(tensortest.Normal(r, rows*in), rows, in), randomGroups(r, rows, 1, 0, 7, 150, 40)
		got, want := New(len(g.Rows), out), New(len(g.Rows), out)
		FeedForwardGrouped(got, x, g, four, swiGLU{})
		FeedForwardGrouped(want, x, g, wide, swiGLU{})
		same(t, "experts", got, want)
	})
}

func TestMXFP4Panics(t *testing.T) {
	for want, f := range map[string]func(){
		"tensor: values are not converted to Q2_0":                func() { Q2_0.Encode(make([]byte, 18), make([]float32, 64)) },
		"tensor: 31 elements of MXFP4, which has blocks of 32":    func() { MXFP4.Bytes(31) },
		"gemm: a [3, 33] matrix of MXFP4, which has blocks of 32": func() { NewWeight(MXFP4, 3, 33) },
		"tensor: 16 bytes for 32 elements of MXFP4, want 17":      func() { MXFP4.Decode(make([]float32, 32), make([]byte, 16)) },
	} {
		tensortest.Panics(t, want, f)
	}
	tensortest.Panics(t, "tensor: values are not converted to Q2_0", func() { NewWeight(Q2_0, 1, 64).PackFloat32(0, make([]float32, 64)) })
	if Q2_0.Encodes() || !BF16.Encodes() || !Q4_K.Encodes() || MXFP4.String() != "MXFP4" || DType(99).String() != "DType(99)" {
		t.Errorf("%v encodes: %v; BF16: %v; Q4_K: %v; %v", Q2_0, Q2_0.Encodes(), BF16.Encodes(), Q4_K.Encodes(), MXFP4)
	}
}
