package flash_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// lane returns lane i of a tile [rows][lanes].
func lane(x []float32, lanes, i int) []float32 {
	y := make([]float32, len(x)/lanes)
	for j := range y {
		y[j] = x[j*lanes+i]
	}
	return y
}

// steps is a block of n keys, kernel by kernel, from a state of softmax that other keys have left.
type steps struct {
	lanes, n, d  int
	k, v         []float32
	ld           int
	q            []float32 // [D], of every lane
	o, m, l      []float32 // [D], 1, 1: the state before
	bias         []float32 // [n], or none
	softCap      float32
	masked       bool
	key0, lo, hi int
}

// run returns what each kernel has made of lane i, which alone has the query and the state; what the others hold
// is arbitrary.
func (c *steps) run(r *rand.Rand, i int) (results [][]float32) {
	lanes := c.lanes
	tile := func(x []float32) []float32 {
		y := tensortest.Normal(r, len(x)*lanes)
		for j := range x {
			y[j*lanes+i] = x[j]
		}
		return y
	}
	keep := func(x []float32) { results = append(results, lane(x, lanes, i)) }
	rows := append(tensortest.Normal(r, c.d*lanes), c.q...)
	offsets := make([]int, lanes)
	for j := range offsets {
		offsets[j] = j * c.d
	}
	offsets[i] = lanes * c.d
	qt := make([]float32, c.d*lanes)
	flash.LoadQueries(qt, lanes, c.d, rows, offsets, 0.3)
	keep(qt)
	s, o, m, l := make([]float32, c.n*lanes), tile(c.o), tile(c.m), tile(c.l)
	mnew := slices.Clone(m)
	if c.softCap == 0 && c.bias == nil && !c.masked {
		flash.ScoresMax(s, lanes, c.n, c.d, c.k, c.ld, qt, mnew)
	} else {
		flash.Scores(s, lanes, c.n, c.d, c.k, c.ld, qt)
		keep(s)
	}
	if c.softCap != 0 {
		flash.SoftCap(s, c.softCap)
	}
	for j, b := range c.bias {
		s[j*lanes+i] += b
	}
	if c.masked {
		lo, hi := make([]int32, lanes), make([]int32, lanes)
		lo[i], hi[i] = int32(c.lo), int32(c.hi)
		flash.MaskMax(s, lanes, c.n, c.key0, lo, hi, mnew)
	} else {
		flash.Max(s, lanes, c.n, mnew)
	}
	keep(s)
	keep(mnew)
	oc, mc, lc := tile(c.o), tile(c.m), tile(c.l) // merged into below
	flash.Rescale(o, lanes, c.d, m, mnew, l)
	keep(o)
	keep(m)
	keep(l)
	flash.ExpSum(s, lanes, c.n, m, l)
	keep(s)
	keep(l)
	flash.Accumulate(o, lanes, c.d, c.v, c.ld, s, c.n)
	keep(o)
	flash.Merge(oc, mc, lc, o, m, l, lanes, c.d)
	keep(oc)
	keep(mc)
	keep(lc)
	dst := make([]float32, len(rows))
	flash.Finish(dst, offsets, oc, lc, lanes, c.d)
	return append(results, dst[offsets[i]:])
}

// A query alone has the bits that it has in any lane of a tile, after each kernel.
func TestOneLaneHasTheBitsOfATile(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		check := func(n, d int) {
			t.Helper()
			c := steps{n: n, d: d, ld: d + r.IntN(3), q: tensortest.Normal(r, d), o: tensortest.Normal(r, d),
				m: []float32{float32(r.NormFloat64())}, l: []float32{float32(r.ExpFloat64())}}
			c.k, c.v = tensortest.Normal(r, (n-1)*c.ld+d), tensortest.Normal(r, (n-1)*c.ld+d)
			if r.IntN(4) == 0 {
				c.o, c.m, c.l = make([]float32, d), []float32{flash.Empty}, []float32{0}
			}
			if r.IntN(3) == 0 {
				c.softCap = 5
			}
			if r.IntN(3) == 0 {
				c.bias = tensortest.Normal(r, n)
				c.bias[r.IntN(n)] = float32(math.Inf(-1))
			}
			if r.IntN(2) == 0 {
				c.masked, c.key0 = true, 128*r.IntN(3)
				c.lo = c.key0 + r.IntN(n+4) - 2
				c.hi = c.lo + r.IntN(n+4) - 2
			}
			c.lanes = 1
			want := c.run(r, 0)
			for _, lanes := range []int{8, 16, 32, 48} {
				c.lanes = lanes
				i := r.IntN(lanes)
				for j, got := range c.run(r, i) {
					if x, ok := tensortest.SameBits(got, want[j]); !ok {
						t.Fatalf("%d keys of %d, masked %v, soft-cap %v, bias %v: result %d of lane %d of %d differs at %d: %v, alone %v",
							n, d, c.masked, c.softCap, c.bias != nil, j, i, lanes, x, got[x], want[j][x])
					}
				}
			}
		}
		step := 1
		if testing.Short() {
			step = 5
		}
		for d := 1; d <= 130; d += step {
			for range 3 {
				check(1+r.IntN(flash.Block), d)
			}
		}
		for n := 1; n <= flash.Block; n += step {
			for _, d := range []int{3, 20, 64, 300} {
				check(n, d)
			}
		}
	})
}
