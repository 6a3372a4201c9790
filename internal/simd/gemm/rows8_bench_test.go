package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// BenchmarkRows is what [BenchmarkInt8] is, for weights with a scale for each output.
func BenchmarkRows(b *testing.B) {
	peak, float := rate(func() float64 { return PeakInt8(100_000) }), rate(func() float64 { return Peak(100_000) })
	for _, name := range rowFormats {
		f := name.Int8()
		for _, s := range [][2]int{{384, 384}, {1152, 384}, {1536, 384}, {384, 1536}, {2304, 768}, {3072, 768}, {768, 3072}, {2048, 4096}} {
			for _, m := range []int{1, 4, 8, 16, 32, 128} {
				n, k := s[0], s[1]
				b.Run(fmt.Sprintf("%s/%dx%dx%d", f.Name, m, n, k), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					w := New(f, n, k)
					w.Pack(0, encodeRows(f, tensortest.Normal(r, n*k), n))
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
}

// BenchmarkRowsCold is [BenchmarkRows] by 40 matrices in turn, whose weights come from memory.
func BenchmarkRowsCold(b *testing.B) {
	peak := rate(func() float64 { return PeakInt8(100_000) })
	f := W8.Int8()
	for _, s := range [][2]int{{2304, 768}, {3072, 768}, {768, 3072}} {
		for _, m := range []int{16, 32, 128} {
			n, k := s[0], s[1]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", f.Name, m, n, k), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				one := encodeRows(f, tensortest.Normal(r, n*k), n)
				const copies = 40
				all := hugepages.Bytes(copies * f.PackedLen(n, k))
				matrices := make([]Matrix, copies)
				for i := range matrices {
					matrices[i] = Matrix{N: n, K: k, Format: f, Data: all[i*f.PackedLen(n, k):][:f.PackedLen(n, k)]}
					matrices[i].Pack(0, one)
				}
				x := tensortest.Normal(r, m*k)
				a, y := make([]float32, f.PackedRowsLen(m, k)), hugepages.Float32s(m*n)
				f.PackRows(a, x, nil, m, k, k)
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					for _, w := range matrices {
						w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
					}
					best = min(best, time.Since(start))
				}
				ops := 2 * float64(m*n*k) * copies / float64(best.Nanoseconds())
				b.ReportMetric(ops, "GOP/s")
				b.ReportMetric(100*ops/peak, "%peak")
			})
		}
	}
}
