package benchmarks

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// cachedHeads is an attention of 128 heads to cached keys and values alone, without projections.
type cachedHeads struct{ cache attention.CacheLayer }

func (c *cachedHeads) Traits() attention.Traits { return attention.Traits{Of: c, Cache: c.cache} }

func (c *cachedHeads) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	p.Attend(c, dst, x, tensor.Tensor{}, tensor.Tensor{}, attention.Options{})
}

const latentHeads = 128

// BenchmarkLatentDecode is one token's attention with the 128 heads of DeepSeek V3, against the number of cached
// tokens: absorbed, to latents of 512 and 64 rotated values; and the same heads with keys of 192 and values of
// 128 of their own, or with 8 groups of 128 and 128. What each caches of a token shows as floats/token. %gemm is
// the share of what a float32 product with 128 rows reaches.
func BenchmarkLatentDecode(b *testing.B) {
	causal := attention.Mask{Causal: true}
	for _, c := range []struct {
		name  string
		cache attention.CacheLayer
	}{
		{"latents", attention.CacheLayer{KVHeads: 1, KeyDim: 576, ValueDim: 512, ValuesInKeys: true, Mask: causal}},
		{"groups", attention.CacheLayer{KVHeads: 8, KeyDim: 128, ValueDim: 128, Mask: causal}},
		{"heads", attention.CacheLayer{KVHeads: latentHeads, KeyDim: 192, ValueDim: 128, Mask: causal}},
	} {
		for _, s := range []int{1024, 4096, 16384} {
			if s*c.cache.KVHeads > 4096*latentHeads {
				continue // too much memory
			}
			run(b, fmt.Sprintf("%s/S=%d", c.name, s), func(b *testing.B) { benchCachedHeads(b, &cachedHeads{c.cache}, s) })
		}
	}
}

func benchCachedHeads(b *testing.B, op *cachedHeads, s int) {
	plan, err := attention.NewPlan([]attention.Op{op})
	if err != nil {
		b.Fatal(err)
	}
	cache, l := plan.NewCache(tensor.F32), op.cache
	width := l.KVHeads * (l.KeyDim + l.ValueDim)
	if l.ValuesInKeys {
		width = l.KVHeads * l.KeyDim
	}
	var p attention.Pass
	k, v := tensor.New(128, l.KVHeads, l.KeyDim), tensor.New(128, l.KVHeads, l.ValueDim)
	fill(k.Data)
	fill(v.Data)
	if l.ValuesInKeys {
		v = tensor.Tensor{}
	}
	for cache.Len() < s {
		p.Begin(attention.Seq{Rows: 128, Pos: cache.Len(), Cache: cache})
		p.Append(op, k, v)
		p.End()
	}
	q, y := tensor.New(1, latentHeads*l.KeyDim), tensor.New(1, latentHeads*l.ValueDim)
	fill(q.Data)
	once := func() {
		p.Begin(attention.Seq{Rows: 1, Pos: s - 1, Cache: cache})
		op.Forward(&p, y, q)
	}
	once()
	flops := 2 * float64(latentHeads*s*(l.KeyDim+l.ValueDim))
	b.ReportAllocs()
	meter := newMeter(b, ofPeak(flops), limit{"%gemm", flops, productRate(b)}, ofBandwidth(float64(4*width*s)))
	for b.Loop() {
		once()
		meter.lap()
	}
	meter.report()
	perSecond(b, "GFLOP/s", flops/1e9)
	b.ReportMetric(float64(width), "floats/token")
}

// productRate returns a function that measures the operations a second of a float32 product with 128 rows.
func productRate(b *testing.B) func() float64 {
	const m, n = 128, 1024
	w, x, y := randomWeight(b, tensor.F32, n, n), tensor.New(m, n), tensor.New(m, n)
	fill(x.Data)
	return func() float64 {
		return medianRate(func() float64 {
			const times = 4
			start := time.Now()
			for range times {
				tensor.MatMul(y, x, w)
			}
			return times * 2 * m * n * n / time.Since(start).Seconds()
		})
	}
}

// BenchmarkLatentForms is the attention of DeepSeek V3 with 16 heads, without its projections from and to a wide
// stream, for some new tokens after 4096. The two forms cost the same at about the number at which
// [attention.LatentAuto] changes over; "auto" takes what it says.
func BenchmarkLatentForms(b *testing.B) {
	const before = 4096
	var m *attention.Latent
	var plan *attention.Plan
	var cache *attention.Cache
	var p attention.Pass
	for _, n := range []int{1, 8, 32, 64, 96, 128, 160, 176, 184, 192, 256} {
		for _, form := range []attention.LatentForm{attention.LatentAbsorbed, attention.LatentExpanded, attention.LatentAuto} {
			run(b, fmt.Sprintf("T=%d/%v", n, form), func(b *testing.B) {
				if m == nil {
					m, plan = latentLayer(b, 16)
					cache = plan.NewCache(tensor.F32)
					x, y := tensor.New(before, m.Down.In()), tensor.New(before, m.Out.Out())
					fill(x.Data)
					p.Begin(attention.Seq{Rows: before, Cache: cache})
					m.Forward(&p, y, x)
					p.End()
				}
				m.Form = form
				x, y := tensor.New(n, m.Down.In()), tensor.New(n, m.Out.Out())
				fill(x.Data)
				once := func() {
					p.Begin(attention.Seq{Rows: n, Pos: before, Cache: cache})
					m.Forward(&p, y, x)
				}
				once()
				meter := newMeter(b, ofPeak(latentFlops(m, n, before)))
				for b.Loop() {
					once()
					meter.lap()
				}
				meter.report()
				b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n), "ms/token")
			})
		}
	}
}

// latentFlops returns the operations of m's form for n new tokens after some, those of their projections included.
func latentFlops(m *attention.Latent, n, before int) float64 {
	pairs := n*before + n*(n+1)/2
	work := n * (m.Down.In()*m.Down.Out() + m.Out.In()*m.Out.Out())
	if n <= m.MaxAbsorbed() {
		work += m.Heads * (pairs*(2*m.Rank+m.RopeDim) + n*m.Rank*(m.NopeDim+m.ValueDim))
	} else {
		work += m.Heads * (pairs*(m.NopeDim+m.RopeDim+m.ValueDim) + (before+n)*m.Rank*(m.NopeDim+m.ValueDim))
	}
	return 2 * float64(work)
}

// latentLayer returns the attention of DeepSeek V3 with this number of heads, for a stream of 64.
func latentLayer(b *testing.B, heads int) (*attention.Latent, *attention.Plan) {
	const nope, rope, value, rank, dim = 128, 64, 128, 512, 64
	weight := func(out, in int) *tensor.Weight { return randomWeight(b, tensor.F32, out, in) }
	m := &attention.Latent{Heads: heads, NopeDim: nope, RopeDim: rope, ValueDim: value, Rank: rank,
		Down: nn.Linear{Weight: weight(heads*(nope+rope)+rank+rope, dim)}, Out: nn.Linear{Weight: weight(dim, heads*value)}}
	for range heads {
		m.Up.Keys = append(m.Up.Keys, weight(nope, rank))
		m.Up.KeysTransposed = append(m.Up.KeysTransposed, weight(rank, nope))
		m.Up.Values = append(m.Up.Values, weight(value, rank))
	}
	plan, err := attention.NewPlan([]attention.Op{m})
	if err != nil {
		b.Fatal(err)
	}
	return m, plan
}
