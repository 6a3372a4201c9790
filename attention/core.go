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

// segment is the queries of one sequence, and the keys they see.
type segment struct {
	row, rows int // of the job's queries
	pos       int // position of the first
	keys      int // positions 0 to keys−1 exist
	kv        keyValues
}

// keyValues is where keys and values lie: rows of a tensor, or a layer's cache.
type keyValues struct {
	k, v         []float32 // head h of key s begins at s·ldk + h·headK
	ldk, ldv     int
	headK, headV int
	cache        *layerCache
}

// tile is up to maxLanes query rows of the heads that share one head of keys and values, from a flat count of
// tokens times group.
type tile struct {
	segment, head, lane int
	first, last         int // chunks
	slot                int // of the first chunk's partial results, when chunks are divided
}

// job is a running attention. It is pooled to reuse its buffers.
type job struct {
	heads, kvHeads, dim, vdim int
	q, dst                    []float32
	ldq, ldd                  int
	mask                      Mask
	scale, softCap            float32
	bias                      Bias
	sinks                     []float32 // one a head, or none
	segments                  []segment
	weights                   []tensor.Tensor // one a segment, or none

	tiles    []tile
	teams    []int // where the tiles of each team begin, and the end of all
	workers  []*worker
	partial  []float32 // results of chunks
	gathered []float32 // keys and values, head by head
}

var jobs parallel.Free[job]

// newJob returns the attention of heads to queries, [T, H·D] or rows that begin so, that sets dst,
// [T, H·Dv]. The segments are to be added.
func newJob(heads, kvHeads, dim, vdim int, queries, dst tensor.Tensor, o Options) *job {
	j := jobs.Get()
	j.heads, j.kvHeads, j.dim, j.vdim = heads, kvHeads, dim, vdim
	j.q, j.ldq = queries.Data, queries.Shape.Last()
	j.dst, j.ldd = dst.Data, dst.Shape.Last()
	j.set(o, 0)
	return j
}

// runObserved runs the job, gives it back, and shows the weights of each segment to the observer of pass
// if it wants to see those of some.
func (j *job) runObserved(pass *Pass, stage Stage) {
	if pass.Observer == nil {
		j.run()
		j.put()
		return
	}
	var show []func(tensor.Tensor)
	for i := range j.segments {
		show = append(show, pass.Observer(Point{stage, pass.layer, i}))
	}
	if slices.ContainsFunc(show, func(f func(tensor.Tensor)) bool { return f != nil }) {
		for i := range j.segments {
			j.weights = append(j.weights, tensor.New(j.heads, j.segments[i].rows, j.segments[i].keys))
		}
	}
	j.run()
	for i, f := range show {
		if f != nil {
			f(j.weights[i])
		}
	}
	j.put()
}

func (j *job) set(o Options, keys int) {
	j.mask, j.scale, j.softCap, j.bias, j.sinks = o.Mask, o.Scale, o.SoftCap, o.Bias, o.Sinks
	if j.scale == 0 {
		j.scale = float32(1 / math.Sqrt(float64(j.dim)))
	}
	if o.Add.Shape != (tensor.Shape{}) {
		j.addBias(added{o.Add})
	}
	if o.Keep != nil {
		j.addBias(kept{o.Keep, keys})
	}
}

func (j *job) addBias(b Bias) {
	if j.bias != nil {
		b = both{j.bias, b}
	}
	j.bias = b
}

// put gives the job back for reuse, without the caller's memory.
func (j *job) put() {
	j.q, j.dst, j.bias, j.sinks = nil, nil, nil, nil
	clear(j.segments)
	clear(j.weights)
	for _, w := range j.workers {
		w.wide.cache, w.ahead = nil, ahead{}
		for _, m := range w.mates {
			m.ahead = ahead{}
		}
	}
	j.segments, j.weights, j.tiles = j.segments[:0], j.weights[:0], j.tiles[:0]
	jobs.Put(j, j.bytes())
}

// bytes returns the memory that the job keeps for the next one.
func (j *job) bytes() int {
	n := cap(j.partial) + cap(j.gathered)
	for _, w := range j.workers {
		n += w.floats()
	}
	return 4*n + 56*cap(j.tiles) + 8*cap(j.teams)
}

func (j *job) group() int { return j.heads / j.kvHeads }

// minWork is the multiply-adds below which threads do not pay.
const minWork = 1 << 19

func (j *job) run() {
	j.gather()
	j.tiles = j.tiles[:0]
	work, chunks := 0, 0
	for i := range j.segments {
		s := &j.segments[i]
		lanes := s.rows * j.group()
		for head := range j.kvHeads {
			for lane := 0; lane < lanes; lane += maxLanes {
				t := tile{segment: i, head: head, lane: lane}
				t.first, t.last = j.chunks(&t)
				chunks = max(chunks, t.last-t.first)
				j.tiles = append(j.tiles, t)
			}
		}
		work += lanes * j.kvHeads * s.keys * (j.dim + j.vdim)
	}
	width := parallel.Width()
	if work < minWork {
		width = 1
	}
	for len(j.workers) < width {
		j.workers = append(j.workers, new(worker))
	}
	for _, w := range j.workers[:width] {
		w.resize(j.dim, j.vdim)
		if j.narrow() {
			w.wide.resize(j.dim, j.vdim)
		}
	}
	few := width > 1 && chunks > 1 && len(j.tiles) < 2*width
	if len(j.weights) == 0 && (few || j.interleaved()) {
		j.runSplit(width)
		return
	}
	j.gatherTeams(width)
	parallel.Run(width, len(j.teams)-1, (*wholeTiles)(j))
}

// mostTogether is the number of tiles that a worker computes by turns, block by block.
const mostTogether = 8

// gatherTeams says which tiles are computed by turns: those of a head follow each other.
func (j *job) gatherTeams(width int) {
	j.teams = j.teams[:0]
	most := mostTogether
	if width > 1 {
		most = min(most, len(j.tiles)/(4*width))
	}
	for i, n := 0, 0; i < len(j.tiles); i++ {
		t := &j.tiles[i]
		c := j.segments[t.segment].kv.cache
		if n == 0 || n >= most || t.lane == 0 || c == nil || c.keys.dtype == tensor.F32 {
			j.teams, n = append(j.teams, i), 0
		}
		n++
	}
	j.teams = append(j.teams, len(j.tiles))
}

// narrow reports whether some keys and values are not float32.
func (j *job) narrow() bool {
	for i := range j.segments {
		if c := j.segments[i].kv.cache; c != nil && c.keys.dtype != tensor.F32 {
			return true
		}
	}
	return false
}

// chunks returns the chunks of keys that some query of the tile sees, the last exclusive.
func (j *job) chunks(t *tile) (first, last int) {
	s := &j.segments[t.segment]
	lo, hi := j.keyRange(s, t.lane/j.group(), min((t.lane+maxLanes-1)/j.group(), s.rows-1))
	if hi < lo {
		return 0, 0
	}
	return lo / chunk, hi/chunk + 1
}

// keyRange returns the first and last key that queries row0 to row1 see between them.
func (j *job) keyRange(s *segment, row0, row1 int) (lo, hi int) {
	lo, _ = j.mask.Range(s.pos + row0)
	_, hi = j.mask.Range(s.pos + row1)
	return lo, min(hi, s.keys-1)
}

// tileOf returns the tile of a part. The last come first: with a causal mask they are the longest.
func (j *job) tileOf(part int) *tile { return &j.tiles[len(j.tiles)-1-part] }

// wholeTiles computes the tiles of one team in a part, the last first, as in tileOf.
type wholeTiles job

func (t *wholeTiles) Do(part, worker int) {
	j := (*job)(t)
	i := len(j.teams) - 2 - part
	tiles := j.tiles[j.teams[i]:j.teams[i+1]]
	team := j.workers[worker].team(j, len(tiles))
	for i, w := range team {
		w.begin(j, &tiles[i])
	}
	attend(team...)
	for i, w := range team {
		total := w.total()
		w.addSinks(total)
		w.finish(total)
		var weights tensor.Tensor
		if len(j.weights) > 0 {
			weights = j.weights[tiles[i].segment]
			w.writeWeights(weights, total)
		}
		w.mend(total, weights)
	}
}
