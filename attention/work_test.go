package attention

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
)

// Pairs are those that Range lists.
func TestMaskPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		m := Mask{Causal: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			m.Window = 1 + rng.IntN(9)
		}
		if rng.IntN(2) == 0 {
			m.Chunk = 1 + rng.IntN(9)
		}
		keys := 1 + rng.IntN(30)
		first := rng.IntN(keys)
		last := first + rng.IntN(keys-first+1)
		want := int64(0)
		for pos := first; pos < last; pos++ {
			lo, hi := m.Range(pos)
			want += int64(min(hi, keys-1) - lo + 1)
		}
		if got := m.Pairs(first, last, keys); got != want {
			t.Fatalf("%+v: queries from %d to %d of %d keys see %d, want %d", m, first, last, keys, got, want)
		}
	}
	if n := (Mask{Causal: true, Chunk: 8192}).Pairs(0, 10<<20, 10<<20); n != 1280*8192*8193/2 {
		t.Errorf("10M tokens in chunks: %d pairs", n)
	}
}

// plain says nothing of its work, and wrapped inherits Traits from what it embeds.
type plain struct{ W, Same, Not *tensor.Weight }

func (plain) Forward(*Pass, tensor.Tensor, tensor.Tensor) {}

type wrapped struct {
	*MultiHead
	More *tensor.Weight
}

func TestWorkOf(t *testing.T) {
	w := tensor.Describe(tensor.F32, tensor.FullPrecision, 6, 4)
	s := Span{Pos: 2, Rows: 5, Out: 3}
	if got := WorkOf(&plain{W: w, Same: w}, s).Products; len(got) != 1 || got[0].Flops() != 2*3*24 {
		t.Errorf("an Op that says nothing multiplies by %v", got)
	}
	m := &MultiHead{Heads: 2, KVHeads: 1, HeadDim: 2, Mask: Mask{Causal: true}}
	m.QKV.Weight = tensor.Describe(tensor.F32, tensor.FullPrecision, 8, 4)
	m.Out.Weight = tensor.Describe(tensor.F32, tensor.FullPrecision, 4, 4)
	got := WorkOf(&wrapped{m, w}, s)
	if len(got.Products) != 3 || len(got.Pairs) != 1 {
		t.Fatalf("an Op that embeds another computes %+v", got)
	}
	if got.Products[0].Rows != 5 || got.Products[1].Rows != 3 || got.Products[2].Rows != 3 {
		t.Errorf("products of %d, %d and %d rows, want 5, 3, 3", got.Products[0].Rows, got.Products[1].Rows, got.Products[2].Rows)
	}
	if p := got.Pairs[0]; p.Pairs != 5+6+7 || p.Flops() != 2*18*2*4 || p.Keys != 7 || p.Width != 4 {
		t.Errorf("pairs %+v", p)
	}
}
