package attention

import "github.com/seed2010d43f/transformer/internal/simd/flash"

// ahead is what will be read of the block of keys and values that follows. It is fetched a little at a time, while the
// present block is computed: the processor does not see where it lies.
type ahead struct {
	codes  [2][]int8
	half   [2][]uint16
	scales [2][]uint16
}

// of sets a to what a head has in page b of l, if there is such a page.
func (a *ahead) of(l *layerCache, head, b int) {
	*a = ahead{}
	if b >= len(l.pages) || l.pages[b] == nil {
		return
	}
	p := l.pages[b]
	for i, s := range []*stored{&p.k, &p.v} {
		lay := &l.keys
		if i == 1 {
			lay = &l.values
		}
		n := flash.Block * lay.dim
		if s.codes != nil {
			per := flash.Block * flash.Q8Scales(lay.dim)
			a.codes[i], a.scales[i] = s.codes[head*n:][:n], s.scales[head*per:][:per]
		} else if s.half != nil {
			a.half[i] = s.half[head*n:][:n]
		}
	}
}

// fetch fetches the part that is the i-th of n.
func (a *ahead) fetch(i, n int) {
	for j := range 2 {
		fetchPart(a.codes[j], i, n)
		fetchPart(a.half[j], i, n)
		fetchPart(a.scales[j], i, n)
	}
}

func fetchPart[T int8 | uint16](x []T, i, n int) {
	const line = 64
	size := ((len(x)+n-1)/n + line - 1) &^ (line - 1)
	flash.Prefetch(x[min(i*size, len(x)):min((i+1)*size, len(x))])
}
