package flash_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// head is attention of one head: q and dst [T, ld], k and v [S, ld] of dimension D. With causal, token i sees the
// keys up to i + S − T.
type head struct {
	lanes, T, S, D, ld int
	causal             bool
	qt, s, o, m, mn, l []float32
	lo, hi             []int32
	offsets            []int
	allMasking         bool // compute and mask keys that causal tiles can leave out
}

func newHead(lanes, T, S, D, ld int, causal bool) *head {
	f := func(n int) []float32 { return make([]float32, n) }
	return &head{lanes: lanes, T: T, S: S, D: D, ld: ld, causal: causal,
		qt: f(D * lanes), s: f(flash.Block * lanes), o: f(D * lanes), m: f(lanes), mn: f(lanes), l: f(lanes),
		lo: make([]int32, lanes), hi: make([]int32, lanes), offsets: make([]int, lanes)}
}

// run computes the head. It takes v as it is, so that a head of several is a slice from its first column on.
func (h *head) run(dst, q, k, v []float32) {
	for t := 0; t < h.T; t += h.lanes {
		h.tile(dst, q, k, v, t, min(h.lanes, h.T-t))
	}
}

// tile does the tokens t … t+n−1.
func (h *head) tile(dst, q, k, v []float32, t, n int) {
	past := h.S - h.T // keys before token 0
	for i := range h.lanes {
		h.m[i], h.l[i] = flash.Empty, 0
		h.lo[i], h.hi[i] = 0, int32(h.S-1)
		if h.causal {
			h.hi[i] = int32(past + t + min(i, n-1))
		}
	}
	for i := range n {
		h.offsets[i] = (t + i) * h.ld
	}
	clear(h.o)
	flash.LoadQueries(h.qt, h.lanes, h.D, q, h.offsets[:n], float32(1/math.Sqrt(float64(h.D))))
	end := h.S
	if h.causal && !h.allMasking {
		end = past + t + n
	}
	for key := 0; key < end; key += flash.Block {
		rows := min(flash.Block, end-key)
		copy(h.mn, h.m)
		if h.allMasking || h.causal && key+rows > past+t+1 {
			flash.Scores(h.s, h.lanes, rows, h.D, k[key*h.ld:], h.ld, h.qt)
			flash.MaskMax(h.s, h.lanes, rows, key, h.lo, h.hi, h.mn)
		} else {
			flash.ScoresMax(h.s, h.lanes, rows, h.D, k[key*h.ld:], h.ld, h.qt, h.mn)
		}
		flash.Rescale(h.o, h.lanes, h.D, h.m, h.mn, h.l)
		flash.ExpSum(h.s, h.lanes, rows, h.m, h.l)
		flash.Accumulate(h.o, h.lanes, h.D, v[key*h.ld:], h.ld, h.s, rows)
	}
	flash.Finish(dst, h.offsets[:n], h.o, h.l, h.lanes, h.D)
}

// oracle computes row t of the head in float64, and in naive float32.
func (h *head) oracle(q, k, v []float32, t int) (exact []float64, naive []float32) {
	n := h.S
	if h.causal {
		n = t + h.S - h.T + 1
	}
	scale := float32(1 / math.Sqrt(float64(h.D)))
	w, w32 := make([]float64, n), make([]float32, n)
	top, top32 := math.Inf(-1), float32(math.Inf(-1))
	for j := range n {
		for x := range h.D {
			w[j] += float64(q[t*h.ld+x]) * float64(k[j*h.ld+x]) / math.Sqrt(float64(h.D))
			w32[j] += q[t*h.ld+x] * scale * k[j*h.ld+x]
		}
		top, top32 = max(top, w[j]), max(top32, w32[j])
	}
	exact, naive = make([]float64, h.D), make([]float32, h.D)
	var sum float64
	var sum32 float32
	for j := range n {
		e, e32 := math.Exp(w[j]-top), float32(math.Exp(float64(w32[j]-top32)))
		sum += e
		sum32 += e32
		for x := range h.D {
			exact[x] += e * float64(v[j*h.ld+x])
			naive[x] += e32 * v[j*h.ld+x]
		}
	}
	for x := range h.D {
		exact[x] /= sum
		naive[x] /= sum32
	}
	return exact, naive
}

func TestHead(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, c := range []struct{ T, S, D, pad int }{
			{1, 1, 1, 0}, {1, 130, 8, 3}, {5, 5, 7, 0}, {50, 300, 64, 64}, {97, 97, 20, 1}, {49, 257, 128, 0}, {3, 129, 130, 5},
		} {
			ld := c.D + c.pad
			q, k, v := tensortest.Normal(r, c.T*ld), tensortest.Normal(r, c.S*ld), tensortest.Normal(r, c.S*ld)
			for _, lanes := range allLanes {
				for _, causal := range []bool{false, true} {
					h := newHead(lanes, c.T, c.S, c.D, ld, causal)
					dst := make([]float32, c.T*ld)
					h.run(dst, q, k, v)
					var worst, naiveWorst float64
					for row := range c.T {
						exact, naive := h.oracle(q, k, v, row)
						for x := range exact {
							worst = max(worst, math.Abs(exact[x]-float64(dst[row*ld+x])))
							naiveWorst = max(naiveWorst, math.Abs(exact[x]-float64(naive[x])))
						}
					}
					if !(worst <= 2*naiveWorst+1e-7) {
						t.Errorf("%+v lanes %d causal %v: error %.2g, naive float32 %.2g", c, lanes, causal, worst, naiveWorst)
					}
				}
			}
		}
	})
}

func Example() {
	const lanes, D = 8, 2
	q := []float32{1, 0, 0, 1} // two tokens
	k := []float32{10, 0, 0, 10, 0, 0}
	v := []float32{1, 2, 3, 4, 5, 6}
	offsets := []int{0, 2}
	qt, o := make([]float32, D*lanes), make([]float32, D*lanes)
	s := make([]float32, flash.Block*lanes)
	m, mnew, l := make([]float32, lanes), make([]float32, lanes), make([]float32, lanes)
	for i := range m {
		m[i] = flash.Empty
	}
	flash.LoadQueries(qt, lanes, D, q, offsets, 1)
	copy(mnew, m)
	flash.ScoresMax(s, lanes, 3, D, k, D, qt, mnew) // three keys, one block
	flash.Rescale(o, lanes, D, m, mnew, l)
	flash.ExpSum(s, lanes, 3, m, l)
	flash.Accumulate(o, lanes, D, v, D, s, 3)
	dst := make([]float32, 4)
	flash.Finish(dst, offsets, o, l, lanes, D)
	fmt.Printf("%.3f\n", dst)
	// Output:
	// [1.000 2.000 3.000 4.000]
}
