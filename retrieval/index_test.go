package retrieval

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

func randomTensor(r *rand.Rand, n, dim int) tensor.Tensor {
	return tensor.From(tensortest.Normal(r, n*dim), n, dim)
}

// better orders hits, the best first.
func better(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), a.Row-b.Row)
}

func TestIndexFindsTheNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const dim = 19
	for _, n := range []int{0, 1, 5, blockRows, blockRows + 1, 3*blockRows + 77} {
		all := randomTensor(r, n, dim)
		Normalize(all)
		x := NewIndex(dim)
		for at := 0; at < n; {
			m := min(1+r.IntN(700), n-at)
			x.Add(tensor.From(all.Data[at*dim:(at+m)*dim], m, dim))
			at += m
		}
		queries := randomTensor(r, 70, dim)
		Normalize(queries)
		for q, got := range x.Search(queries, 9) {
			want := make([]Hit, n)
			for i := range want {
				want[i] = Hit{i, Cosine(queries.Row(q), all.Row(i))}
			}
			slices.SortFunc(want, better)
			if want = want[:min(9, n)]; len(got) != len(want) {
				t.Fatalf("%d vectors: %d hits, want %d", n, len(got), len(want))
			}
			for k := range got {
				if got[k].Row != want[k].Row || !near(got[k].Score, want[k].Score) {
					t.Fatalf("%d vectors, query %d, hit %d: %v, want %v", n, q, k, got[k], want[k])
				}
			}
		}
		if x.Len() != n {
			t.Errorf("Len is %d, want %d", x.Len(), n)
		}
	}
}

func TestIndexBreaksTiesByRow(t *testing.T) {
	x := NewIndex(2)
	x.Add(tensor.From([]float32{1, 0, 1, 0, 0, 1, 1, 0}, 4, 2))
	got := x.Search(tensor.From([]float32{1, 0}, 1, 2), 2)[0]
	if !slices.Equal(got, []Hit{{0, 1}, {1, 1}}) {
		t.Errorf("got %v", got)
	}
	if got := x.Search(tensor.From([]float32{1, 0}, 1, 2), 0)[0]; len(got) != 0 {
		t.Errorf("no hits were asked for, got %v", got)
	}
}

func TestIndexWhileGrowing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	v := randomTensor(r, 40, 8)
	x := NewIndex(8)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				x.Add(v)
				for i, hits := range x.Search(v, 3) {
					if hits[0].Row%40 != i && hits[0].Score < Cosine(v.Row(i), v.Row(i)) {
						t.Errorf("query %d found %v", i, hits)
					}
				}
			}
		})
	}
	wg.Wait()
	if x.Len() != 4*20*40 {
		t.Errorf("Len is %d", x.Len())
	}
}

func TestCosine(t *testing.T) {
	for _, c := range []struct {
		a, b []float32
		want float32
	}{{[]float32{3, 4}, []float32{4, 3}, 0.96}, {[]float32{1, 0}, []float32{-2, 0}, -1}, {[]float32{0, 0}, []float32{1, 2}, 0}} {
		if got := Cosine(c.a, c.b); !near(got, c.want) {
			t.Errorf("Cosine(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// near allows for the rounding of float32 sums of some hundred products.
func near(a, b float32) bool { return tensortest.Near(a, b, 1e-5) }
