package flash_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// A row has the same bits in tiles of any width, at any place, and with keys that it does not see computed
// and masked, or left out.
func TestSameBitsInAnyTile(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, c := range []struct{ T, S, D int }{{100, 300, 64}, {61, 200, 19}, {9, 500, 100}} {
			for _, causal := range []bool{false, true} {
				q, k, v := tensortest.Normal(r, c.T*c.D), tensortest.Normal(r, c.S*c.D), tensortest.Normal(r, c.S*c.D)
				want := make([]float32, c.T*c.D)
				newHead(48, c.T, c.S, c.D, c.D, causal).run(want, q, k, v)
				check := func(got []float32, what string, lanes int) {
					t.Helper()
					if i, ok := tensortest.SameBits(got, want); !ok {
						t.Errorf("%+v causal %v, %s in tiles of %d: row %d differs", c, causal, what, lanes, i/c.D)
					}
				}
				for _, lanes := range allLanes {
					h := newHead(lanes, c.T, c.S, c.D, c.D, causal)
					got := make([]float32, c.T*c.D)
					h.run(got, q, k, v)
					check(got, "whole", lanes)
					h.allMasking = true
					clear(got)
					h.run(got, q, k, v)
					check(got, "all masked explicitly", lanes)
					h.allMasking = false
					for n, at := 0, 0; at < c.T; at += n {
						n = min(1+r.IntN(lanes), c.T-at)
						h.tile(got, q, k, v, at, n)
					}
					check(got, "pieces", lanes)
				}
			}
		}
	})
}

// What other lanes hold does not matter, even if it is not finite, nor does the lane.
func TestSameBitsBesideOtherLanes(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		const D, n = 20, 77
		q, k, v := tensortest.Normal(r, D), tensortest.Normal(r, n*D), tensortest.Normal(r, n*D)
		nan := float32(math.NaN())
		var want []float32
		for _, lanes := range allLanes {
			for lane := range lanes {
				for _, fill := range []float32{0, 1, 1e30, nan} {
					rows := slices.Repeat([]float32{fill}, lanes*D)
					copy(rows[lane*D:], q)
					h := newHead(lanes, lanes, n, D, D, false)
					dst := make([]float32, lanes*D)
					h.run(dst, rows, k, v)
					if want == nil {
						want = slices.Clone(dst[:D])
					}
					if i, ok := tensortest.SameBits(dst[lane*D:][:D], want); !ok {
						t.Fatalf("lane %d of %d beside %v: element %d differs", lane, lanes, fill, i)
					}
				}
			}
		}
	})
}

// Chunks of keys merged in order give the same bits in tiles of any width, and one chunk merged into
// nothing gives its own.
func TestMergedChunks(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		const D, S, T = 24, 4 * flash.Block, 8
		q, k, v := tensortest.Normal(r, T*D), tensortest.Normal(r, S*D), tensortest.Normal(r, S*D)
		whole := make([]float32, T*D)
		newHead(8, T, S, D, D, false).run(whole, q, k, v)
		var first []float32
		for _, lanes := range allLanes {
			rows := min(T, lanes)
			for chunks := 1; chunks <= 4; chunks++ {
				h := newHead(lanes, rows, S/chunks/flash.Block*flash.Block, D, D, false)
				o, m, l := make([]float32, D*lanes), slices.Repeat([]float32{flash.Empty}, lanes), make([]float32, lanes)
				dst := make([]float32, rows*D)
				for key := 0; key < S; key += h.S {
					h.S = min(h.S, S-key)
					h.run(dst, q, k[key*D:], v[key*D:])
					flash.Merge(o, m, l, h.o, h.m, h.l, lanes, D)
				}
				flash.Finish(dst, h.offsets[:rows], o, l, lanes, D)
				if chunks == 1 {
					if i, ok := tensortest.SameBits(dst, whole[:rows*D]); !ok {
						t.Errorf("lanes %d: one chunk differs from the whole at %d", lanes, i)
					}
				}
				if chunks == 4 {
					if first == nil {
						first = slices.Clone(dst)
					}
					if i, ok := tensortest.SameBits(dst, first[:rows*D]); !ok {
						t.Errorf("lanes %d: four chunks differ from those in other tiles at %d", lanes, i)
					}
				}
				for i := range dst {
					if !(math.Abs(float64(dst[i]-whole[i])) < 1e-6) {
						t.Fatalf("lanes %d, %d chunks: element %d is %v, whole %v", lanes, chunks, i, dst[i], whole[i])
					}
				}
			}
		}
	})
}

// A lane that sees no key gives zeros, one that meets NaN or +Inf gives NaN, and neither touches its neighbours.
func TestSpecialLanes(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const D, n, lanes = 9, 5, 8
		inf := float32(math.Inf(1))
		s := slices.Repeat([]float32{0.5}, n*lanes)
		lo, hi := make([]int32, lanes), slices.Repeat([]int32{n - 1}, lanes)
		hi[1] = -1               // sees nothing
		s[2*lanes+2] = inf - inf // NaN
		s[3*lanes+3] = inf       //
		for j := range n {
			s[j*lanes+4] = -math.MaxFloat32 // masked by a bias
		}
		m, l, o := slices.Repeat([]float32{flash.Empty}, lanes), make([]float32, lanes), make([]float32, D*lanes)
		mnew := slices.Clone(m)
		v := slices.Repeat([]float32{2}, n*D)
		flash.MaskMax(s, lanes, n, 0, lo, hi, mnew)
		flash.Rescale(o, lanes, D, m, mnew, l)
		flash.ExpSum(s, lanes, n, m, l)
		flash.Accumulate(o, lanes, D, v, D, s, n)
		dst := make([]float32, lanes*D)
		flash.Finish(dst, []int{0, D, 2 * D, 3 * D, 4 * D, 5 * D, 6 * D, 7 * D}, o, l, lanes, D)
		for i, want := range []float32{2, 0, inf - inf, inf - inf, 0, 2, 2, 2} {
			for x, got := range dst[i*D:][:D] {
				if got != want && (got == got || want == want) {
					t.Errorf("lane %d[%d] = %v, want %v", i, x, got, want)
				}
			}
		}
	})
}

func TestNoAllocation(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, lanes := range allLanes {
			h := newHead(lanes, 11, 150, 16, 16, true)
			q, k, v, dst := make([]float32, 11*16), make([]float32, 150*16), make([]float32, 150*16), make([]float32, 11*16)
			if n := testing.AllocsPerRun(10, func() {
				h.run(dst, q, k, v)
				flash.SoftCap(h.s[:13], 30)
				flash.Merge(h.o, h.m, h.l, h.o, h.mn, h.l, lanes, 16)
			}); n != 0 {
				t.Errorf("lanes %d: %v allocations", lanes, n)
			}
		}
	})
}
