package attention

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// CacheLayer describes what one Op caches of a sequence: either a key and a value for each token and head, or
// one state for the whole sequence. The zero value means that nothing is cached.
type CacheLayer struct {
	KVHeads  int
	KeyDim   int  // numbers in a key
	ValueDim int  // numbers in a value
	Mask     Mask // tokens that no later token sees may be dropped

	// ValuesInKeys says that a value is the first ValueDim numbers of its key, as in latent attention. Only
	// keys are stored then.
	ValuesInKeys bool

	// State is the number of float32 values in a state: the last inputs of a convolution, for instance, or a
	// recurrent state. If it is not 0, the other fields are 0.
	State int
}

func (l CacheLayer) none() bool { return l == CacheLayer{} }

func (l CacheLayer) check() error {
	if l.State < 0 || l.KVHeads < 0 || l.KeyDim < 0 || l.ValueDim < 0 || l.State > 0 && l.KVHeads > 0 ||
		!l.none() && l.State == 0 && l.KVHeads*l.KeyDim == 0 {
		return fmt.Errorf("a cache of %d heads with keys of %d and values of %d, and a state of %d values; it must have either heads and keys, or a state", l.KVHeads, l.KeyDim, l.ValueDim, l.State)
	}
	if l.ValuesInKeys && l.ValueDim > l.KeyDim {
		return fmt.Errorf("a cache of values of %d in keys of %d", l.ValueDim, l.KeyDim)
	}
	return nil
}

// ownValues returns the numbers of a value that are stored beside its key.
func (l CacheLayer) ownValues() int {
	if l.ValuesInKeys {
		return 0
	}
	return l.ValueDim
}

// Cache holds what the Ops of a model keep of one sequence's past tokens. [Plan.NewCache] makes one.
//
// Keys and values are stored as one type:
//
//	F32    exact
//	F16    half the memory: 11 bits, magnitudes up to 65504
//	BF16   half the memory: 8 bits, every magnitude of F32
//	Q8_0   34 bytes for 128: 8 bits in blocks of 32 neighbours of a key or value with a float16 scale, as in ggml. A
//	       dimension that is no multiple of 32 ends in a shorter block.
//
// A pass attends to its own keys and values as they are stored, too, so that results do not depend on how a text is
// split into passes. A block of Q8_0 with a number that is not finite, or beyond 8·10⁶, reads as NaN. States are
// float32 with every type.
//
// Keys and values lie in pages of 128 tokens. A layer whose mask has a window or chunks keeps only the pages
// that later tokens can still see. Forks share pages until one of them writes to a page; a page released by
// one fork can be reused by any other. A fork copies states. A cache also saves a state every few hundred
// tokens, so that Truncate can go back to it.
//
// One goroutine at a time may use a Cache. Forks may be used at the same time as each other.
type Cache struct {
	plan   *Plan
	layers []layerCache
	n      int // tokens
	start  int // tokens that were never there: see StartAt
	mem    *hugepages.Slab
}

type layerCache struct {
	CacheLayer
	keys, values layout  // in the pages
	pages        []*page // page i holds tokens 128·i …; nil: dropped
	first        int     // page that is not dropped
	spare        *spare  // shared with forks
	mem          *hugepages.Slab
	state        state
}

// spare is the pages of a layer that a cache and its forks have for use.
type spare struct {
	mu    sync.Mutex
	pages []*page
}

func (s *spare) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pages)
}

func (s *spare) put(p *page) {
	s.mu.Lock()
	s.pages = append(s.pages, p)
	s.mu.Unlock()
}

// take returns a page, or nil if there is none.
func (s *spare) take() *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.pages)
	if n == 0 {
		return nil
	}
	p := s.pages[n-1]
	s.pages = s.pages[:n-1]
	return p
}

// page holds the keys of 128 tokens, and their values unless they are in the keys.
type page struct {
	refs atomic.Int32
	k, v stored
}

// newCache returns an empty cache that stores keys and values as dt.
func newCache(dt tensor.DType, layers []CacheLayer) *Cache {
	checkStored(dt)
	c := &Cache{}
	for _, l := range layers {
		c.layers = append(c.layers, layerCache{CacheLayer: l, spare: new(spare), state: newState(l.State),
			keys:   layout{dtype: dt, heads: l.KVHeads, dim: l.KeyDim, columns: dt != tensor.F32 && !l.ValuesInKeys},
			values: layout{dtype: dt, heads: l.KVHeads, dim: l.ownValues()}})
	}
	c.ownMemory()
	return c
}

// ownMemory gives the cache memory for new pages that no other cache takes from, in pieces of some pages
// for every layer.
func (c *Cache) ownMemory() {
	piece := int64(0)
	for i := range c.layers {
		piece += c.layers[i].pageBytes()
	}
	c.mem = &hugepages.Slab{Next: pagesAtOnce * piece, Grow: pagesAtOnce * piece}
	for i := range c.layers {
		c.layers[i].mem = c.mem
	}
}

const pagesAtOnce = 4

// Len returns the number of cached tokens.
func (c *Cache) Len() int { return c.n }

// StartAt lets an empty cache begin at position n, as if it had dropped n tokens. It fails if the token at n
// could see one of them in some layer, or if a layer keeps a state.
func (c *Cache) StartAt(n int) error {
	if c.n != 0 || n < 0 {
		return fmt.Errorf("attention: a cache of %d tokens cannot start at position %d", c.n, n)
	}
	for i := range c.layers {
		l := &c.layers[i]
		if lo, _ := l.Mask.Range(n); n > 0 && l.State > 0 || lo < n {
			return fmt.Errorf("attention: a cache cannot start at position %d: layer %d needs what was before it", n, i)
		}
	}
	for i := range c.layers {
		l := &c.layers[i]
		l.first = n / flash.Block
		l.pages = make([]*page, l.first)
	}
	c.n, c.start = n, n
	return nil
}

// Reserve allocates pages for n tokens in all. Later passes then allocate no pages until the sequence is
// longer. A layer with a window gets pages for its window only; a long prompt may still allocate more.
func (c *Cache) Reserve(n int) {
	for i := range c.layers {
		l := &c.layers[i]
		if l.State > 0 {
			continue
		}
		want := (n + flash.Block - 1) / flash.Block
		if r := l.Mask.reach(); r > 0 {
			want = min(want, r/flash.Block+3)
		}
		for have := len(l.pages) - l.first + l.spare.len(); have < want; have++ {
			l.spare.put(l.newPage())
		}
		if more := (n+flash.Block-1)/flash.Block - len(l.pages); more > 0 {
			l.pages = append(make([]*page, 0, len(l.pages)+more), l.pages...)
		}
	}
}

// Truncate forgets the tokens from position n on. It fails if a layer with a window has already dropped
// tokens that position n sees.
//
// States are saved at some positions only. If no state was saved at n, Truncate goes back to the last
// position before n that has one. Call Len to see how many tokens are left, and compute the others again.
func (c *Cache) Truncate(n int) error {
	if n < c.start || n > c.n {
		return fmt.Errorf("attention: cannot go back to position %d of %d", n, c.n)
	}
	to := c.restorable(n)
	for i := range c.layers {
		l := &c.layers[i]
		if lo, _ := l.Mask.Range(to); to < c.n && to > 0 && lo/flash.Block < l.first {
			if to < n {
				to = 0 // from where everything can be computed again
				break
			}
			return fmt.Errorf("attention: cannot go back to position %d of %d: layer %d has dropped what is before position %d",
				n, c.n, i, l.first*flash.Block)
		}
	}
	for i := range c.layers {
		c.layers[i].truncate((to + flash.Block - 1) / flash.Block)
		c.layers[i].state.restore(to, c.n)
	}
	c.n = to
	return nil
}

// restorable returns the last position up to n at which all states are kept.
func (c *Cache) restorable(n int) int {
	for i := range c.layers {
		if l := &c.layers[i]; l.State > 0 && n < c.n {
			n = l.state.last(n) // all keep the same positions
		}
	}
	return n
}

func (l *layerCache) truncate(pages int) {
	for i := pages; i < len(l.pages); i++ {
		l.drop(i)
	}
	l.pages = l.pages[:min(pages, len(l.pages))]
	if pages == 0 {
		l.first = 0
	}
}

// Fork returns a cache with the same tokens. The two share memory until one of them writes.
func (c *Cache) Fork() *Cache {
	f := &Cache{plan: c.plan, n: c.n, start: c.start, layers: append([]layerCache(nil), c.layers...)}
	f.ownMemory()
	for i := range f.layers {
		l := &f.layers[i]
		l.state = l.state.fork()
		l.pages = append([]*page(nil), l.pages...)
		for _, p := range l.pages[min(l.first, len(l.pages)):] {
			p.refs.Add(1)
		}
	}
	return f
}

// Bytes returns the memory of the pages and states in bytes. Pages shared with forks, and spare pages, count
// in full.
func (c *Cache) Bytes() int64 {
	var n int64
	for i := range c.layers {
		l := &c.layers[i]
		pages := len(l.pages) - min(l.first, len(l.pages)) + l.spare.len()
		n += int64(pages)*l.pageBytes() + l.state.bytes()
	}
	return n
}

// advance says that n tokens have been written to all layers.
func (c *Cache) advance(n int) {
	for i := range c.layers {
		c.layers[i].state.advance(c.n)
	}
	c.n += n
	for i := range c.layers {
		c.layers[i].forget(c.n)
	}
}

// forget drops pages that no token from position n on can see, but for one page more, so that a
// sequence can go back a little.
func (l *layerCache) forget(n int) {
	if l.Mask.reach() == 0 || !l.Mask.Causal {
		return
	}
	lo, _ := l.Mask.Range(n)
	for ; l.first < lo/flash.Block-1; l.first++ {
		l.drop(l.first)
	}
}

func (l *layerCache) pageBytes() int64 { return l.keys.bytes() + l.values.bytes() }

func (l *layerCache) newPage() *page { return &page{k: l.keys.make(l.mem), v: l.values.make(l.mem)} }

// take returns an unused page with one reference.
func (l *layerCache) take() *page {
	p := l.spare.take()
	if p == nil {
		p = l.newPage()
	}
	p.refs.Store(1)
	return p
}

func (l *layerCache) drop(i int) {
	p := l.pages[i]
	l.pages[i] = nil
	if p != nil && p.refs.Add(-1) == 0 {
		l.spare.put(p)
	}
}

// grow makes the pages for tokens pos to pos+n−1 exist and be this cache's own.
func (l *layerCache) grow(pos, n int) {
	for i := pos / flash.Block; i <= (pos+n-1)/flash.Block; i++ {
		switch {
		case i > len(l.pages):
			panic(fmt.Sprintf("attention: position %d is cached after %d: an Op has to cache every token of its sequence", pos, len(l.pages)*flash.Block))
		case i == len(l.pages):
			l.pages = append(l.pages, l.take())
		case l.pages[i].refs.Load() > 1:
			p := l.take()
			n := max(pos-i*flash.Block, 0)
			l.keys.copy(p.k, l.pages[i].k, n)
			l.values.copy(p.v, l.pages[i].v, n)
			l.drop(i)
			l.pages[i] = p
		}
	}
}

// put writes the keys and values, [Hkv][D] each, of the token at pos. v is not read if values are in keys.
func (l *layerCache) put(pos int, k, v []float32) {
	p, at := l.pages[pos/flash.Block], pos%flash.Block
	values := l.ownValues()
	for h := range l.KVHeads {
		l.keys.put(p.k, h, at, k[h*l.KeyDim:][:l.KeyDim])
		l.values.put(p.v, h, at, v[h*values:][:values])
	}
}

// putRows is put for many tokens, head by head: what is written then lies together.
func (l *layerCache) putRows(pos, rows int, k []float32, ldk int, v []float32, ldv int) {
	t := fillings.Get()
	*t = filling{l, pos, rows, k, ldk, v, ldv}
	first, last := pos/flash.Block, (pos+rows-1)/flash.Block
	parallel.Run(parallel.Width(), (last-first+1)*l.KVHeads, t)
	*t = filling{}
	fillings.Put(t, 0)
}

var fillings parallel.Free[filling]

type filling struct {
	l         *layerCache
	pos, rows int
	k         []float32
	ldk       int
	v         []float32
	ldv       int
}

// Do puts what a page has of one head.
func (t *filling) Do(part, _ int) {
	l, page, h := t.l, t.pos/flash.Block+part/t.l.KVHeads, part%t.l.KVHeads
	values := l.ownValues()
	for pos := max(t.pos, page*flash.Block); pos < min(t.pos+t.rows, (page+1)*flash.Block); pos++ {
		r, p, at := pos-t.pos, l.pages[page], pos%flash.Block
		l.keys.put(p.k, h, at, t.k[r*t.ldk+h*l.KeyDim:][:l.KeyDim])
		l.values.put(p.v, h, at, t.v[r*t.ldv+h*values:][:values])
	}
}

// read returns copies of the keys and values of the tokens from first to last−1.
func (l *layerCache) read(first, last int) (k, v tensor.Tensor) {
	k, v = tensor.New(last-first, l.KVHeads, l.KeyDim), tensor.New(last-first, l.KVHeads, l.ValueDim)
	w := widenedIn(make([]float32, widenedLen(l.KeyDim, l.ValueDim)), l.KeyDim, l.ValueDim)
	for start := first; start < last; {
		b := start / flash.Block
		if b >= len(l.pages) || l.pages[b] == nil {
			panic(fmt.Sprintf("attention: position %d is not in the cache: a window has dropped it, or nobody has put it there", start))
		}
		end := min(last, (b+1)*flash.Block)
		for h := range l.KVHeads {
			keys, ldk, values, ldv := l.rows(h, b, end-b*flash.Block, &w)
			for pos := start; pos < end; pos++ {
				row, at := (pos-first)*l.KVHeads+h, pos%flash.Block
				copy(k.Row(row), keys[at*ldk:][:l.KeyDim])
				copy(v.Row(row), values[at*ldv:][:l.ValueDim])
			}
		}
		start = end
	}
	return k, v
}
