//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

//go:generate go run ./gen

// A tile function computes rows × width outputs at c, rows ldc apart, from k columns of a tile of
// activations, [k][rows], and of a panel, [k][width]; with chain it continues the sums in c. At the end it
// adds bias, [width], and add, [rows][width] with rows ldc apart, if they are not nil. Meanwhile it
// fetches what is at next, in steps. With keep, which is for 8 rows, it stores the part of the panel there
// as float32.

//go:noescape
func tileF32AVX512(k int, a, b, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int)

//go:noescape
func tileF16AVX512(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int, keep *float32)

//go:noescape
func tileBF16AVX512(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int, keep *float32)

//go:noescape
func tilePairsAVX512(k int, a, b, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int)

//go:noescape
func tileF32AVX2(k int, a, b, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int)

//go:noescape
func tileF16AVX2(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int)

//go:noescape
func tileBF16AVX2(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, bias, add *float32, next uintptr, step int)

// A widen function converts n groups of 16 elements.

//go:noescape
func widenF16AVX512(n int, src *uint16, dst *float32)

//go:noescape
func widenBF16AVX512(n int, src *uint16, dst *float32)

//go:noescape
func widenF16AVX2(n int, src *uint16, dst *float32)

//go:noescape
func widenBF16AVX2(n int, src *uint16, dst *float32)

func (t *tile) multiply(c, a []float32) {
	if !t.tier.Has(simd.AVX2) {
		t.multiplyGeneric(c, a)
		return
	}
	chain := 0
	if t.chain {
		chain = 1
	}
	a0, c0, keep := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.keep)
	bias, add := unsafe.SliceData(t.bias), unsafe.SliceData(t.add)
	b32, b16 := unsafe.SliceData(t.f32), unsafe.SliceData(t.u16)
	avx512 := t.tier.Has(simd.AVX512)
	switch {
	case t.typ == Pairs && simd.Active().Has(simd.AVX512BF16):
		tilePairsAVX512(t.k, a0, b32, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step)
	case t.typ == Pairs:
		t.multiplyPairs(c, a)
	case avx512 && t.typ == F32:
		tileF32AVX512(t.k, a0, b32, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step)
	case avx512 && t.typ == F16:
		tileF16AVX512(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step, keep)
	case avx512:
		tileBF16AVX512(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step, keep)
	case t.typ == F32:
		tileF32AVX2(t.k, a0, b32, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step)
	case t.typ == F16:
		tileF16AVX2(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step)
	default:
		tileBF16AVX2(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, bias, add, t.next, t.step)
	}
}

// widen converts src, whose length is a multiple of 16, to float32.
func widen(tier simd.Set, dst []float32, src []uint16, t Type) {
	n, d, s := len(src)/16, unsafe.SliceData(dst), unsafe.SliceData(src)
	switch {
	case n == 0:
	case !tier.Has(simd.AVX2):
		widenGeneric(dst, src, t)
	case tier.Has(simd.AVX512) && t == F16:
		widenF16AVX512(n, s, d)
	case tier.Has(simd.AVX512):
		widenBF16AVX512(n, s, d)
	case t == F16:
		widenF16AVX2(n, s, d)
	default:
		widenBF16AVX2(n, s, d)
	}
}

// canWiden reports whether tiles can read 16-bit panels themselves, and canKeep whether they can keep a
// part of a panel, widened, for the next tile.
func canWiden(tier simd.Set) bool { return tier.Has(simd.AVX2) }
func canKeep(tier simd.Set) bool  { return tier.Has(simd.AVX512) }

// fetches returns how often a tile of 8 rows fetches from next for each k.
func fetches(tier simd.Set) int {
	if tier.Has(simd.AVX2) && !tier.Has(simd.AVX512) {
		return 3
	}
	return 1
}
