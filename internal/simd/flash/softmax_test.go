package flash_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// ulps is the distance of got from want in units of the last place of want.
func ulps(got float32, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, e-24)
}

// exps returns exp of x by ExpSum, on 8 lanes.
func exps(x []float32) []float32 {
	for len(x)%8 != 0 {
		x = append(x, 0)
	}
	x = append([]float32(nil), x...)
	flash.ExpSum(x, 8, len(x)/8, make([]float32, 8), make([]float32, 8))
	return x
}

func TestExp(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		var x []float32
		for b := math.Float32bits(-1e-9); b < math.Float32bits(-88); b += 977 {
			x = append(x, math.Float32frombits(b))
		}
		var worst float64
		limit := 1.0
		if simd.Active() == simd.Generic {
			limit = 1.5 // without fused operations
		}
		for i, e := range exps(x)[:len(x)] {
			if x[i] < -86.99 {
				if e != 0 {
					t.Fatalf("exp(%v) = %v, want 0", x[i], e)
				}
				continue
			}
			if x[i] > -86.98 {
				worst = max(worst, ulps(e, math.Exp(float64(x[i]))))
			}
		}
		if !(worst <= limit) {
			t.Errorf("error of %.2f ulp, want %v", worst, limit)
		}
		inf, nan := float32(math.Inf(-1)), float32(math.NaN())
		payload := math.Float32frombits(0x7fc12345)
		got := exps([]float32{0, float32(math.Copysign(0, -1)), inf, -math.MaxFloat32, -1e30, nan, payload, -1e-40})
		for i, want := range []float32{1, 1, 0, 0, 0, nan, nan, 1} {
			if got[i] != want && !(math.IsNaN(float64(want)) && math.IsNaN(float64(got[i]))) {
				t.Errorf("special value %d: %v, want %v", i, got[i], want)
			}
		}
	})
}

func TestExpSum(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, lanes := range allLanes {
			for _, n := range someKeys {
				s, m := tensortest.Normal(r, n*lanes), tensortest.Normal(r, lanes)
				flash.Max(s, lanes, n, m)
				got, l := tensortest.Guard(s, 0), tensortest.Guard(tensortest.Normal(r, lanes), 0)
				want := append([]float32(nil), l.X...)
				flash.ExpSum(got.X, lanes, n, m, l.X)
				got.Check(t, "ExpSum")
				l.Check(t, "ExpSum's sum")
				for j := range n {
					for i := range lanes {
						e := got.X[j*lanes+i]
						want[i] += e
						if exact := math.Exp(float64(s[j*lanes+i] - m[i])); !(ulps(e, exact) < 1.5) {
							t.Fatalf("lanes %d n %d: exp(%v) = %v, want %v", lanes, n, s[j*lanes+i]-m[i], e, exact)
						}
					}
				}
				if i, ok := tensortest.SameBits(l.X, want); !ok {
					t.Fatalf("lanes %d n %d: sum of lane %d is %v, in key order %v", lanes, n, i, l.X[i], want[i])
				}
			}
		}
	})
}

func TestRescale(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, lanes := range allLanes {
			for _, d := range []int{1, 3, 8, 65} {
				for _, same := range []bool{false, true} {
					start, sum, old := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
					mnew := append([]float32(nil), old...)
					for i := range mnew {
						if !same && i%3 != 0 {
							mnew[i] += r.Float32() * 10
						}
					}
					o, m, l := tensortest.Guard(start, 0), tensortest.Guard(old, 0), tensortest.Guard(sum, 0)
					flash.Rescale(o.X, lanes, d, m.X, mnew, l.X)
					o.Check(t, "Rescale")
					m.Check(t, "Rescale's maximum")
					l.Check(t, "Rescale's sum")
					for i := range lanes {
						a := exps([]float32{old[i] - mnew[i]})[0]
						if m.X[i] != mnew[i] || l.X[i] != sum[i]*a {
							t.Fatalf("lanes %d lane %d: m %v, want %v; l %v, want %v", lanes, i, m.X[i], mnew[i], l.X[i], sum[i]*a)
						}
						for x := range d {
							if want := start[x*lanes+i] * a; o.X[x*lanes+i] != want {
								t.Fatalf("lanes %d: o[%d][%d] = %v, want %v", lanes, x, i, o.X[x*lanes+i], want)
							}
						}
					}
				}
			}
		}
	})
}

func TestMerge(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, lanes := range allLanes {
			for _, d := range []int{1, 3, 8, 65} {
				oc, mc, lc := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
				if lanes > 1 {
					mc[1], lc[1] = flash.Empty, 0 // a lane without keys in the chunk
					for x := range d {
						oc[x*lanes+1] = 0
					}
				}
				o, m, l := tensortest.Guard(make([]float32, d*lanes), 0), tensortest.Guard(make([]float32, lanes), 0), tensortest.Guard(make([]float32, lanes), 0)
				for i := range m.X {
					m.X[i] = flash.Empty
				}
				flash.Merge(o.X, m.X, l.X, oc, mc, lc, lanes, d)
				for name, pair := range map[string][2][]float32{"o": {o.X, oc}, "m": {m.X, mc}, "l": {l.X, lc}} {
					if i, ok := tensortest.SameBits(pair[0], pair[1]); !ok {
						t.Fatalf("lanes %d d %d: merged into nothing, %s[%d] = %v, want %v", lanes, d, name, i, pair[0][i], pair[1][i])
					}
				}
				o2, m2, l2 := tensortest.Normal(r, d*lanes), tensortest.Normal(r, lanes), tensortest.Normal(r, lanes)
				flash.Merge(o.X, m.X, l.X, o2, m2, l2, lanes, d)
				o.Check(t, "Merge")
				m.Check(t, "Merge's maximum")
				l.Check(t, "Merge's sum")
				for i := range lanes {
					top := max(mc[i], m2[i])
					a, b := math.Exp(float64(mc[i]-top)), math.Exp(float64(m2[i]-top))
					near := func(got, x, y float32) bool {
						size := math.Abs(float64(x)*a) + math.Abs(float64(y)*b)
						return math.Abs(float64(got)-(float64(x)*a+float64(y)*b)) <= 4e-7*size
					}
					if m.X[i] != top || !near(l.X[i], lc[i], l2[i]) {
						t.Fatalf("lanes %d lane %d: m %v, want %v; l %v of %v and %v", lanes, i, m.X[i], top, l.X[i], lc[i], l2[i])
					}
					for x := range d {
						if e := x*lanes + i; !near(o.X[e], oc[e], o2[e]) {
							t.Fatalf("lanes %d: o[%d][%d] = %v of %v and %v", lanes, x, i, o.X[e], oc[e], o2[e])
						}
					}
				}
			}
		}
	})
}

func TestSoftCap(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(17, 18))
		for n := range 70 {
			for _, limit := range []float32{1, 30, 50} {
				x := tensortest.Normal(r, n)
				for i := range x {
					x[i] *= limit * float32(math.Pow(10, -6+8*r.Float64()))
				}
				got := tensortest.Guard(x, 0)
				flash.SoftCap(got.X, limit)
				got.Check(t, "SoftCap")
				for i := range x {
					want := float64(limit) * math.Tanh(float64(x[i])/float64(limit))
					if !(math.Abs(float64(got.X[i])-want) <= 1e-6*math.Abs(want)) {
						t.Fatalf("length %d: %v·tanh(%v/%v) = %v, want %v", n, limit, x[i], limit, got.X[i], want)
					}
				}
			}
		}
		inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(0)
		x := []float32{inf, -inf, nan, zero, -zero, 1e-38}
		flash.SoftCap(x, 50)
		if x[0] != 50 || x[1] != -50 || x[2] == x[2] || x[3] != 0 || x[4] != 0 || !(x[5] > 0.99e-38) {
			t.Errorf("special values: %v", x)
		}
	})
}
