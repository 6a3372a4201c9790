package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// heads is attention alone: its rows are queries, keys and values.
type heads struct {
	queries int
	cache   CacheLayer
	options Options
}

func (h *heads) Traits() Traits { return Traits{Of: h, Cache: h.cache} }

func (h *heads) Forward(p *Pass, dst, x tensor.Tensor) {
	l, t := h.cache, x.Rows()
	q, k, v := tensor.New(t, h.queries, l.KeyDim), tensor.New(t, l.KVHeads, l.KeyDim), tensor.New(t, l.KVHeads, l.ownValues())
	for i := range t {
		row := x.Row(i)
		for _, part := range []tensor.Tensor{q, k, v} {
			n := part.Shape[1] * part.Shape[2]
			copy(part.Data[i*n:][:n], row)
			row = row[n:]
		}
	}
	if l.ValuesInKeys {
		v = tensor.Tensor{}
	}
	p.Attend(h, dst, q, k, v, h.options)
}

func (h *heads) width() int {
	return h.queries*h.cache.KeyDim + h.cache.KVHeads*(h.cache.KeyDim+h.cache.ownValues())
}

// emulated computes exact attention in float32 to keys and values as a cache of type dt keeps them.
func (h *heads) emulated(dt tensor.DType, x tensor.Tensor) tensor.Tensor {
	l, t := h.cache, x.Rows()
	q, k, v := tensor.New(t, h.queries, l.KeyDim), tensor.New(t, l.KVHeads, l.KeyDim), tensor.New(t, l.KVHeads, l.ValueDim)
	for i := range t {
		row := x.Row(i)
		n := h.queries * l.KeyDim
		copy(q.Data[i*n:], row[:n])
		for head := range l.KVHeads {
			at := i*l.KVHeads + head
			copy(k.Row(at), asStored(dt, row[n+head*l.KeyDim:][:l.KeyDim]))
			if l.ValuesInKeys {
				copy(v.Row(at), k.Row(at))
				continue
			}
			copy(v.Row(at), asStored(dt, row[n+l.KVHeads*l.KeyDim+head*l.ValueDim:][:l.ValueDim]))
		}
	}
	dst, o := tensor.New(t, h.queries, l.ValueDim), h.options
	o.Mask = l.Mask
	ScaledDotProduct(dst, q, k, v, o)
	return dst.Reshape(t, h.queries*l.ValueDim)
}

// fed computes x in passes of so many rows, the last again and again.
func (h *heads) fed(x tensor.Tensor, c *Cache, steps ...int) tensor.Tensor {
	out := tensor.New(x.Rows(), h.queries*h.cache.ValueDim)
	var p Pass
	for i := 0; i < x.Rows(); steps = steps[min(1, len(steps)-1):] {
		j := min(x.Rows(), i+steps[0])
		p.Begin(Seq{Rows: j - i, Pos: c.Len(), Cache: c})
		h.Forward(&p, out.Slice(i, j), x.Slice(i, j))
		p.End()
		i = j
	}
	return out
}

// storedHeads are the shapes of attention that differ in how caches are read: few queries or many for a head of keys,
// dimensions of whole and of broken blocks, and what changes scores.
func storedHeads() []*heads {
	causal := Mask{Causal: true}
	return []*heads{
		{queries: 2, cache: CacheLayer{KVHeads: 2, KeyDim: 64, ValueDim: 64, Mask: causal}},
		{queries: 9, cache: CacheLayer{KVHeads: 3, KeyDim: 64, ValueDim: 64, Mask: causal}},
		{queries: 4, cache: CacheLayer{KVHeads: 1, KeyDim: 80, ValueDim: 72, Mask: Mask{Causal: true, Window: 200}}},
		{queries: 6, cache: CacheLayer{KVHeads: 2, KeyDim: 37, ValueDim: 5, Mask: Mask{Causal: true, Chunk: 300}}},
		{queries: 6, cache: CacheLayer{KVHeads: 1, KeyDim: 40, ValueDim: 32, Mask: causal}, options: Options{SoftCap: 3}},
		{queries: 2, cache: CacheLayer{KVHeads: 1, KeyDim: 32, ValueDim: 32, Mask: causal}, options: Options{Sinks: []float32{1, -1}, SoftCap: 5}},
		{queries: 3, cache: CacheLayer{KVHeads: 1, KeyDim: 64, ValueDim: 64, Mask: causal}, options: Options{Bias: ALiBi{Slopes: []float32{0.1, 0.2, 0.3}}}},
		{queries: 20, cache: CacheLayer{KVHeads: 1, KeyDim: 48, ValueDim: 36, ValuesInKeys: true, Mask: causal}},
	}
}

// A cache of any type gives, to the bit, what keys and values give that are rounded to it before: however the text is
// fed, for any instruction set and number of processors. Rounded keys are those of the present tokens, too.
func TestStoredAsEmulated(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	tensortest.EachSet(t, func(t *testing.T) {
		for i, h := range storedHeads() {
			n := 300
			if i == 1 && !testing.Short() {
				n = 1100 // more than one chunk
			}
			x := random(uint64(i), n, h.width())
			for _, dt := range cacheTypes {
				want := h.emulated(dt, x)
				for _, steps := range [][]int{{n}, {n - 3, 1}, {7, 200, 5, 1, 1, 60}} {
					for _, procs := range []int{1, 2} {
						runtime.GOMAXPROCS(procs)
						got := h.fed(x, planOf(h).NewCache(dt), steps...)
						tensortest.CheckBits(t, fmt.Sprintf("%v, shape %d, steps %v, %d processors", dt, i, steps, procs), got.Data, want.Data)
					}
				}
			}
		}
	})
}

// Forks, beams that go back, and neighbours in a batch have the bits of a text alone.
func TestStoredForks(t *testing.T) {
	for i, h := range storedHeads() {
		x := random(uint64(i), 420, h.width())
		for _, dt := range cacheTypes {
			want := h.emulated(dt, x)
			c := planOf(h).NewCache(dt)
			h.fed(x.Slice(0, 390), c, 390)
			fork := c.Fork()
			h.fed(random(99, 20, h.width()), fork, 20)
			other := c.Fork()
			h.fed(random(98, 3, h.width()), other, 1)
			if err := other.Truncate(385); err != nil {
				t.Fatal(err)
			}
			var p Pass
			p.Begin(Seq{Rows: 30, Pos: 390, Cache: c}, Seq{Rows: 35, Pos: 385, Cache: other}, Seq{Rows: 1, Pos: 410, Cache: fork})
			in := tensor.New(66, h.width())
			copy(in.Data, x.Slice(390, 420).Data)
			copy(in.Slice(30, 65).Data, x.Slice(385, 420).Data)
			out := tensor.New(66, h.queries*h.cache.ValueDim)
			h.Forward(&p, out, in)
			p.End()
			tensortest.CheckBits(t, fmt.Sprintf("%v, shape %d", dt, i), out.Slice(0, 30).Data, want.Slice(390, 420).Data)
			tensortest.CheckBits(t, fmt.Sprintf("%v, shape %d, after going back", dt, i), out.Slice(30, 65).Data, want.Slice(385, 420).Data)
		}
	}
}

// A block keeps each number to half a step of its largest, and what that cannot hold reads as NaN.
func TestQuantise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	inf := float32(math.Inf(1))
	for _, scale := range []float64{1e-9, 1e-4, 1, 1e4, 8e6} {
		for n := 1; n <= 32; n++ {
			x := tensortest.Gaussian(r, n, 0, scale)
			for i := range x {
				x[i] = max(min(x[i], 8e6), -8e6)
			}
			codes := make([]int8, 2*n)
			s := half.FromF16(quantise(codes, 2, x))
			most := 0.0
			for _, v := range x {
				most = max(most, math.Abs(float64(v)))
			}
			// A float16 scale is off by 2⁻¹¹ of itself, or by half of 2⁻²⁴ if it is smaller than 2⁻¹⁴: times 127.
			bound := most/127*(0.5+1e-5) + max(most/2048, 127*0x1p-25)
			for i, v := range x {
				if got := float32(codes[2*i]) * s; !(math.Abs(float64(got-v)) <= bound) || codes[2*i+1] != 0 {
					t.Fatalf("%v of at most %v is kept as %v", v, most, got)
				}
			}
		}
	}
	for _, x := range [][]float32{{1, inf}, {-inf}, {float32(math.NaN()), 3}, {3, float32(math.NaN()), inf}, {65520 * 127, 1}} {
		codes := []int8{5, 6, 7}
		if s := half.FromF16(quantise(codes, 1, x)); s == s {
			t.Errorf("%v has scale %v", x, s)
		}
	}
	zero := []int8{1, 2}
	if s := quantise(zero, 1, []float32{0, 0}); s != 0 || zero[0] != 0 || zero[1] != 0 {
		t.Errorf("zeros are %v with scale %x", zero, s)
	}
}

// A token that is not a number changes no row that does not see it, and shows in those that do.
func TestStoredNaN(t *testing.T) {
	const n, bad, window = 300, 100, 20
	for _, queries := range []int{1, 3, 6} {
		h := &heads{queries: queries, cache: CacheLayer{KVHeads: 1, KeyDim: 40, ValueDim: 32, Mask: Mask{Causal: true, Window: window}}}
		x := random(7, n, h.width())
		own := x.Row(bad)[queries*40:]
		clear(own)
		for _, dt := range cacheTypes {
			want := h.emulated(dt, x)
			own[3], own[40] = float32(math.NaN()), float32(math.Inf(-1))
			for _, step := range []int{n, 1} {
				got := h.fed(x, planOf(h).NewCache(dt), step)
				for row := range n {
					what := fmt.Sprintf("%v, %d queries, %d at a time, row %d", dt, queries, step, row)
					if row < bad || row >= bad+window {
						tensortest.CheckBits(t, what, got.Row(row), want.Row(row))
					} else if v := got.Row(row)[0]; v-v == 0 {
						t.Fatalf("%s is %v", what, v)
					}
				}
			}
			clear(own)
		}
	}
}
