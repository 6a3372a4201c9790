package attention

import (
	"iter"
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Tiles multiply the values of all keys of a block by their weights, those of hidden keys by 0, and sum
// before they divide. A NaN or infinite value of a hidden key, a sum beyond float32, and scores that are
// all below flash.Empty show: the row is not finite, or has no weight. Such rows are computed again, one by
// one: first by the same kernels without the values of hidden keys, which gives the bits that the row has
// where those keys do not exist; and where that does not help, in float64.

// mend computes the lanes again that came out wrong, given their state r, and their weights, [H, T, S], if
// those are wanted.
func (w *worker) mend(r softmaxState, weights tensor.Tensor) {
	if vec.Finite(r.o) && vec.Finite(r.l) && !contains(r.l[:w.n], 0) {
		return
	}
	for i := range w.n {
		if w.lo[i] <= w.hi[i] && w.wrong(i, r.l[i]) {
			w.again(i, r.l[i], weights)
		}
	}
}

func contains(x []float32, v float32) bool {
	for _, y := range x {
		if y == v {
			return true
		}
	}
	return false
}

// wrong reports whether a lane that sees keys has a result that is not finite, or no weight.
func (w *worker) wrong(lane int, sum float32) bool {
	return sum == 0 || sum-sum != 0 || !vec.Finite(w.j.dst[w.dstAt[lane]:][:w.vdim])
}

// again computes one lane again, whose weights have this sum.
func (w *worker) again(lane int, sum float32, weights tensor.Tensor) {
	one := w.alone(lane)
	if sum == 0 && one.allHidden() {
		return // zeros are right
	}
	attend(one)
	total := one.total()
	one.addSinks(total)
	one.finish(total)
	if len(weights.Data) > 0 {
		one.writeWeights(weights, total)
	}
	if one.wrong(0, total.l[0]) {
		one.exact(weights)
	}
}

// alone returns a worker for one lane of w's tile, which does not read the values of hidden keys.
func (w *worker) alone(lane int) *worker {
	one := &worker{j: w.j, s: w.s, head: w.head, lanes: 1, n: 1, wide: w.wide, clean: true}
	one.resize(w.j.dim, w.j.vdim)
	one.lo[0], one.hi[0] = w.lo[lane], w.hi[lane]
	one.rows[0], one.pos[0], one.heads[0] = w.rows[lane], w.pos[lane], w.heads[lane]
	one.qAt[0], one.dstAt[0] = w.qAt[lane], w.dstAt[lane]
	one.first, one.last = int(one.lo[0])/chunk, int(one.hi[0])/chunk+1
	one.loMax, one.hiMin = int(w.lo[lane]), int(w.hi[lane])
	flash.LoadQueries(one.qt, 1, w.j.dim, w.j.q, one.qAt[:1], w.j.scale)
	return one
}

// allHidden reports whether the bias hides every key that the mask lets the only lane see.
func (w *worker) allHidden() bool {
	lo, hi := int(w.lo[0]), int(w.hi[0])
	if w.j.bias == nil {
		return false
	}
	tile := w.scores[:flash.Block]
	for key := lo; key <= hi; key += len(tile) {
		n := min(len(tile), hi+1-key)
		clear(tile)
		w.addBias(key, n)
		for _, v := range tile[:n] {
			if v != masked {
				return false
			}
		}
	}
	return true
}

// seenValues returns the values of n keys with zeros for those that the only lane does not see, given its
// masked scores.
func (w *worker) seenValues(n int, v []float32, ldv int) ([]float32, int) {
	out := make([]float32, n*w.vdim)
	for j, s := range w.scores[:n] {
		if s != masked {
			copy(out[j*w.vdim:], v[j*ldv:][:w.vdim])
		}
	}
	return out, w.vdim
}

// exact computes the only lane in float64.
func (w *worker) exact(weights tensor.Tensor) {
	scores := w.exactScores()
	dst := w.j.dst[w.dstAt[0]:][:w.vdim]
	var row []float32 // [S]
	if len(weights.Data) > 0 {
		row = w.weightRow(weights, 0)
	}
	clear(dst)
	clear(row)
	most, sum := math.Inf(-1), 0.0
	for _, s := range scores {
		most = max(most, s)
	}
	if most == math.Inf(-1) {
		return // all keys are hidden
	}
	if w.j.sinks != nil {
		sink := float64(w.j.sinks[w.heads[0]])
		most = max(most, sink)
		sum = math.Exp(sink - most)
	}
	for j, s := range scores {
		scores[j] = 0
		if s != math.Inf(-1) {
			scores[j] = math.Exp(s - most)
			sum += scores[j]
		}
	}
	out, lo := make([]float64, w.vdim), int(w.lo[0])
	for key := range w.keys() {
		p := scores[key.at-lo] / sum
		if p == 0 {
			continue
		}
		for x, v := range key.v[:w.vdim] {
			out[x] += p * float64(v)
		}
		if row != nil {
			row[key.at] = float32(p)
		}
	}
	for x, v := range out {
		dst[x] = float32(v)
	}
}

// exactScores returns the scores of the keys from lo to hi of the only lane; −Inf is a hidden one.
func (w *worker) exactScores() []float64 {
	j, lo := w.j, int(w.lo[0])
	scores := make([]float64, int(w.hi[0])+1-lo)
	q := j.q[w.qAt[0]:][:j.dim]
	for key := range w.keys() {
		w.scores[0] = 0
		w.addBias(key.at, 1)
		bias, dot := w.scores[0], 0.0
		for x, v := range key.k[:j.dim] {
			dot += float64(q[x]) * float64(v)
		}
		s := dot * float64(j.scale)
		if c := float64(j.softCap); c != 0 {
			s = c * math.Tanh(s/c)
		}
		if s += float64(bias); bias == masked {
			s = math.Inf(-1)
		} else if s == math.Inf(-1) {
			s = -math.MaxFloat64 // seen, with next to no weight
		}
		scores[key.at-lo] = s
	}
	return scores
}

// keyAt is a key at a position, with its value.
type keyAt struct {
	at   int
	k, v []float32
}

// keys yields the keys from lo to hi of the only lane.
func (w *worker) keys() iter.Seq[keyAt] {
	lo, hi := int(w.lo[0]), int(w.hi[0])
	return func(yield func(keyAt) bool) {
		for b := lo / flash.Block; b <= hi/flash.Block; b++ {
			start := b * flash.Block
			k, ldk, v, ldv := w.block(b, min(flash.Block, hi+1-start))
			for key := max(lo, start); key <= min(hi, start+flash.Block-1); key++ {
				if !yield(keyAt{key, k[(key-start)*ldk:], v[(key-start)*ldv:]}) {
					return
				}
			}
		}
	}
}
