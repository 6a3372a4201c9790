package topk

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRank(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	values := []float32{inf, math.MaxFloat32, 2, 1, math.SmallestNonzeroFloat32, 0, -math.SmallestNonzeroFloat32, -1, -2, -inf}
	for i, v := range values {
		if got := Of(5, v); got.Score() != v || got.ID() != 5 {
			t.Errorf("Of(5, %v) holds %d, %v", v, got.ID(), got.Score())
		}
		if Of(5, v) >= Of(6, v) {
			t.Errorf("equal scores %v rank by descending id", v)
		}
		if i > 0 && Of(9, values[i-1]) >= Of(1, v) {
			t.Errorf("%v ranks behind %v", values[i-1], v)
		}
	}
	if minus := float32(math.Copysign(0, -1)); Of(1, minus) != Of(1, 0) {
		t.Error("zeros of different signs have different ranks")
	}
	largest := uint32(math.MaxUint32)
	for _, v := range []float32{nan, -nan, math.Float32frombits(0x7fffffff), math.Float32frombits(0xff800001)} {
		if got := Of(3, v); got <= Of(int(largest), -inf) || got.ID() != 3 || got.Score() == got.Score() {
			t.Errorf("NaN %x has rank %x", math.Float32bits(v), got)
		}
		if Of(3, v) != Of(3, nan) || Of(3, v) >= Of(4, nan) {
			t.Error("NaNs do not rank by id")
		}
	}
	if got := Of(int(largest), 1); got.ID() != int(largest) {
		t.Errorf("the largest id is %d", got.ID())
	}
}

// TestPartition has both kinds of pivot split ranks with many ties.
func TestPartition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		ranks := make([]Rank, 3+r.IntN(60))
		for i := range ranks {
			ranks[i] = Of(i, float32(r.IntN(1+round%7)))
		}
		sorted := slices.Sorted(slices.Values(ranks))
		m := partition(ranks, round%2*41)
		if m <= 0 || m >= len(ranks) || slices.Max(ranks[:m]) > slices.Min(ranks[m:]) {
			t.Fatalf("partition of %d at %d", len(ranks), m)
		}
		slices.Sort(ranks)
		if !slices.Equal(ranks, sorted) {
			t.Fatal("partition lost ranks")
		}
	}
}

func TestSelect(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		ranks := make([]Rank, 1+r.IntN(400))
		for i := range ranks {
			ranks[i] = Of(i, float32(r.IntN(1+round%50)))
		}
		sorted := slices.Sorted(slices.Values(ranks))
		k := 1 + r.IntN(len(ranks))
		Select(ranks, k)
		if got := slices.Sorted(slices.Values(ranks[:k])); !slices.Equal(got, sorted[:k]) {
			t.Fatalf("the best %d of %d are %v, want %v", k, len(ranks), got, sorted[:k])
		}
		weights, total := make([]float64, len(ranks)), 0.0 // whole numbers: sums are exact in any order
		for i := range weights {
			weights[i] = float64(r.IntN(9))
			total += weights[i]
		}
		need, mass, want := float64(r.IntN(int(total)+5)), 0.0, 0
		for want < len(sorted) && (want == 0 || mass < need) {
			mass += weights[sorted[want].ID()]
			want++
		}
		n := SelectMass(ranks, need, func(r Rank) float64 { return weights[r.ID()] })
		if got := slices.Sorted(slices.Values(ranks[:n])); n != want || !slices.Equal(got, sorted[:n]) {
			t.Fatalf("%v of %v in %d: %d ranks, want %d", need, total, len(ranks), n, want)
		}
	}
}

// scores are hard on a selection: random, sorted either way, and with many ties.
func scores(n int) [][]float32 {
	r := rand.New(rand.NewPCG(5, 6))
	random, up, ties := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range n {
		random[i], up[i], ties[i] = float32(r.NormFloat64()), float32(i), float32(i*7919%5)
	}
	down := slices.Clone(up)
	slices.Reverse(down)
	return [][]float32{random, up, down, ties}
}

func TestTop(t *testing.T) {
	var top Top
	for _, n := range []int{0, 1, 50, 1100, 6000} {
		for which, values := range scores(n) {
			for _, k := range []int{0, 1, 7, 60, n, n + 9, math.MaxInt} {
				top.Reset(k)
				var all []Rank
				for i, v := range values {
					r := Of(i, v)
					all = append(all, r)
					if top.Admits(r) && v < top.Bar() {
						t.Fatalf("a score of %v below the bar, %v, is admitted", v, top.Bar())
					}
					top.Offer(r)
				}
				slices.Sort(all)
				if got := top.Sorted(); !slices.Equal(got, all[:min(k, n)]) {
					t.Fatalf("scores %d: the best %d of %d are %v, want %v", which, k, n, got, all[:min(k, n)])
				}
			}
		}
	}
}

func TestTopFunc(t *testing.T) {
	type item struct {
		score float32
		at    int
	}
	compare := func(a, b item) int { return cmp.Or(cmp.Compare(b.score, a.score), a.at-b.at) }
	for _, n := range []int{0, 1, 50, 300, 6000} {
		for which, values := range scores(n) {
			for _, k := range []int{-1, 0, 1, 7, 60, n, n + 9, math.MaxInt} {
				top := NewTopFunc(k, compare)
				for _, round := range []string{"first", "second"} {
					var all []item
					for i, v := range values {
						all = append(all, item{v, i})
						top.Offer(all[i])
					}
					slices.SortFunc(all, compare)
					if got := top.Sorted(); !slices.Equal(got, all[:max(0, min(k, n))]) {
						t.Fatalf("%s round, scores %d: the best %d of %d are %v", round, which, k, n, got)
					}
					top.Reset(k)
				}
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	var top Top
	fn := NewTopFunc(20, func(a, b float32) int { return cmp.Compare(b, a) })
	values := scores(6000)[0]
	collect := func() {
		top.Reset(20)
		fn.Reset(20)
		for i, v := range values {
			top.Offer(Of(i, v))
			fn.Offer(v)
		}
		if got, want := top.Sorted()[19].Score(), fn.Sorted()[19]; got != want {
			t.Errorf("the 20th is %v and %v", got, want)
		}
	}
	collect()
	if n := testing.AllocsPerRun(5, collect); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
