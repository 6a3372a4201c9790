package attention

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// filled returns a tensor whose elements are all v.
func filled(v float32, dims ...int) tensor.Tensor {
	t := tensor.New(dims...)
	for i := range t.Data {
		t.Data[i] = v
	}
	return t
}

// compute returns the result and the weights of attention.
func compute(q, k, v tensor.Tensor, o Options) (dst, weights tensor.Tensor) {
	dst = tensor.New(q.Shape[0], q.Shape[1], v.Shape[2])
	weights = tensor.New(q.Shape[1], q.Shape[0], k.Shape[0])
	o.Weights = &weights
	ScaledDotProduct(dst, q, k, v, o)
	return dst, weights
}

// hidings hide the same keys from the same queries, by each of the ways there are: query i of 60 sees the
// keys from i+30 to i+40, of 100.
func hidings() map[string]Options {
	const T, S, lo, hi = 60, 100, 30, 40
	keep, add := make([]bool, T*S), tensor.New(T, S)
	exactly := tensor.New(T, S)
	for i := range T {
		for j := range S {
			if seen := j >= i+lo && j <= i+hi; seen {
				keep[i*S+j] = true
			} else {
				add.Row(i)[j], exactly.Row(i)[j] = float32(math.Inf(-1)), -1e30
			}
		}
	}
	return map[string]Options{
		"mask":       {Mask: Mask{Causal: true, Window: hi - lo + 1}, Pos: hi},
		"Keep":       {Keep: keep},
		"Add −Inf":   {Add: add},
		"Add −1e30":  {Add: exactly},
		"Keep, mask": {Mask: Mask{Causal: true}, Pos: hi, Keep: keep},
	}
}

// Whatever stands in keys and values that a query does not see, its row has the bits that it has with
// zeros there.
func TestHiddenKeysNeverTouchARow(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tensortest.EachSet(t, func(t *testing.T) {
		q, k, v := random(1, 60, 4, 16), random(2, 100, 2, 16), random(3, 100, 2, 16)
		for name, o := range hidings() {
			want, wantWeights := compute(q, k, v, o)
			for _, poison := range []float32{nan, inf, -inf, 3e38} {
				for _, at := range []int{0, 29, 30, 55, 99} {
					k2, v2 := tensor.From(append([]float32(nil), k.Data...), 100, 2, 16), tensor.From(append([]float32(nil), v.Data...), 100, 2, 16)
					for i := range 2 * 16 {
						k2.Data[at*32+i], v2.Data[at*32+i] = poison, poison
					}
					dst, weights := compute(q, k2, v2, o)
					for row := range 60 {
						if at >= row+30 && at <= row+40 {
							continue
						}
						what := fmt.Sprintf("%s, %v at key %d, row %d", name, poison, at, row)
						tensortest.CheckBits(t, what, dst.Data[row*64:(row+1)*64], want.Data[row*64:(row+1)*64])
						for h := range 4 {
							tensortest.CheckBits(t, what+" weights", weights.Row(h*60+row), wantWeights.Row(h*60+row))
						}
					}
				}
			}
		}
	})
}

// A prompt at once and in parts gives the same bits where values are not numbers.
func TestSplitWithNaN(t *testing.T) {
	q, k, v := random(1, 300, 2, 16), random(2, 300, 2, 16), random(3, 300, 2, 16)
	v.Data[250*32+3] = float32(math.NaN())
	whole, _ := compute(q, k, v, Options{Mask: Mask{Causal: true}})
	for first := 0; first < 300; first += 70 {
		last := min(first+70, 300)
		part, _ := compute(q.Slice(first, last), k.Slice(0, last), v.Slice(0, last), Options{Mask: Mask{Causal: true}, Pos: first})
		for i, x := range part.Data {
			if y := whole.Data[first*32+i]; math.Float32bits(x) != math.Float32bits(y) && x == x {
				t.Fatalf("row %d: %v in a part, %v at once", first+i/32, x, y)
			}
		}
	}
	if x := whole.Data[250*32+3]; x == x {
		t.Errorf("the row that sees the NaN is %v", x)
	}
}

// Scores and values of any size give what exact arithmetic gives.
func TestExtremes(t *testing.T) {
	inf := float32(math.Inf(1))
	one := []float32{1, 1, 1, 1}
	for _, c := range []struct {
		name        string
		q           float32
		k, v, want  []float32 // [S, 4] by their first column; [1]
		add         []float32
		scale       float32
		wantWeights []float32
	}{
		{name: "Add of −1e30 on all keys hides all", q: 1, k: []float32{1, 2}, v: []float32{5, 6}, add: []float32{-1e30, -1e30}, want: []float32{0}, wantWeights: []float32{0, 0}},
		{name: "Add of −1e29 on all keys hides none", q: 0, k: []float32{1, 1}, v: []float32{5, 7}, add: []float32{-1e29, -1e29}, want: []float32{6}, wantWeights: []float32{.5, .5}},
		{name: "a score below −1e30 without Add is not hidden", q: -1e16, k: []float32{1e16, 2e16, 1e16}, v: []float32{2, 9, 4}, want: []float32{3}, wantWeights: []float32{.5, 0, .5}},
		{name: "scores that overflow", q: 3e38, k: []float32{3e38, 3e38, -3e38}, v: []float32{2, 4, 8}, want: []float32{3}, wantWeights: []float32{.5, .5, 0}},
		{name: "scores that overflow downwards", q: -3e38, k: []float32{3e38, 3e38}, v: []float32{2, 4}, want: []float32{3}, wantWeights: []float32{.5, .5}},
		{name: "values whose sum overflows", q: 0, k: []float32{1, 1}, v: []float32{3e38, 3e38}, want: []float32{3e38}, wantWeights: []float32{.5, .5}},
		{name: "an infinite value", q: 0, k: []float32{1, 1}, v: []float32{inf, 1}, want: []float32{inf}, wantWeights: []float32{.5, .5}},
		{name: "a hidden score that overflows", q: 3e38, k: []float32{3e38, 1e-38}, v: []float32{2, 4}, add: []float32{-inf, 0}, want: []float32{4}, wantWeights: []float32{0, 1}},
		{name: "a large positive Add", q: 1, k: []float32{1, 1}, v: []float32{2, 4}, add: []float32{3e38, 3e38}, want: []float32{3}, wantWeights: []float32{.5, .5}},
	} {
		tensortest.EachSet(t, func(t *testing.T) {
			s := len(c.k)
			q, k, v := filled(c.q, 1, 1, 4), tensor.New(s, 1, 4), tensor.New(s, 1, 4)
			for j := range s {
				for x := range one {
					k.Data[4*j+x], v.Data[4*j+x] = c.k[j], c.v[j]
				}
			}
			o := Options{Scale: c.scale}
			if c.add != nil {
				o.Add = tensor.From(c.add, 1, s)
			}
			dst, weights := compute(q, k, v, o)
			for x := range one {
				if got := dst.Data[x]; math.Abs(float64(got-c.want[0])) > 1e-6*math.Abs(float64(c.want[0])) || got != got {
					t.Errorf("%s: %v, want %v", c.name, got, c.want[0])
				}
			}
			for j, want := range c.wantWeights {
				if got := weights.Data[j]; !(math.Abs(float64(got-want)) < 1e-6) {
					t.Errorf("%s: weight %d is %v, want %v", c.name, j, got, want)
				}
			}
		})
	}
}

// Weights of no keys are nothing, with heads and without.
func TestWeightsOfNoKeys(t *testing.T) {
	dst := filled(7, 3, 2, 4)
	w := tensor.Tensor{Shape: tensor.Of(2, 3, 0)}
	ScaledDotProduct(dst, random(1, 3, 2, 4), tensor.Tensor{Shape: tensor.Of(0, 2, 4)}, tensor.Tensor{Shape: tensor.Of(0, 2, 4)}, Options{Weights: &w})
	tensortest.CheckBits(t, "with heads", dst.Data, make([]float32, 24))
	dst, w = filled(7, 3, 4), tensor.Tensor{Shape: tensor.Of(3, 0)}
	ScaledDotProduct(dst, random(1, 3, 4), tensor.Tensor{Shape: tensor.Of(0, 4)}, tensor.Tensor{Shape: tensor.Of(0, 4)}, Options{Weights: &w})
	tensortest.CheckBits(t, "without heads", dst.Data, make([]float32, 12))
}

// ending is a bias that does something once.
type ending struct {
	at func()
	on *bool
}

func (e ending) AddTo(s *Scores) {
	if *e.on && s.Pos[0] > 100 {
		e.at()
	}
}

func brokenBias() { panic("the bias is broken") }

// A panic in a bias reaches the caller, who may go on: the next call computes the right bits. So does
// runtime.Goexit, which testing.T.FailNow calls.
func TestPanicInBias(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	q, k, v := random(1, 400, 2, 16), random(2, 400, 2, 16), random(3, 400, 2, 16)
	on := false
	o := Options{Mask: Mask{Causal: true}, Bias: ending{brokenBias, &on}}
	want, _ := compute(q, k, v, o)
	for range 5 {
		for i, end := range []func(){brokenBias, runtime.Goexit} {
			on, o.Bias = true, ending{end, &on}
			var got any
			done := make(chan bool)
			go func() {
				defer close(done)
				defer func() { got = recover() }()
				compute(q, k, v, o)
				t.Error("the call returned")
			}()
			<-done
			if p, ok := got.(*tensor.Panic); (i == 0) != ok || ok && !strings.Contains(p.Error(), "brokenBias") {
				t.Fatalf("case %d: panic with %v", i, got)
			}
			on = false
			again, _ := compute(q, k, v, o)
			tensortest.CheckBits(t, "after a panic", again.Data, want.Data)
		}
	}
}

// Memory beyond the arguments is at most as much again as keys and values, and what workers need.
func TestScaledDotProductMemory(t *testing.T) {
	const heads, dim = 4, 32
	n := 2000
	if testing.Short() {
		n = 700
	}
	q, k, v, dst := tensor.New(n, heads, dim), tensor.New(n, heads, dim), tensor.New(n, heads, dim), tensor.New(n, heads, dim)
	for range 4 { // what others have left goes
		runtime.GC()
	}
	got := tensortest.Allocated(func() { ScaledDotProduct(dst, q, k, v, Options{}) })
	const worker = 1 << 20 // a tile of queries and blocks of keys, several times
	most := uint64(4*(len(k.Data)+len(v.Data)) + worker*(runtime.GOMAXPROCS(0)+1))
	if got > most {
		t.Errorf("%d bytes, at most %d are stated; all scores would take %d", got, most, 4*n*n*heads)
	}
}
