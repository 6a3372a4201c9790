package vec

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// A rowOp is an operation on rows of one even length.
type rowOp struct {
	name string
	run  func(dst, x, y []float32)
}

func rowOps() []rowOp {
	ops := []rowOp{}
	for _, op := range elementwiseOps {
		ops = append(ops, rowOp{op.name, op.run})
	}
	return append(ops, []rowOp{
		{"Max", func(_, x, _ []float32) { Max(x) }},
		{"ArgMax", func(_, x, _ []float32) { ArgMax(x) }},
		{"Softmax", func(dst, x, _ []float32) { Softmax(dst, x) }},
		{"LogSumExp", func(_, x, _ []float32) { LogSumExp(x) }},
		{"RMSNorm", func(dst, x, y []float32) { RMSNorm(dst, x, y, 1e-6) }},
		{"AddRMSNorm", func(dst, x, y []float32) { AddRMSNorm(dst, dst, x, y, 1e-6) }},
		{"LayerNorm", func(dst, x, y []float32) { LayerNorm(dst, x, y, y, 1e-6) }},
		{"RotateHalf", func(dst, x, y []float32) { RotateHalf(dst, x[:len(x)/2], y[:len(y)/2]) }},
		{"RotatePairs", func(dst, x, y []float32) { RotatePairs(dst, x[:len(x)/2], y[:len(y)/2]) }},
	}...)
}

func benchRows(n int) (dst, x, y []float32) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y = tensortest.Gaussian(rng, n, 0, 2), tensortest.Gaussian(rng, n, 0, 0.5)
	return make([]float32, n), x, y
}

func BenchmarkRows(b *testing.B) { benchmark(b, 4096, rowOps()) }

// BenchmarkHead has rows of one head, where the call counts.
func BenchmarkHead(b *testing.B) { benchmark(b, 128, rowOps()) }

func benchmark(b *testing.B, n int, ops []rowOp) {
	for _, set := range simd.Sets() {
		for _, op := range ops {
			b.Run(set.String()+"/"+op.name, func(b *testing.B) {
				defer simd.Force(set)()
				dst, x, y := benchRows(n)
				for b.Loop() {
					op.run(dst, x, y)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func TestNothingAllocated(t *testing.T) {
	dst, x, y := benchRows(78)
	tensortest.EachSet(t, func(t *testing.T) {
		for _, op := range rowOps() {
			op.run(dst, x, y)
			if n := testing.AllocsPerRun(10, func() { op.run(dst, x, y) }); n != 0 {
				t.Errorf("%s allocates %v times", op.name, n)
			}
		}
	})
}
