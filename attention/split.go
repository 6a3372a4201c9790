package attention

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// runSplit divides the chunks of each tile too, for few queries and many keys, and merges their results
// in the order in which wholeTiles does.
func (j *job) runSplit(width int) {
	whole, slots := len(j.tiles), 0
	for i := range j.tiles {
		t := &j.tiles[i]
		t.slot = slots
		slots += t.last - t.first
	}
	n := slots * partialLen(j.vdim)
	if cap(j.partial) < n {
		j.partial = make([]float32, n)
	}
	j.partial = j.partial[:n]
	heads := 1 // in a part
	if j.interleaved() {
		heads = j.kvHeads
	}
	for i := 0; i < whole; i += heads {
		first, last := j.tiles[i].first, j.tiles[i].last
		for c := first; c < last; c++ {
			for h := range heads {
				t := j.tiles[i+h]
				t.first, t.last, t.slot = c, c+1, t.slot+c-first
				j.tiles = append(j.tiles, t)
			}
		}
	}
	all := j.tiles
	j.tiles = all[whole:]
	if heads > 1 {
		parallel.Run(width, len(j.tiles)/heads, (*headChunks)(j))
	} else {
		parallel.Run(width, len(j.tiles), (*tileChunks)(j))
	}
	j.mergeChunks(all[:whole])
	j.tiles = all[:0]
}

// mergeChunks merges the partial results of each tile, and writes what comes out.
func (j *job) mergeChunks(tiles []tile) {
	w := j.workers[0]
	for i := range tiles {
		t := tiles[i]
		w.begin(j, &t)
		total := w.total()
		total.reset()
		for range t.last - t.first {
			r := w.partialOf(j, &t)
			w.merge(total, r)
			t.slot++
		}
		w.addSinks(total)
		w.finish(total)
		w.mend(total, tensor.Tensor{})
	}
}

// tileChunks computes one chunk of a tile in a part, and leaves the result in partial.
type tileChunks job

func (t *tileChunks) Do(part, worker int) {
	j := (*job)(t)
	w, tile := j.workers[worker], j.tileOf(part)
	w.begin(j, tile)
	r := w.partialOf(j, tile)
	r.reset()
	w.chunk(tile.first, r)
}

// interleavedLen is the number of keys' and values' elements from which they are read block by block.
const interleavedLen = 1 << 18

// interleaved reports whether all tiles are few queries that see many keys whose heads lie side by side. One head
// alone would read a small piece of each row, which memory is slow at.
func (j *job) interleaved() bool {
	for i := range j.segments {
		s := &j.segments[i]
		if s.kv.cache != nil || s.rows*j.group() > maxLanes || s.kv.ldk < 2*j.dim || s.keys*j.kvHeads*(j.dim+j.vdim) < interleavedLen {
			return false
		}
	}
	return len(j.segments) > 0 && j.kvHeads > 1
}

// headChunks computes one chunk of all heads in a part, block by block: what one head reads brings the neighbours
// of the others into the caches.
type headChunks job

func (t *headChunks) Do(part, worker int) {
	j := (*job)(t)
	w, tiles := j.workers[worker], j.tiles[part*j.kvHeads:][:j.kvHeads]
	for i := range tiles {
		w.begin(j, &tiles[i])
		w.partialOf(j, &tiles[i]).reset()
		w.blocks(tiles[i].first)
	}
	for b := w.firstBlock; b <= w.lastBlock; b++ {
		w.touch(b, w.lastKey)
		for i := range tiles {
			w.begin(j, &tiles[i])
			w.add(b, w.partialOf(j, &tiles[i]))
		}
	}
}

// touch reads the keys and values of all heads in block b, in the order in which they lie in memory.
func (w *worker) touch(b, hi int) {
	const line = 16 // floats
	s := &w.s.kv
	key, last := b*flash.Block, min(hi, (b+1)*flash.Block-1)
	var sum float32
	for _, x := range [][]float32{s.k[key*s.ldk : min(len(s.k), (last+1)*s.ldk)], s.v[key*s.ldv : min(len(s.v), (last+1)*s.ldv)]} {
		for i := 0; i < len(x); i += line {
			sum += x[i]
		}
	}
	w.touched = sum
}
