package attention

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// chunk is the number of keys after which partial results are merged: chunks can be computed on
// different processors. Like blocks they begin at fixed positions, so that the order of all sums, and
// with it every bit, is the same however queries and processors are divided.
const chunk = 8 * flash.Block

// maxLanes is the number of query rows in a tile.
const maxLanes = 48

// span is the queries of one sequence, and the keys they see.
type span struct {
	row, rows int // of the problem's queries
	pos       int // position of the first
	keys      int // positions 0 to keys−1 exist
	kv        source
}

// source is where keys and values lie: rows of a tensor, or a layer's cache.
type source struct {
	k, v         []float32 // head h of key s begins at s·ldk + h·headK
	ldk, ldv     int
	headK, headV int
	cache        *layerCache
}

// part is a tile of queries: lanes of one key/value head, from a flat count of tokens times group.
type part struct {
	span, head, lane int
	first, last      int // chunks
	slot             int // of partial results, when chunks are divided
}

// problem is one computation of attention under way. It is kept for the next one, with its memory.
type problem struct {
	heads, kvHeads, dim, vdim int
	q, dst                    []float32
	ldq, ldd                  int
	mask                      Mask
	scale, softCap            float32
	bias                      Bias
	spans                     []span
	weights                   []tensor.Tensor // one a span, or none

	parts   []part
	workers []*worker
	stage   stage
	partial []float32 // results of chunks
	packed  []float32 // keys and values, head by head
}

var problems parallel.Free[problem]

// newProblem returns the attention of heads to queries, [T, H·D] or rows that begin so, that sets dst,
// [T, H·Dv]. The spans are to be added.
func newProblem(heads, kvHeads, dim, vdim int, queries, dst tensor.Tensor, o Options) *problem {
	p := problems.Get()
	p.heads, p.kvHeads, p.dim, p.vdim = heads, kvHeads, dim, vdim
	p.q, p.ldq = queries.Data, queries.Shape.Last()
	p.dst, p.ldd = dst.Data, dst.Shape.Last()
	p.set(o, 0)
	return p
}

// runObserved runs the problem, gives it back, and shows the weights of each span to the observer of pass
// if it wants to see those of some.
func (p *problem) runObserved(pass *Pass, stage Stage) {
	if pass.Observer == nil {
		p.run()
		p.put()
		return
	}
	var show []func(tensor.Tensor)
	for i := range p.spans {
		show = append(show, pass.Observer(Point{stage, pass.layer, i}))
	}
	if slices.ContainsFunc(show, func(f func(tensor.Tensor)) bool { return f != nil }) {
		for i := range p.spans {
			p.weights = append(p.weights, tensor.New(p.heads, p.spans[i].rows, p.spans[i].keys))
		}
	}
	p.run()
	for i, f := range show {
		if f != nil {
			f(p.weights[i])
		}
	}
	p.put()
}

func (p *problem) set(o Options, keys int) {
	p.mask, p.scale, p.softCap, p.bias = o.Mask, o.Scale, o.SoftCap, o.Bias
	if p.scale == 0 {
		p.scale = float32(1 / math.Sqrt(float64(p.dim)))
	}
	if o.Add.Shape != (tensor.Shape{}) {
		p.addBias(added{o.Add})
	}
	if o.Keep != nil {
		p.addBias(kept{o.Keep, keys})
	}
}

func (p *problem) addBias(b Bias) {
	if p.bias != nil {
		b = both{p.bias, b}
	}
	p.bias = b
}

// put gives the problem back for reuse, without the caller's memory.
func (p *problem) put() {
	p.q, p.dst, p.bias = nil, nil, nil
	clear(p.spans)
	clear(p.weights)
	p.spans, p.weights, p.parts = p.spans[:0], p.weights[:0], p.parts[:0]
	problems.Put(p, p.bytes())
}

// bytes returns the memory that the problem keeps for the next one.
func (p *problem) bytes() int {
	n := cap(p.partial) + cap(p.packed)
	for _, w := range p.workers {
		n += cap(w.buf)
	}
	return 4*n + 56*cap(p.parts)
}

// stage is what the parts of a problem do.
type stage uint8

const (
	whole    stage = iota // attend to all keys
	oneChunk              // attend to one chunk, and leave the result in partial
	packing               // gather a block of a span's keys and values
)

func (p *problem) group() int { return p.heads / p.kvHeads }

// minWork is the multiply-adds below which threads do not pay.
const minWork = 1 << 19

func (p *problem) run() {
	p.pack()
	p.parts = p.parts[:0]
	work, chunks := 0, 0
	for i := range p.spans {
		s := &p.spans[i]
		lanes := s.rows * p.group()
		for head := range p.kvHeads {
			for lane := 0; lane < lanes; lane += maxLanes {
				t := part{span: i, head: head, lane: lane}
				t.first, t.last = p.chunks(&t)
				chunks = max(chunks, t.last-t.first)
				p.parts = append(p.parts, t)
			}
		}
		work += lanes * p.kvHeads * s.keys * (p.dim + p.vdim)
	}
	width := parallel.Width()
	if work < minWork {
		width = 1
	}
	for len(p.workers) < width {
		p.workers = append(p.workers, new(worker))
	}
	for _, w := range p.workers[:width] {
		w.resize(p.dim, p.vdim)
	}
	if width > 1 && chunks > 1 && len(p.parts) < 2*width && len(p.weights) == 0 {
		p.runSplit(width)
		return
	}
	p.stage = whole
	parallel.Run(width, len(p.parts), p)
}

// chunks returns the chunks of keys that some query of the part sees, the last exclusive.
func (p *problem) chunks(t *part) (first, last int) {
	s := &p.spans[t.span]
	lo, hi := p.keyRange(s, t.lane/p.group(), min((t.lane+maxLanes-1)/p.group(), s.rows-1))
	if hi < lo {
		return 0, 0
	}
	return lo / chunk, hi/chunk + 1
}

// keyRange returns the first and last key that queries row0 to row1 see between them.
func (p *problem) keyRange(s *span, row0, row1 int) (lo, hi int) {
	lo, _ = p.mask.Range(s.pos + row0)
	_, hi = p.mask.Range(s.pos + row1)
	return lo, min(hi, s.keys-1)
}

// Do computes one part. The last come first: with a causal mask they are the longest.
func (p *problem) Do(i, worker int) {
	t := &p.parts[len(p.parts)-1-i]
	if p.stage == packing {
		p.packBlock(t)
		return
	}
	w := p.workers[worker]
	w.begin(p, t)
	if p.stage == oneChunk {
		r := w.partialOf(p, t)
		r.reset()
		w.chunk(t.first, r)
		return
	}
	total := w.attend(t.first, t.last)
	w.finish(total)
	var weights tensor.Tensor
	if len(p.weights) > 0 {
		weights = p.weights[t.span]
		w.writeWeights(weights, total)
	}
	w.mend(total, weights)
}

// runSplit divides the chunks of each part too, for few queries and many keys, and merges their results
// in the order in which Do does.
func (p *problem) runSplit(width int) {
	tiles := len(p.parts)
	for i := range tiles {
		t := p.parts[i]
		for c := t.first; c < t.last; c++ {
			u := t
			u.first, u.last, u.slot = c, c+1, len(p.parts)-tiles
			p.parts = append(p.parts, u)
		}
	}
	n := (len(p.parts) - tiles) * partialLen(p.vdim)
	if cap(p.partial) < n {
		p.partial = make([]float32, n)
	}
	p.partial = p.partial[:n]
	all := p.parts
	p.parts, p.stage = all[tiles:], oneChunk
	parallel.Run(width, len(p.parts), p)
	w, next := p.workers[0], 0
	for i := range all[:tiles] {
		t := &all[i]
		w.begin(p, t)
		total := w.total()
		total.reset()
		for c := t.first; c < t.last; c++ {
			part := w.partialOf(p, &all[tiles+next])
			flash.Merge(total.o, total.m, total.l, part.o, part.m, part.l, w.lanes, p.vdim)
			next++
		}
		w.finish(total)
		w.mend(total, tensor.Tensor{})
	}
	p.parts = all[:0]
}
