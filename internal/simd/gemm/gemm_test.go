package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/internal/simd"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
)

func Example() {
	w := New(F32, 3, 2) // three outputs of two inputs
	w.PackFloat32(0, []float32{
		1, 2,
		3, 4,
		5, 6,
	})
	x := []float32{
		1, 0,
		10, 1,
	}
	rows := make([]float32, PackedRowsLen(2, 2))
	PackRows(rows, x, 2, 2, 2)
	y := make([]float32, 2*3)
	w.Multiply(y, 3, rows, 2, 0, w.Panels())
	fmt.Println(y[:3], y[3:])
	// Output: [1 3 5] [12 34 56]
}

var types = []Type{F32, F16, BF16}

// eachTier runs test with each tier of this machine in use.
func eachTier(t *testing.T, test func(t *testing.T)) {
	for _, set := range simd.Sets() {
		t.Run(set.String(), func(t *testing.T) {
			defer simd.Force(set)()
			test(t)
		})
	}
}

// short returns n values that float16 and bfloat16 can hold too.
func short(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(511)-255) / 64
	}
	return x
}

// normal returns n values with all the bits of float32.
func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// bits returns x in a 16-bit type.
func bits(t Type, x []float32) []uint16 {
	u := make([]uint16, len(x))
	for i, v := range x {
		if t == BF16 {
			u[i] = uint16(math.Float32bits(v) >> 16)
		} else {
			u[i] = float16.Fromfloat32(v).Bits()
		}
	}
	return u
}

// packed returns w, [n, k], packed as t.
func packed(t Type, w []float32, n, k int) Matrix {
	m := New(t, n, k)
	if t == F32 {
		m.PackFloat32(0, w)
	} else {
		m.PackUint16(0, bits(t, w))
	}
	return m
}

func packRows(x []float32, rows, k int) []float32 {
	a := make([]float32, PackedRowsLen(rows, k))
	PackRows(a, x, rows, k, k)
	return a
}
