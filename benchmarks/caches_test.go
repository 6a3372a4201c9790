package benchmarks

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

var cacheTypes = []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0}

// BenchmarkCachedAttention is attention to what caches of each type hold: one token, and 512 tokens at the end of a
// text. Heads are those of SmolLM2 135M and LLaMA 3.2 1B. One token reads layers that follow each other, from memory.
// xF32 is the speed as a share of that of a float32 cache, by turns.
func BenchmarkCachedAttention(b *testing.B) {
	for _, c := range []struct {
		name           string
		heads, kvHeads int
	}{{"smollm2-135m", 9, 3}, {"llama-1b", 32, 8}} {
		for _, rows := range []int{1, 512} {
			for _, s := range []int{4096, 8192} {
				for _, dt := range cacheTypes {
					run(b, fmt.Sprintf("%s/T=%d/S=%d/%v", c.name, rows, s, dt), func(b *testing.B) {
						benchCacheType(b, c.heads, attention.CacheLayer{KVHeads: c.kvHeads, KeyDim: 64, ValueDim: 64,
							Mask: attention.Mask{Causal: true}}, rows, s, dt)
					})
				}
			}
		}
	}
}

func benchCacheType(b *testing.B, heads int, l attention.CacheLayer, rows, s int, dt tensor.DType) {
	layers := 1
	if rows == 1 {
		layers = 12
	}
	test, plain := newCachedLayers(b, heads, l, layers, rows, s, dt), newCachedLayers(b, heads, l, layers, rows, s, tensor.F32)
	pairs := float64(rows) * (float64(s) - float64(rows-1)/2)
	flops := 2 * pairs * float64(heads*(l.KeyDim+l.ValueDim))
	test.once()
	plain.once()
	b.ReportAllocs()
	meter := newMeter(b, ofPeak(flops), ofBandwidth(float64(test.cache.Bytes()/int64(layers))))
	for b.Loop() {
		test.once()
		meter.lap()
	}
	meter.report()
	var shares []float64
	for begin := time.Now(); len(shares) < 5 || time.Since(begin) < sliceTime; {
		shares = append(shares, seconds(plain.once)/seconds(test.once))
	}
	perSecond(b, "GFLOP/s", flops/1e9)
	b.ReportMetric(median(shares), "xF32")
}

func seconds(f func()) float64 {
	start := time.Now()
	f()
	return time.Since(start).Seconds()
}

// cachedLayers is the attention of some layers in turn, to a cache of s tokens.
type cachedLayers struct {
	ops   []*cachedHeads
	cache *attention.Cache
	p     attention.Pass
	q, y  tensor.Tensor
	pos   int
	next  int
}

func newCachedLayers(b *testing.B, heads int, l attention.CacheLayer, layers, rows, s int, dt tensor.DType) *cachedLayers {
	c := &cachedLayers{pos: s - rows}
	var ops [][]attention.Op
	for range layers {
		c.ops = append(c.ops, &cachedHeads{l})
		ops = append(ops, []attention.Op{c.ops[len(c.ops)-1]})
	}
	plan, err := attention.NewPlan(ops...)
	if err != nil {
		b.Fatal(err)
	}
	c.cache = plan.NewCache(dt)
	c.cache.Reserve(s)
	k, v := tensor.New(128, l.KVHeads, l.KeyDim), tensor.New(128, l.KVHeads, l.ValueDim)
	fill(k.Data)
	fill(v.Data)
	for c.cache.Len() < s {
		c.p.Begin(attention.Seq{Rows: 128, Pos: c.cache.Len(), Cache: c.cache})
		for i, op := range c.ops {
			c.p.Enter(i)
			c.p.Append(op, k, v)
		}
		c.p.End()
	}
	c.q, c.y = tensor.New(rows, heads*l.KeyDim), tensor.New(rows, heads*l.ValueDim)
	fill(c.q.Data)
	return c
}

// once computes the next layer.
func (c *cachedLayers) once() {
	c.p.Begin(attention.Seq{Rows: c.q.Rows(), Pos: c.pos, Cache: c.cache})
	c.p.Enter(c.next)
	c.ops[c.next].Forward(&c.p, c.y, c.q)
	c.next = (c.next + 1) % len(c.ops)
}

// BenchmarkCachedPrompt is a prompt of 8192 tokens of SmolLM2 135M with caches of each type. xF32 is the speed as a share
// of that with a float32 cache, and xbytes that of the memory, by turns.
func BenchmarkCachedPrompt(b *testing.B) {
	const length = 8192
	d, err := smolLM135M.random(tensor.F32, nn.Exact)
	if err != nil {
		b.Fatal(err)
	}
	ids := tokens(length, d.Vocab)
	for _, dt := range cacheTypes[1:] {
		run(b, fmt.Sprintf("smollm2-135m-random/%v", dt), func(b *testing.B) {
			test, plain := d.NewSession(model.SessionOptions{Cache: dt, Reserve: length}), d.NewSession(model.SessionOptions{Reserve: length})
			feed(b, test, ids[:8])
			feed(b, plain, ids[:8])
			var shares []float64
			for b.Loop() {
				rewind(b, test)
				took := seconds(func() { feed(b, test, ids) })
				b.StopTimer()
				rewind(b, plain)
				shares = append(shares, seconds(func() { feed(b, plain, ids) })/took)
				b.StartTimer()
			}
			perSecond(b, "tok/s", length)
			b.ReportMetric(median(shares), "xF32")
			b.ReportMetric(float64(test.CacheBytes())/float64(plain.CacheBytes()), "xbytes")
		})
	}
}
