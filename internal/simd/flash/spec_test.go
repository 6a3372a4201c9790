package flash_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// The specifications of the kernels, to the bit, one lane at a time. What they leave open is exp: see TestExp.

// specScore is the score of a key: one chain over its dimensions.
func specScore(k, q []float32) (s float32) {
	for x := range q {
		s = tensortest.MulAdd(k[x], q[x], s)
	}
	return s
}

// specAccumulate is a dimension of the output: one chain over the keys, which continues o.
func specAccumulate(o float32, v, p []float32) float32 {
	for j := range p {
		o = tensortest.MulAdd(v[j], p[j], o)
	}
	return o
}

// specExpSum is the sum of weights, which continues l, and specMax the running maximum: keys ascending.
func specExpSum(l float32, e []float32) float32 {
	for _, w := range e {
		l += w
	}
	return l
}

func specMax(m float32, s []float32) float32 {
	for _, x := range s {
		m = max(m, x)
	}
	return m
}

// specMerge is what a state becomes when another is added, each by its factor.
func specMerge(o, a, oc, b float32) float32 { return tensortest.MulAdd(oc, b, o*a) }

func TestSpec(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for _, lanes := range allLanes {
			for range 60 {
				n, d := 1+r.IntN(flash.Block), 1+r.IntN(140)
				ld := d + r.IntN(3)
				k, v := tensortest.Normal(r, (n-1)*ld+d), tensortest.Normal(r, (n-1)*ld+d)
				qt, m, l := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
				o := tensortest.Normal(r, d*lanes)
				s, mx := make([]float32, n*lanes), append([]float32(nil), m...)
				flash.ScoresMax(s, lanes, n, d, k, ld, qt, mx)
				weights, sum := append([]float32(nil), s...), append([]float32(nil), l...)
				flash.ExpSum(weights, lanes, n, mx, sum)
				out := append([]float32(nil), o...)
				flash.Accumulate(out, lanes, d, v, ld, weights, n)
				i := r.IntN(lanes)
				q, scores, p := lane(qt, lanes, i), lane(s, lanes, i), lane(weights, lanes, i)
				for j := range n {
					if want := specScore(k[j*ld:][:d], q); scores[j] != want {
						t.Fatalf("%d lanes, %d keys of %d: score %d is %v, want %v", lanes, n, d, j, scores[j], want)
					}
				}
				if want := specMax(m[i], scores); mx[i] != want {
					t.Fatalf("%d lanes, %d keys: maximum %v, want %v", lanes, n, mx[i], want)
				}
				if want := specExpSum(l[i], p); sum[i] != want {
					t.Fatalf("%d lanes, %d keys: sum %v, want %v", lanes, n, sum[i], want)
				}
				column := make([]float32, n)
				for x := range d {
					for j := range column {
						column[j] = v[j*ld+x]
					}
					if want := specAccumulate(o[x*lanes+i], column, p); out[x*lanes+i] != want {
						t.Fatalf("%d lanes, %d keys of %d: output %d is %v, want %v", lanes, n, d, x, out[x*lanes+i], want)
					}
				}
				checkMerge(t, r, lanes, d, i)
			}
		}
	})
}

// checkMerge merges two states.
func checkMerge(t *testing.T, r *rand.Rand, lanes, d, i int) {
	t.Helper()
	o, m, l := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
	oc, mc, lc := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
	most := max(m[i], mc[i])
	a, b := exps([]float32{m[i] - most})[0], exps([]float32{mc[i] - most})[0]
	got, gotM, gotL := append([]float32(nil), o...), append([]float32(nil), m...), append([]float32(nil), l...)
	flash.Merge(got, gotM, gotL, oc, mc, lc, lanes, d)
	if want := specMerge(l[i], a, lc[i], b); gotM[i] != most || gotL[i] != want {
		t.Fatalf("%d lanes: merged maximum %v and sum %v, want %v and %v", lanes, gotM[i], gotL[i], most, want)
	}
	for x := range d {
		if want := specMerge(o[x*lanes+i], a, oc[x*lanes+i], b); got[x*lanes+i] != want {
			t.Fatalf("%d lanes: merged output %d is %v, want %v", lanes, x, got[x*lanes+i], want)
		}
	}
}
