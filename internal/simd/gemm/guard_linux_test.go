package gemm_test

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"

	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// fence returns a function that copies x to the end of readable memory: reading past it kills the test.
func fence[T any](t *testing.T) func(x []T) []T {
	const size = 1 << 20
	page := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip("no memory to fence: ", err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Skip("no fence: ", err)
	}
	return func(x []T) []T {
		if len(x) == 0 {
			return x
		}
		bytes := len(x) * int(unsafe.Sizeof(x[0]))
		y := unsafe.Slice((*T)(unsafe.Pointer(&mem[size-bytes])), len(x))
		copy(y, x)
		return y
	}
}

func TestReadsWithinBounds(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		weights32, weights16, rows, tiles, file := fence[float32](t), fence[uint16](t), fence[float32](t), fence[float32](t), fence[byte](t)
		for range 300 {
			m, n, k := 1+r.IntN(20), 1+r.IntN(110), 1+r.IntN(70)
			x, w := normal(r, m*k), short(r, n*k)
			a := tiles(make([]float32, PackedRowsLen(m, k)))
			PackRows(a, rows(x), m, k, k)
			want := chains(x, w, m, n, k)
			for _, typ := range types {
				packed := New(typ, n, k)
				packed.Pack(0, file(littleEndian(typ, w)))
				packed.F32, packed.U16 = weights32(packed.F32), weights16(packed.U16)
				y := rows(make([]float32, m*n))
				if packed.Multiply(y, n, a, m, 0, packed.Panels()); !equal(y, want) {
					t.Fatalf("type %d: [%d, %d]·[%d, %d]ᵀ differs", typ, m, k, n, k)
				}
			}
			Read(rows(x))
		}
	})
}

// TestThenReadsWithinBounds fences what is added to outputs.
func TestThenReadsWithinBounds(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		biases, adds, outputs := fence[float32](t), fence[float32](t), fence[float32](t)
		for range 300 {
			m, n, k := 1+r.IntN(20), 1+r.IntN(110), 1+r.IntN(70)
			x, w, bias, add := normal(r, m*k), normal(r, n*k), normal(r, n), normal(r, m*n)
			y := outputs(make([]float32, m*n))
			matrix := packed(F32, w, n, k)
			matrix.MultiplyThen(y, n, packRows(x, m, k), m, 0, matrix.Panels(), Then{biases(bias), adds(add)})
			if !equal(y, added(chains(x, w, m, n, k), bias, add, n)) {
				t.Fatalf("[%d, %d]·[%d, %d]ᵀ differs", m, k, n, k)
			}
		}
	})
}
