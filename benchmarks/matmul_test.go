package benchmarks

import (
	"fmt"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// BenchmarkMatMul is y = x·Wᵀ, [M, N] = [M, K]·[N, K]ᵀ. With N = K = 1024 the weights stay in a cache.
// With the feed-forward of a model, N = 8192 and K = 2048, one follows another, as they do in a model,
// and come from memory.
func BenchmarkMatMul(b *testing.B) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.BF16, tensor.F16} {
		for _, m := range []int{1, 8, 16, 32, 128, 1024} {
			benchMatMul(b, dt, m, 1024, 1024, 1)
		}
		copies := 256 << 20 / dt.Bytes(8192*2048)
		for _, m := range []int{1, 8, 32, 512} {
			benchMatMul(b, dt, m, 8192, 2048, copies)
		}
	}
}

func benchMatMul(b *testing.B, dt tensor.DType, m, n, k, copies int) {
	name := fmt.Sprintf("%s/M=%d/N=%d/K=%d", lower(dt), m, n, k)
	run(b, name, func(b *testing.B) {
		weights := make([]*tensor.Weight, copies)
		for i := range weights {
			weights[i] = randomWeight(b, dt, n, k)
		}
		x, y := tensor.New(m, k), tensor.New(m, n)
		fill(x.Data)
		flops := 2 * float64(m) * float64(n) * float64(k)
		bytes := float64(weights[0].Bytes())
		limits := []limit{ofPeak(flops)}
		if copies > 1 && m <= 32 {
			limits = append(limits, ofBandwidth(bytes))
		}
		tensor.MatMul(y, x, weights[0])
		i := 0
		meter := newMeter(b, limits...)
		for b.Loop() {
			tensor.MatMul(y, x, weights[i%copies])
			i++
			meter.lap()
		}
		meter.report()
		perSecond(b, "GFLOP/s", flops/1e9)
		if m <= 32 {
			perSecond(b, "GB/s", bytes/1e9)
		}
	})
}

// randomWeight returns a weight with the values that [checkpoint.Random] gives it.
func randomWeight(b *testing.B, dt tensor.DType, out, in int) *tensor.Weight {
	src := checkpoint.Random(1, dt)
	src.Make("weight", tensor.Of(out, in))
	data, err := src.Bytes("weight")
	if err != nil {
		b.Fatal(err)
	}
	w := tensor.NewWeight(dt, out, in)
	w.Pack(0, data)
	return w
}
