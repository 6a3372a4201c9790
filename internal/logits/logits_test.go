package logits

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// TestDrawEnds has the first and the last possible random number land on tokens that are kept.
func TestDrawEnds(t *testing.T) {
	scores := make([]float32, 1000)
	for i := range scores {
		scores[i] = -inf
	}
	scores[300], scores[700] = 1, 1
	f := Filter{Config: Config{Temperature: 1}}
	d := f.Apply(scores, Largest(scores))
	for _, c := range []struct {
		u    float64
		want int
	}{{0, 300}, {0.4999, 300}, {0.5, 700}, {1 - 1.0/(1<<53), 700}, {1, 700}} {
		if got := d.Draw(c.u); got != c.want {
			t.Errorf("Draw(%v) is token %d, want %d", c.u, got, c.want)
		}
	}
}

// TestKeepsWithoutWeight: tokens that stay although their weight is 0 do not change the probabilities of the others.
func TestKeepsWithoutWeight(t *testing.T) {
	for _, scores := range [][]float32{{0, -100, -2000}, {0, -1000, -2000}, {0, -63, -64}, {0, -1e30, -3e38}} {
		for _, typicalP := range []float64{0, 0.5} {
			f := Filter{Config: Config{Temperature: 0.1, TopK: 1, TypicalP: typicalP, MinTokensToKeep: 3}}
			d := f.Apply(scores, 0)
			if d.Total != d.weight(0) || d.Prob(0) != 1 {
				t.Errorf("%v, typical-p %v: token 0 has weight %v of %v", scores, typicalP, d.weight(0), d.Total)
			}
			for id := range scores {
				if p := d.Prob(id); !d.Keeps(id) || id > 0 && !(p >= 0 && p < 1e-270) {
					t.Errorf("%v, typical-p %v: token %d kept is %v, with probability %v", scores, typicalP, id, d.Keeps(id), p)
				}
			}
			if got := d.Draw(1 - 1.0/(1<<53)); got != 0 {
				t.Errorf("%v, typical-p %v: token %d is drawn", scores, typicalP, got)
			}
		}
	}
}

func TestLargest(t *testing.T) {
	for _, c := range []struct {
		scores []float32
		want   int
	}{
		{[]float32{4}, 0}, {[]float32{1, 3, 3}, 1}, {[]float32{-inf, -inf}, 0}, {[]float32{-inf, -5, -7, 0, 1, 2, 3, 4, 5, 5}, 8},
		{[]float32{1, inf, inf}, 1}, {[]float32{inf, 1, nan}, 2}, {[]float32{nan, 9, nan}, 0}, {[]float32{0, 0, 0, 0, 0, 0, nan}, 6},
	} {
		if got := Largest(c.scores); got != c.want {
			t.Errorf("Largest(%v) is %d, want %d", c.scores, got, c.want)
		}
	}
}

// strange are ids at every border of the spans in which sets and counts are kept, and beyond the vocabulary.
func strange(vocab int) []int {
	ids := []int{math.MinInt, -1, 0, 63, 64, countSpan - 1, countSpan, idSpan - 1, idSpan, 2*idSpan - 1, vocab - 1, vocab, vocab + 1, math.MaxInt}
	return append(ids, ids[2:9]...)
}

func TestEachID(t *testing.T) {
	for _, vocab := range []int{1, 100, countSpan + 3, 3*idSpan + 17} {
		ids := strange(vocab)
		want := map[int]int{}
		for _, id := range ids {
			if id >= 0 && id < vocab {
				want[id]++
			}
		}
		times := map[int]int{}
		EachID(ids, vocab, func(id int) { times[id]++ })
		counted := map[int]int{}
		EachCount(ids, vocab, func(id, n int) {
			if counted[id] > 0 {
				t.Errorf("vocabulary of %d: EachCount visits %d twice", vocab, id)
			}
			counted[id] = n
		})
		if len(times) != len(want) || len(counted) != len(want) {
			t.Errorf("vocabulary of %d: EachID visits %d ids, EachCount %d, want %d", vocab, len(times), len(counted), len(want))
		}
		for id, n := range want {
			if times[id] != 1 || counted[id] != n {
				t.Errorf("vocabulary of %d: EachID visits %d %d times, EachCount counts %d, want %d", vocab, id, times[id], counted[id], n)
			}
		}
	}
	EachID(nil, 10, func(int) { t.Error("an id of none") })
	EachCount([]int{1}, 0, func(int, int) { t.Error("an id of no vocabulary") })
}

func TestKeepOnly(t *testing.T) {
	const vocab = 3*idSpan + 17
	scores := make([]float32, vocab)
	for i := range scores {
		scores[i] = 2
	}
	ids := strange(vocab)
	if !KeepOnly(scores, ids) {
		t.Error("no token is left")
	}
	for id, v := range scores {
		if want := slices.Contains(ids, id); (v == 2) != want || !want && v != -inf {
			t.Fatalf("token %d has score %v, kept should be %v", id, v, want)
		}
	}
	Set(scores, ids, -inf)
	if KeepOnly(scores, ids) {
		t.Error("a token is left although all are ruled out")
	}
	Set(scores, ids, 1)
	if slices.IndexFunc(scores, func(v float32) bool { return v == 1 }) != 0 || KeepOnly(scores, nil) {
		t.Error("a token is left of none")
	}
}

// TestRandom: numbers keep to their range and seeds differ, also those that are near each other.
func TestRandom(t *testing.T) {
	seen := map[float64]bool{}
	for seed := range uint64(100) {
		r := NewRandom(seed)
		again := r
		for range 10 {
			u := r.Float64()
			if u < 0 || u >= 1 || seen[u] || u != again.Float64() {
				t.Fatalf("seed %d: %v is out of range, not new or not repeated", seed, u)
			}
			seen[u] = true
		}
		if u := r.Between(); u <= 0 || u >= 1 {
			t.Fatalf("seed %d: %v is not between 0 and 1", seed, u)
		}
	}
}

// TestCloneHasItsOwnMemory: what a filter gives stays when its clone is used.
func TestCloneHasItsOwnMemory(t *testing.T) {
	f := Filter{Config: Config{Temperature: 1, TopK: 50, TopP: 0.9, TypicalP: 0.9}}
	a, b := tensortest.Logits(2000, 2, 1), tensortest.Logits(2000, 2, 2)
	d := f.Apply(a, Largest(a))
	want := make([]int, 100)
	for i := range want {
		want[i] = d.Draw(float64(i) / 100)
	}
	c := f.Clone()
	other := c.Apply(b, Largest(b))
	differ := 0
	for i := range want {
		if got := d.Draw(float64(i) / 100); got != want[i] {
			t.Fatalf("after the clone's call a draw is %d, was %d", got, want[i])
		}
		if other.Draw(float64(i)/100) != want[i] {
			differ++
		}
	}
	if differ == 0 {
		t.Error("the clone draws the same from other scores")
	}
}

// FuzzFilter has filters of any numbers on any scores: no panic, and the tokens kept are those that were drawn.
func FuzzFilter(f *testing.F) {
	f.Add(uint64(1), 300, 0.7, 20, 0.9, 0.01, 0.9, 3)
	f.Add(uint64(2), 5000, 1e-300, 0, 0.5, 0.0, 0.0, 0)
	f.Add(uint64(3), 2, 1e300, 1, 1.0, 1.0, 1e-9, 9)
	f.Fuzz(func(t *testing.T, seed uint64, n int, temperature float64, topK int, topP, minP, typicalP float64, keep int) {
		in := func(p float64) bool { return p >= 0 && p <= 1 }
		if n < 1 || n > 1<<14 || !(temperature >= 0 && temperature <= math.MaxFloat64) || topK < 0 || !in(topP) || !in(minP) || !in(typicalP) || keep < 0 {
			t.Skip()
		}
		r := rand.New(rand.NewPCG(seed, 1))
		scores := make([]float32, n)
		for i := range scores {
			switch r.IntN(4) {
			case 0:
				scores[i] = -inf
			case 1:
				scores[i] = float32(r.IntN(3))
			default:
				scores[i] = float32(r.NormFloat64() * math.Pow(10, float64(seed%40)-3))
			}
		}
		best := Largest(scores)
		if scores[best] == -inf || scores[best] == inf {
			t.Skip()
		}
		filter := Filter{Config: Config{Temperature: temperature, TopH: max(0, float64(seed%9)-4) / 4, TopK: topK, TopP: topP, MinP: minP, TypicalP: typicalP,
			EpsilonCutoff: max(0, float64(seed%12)-5) / 6, EtaCutoff: max(0, float64(seed%15)-7) / 7, MinTokensToKeep: keep}}
		d := filter.Apply(scores, best)
		kept, finite, total := 0, 0, 0.0
		for id, v := range scores {
			if v > -inf {
				finite++
			}
			if d.Keeps(id) {
				kept++
				total += d.Prob(id)
			}
		}
		if filter.TopH > 0 {
			keep = 1 // it may leave fewer than the other filters keep
		}
		if least := min(max(keep, 1), finite); temperature > 0 && kept < least || math.Abs(total-1) > 1e-9 {
			t.Fatalf("%+v: %d tokens are kept, with probability %v; want %d or more", filter.Config, kept, total, least)
		}
		for _, u := range []float64{0, r.Float64(), 1 - 1.0/(1<<53)} {
			if id := d.Draw(u); !d.Keeps(id) {
				t.Fatalf("%+v: token %d is drawn and not kept", filter.Config, id)
			}
		}
		if top := filter.TopN(&d, n); len(top) != kept || top[0].ID() != best && typicalP == 0 {
			t.Fatalf("%+v: %d tokens of %d", filter.Config, len(top), kept)
		}
	})
}
