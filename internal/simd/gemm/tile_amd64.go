//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

//go:generate go run ./gen

// A tile function computes rows × width outputs at c, rows ldc apart, from k columns of a tile of
// activations, [k][rows], and of a panel, [k][width]; with chain it continues the sums in c. For rows and
// widths see tile.

//go:noescape
func tileF32x512(k int, a, b, c *float32, ldc, rows, width, chain int, next uintptr, step int)

//go:noescape
func tileF16x512(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, next uintptr, step int)

//go:noescape
func tileBF16x512(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, next uintptr, step int)

//go:noescape
func tileF32x256(k int, a, b, c *float32, ldc, rows, width, chain int, next uintptr, step int)

//go:noescape
func tileF16x256(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, next uintptr, step int)

//go:noescape
func tileBF16x256(k int, a *float32, b *uint16, c *float32, ldc, rows, width, chain int, next uintptr, step int)

// A widen function converts n groups of 16 elements.

//go:noescape
func widenF16x512(n int, src *uint16, dst *float32)

//go:noescape
func widenBF16x512(n int, src *uint16, dst *float32)

//go:noescape
func widenF16x256(n int, src *uint16, dst *float32)

//go:noescape
func widenBF16x256(n int, src *uint16, dst *float32)

func peakx512(n int)

func peakx256(n int)

// sumx256 sums n groups of 64.
//
//go:noescape
func sumx256(n int, src *float32) (sum float32)

func (t *tile) multiply(c, a []float32) {
	if t.tier == simd.Generic {
		t.multiplyGeneric(c, a)
		return
	}
	chain := 0
	if t.chain {
		chain = 1
	}
	a0, c0 := unsafe.SliceData(a), unsafe.SliceData(c)
	b32, b16 := unsafe.SliceData(t.f32), unsafe.SliceData(t.u16)
	avx512 := t.tier == simd.AVX512
	switch {
	case avx512 && t.typ == F32:
		tileF32x512(t.k, a0, b32, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	case avx512 && t.typ == F16:
		tileF16x512(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	case avx512:
		tileBF16x512(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	case t.typ == F32:
		tileF32x256(t.k, a0, b32, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	case t.typ == F16:
		tileF16x256(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	default:
		tileBF16x256(t.k, a0, b16, c0, t.ldc, t.rows, t.width, chain, t.next, t.step)
	}
}

// widen converts src, whose length is a multiple of 16, to float32.
func widen(tier simd.Tier, dst []float32, src []uint16, t Type) {
	n, d, s := len(src)/16, unsafe.SliceData(dst), unsafe.SliceData(src)
	switch {
	case n == 0:
	case tier == simd.Generic:
		widenGeneric(dst, src, t)
	case tier == simd.AVX512 && t == F16:
		widenF16x512(n, s, d)
	case tier == simd.AVX512:
		widenBF16x512(n, s, d)
	case t == F16:
		widenF16x256(n, s, d)
	default:
		widenBF16x256(n, s, d)
	}
}

// widensInTile reports whether tiles had better read 16-bit panels themselves, as they do when each
// element is used by few of them.
func widensInTile(tier simd.Tier, rows int) bool {
	return tier != simd.Generic && rows <= 2*RowTile
}

// fetches returns how often a tile of 8 rows fetches from next for each k.
func fetches(tier simd.Tier) int {
	if tier == simd.AVX2 {
		return 3
	}
	return 1
}

func peak(n int) (flops float64) {
	switch simd.Active() {
	case simd.AVX512:
		peakx512(n)
		return float64(n) * 24 * 16 * 2
	case simd.AVX2:
		peakx256(n)
		return float64(n) * 12 * 8 * 2
	}
	return peakGeneric(n)
}

func read(buf []float32) (sum float32) {
	n := len(buf) / 64
	if simd.Active() == simd.Generic || n == 0 {
		return readGeneric(buf)
	}
	return sumx256(n, &buf[0]) + readGeneric(buf[n*64:])
}
