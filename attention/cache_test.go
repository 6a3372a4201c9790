package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const pageTokens = flash.Block

// cacheLayers are layers of different widths and masks.
func cacheLayers() []CacheLayer {
	return []CacheLayer{
		{KVHeads: 2, KeyDim: 3, ValueDim: 5, Mask: Mask{Causal: true}},
		{KVHeads: 1, KeyDim: 4, ValueDim: 4, Mask: Mask{Causal: true, Window: 9}},
		{KVHeads: 3, KeyDim: 2, ValueDim: 1, Mask: Mask{Causal: true, Window: 300}},
		{KVHeads: 1, KeyDim: 2, ValueDim: 2, Mask: Mask{Causal: true, Chunk: 130}},
		{KVHeads: 1, KeyDim: 1, ValueDim: 2, Mask: Mask{Causal: true, Window: 128, Chunk: 500}},
		{KVHeads: 2, KeyDim: 5, ValueDim: 3, ValuesInKeys: true, Mask: Mask{Causal: true, Window: 200}},
		{KVHeads: 2, KeyDim: 72, ValueDim: 33, Mask: Mask{Causal: true, Window: 100}},
	}
}

// stamp is the value i of what the token at pos of a text keeps in a layer.
func stamp(text, layer, pos, i int) float32 {
	return float32((text*7919 + layer*104729 + pos*31 + i*3) % 2048) // exact in F16
}

// write appends tokens of a text to the cache, n at a time.
func write(c *Cache, text, n int) {
	for i := range c.layers {
		l := &c.layers[i]
		l.grow(c.n, n)
		k, v := make([]float32, l.KVHeads*l.KeyDim), make([]float32, l.KVHeads*l.ValueDim)
		for pos := c.n; pos < c.n+n; pos++ {
			for j := range k {
				k[j] = stamp(text, i, pos, j)
			}
			for j := range v {
				v[j] = stamp(text, i, pos, 1000+j)
			}
			l.put(pos, k, v)
		}
	}
	c.advance(n)
}

// asStored returns what a cache of type dt keeps of a key or value.
func asStored(dt tensor.DType, x []float32) []float32 {
	y := slices.Clone(x)
	switch dt {
	case tensor.F16, tensor.BF16:
		b := make([]byte, dt.Bytes(len(x)))
		dt.Encode(b, x)
		dt.Decode(y, b)
	case tensor.Q8_0:
		for i := 0; i < len(x); i += 32 {
			part := y[i:min(i+32, len(x))]
			most := 0.0
			for _, v := range part {
				most = max(most, math.Abs(float64(v)))
			}
			d := float32(most) / 127
			scale := make([]byte, 2)
			tensor.F16.Encode(scale, []float32{d})
			var rounded [1]float32
			tensor.F16.Decode(rounded[:], scale)
			for j, v := range part {
				if part[j] = 0; d > 0 {
					part[j] = float32(math.RoundToEven(float64(v*(127/float32(most))))) * rounded[0]
				}
			}
		}
	}
	return y
}

// cacheTypes are the types of caches.
var cacheTypes = []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0}

// verify compares everything that the token at position c.n would see; text says of which text the
// token at a position is.
func verify(c *Cache, text func(pos int) int) error {
	for i := range c.layers {
		l := &c.layers[i]
		lo, _ := l.Mask.Range(c.n)
		first := max(c.start, lo/pageTokens*pageTokens)
		k, v := l.read(first, c.n)
		for pos := first; pos < c.n; pos++ {
			for h := range l.KVHeads {
				key, value := make([]float32, l.KeyDim), make([]float32, l.ValueDim)
				for d := range key {
					key[d] = stamp(text(pos), i, pos, h*l.KeyDim+d)
				}
				for d := range value {
					value[d] = stamp(text(pos), i, pos, 1000+h*l.ValueDim+d)
				}
				key, value = asStored(l.keys.dtype, key), asStored(l.keys.dtype, value)
				if l.ValuesInKeys {
					value = key[:l.ValueDim]
				}
				row := (pos-first)*l.KVHeads + h
				if got := k.Row(row); !slices.Equal(got, key) {
					return fmt.Errorf("layer %d, head %d, position %d: the key is %v, want %v", i, h, pos, got, key)
				}
				if got := v.Row(row); !slices.Equal(got, value) {
					return fmt.Errorf("layer %d, head %d, position %d: the value is %v, want %v", i, h, pos, got, value)
				}
			}
		}
	}
	return nil
}

func always(text int) func(int) int { return func(int) int { return text } }

func TestCacheHolds(t *testing.T) {
	steps := []int{1, 7, 128, 129, 513}
	if testing.Short() {
		steps = steps[1:] // every token is looked at after each of 1200 steps otherwise
	}
	for _, dt := range cacheTypes {
		for _, step := range steps {
			c := newCache(dt, cacheLayers())
			for c.Len() < 1200 {
				write(c, 1, step)
				if err := verify(c, always(1)); err != nil {
					t.Fatalf("%v, %d at a time, %d tokens: %v", dt, step, c.Len(), err)
				}
			}
		}
	}
}

// bytesOf returns the bytes of a key or value. A scale of Q8_0 takes two, for 32 neighbours or fewer.
func bytesOf(dt tensor.DType, dim int) int64 {
	switch dt {
	case tensor.F32:
		return int64(4 * dim)
	case tensor.Q8_0:
		return int64(dim + 2*((dim+31)/32))
	}
	return int64(2 * dim)
}

// The memory of a layer with a window does not grow with the text.
func TestWindowMemory(t *testing.T) {
	for _, dt := range cacheTypes {
		layers := cacheLayers()[1:]
		c := newCache(dt, layers)
		var most int64
		for _, l := range layers {
			pages := int64(l.Mask.reach()/pageTokens + 3)
			most += pages * pageTokens * int64(l.KVHeads) * (bytesOf(dt, l.KeyDim) + bytesOf(dt, l.ownValues()))
		}
		for c.Len() < 1000 {
			write(c, 1, 1)
		}
		settled := c.Bytes()
		if settled > most {
			t.Errorf("%v: %d bytes after %d tokens, at most %d make sense", dt, settled, c.Len(), most)
		}
		pages := map[*page]bool{}
		for c.Len() < 8000 {
			write(c, 1, 1)
			for i := range c.layers {
				for _, p := range c.layers[i].pages {
					if p != nil {
						pages[p] = true
					}
				}
			}
		}
		if got := c.Bytes(); got != settled {
			t.Errorf("%v: %d bytes after %d tokens, %d after 1000", dt, got, c.Len(), settled)
		}
		if len(pages) > 4*6 {
			t.Errorf("%v: %d different pages in use over time: they are not reused", dt, len(pages))
		}
		if err := verify(c, always(1)); err != nil {
			t.Error(err)
		}
	}
}

func TestCacheBytes(t *testing.T) {
	layer := CacheLayer{KVHeads: 2, KeyDim: 64, ValueDim: 80, Mask: Mask{Causal: true}}
	for _, dt := range cacheTypes {
		c := newCache(dt, []CacheLayer{layer, layer})
		if c.Bytes() != 0 || c.Len() != 0 {
			t.Errorf("%v: an empty cache has %d bytes and %d tokens", dt, c.Bytes(), c.Len())
		}
		page := 2 * 128 * 2 * (bytesOf(dt, 64) + bytesOf(dt, 80)) // two layers
		for _, n := range []int{1, 127, 1, 128} {
			write(c, 1, n)
			if want := page * int64((c.Len()+127)/128); c.Bytes() != want {
				t.Errorf("%v: %d tokens take %d bytes, want %d", dt, c.Len(), c.Bytes(), want)
			}
		}
		if err := c.Truncate(1); err != nil {
			t.Fatal(err)
		}
		if want := 3 * page; c.Bytes() != want {
			t.Errorf("%v: going back leaves %d bytes, want the %d that are kept for reuse", dt, c.Bytes(), want)
		}
		r := newCache(dt, []CacheLayer{layer, layer})
		r.Reserve(300)
		if want := 3 * page; r.Bytes() != want {
			t.Errorf("%v: 300 reserved tokens take %d bytes, want %d", dt, r.Bytes(), want)
		}
		r.Reserve(10)
		write(r, 1, 300)
		r.Reserve(300)
		if want := 3 * page; r.Bytes() != want {
			t.Errorf("%v: 300 tokens in reserved memory take %d bytes, want %d", dt, r.Bytes(), want)
		}
	}
}

func TestReserve(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	const n = 1000
	for _, dt := range cacheTypes {
		c := newCache(dt, cacheLayers())
		c.Reserve(n + 1)
		before := c.Bytes()
		k, v := make([]float32, 200), make([]float32, 200)
		allocs := testing.AllocsPerRun(n-1, func() { // and once to warm up
			for i := range c.layers {
				c.layers[i].grow(c.n, 1)
				c.layers[i].put(c.n, k, v)
			}
			c.advance(1)
		})
		if allocs != 0 || c.Len() != n || c.Bytes() != before {
			t.Errorf("%v: %v allocations for a token; %d bytes reserved, %d after %d tokens", dt, allocs, before, c.Bytes(), c.Len())
		}
	}
}

func TestTruncate(t *testing.T) {
	full := newCache(tensor.F32, cacheLayers()[:1])
	write(full, 1, 700)
	for _, n := range []int{700, 699, 640, 639, 513, 128, 127, 1, 0} {
		if err := full.Truncate(n); err != nil {
			t.Fatal(err)
		}
		text := func(pos int) int {
			if pos < n {
				return 1
			}
			return 2
		}
		if err := verify(full, text); err != nil {
			t.Fatalf("back to %d: %v", n, err)
		}
		write(full, 2, 5)
		if err := verify(full, text); err != nil {
			t.Fatalf("back to %d and on: %v", n, err)
		}
		if err := full.Truncate(n); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{-1, 1, math.MaxInt, math.MinInt} {
		if err := full.Truncate(n); err == nil {
			t.Errorf("an empty cache goes back to %d", n)
		}
	}

	c := newCache(tensor.F32, cacheLayers())
	write(c, 1, 1990) // not at the start of a chunk, which needs nothing of what was before
	for _, n := range []int{1, 900, 1400, 1700, 1900, 1989, 1950} {
		err := c.Truncate(n)
		if err != nil {
			if !strings.Contains(err.Error(), fmt.Sprintf("cannot go back to position %d of %d: layer ", n, c.Len())) {
				t.Errorf("back to %d: the error is %v", n, err)
			}
			if n >= 1900 {
				t.Errorf("a page is kept beyond every window, but: %v", err)
			}
		} else if n < 1400 {
			t.Errorf("went back to %d, which windows have dropped", n)
		}
		if err := verify(c, always(1)); err != nil {
			t.Fatalf("back to %d (error %v): %v", n, err, err)
		}
		write(c, 1, 1990-c.Len())
	}
	if err := c.Truncate(0); err != nil {
		t.Fatalf("going back to the start: %v", err)
	}
	write(c, 3, 600)
	if err := verify(c, always(3)); err != nil {
		t.Error(err)
	}
}

// A cache can start where no layer sees what was before, and then works like any other.
func TestStartAt(t *testing.T) {
	chunks := func(n ...int) *Cache {
		var layers []CacheLayer
		for _, n := range n {
			layers = append(layers, CacheLayer{KVHeads: 2, KeyDim: 3, ValueDim: 1, Mask: Mask{Causal: true, Chunk: n}})
		}
		return newCache(tensor.F32, layers)
	}
	for _, start := range []int{0, 650, 1300, 128 * 650, 9999990} {
		c := chunks(130, 65, max(start, 1))
		if err := c.StartAt(start); err != nil || c.Len() != start {
			t.Fatalf("start at %d: %d tokens, %v", start, c.Len(), err)
		}
		write(c, 1, 100)
		f := c.Fork()
		write(c, 1, 200)
		write(f, 2, 3)
		if err := f.Truncate(start + 50); err != nil {
			t.Fatal(err)
		}
		if err := c.Truncate(start - 1); err == nil {
			t.Errorf("a cache that started at %d goes back before", start)
		}
		for _, c := range []*Cache{c, f} {
			if err := verify(c, always(1)); err != nil {
				t.Errorf("start at %d: %v", start, err)
			}
		}
		if size := c.Bytes(); size > 1<<16 {
			t.Errorf("start at %d: %d bytes", start, size)
		}
	}
	used := chunks(10)
	write(used, 1, 10)
	for name, err := range map[string]error{
		"in a chunk":   chunks(130, 65).StartAt(65),
		"after tokens": used.StartAt(20),
		"negative":     chunks(10).StartAt(-10),
		"a window":     newCache(tensor.F32, []CacheLayer{{KVHeads: 1, KeyDim: 1, Mask: Mask{Causal: true, Window: 5}}}).StartAt(10),
		"a state":      newCache(tensor.F32, []CacheLayer{{State: 3}}).StartAt(10),
	} {
		if err == nil {
			t.Errorf("a cache starts %s", name)
		}
	}
}

// Forks at every kind of place, of forks too, hold their own text while all are written at once.
func TestCacheForks(t *testing.T) {
	for _, dt := range cacheTypes {
		var wg sync.WaitGroup
		errs := make(chan error, 100)
		trunk := newCache(dt, cacheLayers())
		for i, at := range []int{0, 1, 64, 127, 128, 129, 255, 256, 400} {
			if at > trunk.Len() {
				write(trunk, 1, at-trunk.Len())
			}
			fork, text := trunk.Fork(), 10*(i+1)
			wg.Go(func() {
				write(fork, text, 1)
				write(fork, text, 30)
				second := fork.Fork()
				write(second, text+1, 200)
				errs <- verify(second, func(pos int) int {
					switch {
					case pos < at:
						return 1
					case pos < at+31:
						return text
					}
					return text + 1
				})
				write(fork, text, 1)
				errs <- verify(fork, func(pos int) int {
					if pos < at {
						return 1
					}
					return text
				})
				if err := fork.Truncate(at); err != nil {
					errs <- err
					return
				}
				write(fork, 1, 3)
				errs <- verify(fork, always(1))
			})
		}
		write(trunk, 1, 300)
		errs <- verify(trunk, always(1))
		wg.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Errorf("%v: %v", dt, err)
			}
		}
	}
}

func TestCachePanics(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.MXFP4, tensor.DType(77)} {
		tensortest.Panics(t, dt.String(), func() { newCache(dt, nil) })
	}
}

// testLayer is a layer with every part, of awkward sizes.
func testLayer(mask Mask) *MultiHead {
	const dim, heads, kv, d = 20, 6, 2, 12
	r := rand.New(rand.NewPCG(5, 5))
	matrix := func(out, in int) *tensor.Weight {
		return tensor.WeightFrom(tensor.From(tensortest.Gaussian(r, out*in, 0, 1/math.Sqrt(float64(in))), out, in))
	}
	vector := func(n int) []float32 { return tensortest.Normal(r, n) }
	rope, err := NewRoPE(8, 100, Scaling{})
	if err != nil {
		panic(err)
	}
	return &MultiHead{Heads: heads, KVHeads: kv, HeadDim: d,
		QKV:   nn.Linear{Weight: matrix((heads+2*kv)*d, dim), Bias: vector((heads + 2*kv) * d)},
		Out:   nn.Linear{Weight: matrix(dim, heads*d), Bias: vector(dim)},
		QNorm: &nn.RMSNorm{Weight: vector(d), Eps: 1e-6}, KNorm: &nn.RMSNorm{Weight: vector(d), Eps: 1e-6},
		Rotary: rope, Mask: mask, Scale: 0.4, SoftCap: 5}
}

// withSinks is testLayer with a sink in each head.
func withSinks(mask Mask) *MultiHead {
	m := testLayer(mask)
	m.Sinks = []float32{-2, -1, 0, 1, 2, 3}
	return m
}

// planOf returns the plan of a model of one layer.
func planOf(ops ...Op) *Plan {
	p, err := NewPlan(ops)
	if err != nil {
		panic(err)
	}
	return p
}

func masks() []Mask {
	return []Mask{{Causal: true}, {Causal: true, Window: 10}, {Causal: true, Window: 200}, {Causal: true, Chunk: 100}}
}

// A layer gives a token the same bits without a cache, with one however it is fed, and in a batch.
func TestMultiHeadBits(t *testing.T) {
	const n = 400
	x := random(4, n, 20)
	layers := []*MultiHead{withSinks(Mask{Causal: true}), withSinks(Mask{Causal: true, Window: 200})}
	for _, mask := range masks() {
		layers = append(layers, testLayer(mask))
	}
	for _, m := range layers {
		mask, want := m.Mask, tensor.New(n, 20)
		var p Pass
		p.Begin(Seq{Rows: n})
		m.Forward(&p, want, x)

		for _, step := range []int{1, 3, 127, 128, 300} {
			c := planOf(m).NewCache(tensor.F32)
			got := tensor.New(n, 20)
			for i := 0; i < n; i += step {
				j := min(n, i+step)
				p.Begin(Seq{Rows: j - i, Pos: i, Cache: c})
				m.Forward(&p, got.Slice(i, j), x.Slice(i, j))
				p.End()
			}
			if i, same := tensortest.SameBits(got.Data, want.Data); !same {
				t.Fatalf("%+v, %d at a time: row %d differs", mask, step, i/20)
			}
		}

		// Three sequences in one batch: two new ones without a cache, and a token after 250.
		c := planOf(m).NewCache(tensor.F32)
		p.Begin(Seq{Rows: 250, Cache: c})
		m.Forward(&p, tensor.New(250, 20), x.Slice(0, 250))
		p.End()
		in := tensor.New(30+0+1+131, 20)
		copy(in.Data, x.Slice(0, 30).Data)
		copy(in.Row(30), x.Row(250))
		copy(in.Slice(31, 162).Data, x.Slice(0, 131).Data)
		got := tensor.New(162, 20)
		p.Begin(Seq{Rows: 30}, Seq{Rows: 0}, Seq{Rows: 1, Pos: 250, Cache: c}, Seq{Rows: 131})
		if p.Rows() != 162 {
			t.Fatalf("the pass has %d rows", p.Rows())
		}
		m.Forward(&p, got, in)
		p.End()
		for part, pair := range [][2]tensor.Tensor{
			{got.Slice(0, 30), want.Slice(0, 30)}, {got.Slice(30, 31), want.Slice(250, 251)}, {got.Slice(31, 162), want.Slice(0, 131)},
		} {
			if i, same := tensortest.SameBits(pair[0].Data, pair[1].Data); !same {
				t.Fatalf("%+v: part %d of a batch: row %d differs", mask, part, i/20)
			}
		}
		if c.Len() != 251 {
			t.Errorf("the cache has %d tokens, want 251", c.Len())
		}
	}
}

// Observers see attention weights that sum to 1 over the keys that the mask lets a query see, with
// pages that a window has dropped too; looking changes nothing.
func TestObservedWeights(t *testing.T) {
	const n = 600
	x := random(4, n, 20)
	for _, mask := range masks() {
		m := testLayer(mask)
		c, plain := planOf(m).NewCache(tensor.F32), planOf(m).NewCache(tensor.F32)
		seen := 0
		p := Pass{Observer: func(at Point) func(tensor.Tensor) {
			if at.Stage != StageWeights {
				return nil
			}
			return func(w tensor.Tensor) {
				seen++
				rows, keys := w.Shape[1], w.Shape[2]
				if w.Shape[0] != 6 || keys != c.Len()+rows {
					t.Fatalf("weights are %v after %d tokens", w.Shape, c.Len())
				}
				for i := range 6 * rows {
					row, pos, sum := w.Row(i), c.Len()+i%rows, 0.0
					lo, hi := mask.Range(pos)
					for j, a := range row {
						if (j < lo || j > hi) && a != 0 {
							t.Fatalf("%+v: position %d sees %d with weight %v", mask, pos, j, a)
						}
						sum += float64(a)
					}
					if math.Abs(sum-1) > 1e-5 || slices.Min(row) < 0 {
						t.Fatalf("%+v: weights of position %d sum to %v", mask, pos, sum)
					}
				}
			}
		}}
		var q Pass
		got, want := tensor.New(n, 20), tensor.New(n, 20)
		for i := 0; i < n; i += 50 {
			p.Begin(Seq{Rows: 50, Pos: i, Cache: c})
			m.Forward(&p, got.Slice(i, i+50), x.Slice(i, i+50))
			p.End()
			q.Begin(Seq{Rows: 50, Pos: i, Cache: plain})
			m.Forward(&q, want.Slice(i, i+50), x.Slice(i, i+50))
			q.End()
		}
		if seen != n/50 {
			t.Errorf("%+v: the observer saw weights %d times", mask, seen)
		}
		if i, same := tensortest.SameBits(got.Data, want.Data); !same {
			t.Errorf("%+v: looking changes row %d", mask, i/20)
		}
	}
}

// A layer reads three tokens at once, and a fork of its cache goes on from the second with another third.
func ExampleCache_Fork() {
	m := testLayer(Mask{Causal: true}) // 2 key/value heads of 12 values
	plan, err := NewPlan([]Op{m})      // a model of one layer
	if err != nil {
		panic(err)
	}
	cache := plan.NewCache(tensor.F32)
	x, y := random(1, 3, 20), tensor.New(3, 20) // [T, Dim]
	var p Pass
	p.Begin(Seq{Rows: 3, Cache: cache})
	m.Forward(&p, y, x)
	p.End()

	fork := cache.Fork()
	if err := fork.Truncate(2); err != nil {
		panic(err)
	}
	p.Begin(Seq{Rows: 1, Pos: fork.Len(), Cache: fork})
	m.Forward(&p, y.Slice(0, 1), random(2, 1, 20))
	p.End()
	fmt.Println(cache.Len(), "tokens in", cache.Bytes(), "bytes;", fork.Len(), "in the fork")
	// Output: 3 tokens in 24576 bytes; 3 in the fork
}
