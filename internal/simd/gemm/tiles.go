package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// tiles are the tiles of a format for an instruction set: 8, 4 and 1 rows by 48, 32 and 16 outputs.
type tiles struct {
	needs simd.Set
	set   tileSet

	few     int     // with more rows than these, a panel decoded to float32 first is faster; 0 is any number
	keeps   bool    // the tile of 8 rows can leave the panel decoded for those after it
	again   bool    // tiles of several rows read the panel more than once
	expands bool    // tiles read panels expanded: see int8.go
	single  tileSet // if not 0, the set whose tile of one row reads whole panels as they are
	narrow  tileSet // the same for panels of fewer than 48 outputs
	fetches int     // how often a tile of 8 rows fetches from next for each k
}

// tileSet names the functions of tiles, among which [tile.multiply] chooses by shape.
type tileSet uint8

const (
	portableF32 tileSet = iota
	portableBF16Pairs
	portableInt8
	inAssembly // and what follows: see kernels_amd64.go
)

// tilesFor returns the first tiles that set allows, or nil.
func (f *Format) tilesFor(set simd.Set) *tiles {
	for i := range f.tiles {
		if set.Has(f.tiles[i].needs) {
			return &f.tiles[i]
		}
	}
	return nil
}

// steps returns how many units of K go by with one block of activations, and how many of those at a time. decoded
// says that panels are decoded to float32 first, stored that they are gathered from rows before that.
func (t *tiles) steps(u *units, rows int, decoded, stored bool) (outer, inner int) {
	outer = u.evenly(u.n, maxK)
	switch {
	case t.set < inAssembly:
		return outer, u.evenly(outer, smallK)
	case t.again && (rows > 1 || decoded && t.single == 0):
		if rows <= RowTile {
			outer = u.n
		}
		return outer, u.evenly(outer, smallK)
	case rows == 1 && t.single != 0 && !stored: // a stream, but for a panel that has to be expanded
		return u.n, outer
	case rows <= RowTile && (stored || decoded):
		return u.n, u.evenly(u.n, storedK)
	case rows <= RowTile:
		return u.n, u.n
	}
	return outer, outer
}

// evenly returns the size of the fewest equal parts of n units, none larger than mostK elements.
func (u *units) evenly(n, mostK int) int {
	most := max(mostK/u.k, 1)
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

// tile is a kernel's work: rows × width outputs, over k elements of each.
type tile struct {
	set   tileSet
	rows  int // 8, 4 or 1
	width int // 48, 32 or 16
	k     int
	chain bool           // continue the sums that the destination holds
	panel unsafe.Pointer // part of the panel, [k][width]
	keep  []float32      // if not nil, where to store the part of the panel decoded
	ldc   int
	bias  []float32 // to add at the end, [width]
	add   []float32 // and then, [rows][width] with rows ldc apart
	next  uintptr   // memory to fetch meanwhile, in steps of up to 64 bytes
	step  int

	memory *float32 // for scales, where a tile of one row needs it

	kind   int8Kind // with activations as AsInt8Blocks, what the weights have
	offset int32    // and what is taken off their codes
}

// edge computes a tile of which only rows × cols outputs exist.
func (t *tile) edge(c, a []float32, rows, cols int) {
	var whole [RowTile * PanelWidth]float32
	u := *t
	u.ldc, u.bias, u.add = t.width, nil, nil
	if t.chain {
		for i := range rows {
			copy(whole[i*t.width:], c[i*t.ldc:][:cols])
		}
	}
	u.multiply(whole[:], a)
	for i := range rows {
		copy(c[i*t.ldc:][:cols], whole[i*t.width:])
	}
	addPortable(c, t.ldc, rows, cols, t.bias, t.add)
}
