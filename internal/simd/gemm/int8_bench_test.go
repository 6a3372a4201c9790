package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// rate returns the highest rate, in units a nanosecond, of several runs of f, which does units of work.
func rate(f func() (units float64)) float64 {
	best := 0.0
	for range 20 {
		start := time.Now()
		units := f()
		best = max(best, units/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

// matrixOf returns a matrix of random blocks.
func matrixOf(r *rand.Rand, f *Format, n, k int) Matrix {
	var some []byte
	for range 257 {
		some = append(some, randomBlock(r, f)...)
	}
	w, row := New(f, n, k), make([]byte, f.rowBytes(k))
	for i := range n {
		for at := 0; at < len(row); at += copy(row[at:], some[i%7*f.Bytes:]) {
		}
		w.Pack(i, row)
	}
	return w
}

// BenchmarkInt8 is the share of the peak of integer dot products that products by 8-bit activations reach, quantising
// included, and how many times the peak of float32 that is.
func BenchmarkInt8(b *testing.B) {
	peak, float := rate(func() float64 { return PeakInt8(100_000) }), rate(func() float64 { return Peak(100_000) })
	for _, f := range byInt8() {
		for _, s := range [][3]int{{4, 1024, 1024}, {8, 1024, 1024}, {32, 1024, 1024}, {128, 1024, 1024}, {512, 2048, 2048}} {
			m, n, k := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", f.Name, m, n, k), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				w := matrixOf(r, f, n, k)
				x := tensortest.Normal(r, m*k)
				a, y := make([]float32, f.PackedRowsLen(m, k)), hugepages.Float32s(m*n)
				best, packing := time.Hour, time.Hour
				for b.Loop() {
					start := time.Now()
					f.PackRows(a, x, nil, m, k, k)
					packed := time.Since(start)
					w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
					best, packing = min(best, time.Since(start)), min(packing, packed)
				}
				ops := 2 * float64(m*n*k) / float64(best.Nanoseconds())
				b.ReportMetric(ops, "GOP/s")
				b.ReportMetric(ops/float, "×float32")
				if peak > 0 {
					b.ReportMetric(100*ops/peak, "%peak")
				}
				b.ReportMetric(float64(packing.Nanoseconds())/float64(m*k), "ns/quantised")
			})
		}
	}
}

// BenchmarkInt8OneRow is the share of memory's bandwidth that a product with one row reaches; the weights take 128 MB.
func BenchmarkInt8OneRow(b *testing.B) {
	buf := hugepages.Float32s(32 << 20)
	for i := range buf {
		buf[i] = 1
	}
	var sum float32
	bandwidth := rate(func() float64 { sum += Read(buf); return float64(4 * len(buf)) })
	for _, f := range byInt8() {
		b.Run(f.Name, func(b *testing.B) {
			const k = 2048
			r := rand.New(rand.NewPCG(1, 2))
			n := 128 << 20 / f.rowBytes(k) / 48 * 48
			w := matrixOf(r, f, n, k)
			a, y := make([]float32, f.PackedRowsLen(1, k)), make([]float32, n)
			f.PackRows(a, tensortest.Normal(r, k), nil, 1, k, k)
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				w.Multiply(y, n, a, 1, 0, w.Panels(), Epilogue{})
				best = min(best, time.Since(start))
			}
			bytes := float64(len(w.Data)) / float64(best.Nanoseconds())
			b.ReportMetric(bytes, "GB/s")
			b.ReportMetric(100*bytes/bandwidth, "%bandwidth")
		})
	}
}
