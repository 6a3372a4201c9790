package benchmarks

import (
	"fmt"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// BenchmarkScaledDotProduct is the part of attention that grows with S²: 8 heads, as many queries as
// keys. Causal attention counts as half the work of full attention. What it needs of memory beside its
// arguments shows as B/op.
//
// The case T=1 is one token of a model that has read 4096, heads sharing keys as in LLaMA 3.2 1B. Keys
// and values of 16 layers follow each other, and come from memory.
func BenchmarkScaledDotProduct(b *testing.B) {
	for _, s := range []int{1024, 1536, 2048, 4096, 8192} {
		for _, d := range []int{64, 128} {
			benchAttention(b, s, d, false)
			benchAttention(b, s, d, true)
		}
	}
	benchCachedAttention(b)
}

func benchAttention(b *testing.B, s, d int, causal bool) {
	const heads = 8
	flops, name := 4*float64(s)*float64(s)*float64(d)*heads, "full"
	if causal {
		flops, name = flops/2, "causal"
	}
	run(b, fmt.Sprintf("S=%d/D=%d/%s", s, d, name), func(b *testing.B) {
		q, k, v, y := tensor.New(s, heads, d), tensor.New(s, heads, d), tensor.New(s, heads, d), tensor.New(s, heads, d)
		fill(q.Data)
		fill(k.Data)
		fill(v.Data)
		o := attention.Options{Mask: attention.Mask{Causal: causal}}
		attention.ScaledDotProduct(y, q, k, v, o)
		b.ReportAllocs()
		meter := newMeter(b, ofPeak(flops))
		for b.Loop() {
			attention.ScaledDotProduct(y, q, k, v, o)
			meter.lap()
		}
		meter.report()
		perSecond(b, "GFLOP/s", flops/1e9)
	})
}

func benchCachedAttention(b *testing.B) {
	const s, heads, kvHeads, d, layers = 4096, 32, 8, 64, 16
	run(b, "T=1/S=4096/H=32/Hkv=8/D=64", func(b *testing.B) {
		var k, v [layers]tensor.Tensor
		for i := range layers {
			k[i], v[i] = tensor.New(s, kvHeads, d), tensor.New(s, kvHeads, d)
			fill(k[i].Data)
			fill(v[i].Data)
		}
		q, y := tensor.New(1, heads, d), tensor.New(1, heads, d)
		fill(q.Data)
		o := attention.Options{Mask: attention.Mask{Causal: true}, Pos: s - 1}
		attention.ScaledDotProduct(y, q, k[0], v[0], o)
		bytes := float64(2 * 4 * s * kvHeads * d)
		b.ReportAllocs()
		i := 0
		meter := newMeter(b, ofBandwidth(bytes))
		for b.Loop() {
			attention.ScaledDotProduct(y, q, k[i%layers], v[i%layers], o)
			i++
			meter.lap()
		}
		meter.report()
		perSecond(b, "GB/s", bytes/1e9)
	})
}
