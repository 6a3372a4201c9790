package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// lengths are every small one, and some around the widths of unrolled loops.
func lengths() []int {
	var all []int
	for n := range 101 {
		all = append(all, n)
	}
	return append(all, 127, 128, 129, 255, 257, 576, 1000, 4095, 4096, 4099)
}

// worst returns the largest difference between got and want.
func worst(got []float32, want []float64) float64 {
	var e float64
	for i, g := range got {
		e = math.Max(e, math.Abs(float64(g)-want[i]))
		if g != g {
			return inf
		}
	}
	return e
}

func naiveSoftmax(x []float32) []float32 {
	m := float32(-inf)
	for _, v := range x {
		m = max(m, v)
	}
	dst := make([]float32, len(x))
	var s float32
	for i, v := range x {
		dst[i] = float32(math.Exp(float64(v - m)))
		s += dst[i]
	}
	for i := range dst {
		dst[i] /= s
	}
	return dst
}

func wantSoftmax(x []float32) []float64 {
	m := -inf
	for _, v := range x {
		m = math.Max(m, float64(v))
	}
	dst := make([]float64, len(x))
	var s float64
	for i, v := range x {
		dst[i] = math.Exp(float64(v) - m)
		s += dst[i]
	}
	for i := range dst {
		dst[i] /= s
	}
	return dst
}

func naiveLayerNorm(x, weight, bias []float32, eps float32) []float32 {
	var m, v float32
	for _, a := range x {
		m += a
	}
	m /= float32(len(x))
	for _, a := range x {
		v += (a - m) * (a - m)
	}
	r := 1 / float32(math.Sqrt(float64(v/float32(len(x))+eps)))
	dst := make([]float32, len(x))
	for i, a := range x {
		dst[i] = (a-m)*r*weight[i] + bias[i]
	}
	return dst
}

func wantLayerNorm(x, weight, bias []float32, eps float32, centred bool) []float64 {
	var m, v float64
	for _, a := range x {
		m += float64(a)
	}
	m /= float64(len(x))
	if !centred {
		m = 0
	}
	for _, a := range x {
		v += (float64(a) - m) * (float64(a) - m)
	}
	r := 1 / math.Sqrt(v/float64(len(x))+float64(eps))
	dst := make([]float64, len(x))
	for i, a := range x {
		dst[i] = (float64(a)-m)*r*float64(weight[i]) + float64(bias[i])
	}
	return dst
}

func naiveRMSNorm(x, weight []float32, eps float32) []float32 {
	var v float32
	for _, a := range x {
		v += a * a
	}
	r := 1 / float32(math.Sqrt(float64(v/float32(len(x))+eps)))
	dst := make([]float32, len(x))
	for i, a := range x {
		dst[i] = a * r * weight[i]
	}
	return dst
}

// earned fails unless got is at most twice as far from want as naive is, plus a little.
func earned(t *testing.T, name string, n int, got, naive []float32, want []float64) {
	t.Helper()
	var scale float64
	for _, w := range want {
		scale = math.Max(scale, math.Abs(w))
	}
	e, allowed := worst(got, want), 2*worst(naive, want)+1.5*ulp*scale
	if !(e <= allowed) {
		t.Errorf("%s: length %d: error %.3g, allowed %.3g (largest value %.3g)", name, n, e, allowed, scale)
	}
}

func TestSoftmax(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, n := range lengths() {
			for _, spread := range []float64{0.1, 3, 40} {
				x := tensortest.Gaussian(rng, n, 10, spread)
				guarded := tensortest.Guard(make([]float32, n), n%5)
				dst := guarded.X
				Softmax(dst, x)
				earned(t, "Softmax", n, dst, naiveSoftmax(x), wantSoftmax(x))
				guarded.Check(t, fmt.Sprintf("Softmax: length %d", n))
				again := tensortest.Guard(make([]float32, n), (n+3)%7).X
				copy(again, x)
				Softmax(again, again)
				checkRow(t, "Softmax in place", n, 0, again, dst)
			}
		}
	})
}

func TestSoftmaxSpecial(t *testing.T) {
	low, high, nan := float32(-inf), float32(inf), float32(math.NaN())
	tensortest.EachSet(t, func(t *testing.T) {
		for n := 1; n <= 70; n++ {
			for at := range n {
				x, dst := make([]float32, n), make([]float32, n)
				for i := range x {
					x[i] = low
				}
				Softmax(dst, x)
				for i, v := range dst {
					if v != 0 {
						t.Fatalf("all −Inf, length %d: element %d is %v", n, i, v)
					}
				}
				x[at] = -3e38
				Softmax(dst, x)
				for i, v := range dst {
					if (v == 1) != (i == at) || i != at && v != 0 {
						t.Fatalf("one number among −Inf, length %d: element %d is %v", n, i, v)
					}
				}
				for _, special := range []float32{high, nan} {
					x[at] = special
					Softmax(dst, x)
					for i, v := range dst {
						if v == v {
							t.Fatalf("%v among −Inf, length %d: element %d is %v", special, n, i, v)
						}
					}
				}
			}
		}
	})
}

func TestMax(t *testing.T) {
	nan := float32(math.NaN())
	tensortest.EachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		if m, i := Max(nil), ArgMax(nil); m != float32(-inf) || i != -1 {
			t.Errorf("of nothing: Max %v, ArgMax %d", m, i)
		}
		for _, n := range lengths()[1:] {
			for range 20 {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(rng.IntN(n)) - float32(n) // with ties, all negative
				}
				want := 0
				for i, v := range x {
					if v > x[want] {
						want = i
					}
				}
				if m, i := Max(x), ArgMax(x); m != x[want] || i != want {
					t.Fatalf("length %d: Max %v, ArgMax %d, want %v, %d", n, m, i, x[want], want)
				}
				at := rng.IntN(n)
				x[at] = nan
				if m, i := Max(x), ArgMax(x); m == m || i != at {
					t.Fatalf("length %d, NaN at %d: Max %v, ArgMax %d", n, at, m, i)
				}
				for i := range x {
					x[i] = float32(-inf)
				}
				if m, i := Max(x), ArgMax(x); m != float32(-inf) || i != 0 {
					t.Fatalf("length %d, all −Inf: Max %v, ArgMax %d", n, m, i)
				}
			}
		}
	})
}

func TestLogSumExp(t *testing.T) {
	nan, high, low := float32(math.NaN()), float32(inf), float32(-inf)
	tensortest.EachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 8))
		for _, n := range lengths()[1:] {
			x := tensortest.Gaussian(rng, n, -300, 5)
			var s float64
			for _, v := range x {
				s += math.Exp(float64(v))
			}
			if got, want := LogSumExp(x), math.Log(s); math.Abs(float64(got)-want) > 300*ulp {
				t.Errorf("length %d: %v, want %v", n, got, want)
			}
		}
		for _, c := range []struct {
			x    []float32
			want float32
		}{{nil, low}, {[]float32{low, low}, low}, {[]float32{1, high}, high}, {[]float32{nan, high}, nan}, {[]float32{2, low}, 2}} {
			if got := LogSumExp(c.x); !sameFloat(got, c.want) {
				t.Errorf("LogSumExp(%v) = %v, want %v", c.x, got, c.want)
			}
		}
	})
}

func TestNorms(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		RMSNorm(nil, nil, nil, 0) // must not panic
		AddRMSNorm(nil, nil, nil, nil, 0)
		LayerNorm(nil, nil, nil, nil, 0)
		for _, n := range lengths()[1:] {
			for _, mean := range []float64{0, 5} {
				x, y := tensortest.Gaussian(rng, n, mean, 2), tensortest.Gaussian(rng, n, 0, 1)
				w, b := tensortest.Gaussian(rng, n, 1, 0.2), tensortest.Gaussian(rng, n, 0, 1)
				ones, zeros := make([]float32, n), make([]float32, n)
				for i := range ones {
					ones[i] = 1
				}
				const eps = 1e-5
				run := func(name string, f func(dst, x []float32), naive []float32, want []float64) {
					guarded := tensortest.Guard(make([]float32, n), n%5)
					dst := guarded.X
					f(dst, x)
					earned(t, name, n, dst, naive, want)
					guarded.Check(t, fmt.Sprintf("%s: length %d", name, n))
					again := tensortest.Guard(make([]float32, n), (n+3)%7).X
					copy(again, x)
					f(again, again)
					checkRow(t, name+" in place", n, 0, again, dst)
				}
				run("RMSNorm", func(dst, x []float32) { RMSNorm(dst, x, w, eps) },
					naiveRMSNorm(x, w, eps), wantLayerNorm(x, w, zeros, eps, false))
				run("RMSNorm, no weight", func(dst, x []float32) { RMSNorm(dst, x, nil, eps) },
					naiveRMSNorm(x, ones, eps), wantLayerNorm(x, ones, zeros, eps, false))
				run("LayerNorm", func(dst, x []float32) { LayerNorm(dst, x, w, b, eps) },
					naiveLayerNorm(x, w, b, eps), wantLayerNorm(x, w, b, eps, true))
				run("LayerNorm, no weight", func(dst, x []float32) { LayerNorm(dst, x, nil, b, eps) },
					naiveLayerNorm(x, ones, b, eps), wantLayerNorm(x, ones, b, eps, true))
				run("LayerNorm, no bias", func(dst, x []float32) { LayerNorm(dst, x, w, nil, eps) },
					naiveLayerNorm(x, w, zeros, eps), wantLayerNorm(x, w, zeros, eps, true))
				run("LayerNorm, neither", func(dst, x []float32) { LayerNorm(dst, x, nil, nil, eps) },
					naiveLayerNorm(x, ones, zeros, eps), wantLayerNorm(x, ones, zeros, eps, true))
				checkAddRMSNorm(t, x, y, w)
			}
		}
	})
}

func checkAddRMSNorm(t *testing.T, x, y, w []float32) {
	n := len(x)
	added, want := make([]float32, n), make([]float32, n)
	Add(added, x, y)
	RMSNorm(want, added, w, 1e-6)
	guarded := tensortest.Guard(make([]float32, n), n%3)
	row := guarded.X
	copy(row, x)
	guardedDst := tensortest.Guard(make([]float32, n), n%5)
	dst := guardedDst.X
	AddRMSNorm(dst, row, y, w, 1e-6)
	checkRow(t, "AddRMSNorm", n, 0, dst, want)
	checkRow(t, "AddRMSNorm's x", n, 0, row, added)
	guarded.Check(t, fmt.Sprintf("AddRMSNorm: length %d", n))
	guardedDst.Check(t, fmt.Sprintf("AddRMSNorm: length %d", n))
}
