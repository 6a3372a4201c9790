package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// fastest returns the highest rate, in units a nanosecond, of several runs of f, which does units of work.
func fastest(f func() (units float64)) float64 {
	best := 0.0
	for range 20 {
		start := time.Now()
		units := f()
		best = max(best, units/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

// ceiling returns GFLOP/s of multiply-adds in registers.
func ceiling() float64 { return fastest(func() float64 { return Peak(100_000) }) }

// bandwidth returns GB/s of reading 256 MB.
func bandwidth() float64 {
	buf := hugepages.Float32s(64 << 20)
	for i := range buf {
		buf[i] = 1
	}
	return fastest(func() float64 { sink = Read(buf); return float64(4 * len(buf)) })
}

var sink float32

// BenchmarkMultiply is the share of the machine's floating-point peak that products reach.
func BenchmarkMultiply(b *testing.B) {
	peak := ceiling()
	for _, typ := range types {
		for _, s := range [][3]int{{8, 1024, 1024}, {16, 1024, 1024}, {32, 1024, 1024}, {128, 1024, 1024}, {1024, 1024, 1024}, {4, 1024, 1024}, {12, 1024, 1024}, {512, 4096, 1024}, {8, 8192, 2048}, {16, 8192, 2048}, {32, 8192, 2048}, {64, 8192, 2048}, {128, 8192, 2048}} {
			m, n, k := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", typ.Format().Name, m, n, k), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				w := packed(typ, short(r, n*k), n, k)
				a := packRows(short(r, m*k), m, k)
				y := make([]float32, m*n)
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
					best = min(best, time.Since(start))
				}
				flops := 2 * float64(m*n*k)
				b.ReportMetric(flops/float64(best.Nanoseconds()), "GFLOP/s")
				b.ReportMetric(100*flops/float64(best.Nanoseconds())/peak, "%peak")
			})
		}
	}
}

// BenchmarkOneRow is the share of memory's bandwidth that a product with one row reaches; the weights
// take 256 MB.
func BenchmarkOneRow(b *testing.B) {
	bytes := bandwidth()
	for _, typ := range types {
		b.Run(typ.Format().Name, func(b *testing.B) {
			const k = 2048
			n := 256 << 20 / k / typ.Format().Bytes
			w := New(typ.Format(), n, k)
			w.Pack(0, stored(typ.Format(), slices.Repeat([]float32{1}, n*k)))
			x, y := make([]float32, k), make([]float32, n)
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				w.Multiply(y, n, x, 1, 0, w.Panels(), Epilogue{})
				best = min(best, time.Since(start))
			}
			rate := float64(n*k*typ.Format().Bytes) / float64(best.Nanoseconds())
			b.ReportMetric(rate, "GB/s")
			b.ReportMetric(100*rate/bytes, "%bandwidth")
		})
	}
}

// BenchmarkPack is the speed of packing weights into fresh memory, page faults included.
func BenchmarkPack(b *testing.B) {
	const n, k = 8192, 4096
	for _, typ := range types[:2] {
		b.Run(typ.Format().Name, func(b *testing.B) {
			src := make([]byte, n*k*typ.Format().Bytes)
			for i := range src {
				src[i] = byte(i)
			}
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				New(typ.Format(), n, k).Pack(0, src)
			}
		})
	}
}

// BenchmarkPackRows is the speed of packing activations.
func BenchmarkPackRows(b *testing.B) {
	const k = 1024
	for _, m := range []int{4, 8, 128} {
		b.Run(fmt.Sprint(m), func(b *testing.B) {
			x := make([]float32, m*k)
			a := make([]float32, F32.Format().PackedRowsLen(m, k))
			b.SetBytes(int64(4 * m * k))
			for b.Loop() {
				F32.Format().PackRows(a, x, nil, m, k, k)
			}
		})
	}
}
