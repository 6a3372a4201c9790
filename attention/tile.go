package attention

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// worker computes tiles: a tile's lanes are query rows of heads that share keys, tokens outermost.
type worker struct {
	j     *job
	s     *segment
	head  int // of keys and values
	lanes int // 1, 8, 16, 32 or 48, of which n are used; n if the queries are apart
	n     int
	apart bool // each query has a tile of one lane: see mostApart

	lo, hi       []int32 // [lanes] keys that a lane sees
	rows, pos    []int   // [n] row among all queries, position
	heads        []int   // [n]
	qAt, dstAt   []int   // [n] where its query and its result begin
	loMax, hiMin int     // keys between them are seen by all lanes

	first, last           int // chunks, the last exclusive
	firstBlock, lastBlock int // of the present chunk
	lastKey               int // that the tile sees

	scoreTile Scores
	buf       []float32
	qt        []float32 // [D][lanes]
	scores    []float32 // [Block][lanes]
	mnew      []float32 // [lanes]
	wide      *widened  // keys and values in float32, if they are not
	sums      []float32 // two partial results
	vdim      int

	mates []*worker // see team
	ahead ahead

	clean   bool    // values of hidden keys are not read: see mend
	touched float32 // so that touch is not optimised away
}

// softmaxState is the state of softmax after some keys.
type softmaxState struct {
	o    []float32 // [Dv][lanes]
	m, l []float32 // [lanes]
}

func (r softmaxState) reset() {
	clear(r.o)
	clear(r.l)
	for i := range r.m {
		r.m[i] = flash.Empty
	}
}

// of returns the part of lane i, where queries are apart.
func (r softmaxState) of(i, vdim int) softmaxState {
	return softmaxState{r.o[i*vdim:][:vdim], r.m[i : i+1], r.l[i : i+1]}
}

func partialLen(vdim int) int { return (vdim + 2) * maxLanes }

// team returns n workers, of which w is the first, for tiles that are computed by turns. They share what they need in a
// turn alone.
func (w *worker) team(j *job, n int) []*worker {
	if len(w.mates) == 0 {
		w.mates = append(w.mates, w)
	}
	for len(w.mates) < n {
		w.mates = append(w.mates, &worker{wide: w.wide})
	}
	for _, m := range w.mates[1:n] {
		m.resize(j.dim, j.vdim)
		m.scores, m.mnew = w.scores, w.mnew
	}
	return w.mates[:n]
}

// resize makes room for heads of these widths.
func (w *worker) resize(dim, vdim int) {
	n := maxLanes*(dim+flash.Block+1) + 2*partialLen(vdim)
	if cap(w.buf) < n {
		w.buf = make([]float32, n)
	}
	w.vdim = vdim
	b := w.buf[:n]
	take := func(n int) []float32 {
		x := b[:n:n]
		b = b[n:]
		return x
	}
	w.qt, w.scores, w.mnew = take(maxLanes*dim), take(maxLanes*flash.Block), take(maxLanes)
	w.sums = take(2 * partialLen(vdim))
	if w.wide == nil {
		w.wide = new(widened)
	}
	w.wide.cache = nil
	if w.lo == nil {
		w.lo, w.hi = make([]int32, maxLanes), make([]int32, maxLanes)
		ints := make([]int, 5*maxLanes)
		w.rows, w.pos, w.heads = ints[:maxLanes], ints[maxLanes:2*maxLanes], ints[2*maxLanes:3*maxLanes]
		w.qAt, w.dstAt = ints[3*maxLanes:4*maxLanes], ints[4*maxLanes:]
	}
}

// floats returns the length of what the worker and its mates keep.
func (w *worker) floats() int {
	n := cap(w.buf) + cap(w.wide.buf)
	for _, m := range w.mates {
		if m != w {
			n += cap(m.buf)
		}
	}
	return n
}

func (w *worker) result(b []float32) softmaxState {
	n := w.vdim * w.lanes
	return softmaxState{b[:n], b[n : n+w.lanes], b[n+w.lanes : n+2*w.lanes]}
}

// merge adds the state after other keys to r.
func (w *worker) merge(r, other softmaxState) {
	if !w.apart {
		flash.Merge(r.o, r.m, r.l, other.o, other.m, other.l, w.lanes, w.vdim)
		return
	}
	for i := range w.n {
		a, b := r.of(i, w.vdim), other.of(i, w.vdim)
		flash.Merge(a.o, a.m, a.l, b.o, b.m, b.l, 1, w.vdim)
	}
}

func (w *worker) total() softmaxState { return w.result(w.sums) }
func (w *worker) other() softmaxState { return w.result(w.sums[len(w.sums)/2:]) }

func (w *worker) partialOf(j *job, t *tile) softmaxState {
	return w.result(j.partial[t.slot*partialLen(j.vdim):])
}

// begin lays out the lanes of a tile and loads its queries.
func (w *worker) begin(j *job, t *tile) {
	w.j, w.s, w.head, w.first, w.last = j, &j.segments[t.segment], t.head, t.first, t.last
	group := j.group()
	w.n = min(maxLanes, w.s.rows*group-t.lane)
	w.apart = w.mayBeApart()
	switch {
	case w.apart:
		w.lanes = w.n
	case w.n == 1:
		w.lanes = 1
	case w.n <= 8:
		w.lanes = 8
	case w.n <= 16:
		w.lanes = 16
	case w.n <= 32:
		w.lanes = 32
	default:
		w.lanes = maxLanes
	}
	w.loMax, w.hiMin = 0, w.s.keys-1
	for i := range w.n {
		row, head := (t.lane+i)/group, t.head*group+(t.lane+i)%group
		w.rows[i], w.heads[i], w.pos[i] = w.s.row+row, head, w.s.pos+row
		w.qAt[i] = (w.s.row+row)*j.ldq + head*j.dim
		w.dstAt[i] = (w.s.row+row)*j.ldd + head*j.vdim
		lo, hi := j.mask.Range(w.pos[i])
		hi = min(hi, w.s.keys-1)
		w.lo[i], w.hi[i] = int32(lo), int32(hi)
		w.loMax, w.hiMin = max(w.loMax, lo), min(w.hiMin, hi)
	}
	for i := w.n; i < w.lanes; i++ {
		w.lo[i], w.hi[i] = w.lo[w.n-1], w.hi[w.n-1]
	}
	if w.apart {
		w.loadApart()
		return
	}
	flash.LoadQueries(w.qt, w.lanes, j.dim, j.q, w.qAt[:w.n], j.scale)
}

// attend computes the states of the tiles that the workers have begun, after all keys. The tiles have the same head of
// the same segment: what a block of its keys and values takes to read is done once for all.
func attend(team ...*worker) {
	first, last := math.MaxInt, 0
	for _, w := range team {
		w.total().reset()
		first, last = min(first, w.first), max(last, w.last)
	}
	for c := first; c < last; c++ {
		for _, w := range team {
			w.beginChunk(c)
		}
		for b := c * chunk / flash.Block; b < (c+1)*chunk/flash.Block; b++ {
			for _, w := range team {
				if b >= w.firstBlock && b <= w.lastBlock {
					w.add(b, w.state(c))
				}
			}
		}
		for _, w := range team {
			if c > w.first && c < w.last {
				w.merge(w.total(), w.other())
			}
		}
	}
}

// state returns where the keys of chunk c are added: to the total those of the first, the others to a state of their own.
func (w *worker) state(c int) softmaxState {
	if c == w.first {
		return w.total()
	}
	return w.other()
}

// beginChunk prepares for the keys of chunk c, if the tile sees any.
func (w *worker) beginChunk(c int) {
	if c < w.first || c >= w.last {
		w.firstBlock, w.lastBlock = 0, -1
		return
	}
	w.blocks(c)
	if c > w.first {
		w.other().reset()
	}
}

// chunk adds the keys of chunk c to r.
func (w *worker) chunk(c int, r softmaxState) {
	w.blocks(c)
	for b := w.firstBlock; b <= w.lastBlock; b++ {
		w.add(b, r)
	}
}

// blocks finds the blocks of chunk c that the tile sees.
func (w *worker) blocks(c int) {
	lo, hi := w.j.keyRange(w.s, w.rows[0]-w.s.row, w.rows[w.n-1]-w.s.row)
	w.firstBlock, w.lastBlock = max(lo/flash.Block, c*chunk/flash.Block), min(hi/flash.Block, ((c+1)*chunk-1)/flash.Block)
	w.lastKey = hi
}

// add adds the keys of block b to r.
func (w *worker) add(b int, r softmaxState) {
	key := b * flash.Block
	n := min(flash.Block, w.lastKey+1-key)
	if w.apart {
		w.addApart(b, n, r)
		return
	}
	k, ldk, v, ldv := w.block(b, n)
	copy(w.mnew[:w.lanes], r.m)
	w.score(key, n, k, ldk)
	if w.clean {
		v, ldv = w.seenValues(n, v, ldv)
	}
	flash.Rescale(r.o, w.lanes, w.vdim, r.m, w.mnew, r.l)
	flash.ExpSum(w.scores, w.lanes, n, r.m, r.l)
	flash.Accumulate(r.o, w.lanes, w.vdim, v, ldv, w.scores, n)
}

// score computes the scores of n keys from position key on, as softmax takes them, and raises mnew.
func (w *worker) score(key, n int, k []float32, ldk int) {
	j := w.j
	all := key >= w.loMax && key+n-1 <= w.hiMin
	if all && j.softCap == 0 && j.bias == nil {
		flash.ScoresMax(w.scores, w.lanes, n, j.dim, k, ldk, w.qt, w.mnew)
		return
	}
	flash.Scores(w.scores, w.lanes, n, j.dim, k, ldk, w.qt)
	if j.softCap != 0 {
		flash.SoftCap(w.scores[:n*w.lanes], j.softCap)
	}
	w.addBias(key, n)
	if all {
		flash.Max(w.scores, w.lanes, n, w.mnew)
		return
	}
	flash.MaskMax(w.scores, w.lanes, n, key, w.lo[:w.lanes], w.hi[:w.lanes], w.mnew)
}

// addBias adds the bias of n keys from position key on to the scores.
func (w *worker) addBias(key, n int) {
	if w.j.bias != nil {
		w.scoreTile = Scores{Tile: w.scores, Lanes: w.lanes, Keys: n, Key: key,
			Heads: w.heads[:w.n], Pos: w.pos[:w.n], Rows: w.rows[:w.n], KeyRow: w.s.row + key}
		w.j.bias.AddTo(&w.scoreTile)
	}
}

// block returns n keys and values of block b, as float32.
func (w *worker) block(b, n int) (k []float32, ldk int, v []float32, ldv int) {
	s := &w.s.kv
	if s.cache != nil {
		return s.cache.rows(w.head, b, n, w.wide)
	}
	key := b * flash.Block
	return s.k[w.head*s.headK+key*s.ldk:], s.ldk, s.v[w.head*s.headV+key*s.ldv:], s.ldv
}

// addSinks adds the sinks of the lanes' heads to the state after all keys, as if each were a last key whose value is
// 0.
func (w *worker) addSinks(total softmaxState) {
	if w.j.sinks == nil {
		return
	}
	sink := w.other()
	clear(sink.o)
	for i := range sink.m {
		sink.m[i], sink.l[i] = w.j.sinks[w.heads[min(i, w.n-1)]], 1
	}
	w.merge(total, sink)
}

// finish writes the results of all lanes.
func (w *worker) finish(r softmaxState) {
	if w.apart {
		for i := range w.n {
			one := r.of(i, w.vdim)
			flash.Finish(w.j.dst, w.dstAt[i:i+1], one.o, one.l, 1, w.vdim)
		}
		return
	}
	flash.Finish(w.j.dst, w.dstAt[:w.n], r.o, r.l, w.lanes, w.vdim)
}

// writeWeights computes the scores once more, now that their sum is known, and writes the weights to
// dst, [H, T, S].
func (w *worker) writeWeights(dst tensor.Tensor, r softmaxState) {
	keys := dst.Shape[2]
	for i := range w.n {
		clear(w.weightRow(dst, i))
	}
	lo, hi := w.j.keyRange(w.s, w.rows[0]-w.s.row, w.rows[w.n-1]-w.s.row)
	for b := lo / flash.Block; b <= hi/flash.Block && hi >= lo; b++ {
		key := b * flash.Block
		n := min(flash.Block, hi+1-key)
		k, ldk, _, _ := w.block(b, n)
		copy(w.mnew[:w.lanes], r.m)
		w.score(key, n, k, ldk)
		copy(w.mnew[:w.lanes], r.l) // a sum that nobody needs
		flash.ExpSum(w.scores, w.lanes, n, r.m, w.mnew)
		for i := range w.n {
			if r.l[i] == 0 {
				continue
			}
			row, inv := w.weightRow(dst, i)[key:min(key+n, keys)], 1/r.l[i]
			for j := range row {
				row[j] = w.scores[j*w.lanes+i] * inv
			}
		}
	}
}

func (w *worker) weightRow(dst tensor.Tensor, i int) []float32 {
	return dst.Row(w.heads[i]*dst.Shape[1] + w.rows[i] - w.s.row)
}
