package gemm_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func Example() {
	f := F32.Format()
	w := New(f, 3, 2) // three outputs of two inputs
	w.Pack(0, bytesview.Bytes([]float32{
		1, 2,
		3, 4,
		5, 6,
	}))
	x := []float32{
		1, 0,
		10, 1,
	}
	rows := make([]float32, f.PackedRowsLen(2, 2))
	f.PackRows(rows, x, nil, 2, 2, 2)
	y := make([]float32, 2*3)
	w.Multiply(y, 3, rows, 2, 0, w.Panels(), Epilogue{})
	fmt.Println(y[:3], y[3:])
	// Output: [1 3 5] [12 34 56]
}

var types = []Name{F32, F16, BF16}

// short returns n values that float16 and bfloat16 can hold too.
func short(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(511)-255) / 64
	}
	return x
}

// stored returns x as a file has it.
func stored(f *Format, x []float32) []byte {
	b := make([]byte, len(x)/f.Elements*f.Bytes)
	f.Encode(b, x)
	return b
}

// packed returns w, [n, k], packed in a format.
func packed(t Name, w []float32, n, k int) Matrix {
	m := New(t.Format(), n, k)
	m.Pack(0, stored(t.Format(), w))
	return m
}

func packRows(x []float32, rows, k int) []float32 {
	a := make([]float32, F32.Format().PackedRowsLen(rows, k))
	F32.Format().PackRows(a, x, nil, rows, k, k)
	return a
}

func same(x, y []float32) bool {
	_, same := tensortest.SameBits(x, y)
	return same
}
