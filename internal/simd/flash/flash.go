// Package flash holds the kernels of streaming float32 attention, with queries in the vector lanes.
//
// A tile of scores is [n keys][L lanes], with L = 48, 32, 16, 8 or 1. A lane is a query row: one token of one
// of the heads that share a key head. All data of a tile has lanes last: queries qt [D][L], scores s [n][L],
// running maximum m [L], running sum l [L], output o [D][L]. So softmax never reduces across a vector, and
// keys and values are read where they lie, at any distance between rows. A tile of one lane has keys or
// dimensions in the vectors instead.
//
// The recurrence is that of Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), in
// blocks of keys as in Dao et al., "FlashAttention" (2022):
//
//	LoadQueries(qt, …)                  // scale folded in
//	fill(m, Empty); clear(l); clear(o)
//	for each block of keys {
//		copy(mnew, m)
//		ScoresMax(s, …, mnew)       // or Scores, SoftCap, MaskMax
//		Rescale(o, …, m, mnew, l)
//		ExpSum(s, …, m, l)
//		Accumulate(o, …, v, …, s, …)
//	}
//	Finish(dst, …)
//
// # Bits
//
// Each score is one chain of fused multiply-adds over the head dimension. Each output and each sum is one
// chain over the keys, continued from call to call. So with one instruction set the bits of a lane do not
// depend on the number of lanes, on its place among them, on the other lanes, or on how the keys of a block
// are split into calls. Blocks must start at multiples of [Block], because the maximum that scales the chain
// changes between blocks. Keys that a lane does not see leave it unchanged if their values are finite.
//
// All functions panic if a slice is too short. They allocate nothing, keep no argument, and write only what
// they document. They may run in several goroutines on different destinations. Sources must not overlap
// destinations.
package flash

import "fmt"

// Block is the number of keys in a block; blocks start at multiples of it.
const Block = 128

// Empty is the initial running maximum. It is finite so that a lane without keys needs no special case:
// exp(−Inf − Empty) is 0 and exp(Empty − Empty) is 1, where −Inf would give NaN. Scores at or below Empty
// count as masked, so an added bias of −math.MaxFloat32 masks too.
const Empty float32 = -1e30

// Scores computes s[j][i] = Σ k[j·ldk+x]·qt[x][i] over x < d for n keys.
func Scores(s []float32, lanes, n, d int, k []float32, ldk int, qt []float32) {
	checkScores(s, lanes, n, d, k, ldk, qt)
	if n > 0 {
		scores(s, lanes, n, d, k, ldk, qt, nil)
	}
}

// ScoresMax is Scores and raises mx [lanes] to the largest score of each lane.
func ScoresMax(s []float32, lanes, n, d int, k []float32, ldk int, qt, mx []float32) {
	checkScores(s, lanes, n, d, k, ldk, qt)
	checkLen("mx", mx, lanes)
	if n > 0 {
		scores(s, lanes, n, d, k, ldk, qt, mx)
	}
}

func checkScores(s []float32, lanes, n, d int, k []float32, ldk int, qt []float32) {
	checkTile(lanes, n, d)
	checkLen("s", s, n*lanes)
	checkRows("k", k, n, d, ldk)
	checkLen("qt", qt, d*lanes)
}

// Max raises mx [lanes] to the largest score of each lane in s [n][lanes].
func Max(s []float32, lanes, n int, mx []float32) {
	checkTile(lanes, n, 1)
	checkLen("s", s, n*lanes)
	checkLen("mx", mx, lanes)
	if n > 0 {
		maximum(s, lanes, n, mx)
	}
}

// MaskMax masks s [n][lanes], whose first row belongs to key number key0: lane i keeps the keys
// lo[i] ≤ key ≤ hi[i], and its other scores become −Inf. Then it does what Max does. Causal masks, windows and chunks
// are such intervals.
func MaskMax(s []float32, lanes, n, key0 int, lo, hi []int32, mx []float32) {
	checkTile(lanes, n, 1)
	checkLen("s", s, n*lanes)
	checkLen("mx", mx, lanes)
	if len(lo) < lanes || len(hi) < lanes {
		panic(fmt.Sprintf("flash: lo [%d] and hi [%d] for %d lanes", len(lo), len(hi), lanes))
	}
	if int64(key0) < -1<<31 || int64(key0)+int64(n) > 1<<31 {
		panic(fmt.Sprintf("flash: keys %d to %d do not fit in int32", key0, key0+n-1))
	}
	if n > 0 {
		maskMax(s, lanes, n, int32(key0), lo, hi, mx)
	}
}

// AddDiagonals adds e[n−1−j+i] to s[j][i], for s [n][lanes] and e [n+lanes−1]: a bias that depends on the
// distance of query and key alone, where lanes are queries that follow each other.
func AddDiagonals(s []float32, lanes, n int, e []float32) {
	checkTile(lanes, n, 1)
	checkLen("s", s, n*lanes)
	if n > 0 {
		checkLen("e", e, n+lanes-1)
		addDiagonals(s, lanes, n, e)
	}
}

// SoftCap replaces each x of s, of any length, by limit·tanh(x/limit), with a relative error below 1e-6.
// The limit must be positive and finite.
func SoftCap(s []float32, limit float32) {
	if len(s) > 0 {
		softCap(s, limit)
	}
}

// ExpSum replaces s [n][lanes] by exp(s − m) and adds its columns to l, keys ascending. m must be at least
// the maximum of what s holds. −Inf gives 0; NaN stays and makes l NaN; a score of +Inf, and so a maximum
// of +Inf, gives NaN.
func ExpSum(s []float32, lanes, n int, m, l []float32) {
	checkTile(lanes, n, 1)
	checkLen("s", s, n*lanes)
	checkLen("m", m, lanes)
	checkLen("l", l, lanes)
	if n > 0 {
		expSum(s, lanes, n, m, l)
	}
}

// Rescale brings o [d][lanes] and l to a new maximum: with a = exp(m − mnew), o and l are multiplied by a and
// m becomes mnew.
func Rescale(o []float32, lanes, d int, m, mnew, l []float32) {
	checkTile(lanes, 1, d)
	checkLen("o", o, d*lanes)
	checkLen("m", m, lanes)
	checkLen("mnew", mnew, lanes)
	checkLen("l", l, lanes)
	rescale(o, lanes, d, m, mnew, l)
}

// Accumulate adds to o[x][i] the products v[j·ldv+x]·p[j][i] of n keys, ascending, for x < d.
func Accumulate(o []float32, lanes, d int, v []float32, ldv int, p []float32, n int) {
	checkTile(lanes, n, d)
	checkLen("o", o, d*lanes)
	checkRows("v", v, n, d, ldv)
	checkLen("p", p, n*lanes)
	if n > 0 {
		accumulate(o, lanes, d, v, ldv, p, n)
	}
}

// Merge adds the result oc, mc, lc of other keys to o, m, l: both are brought to the larger maximum and added. With
// an empty o, m, l (0, Empty, 0) it copies oc, mc, lc.
func Merge(o, m, l, oc, mc, lc []float32, lanes, d int) {
	checkTile(lanes, 1, d)
	checkLen("o", o, d*lanes)
	checkLen("m", m, lanes)
	checkLen("l", l, lanes)
	checkLen("oc", oc, d*lanes)
	checkLen("mc", mc, lanes)
	checkLen("lc", lc, lanes)
	merge(o, m, l, oc, mc, lc, lanes, d)
}

// LoadQueries transposes query rows into qt [d][lanes]: qt[x][i] = q[offsets[i]+x]·scale. There are 1 to lanes
// offsets; the lanes that are left repeat the last of them.
func LoadQueries(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
	checkTile(lanes, 1, d)
	checkLen("qt", qt, d*lanes)
	checkOffsets("q", q, offsets, lanes, d)
	loadQueries(qt, lanes, d, q, offsets, scale)
}

// Finish divides by the sums and transposes back: dst[offsets[i]+x] = o[x][i]·(1/l[i]) for each offset,
// 0 where l[i] is 0, which is so for lanes that saw no key. o is [d][lanes]; there are 1 to lanes offsets.
func Finish(dst []float32, offsets []int, o, l []float32, lanes, d int) {
	checkTile(lanes, 1, d)
	checkLen("o", o, d*lanes)
	checkLen("l", l, lanes)
	checkOffsets("dst", dst, offsets, lanes, d)
	finish(dst, offsets, o, l, lanes, d)
}

func checkTile(lanes, n, d int) {
	if lanes != 48 && lanes != 32 && lanes != 16 && lanes != 8 && lanes != 1 {
		panic(fmt.Sprintf("flash: %d lanes, want 48, 32, 16, 8 or 1", lanes))
	}
	if n < 0 || d < 1 {
		panic(fmt.Sprintf("flash: %d keys of dimension %d", n, d))
	}
}

func checkLen(name string, x []float32, want int) {
	if len(x) < want {
		panic(fmt.Sprintf("flash: %s has length %d, want %d", name, len(x), want))
	}
}

func checkRows(name string, x []float32, n, d, ld int) {
	if n > 0 && (ld < d || len(x) < d || (n-1) > (len(x)-d)/ld) {
		panic(fmt.Sprintf("flash: %s has length %d, want %d rows of %d, %d apart", name, len(x), n, d, ld))
	}
}

func checkOffsets(name string, x []float32, offsets []int, lanes, d int) {
	if len(offsets) < 1 || len(offsets) > lanes {
		panic(fmt.Sprintf("flash: %d offsets for %d lanes", len(offsets), lanes))
	}
	for i, o := range offsets {
		if o < 0 || o > len(x)-d {
			panic(fmt.Sprintf("flash: offset %d of lane %d outside of %s, which has length %d and rows of %d", o, i, name, len(x), d))
		}
	}
}
