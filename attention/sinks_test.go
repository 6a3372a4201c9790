package attention

import (
	"math"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// A sink takes its part of softmax at any magnitude: where it dwarfs the scores, where they dwarf it, where sums and
// scores overflow, and where no key is seen.
func TestSinkExtremes(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name            string
		sink            float32
		scores, v, want []float32 // of each key; weights
		sum             float32   // what comes out
	}{
		{"as large as the score", 0, []float32{0}, []float32{4}, []float32{.5}, 2},
		{"as one of three", 2, []float32{2, 2}, []float32{3, 6}, []float32{1. / 3, 1. / 3}, 3},
		{"far above", 3e38, []float32{5, 6}, []float32{1, 2}, []float32{0, 0}, 0},
		{"far below", -3e38, []float32{5, 5}, []float32{1, 2}, []float32{.5, .5}, 1.5},
		{"none", -inf, []float32{5, 5}, []float32{1, 2}, []float32{.5, .5}, 1.5},
		{"over scores below −1e30", 0, []float32{-2e30, -2e30}, []float32{1, 2}, []float32{0, 0}, 0},
		{"values whose sum overflows", 0, []float32{0, 0}, []float32{3e38, 3e38}, []float32{1. / 3, 1. / 3}, 2e38},
		{"hidden infinite value", 0, []float32{-inf, 0}, []float32{inf, 4}, []float32{0, .5}, 2},
		{"no key is seen", 1, []float32{-inf, -inf}, []float32{1, 2}, []float32{0, 0}, 0},
	} {
		tensortest.EachSet(t, func(t *testing.T) {
			n := len(c.scores)
			dst, weights := compute(tensor.New(1, 1, 4), tensor.New(n, 1, 4), tensor.From(c.v, n, 1, 1), Options{
				Sinks: []float32{c.sink}, Add: tensor.From(c.scores, 1, n)})
			for i, want := range append(c.want, c.sum) {
				if got := append(weights.Data, dst.Data...)[i]; !(math.Abs(float64(got-want)) <= 1e-6*math.Max(1, math.Abs(float64(want)))) {
					t.Errorf("%s: weights and result %v %v, want %v %v", c.name, weights.Data, dst.Data, c.want, c.sum)
					break
				}
			}
		})
	}
}

// Observers see the weights of the keys alone; some rows of a pass have the bits of all.
func TestSinksObserved(t *testing.T) {
	const n = 300
	x, m := random(4, n, 20), withSinks(Mask{Causal: true, Window: 10})
	want, got := tensor.New(n, 20), tensor.New(3, 20)
	var plain, p Pass
	plain.Begin(Seq{Rows: n})
	m.Forward(&plain, want, x)
	seen := 0
	p.Observer = func(at Point) func(tensor.Tensor) {
		return func(w tensor.Tensor) {
			seen++
			for i := range w.Rows() {
				var sum float64
				for _, v := range w.Row(i) {
					sum += float64(v)
				}
				if sum >= 0.9999 || sum <= 0 {
					t.Fatalf("weights of row %d sum to %v beside a sink", i, sum)
				}
			}
		}
	}
	p.Begin(Seq{Rows: n})
	all := tensor.New(n, 20)
	m.Forward(&p, all, x)
	if i, same := tensortest.SameBits(all.Data, want.Data); !same || seen == 0 {
		t.Errorf("observed %d times: row %d differs", seen, i/20)
	}
	rows := []int{0, 17, 299}
	m.Traits().ForwardRows(&plain, got, x, rows)
	for i, r := range rows {
		if _, same := tensortest.SameBits(got.Row(i), want.Row(r)); !same {
			t.Errorf("row %d alone differs", r)
		}
	}
}

// sinkOp is an attention of another package: 4 heads of 8 that share 2.
type sinkOp struct{}

func (o sinkOp) Traits() Traits {
	return Traits{Of: o, Cache: CacheLayer{KVHeads: 2, KeyDim: 8, ValueDim: 8, Mask: Mask{Causal: true}}}
}

func (sinkOp) Forward(*Pass, tensor.Tensor, tensor.Tensor) {}

func TestSinksOfAttend(t *testing.T) {
	const n = 150
	q, k, v := random(1, n, 4, 8), random(2, n, 2, 8), random(3, n, 2, 8)
	sinks := []float32{1, 0, -1, 2}
	want, got := tensor.New(n, 4, 8), tensor.New(n, 4, 8)
	ScaledDotProduct(want, q, k, v, Options{Mask: Mask{Causal: true}, Sinks: sinks})
	c := planOf(sinkOp{}).NewCache(tensor.F32)
	var p Pass
	for i := 0; i < n; i += 60 {
		j := min(i+60, n)
		p.Begin(Seq{Rows: j - i, Pos: i, Cache: c})
		p.Attend(sinkOp{}, got.Slice(i, j), q.Slice(i, j), k.Slice(i, j), v.Slice(i, j), Options{Sinks: sinks})
		p.End()
	}
	tensortest.CheckBits(t, "in parts", got.Data, want.Data)
	p.Begin(Seq{Rows: 1, Pos: n, Cache: c})
	one := tensor.New(1, 4, 8)
	tensortest.Panics(t, "attention: Attend of attention.sinkOp has 3 sinks for 4 heads", func() {
		p.Attend(sinkOp{}, one, q.Slice(0, 1), k.Slice(0, 1), v.Slice(0, 1), Options{Sinks: sinks[:3]})
	})
}

func TestSinkShapes(t *testing.T) {
	q := tensor.New(1, 2, 4)
	tensortest.Panics(t, "attention: Sinks has 1 values for 2 heads", func() { ScaledDotProduct(tensor.New(1, 2, 4), q, q, q, Options{Sinks: []float32{1}}) })
	m := testLayer(Mask{Causal: true})
	m.Sinks = []float32{1}
	if err := m.Traits().Err; err == nil || err.Error() != "attention: MultiHead.Sinks has 1 values for 6 heads" {
		t.Errorf("error %v", err)
	}
}
