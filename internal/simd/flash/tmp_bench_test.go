package flash_test

import (
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

func BenchmarkTmp(b *testing.B) {
	const d, n = 64, 128
	x, y, q, s := make([]float32, n*d), make([]float32, n*d), make([]float32, d), make([]float32, n)
	o := make([]float32, d)
	codes, scales, h := make([]int8, n*d), make([]float32, 2*n), make([]uint16, n*d)
	m, l, mn := []float32{1}, []float32{1}, []float32{2}
	qt8, s8, o8 := make([]float32, 8*d), make([]float32, 8*n), make([]float32, 8*d)
	mx8 := make([]float32, 8)
	k48,s48,o48 := make([]float32, 48*d), make([]float32, 48*n), make([]float32, 48*d)
	b.Run("Q8Columns", func(b *testing.B) { for b.Loop() { flash.Q8Columns(x, d, codes, scales) } })
	b.Run("Q8Rows", func(b *testing.B) { for b.Loop() { flash.Q8Rows(x, n, d, codes, scales) } })
	b.Run("WidenF16", func(b *testing.B) { for b.Loop() { half.WidenF16(x, h) } })
	b.Run("WidenBF16", func(b *testing.B) { for b.Loop() { half.WidenBF16(x, h) } })
	b.Run("Rows", func(b *testing.B) { for b.Loop() { flash.Rows(y, n, d, x) } })
	b.Run("ScoresColumns", func(b *testing.B) { for b.Loop() { flash.ScoresColumns(s, n, d, x, q) } })
	b.Run("Scores1", func(b *testing.B) { for b.Loop() { flash.Scores(s, 1, n, d, x, d, q) } })
	b.Run("Scores8", func(b *testing.B) { for b.Loop() { flash.Scores(s8, 8, n, d, x, d, qt8) } })
	b.Run("Scores48", func(b *testing.B) { for b.Loop() { flash.Scores(s48, 48, n, d, x, d, k48) } })
	b.Run("Max", func(b *testing.B) { for b.Loop() { flash.Max(s, 1, n, m) } })
	b.Run("ExpSum", func(b *testing.B) { for b.Loop() { flash.ExpSum(s, 1, n, mn, l) } })
	b.Run("ExpSum8", func(b *testing.B) { for b.Loop() { flash.ExpSum(s8, 8, n, mx8, mx8) } })
	b.Run("Rescale", func(b *testing.B) { for b.Loop() { m[0] = 1; flash.Rescale(o, 1, d, m, mn, l) } })
	b.Run("Accumulate1", func(b *testing.B) { for b.Loop() { flash.Accumulate(o, 1, d, x, d, s, n) } })
	b.Run("Accumulate8", func(b *testing.B) { for b.Loop() { flash.Accumulate(o8, 8, d, x, d, s8, n) } })
	b.Run("Accumulate48", func(b *testing.B) { for b.Loop() { flash.Accumulate(o48, 48, d, x, d, s48, n) } })
}
