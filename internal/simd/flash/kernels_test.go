package flash_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var allLanes = []int{48, 32, 16, 8, 1}

// errors sums squared errors against float64, of a kernel and of a naive float32 loop.
type errors struct{ got, naive, size float64 }

func (e *errors) add(got, naive float32, exact, size float64) {
	e.got += (float64(got) - exact) * (float64(got) - exact)
	e.naive += (float64(naive) - exact) * (float64(naive) - exact)
	e.size += size * size
}

// earned tells whether the kernel's error is at most twice the loop's, plus half a unit of the last place of
// the sums of magnitudes.
func (e *errors) earned() bool {
	return math.Sqrt(e.got) <= 2*math.Sqrt(e.naive)+math.Ldexp(math.Sqrt(e.size), -24)
}

var someKeys = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 31, 33, 127, 128}

func TestScores(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, lanes := range allLanes {
			for _, n := range someKeys {
				for _, d := range []int{1, 2, 3, 4, 5, 7, 8, 13, 64, 66} {
					ldk := d + r.IntN(4)
					k, qt := tensortest.Normal(r, (n-1)*ldk+d), tensortest.Normal(r, d*lanes)
					s := tensortest.Guard(tensortest.Normal(r, n*lanes), 0)
					flash.Scores(s.X, lanes, n, d, k, ldk, qt)
					s.Check(t, "Scores")
					var e errors
					for j := range n {
						for i := range lanes {
							var exact, size float64
							var naive float32
							for x := range d {
								a, b := k[j*ldk+x], qt[x*lanes+i]
								exact += float64(a) * float64(b)
								size += math.Abs(float64(a) * float64(b))
								naive += float32(a * b)
							}
							got := s.X[j*lanes+i]
							e.add(got, naive, exact, size)
							if !(math.Abs(float64(got)-exact) <= 1e-6*size) {
								t.Fatalf("lanes %d n %d d %d: s[%d][%d] = %v, want %v", lanes, n, d, j, i, got, exact)
							}
						}
					}
					if !e.earned() {
						t.Fatalf("lanes %d n %d d %d: squared errors %+v", lanes, n, d, e)
					}
					checkMaxima(t, s.X, lanes, n, d, k, ldk, qt, tensortest.Normal(r, lanes))
				}
			}
		}
	})
}

// checkMaxima checks ScoresMax and Max against the scores s.
func checkMaxima(t *testing.T, s []float32, lanes, n, d int, k []float32, ldk int, qt, initial []float32) {
	t.Helper()
	want := append([]float32(nil), initial...)
	for j := range n {
		for i := range lanes {
			want[i] = max(want[i], s[j*lanes+i])
		}
	}
	again, mx := tensortest.Guard(make([]float32, n*lanes), 0), tensortest.Guard(initial, 0)
	flash.ScoresMax(again.X, lanes, n, d, k, ldk, qt, mx.X)
	again.Check(t, "ScoresMax")
	mx.Check(t, "ScoresMax's maximum")
	if i, ok := tensortest.SameBits(again.X, s); !ok {
		t.Fatalf("lanes %d n %d d %d: ScoresMax differs from Scores at %d", lanes, n, d, i)
	}
	if i, ok := tensortest.SameBits(mx.X, want); !ok {
		t.Fatalf("lanes %d n %d d %d: maximum of lane %d is %v, want %v", lanes, n, d, i, mx.X[i], want[i])
	}
	mx = tensortest.Guard(initial, 0)
	flash.Max(s, lanes, n, mx.X)
	mx.Check(t, "Max")
	if i, ok := tensortest.SameBits(mx.X, want); !ok {
		t.Fatalf("lanes %d n %d: Max of lane %d is %v, want %v", lanes, n, i, mx.X[i], want[i])
	}
}

func TestMaskMax(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, lanes := range allLanes {
			for _, n := range someKeys {
				for _, key0 := range []int{0, 128, -5, math.MaxInt32 - n + 1} {
					lo, hi := make([]int32, lanes), make([]int32, lanes)
					for i := range lanes {
						lo[i] = int32(max(math.MinInt32, min(math.MaxInt32, key0+r.IntN(n+4)-2)))
						hi[i] = int32(max(math.MinInt32, min(math.MaxInt32, int(lo[i])+r.IntN(n+2)-1)))
					}
					lo[0], hi[0] = math.MinInt32, math.MaxInt32
					s := tensortest.Normal(r, n*lanes)
					got, mx := tensortest.Guard(s, 0), tensortest.Guard(tensortest.Normal(r, lanes), 0)
					wantMax := append([]float32(nil), mx.X...)
					flash.MaskMax(got.X, lanes, n, key0, lo, hi, mx.X)
					got.Check(t, "MaskMax")
					mx.Check(t, "MaskMax's maximum")
					for j := range n {
						for i := range lanes {
							want := s[j*lanes+i]
							if key0+j < int(lo[i]) || key0+j > int(hi[i]) {
								want = float32(math.Inf(-1))
							}
							wantMax[i] = max(wantMax[i], want)
							if got.X[j*lanes+i] != want {
								t.Fatalf("lanes %d: key %d, lane sees %d to %d: %v, want %v", lanes, key0+j, lo[i], hi[i], got.X[j*lanes+i], want)
							}
						}
					}
					if i, ok := tensortest.SameBits(mx.X, wantMax); !ok {
						t.Fatalf("lanes %d n %d: maximum of lane %d is %v, want %v", lanes, n, i, mx.X[i], wantMax[i])
					}
				}
			}
		}
	})
}

func TestAccumulate(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, lanes := range allLanes {
			for _, d := range someKeys {
				for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 64, 66} {
					ldv := d + r.IntN(4)
					v, p, start := tensortest.Normal(r, (n-1)*ldv+d), tensortest.Normal(r, n*lanes), tensortest.Normal(r, d*lanes)
					o := tensortest.Guard(start, 0)
					flash.Accumulate(o.X, lanes, d, v, ldv, p, n)
					o.Check(t, "Accumulate")
					var e errors
					for x := range d {
						for i := range lanes {
							naive := start[x*lanes+i]
							exact := float64(naive)
							size := math.Abs(exact)
							for j := range n {
								a, b := v[j*ldv+x], p[j*lanes+i]
								exact += float64(a) * float64(b)
								size += math.Abs(float64(a) * float64(b))
								naive += float32(a * b)
							}
							got := o.X[x*lanes+i]
							e.add(got, naive, exact, size)
							if !(math.Abs(float64(got)-exact) <= 1e-6*size) {
								t.Fatalf("lanes %d n %d d %d: o[%d][%d] = %v, want %v", lanes, n, d, x, i, got, exact)
							}
						}
					}
					if !e.earned() {
						t.Fatalf("lanes %d n %d d %d: squared errors %+v", lanes, n, d, e)
					}
					parts := append([]float32(nil), start...)
					cut := r.IntN(n + 1)
					flash.Accumulate(parts, lanes, d, v, ldv, p, cut)
					flash.Accumulate(parts, lanes, d, v[min(cut*ldv, len(v)):], ldv, p[cut*lanes:], n-cut)
					if i, ok := tensortest.SameBits(parts, o.X); !ok {
						t.Fatalf("lanes %d n %d d %d: cut after %d keys, element %d differs", lanes, n, d, cut, i)
					}
				}
			}
		}
	})
}

func TestLoadQueriesAndFinish(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, lanes := range allLanes {
			for _, d := range []int{1, 7, 8, 9, 15, 16, 20, 23, 64, 80} {
				for _, rows := range []int{1, 2, 3, 7, 8, lanes - 1, lanes} {
					if rows < 1 || rows > lanes {
						continue
					}
					stride := d + r.IntN(3)
					q := tensortest.Guard(tensortest.Normal(r, rows*stride), 0)
					offsets := r.Perm(rows)
					for i := range offsets {
						offsets[i] *= stride
					}
					qt := tensortest.Guard(make([]float32, d*lanes), 0)
					flash.LoadQueries(qt.X, lanes, d, q.X, offsets, 0.3)
					qt.Check(t, "LoadQueries")
					for i := range lanes {
						for x := range d {
							if want := q.X[offsets[min(i, rows-1)]+x] * 0.3; qt.X[x*lanes+i] != want {
								t.Fatalf("lanes %d d %d rows %d: qt[%d][%d] = %v, want %v", lanes, d, rows, x, i, qt.X[x*lanes+i], want)
							}
						}
					}
					l := tensortest.Normal(r, lanes)
					l[r.IntN(rows)] = 0
					before := append([]float32(nil), q.X...)
					flash.Finish(q.X, offsets, qt.X, l, lanes, d)
					q.Check(t, "Finish")
					written := make([]bool, len(before))
					for i, at := range offsets {
						for x := range d {
							want := qt.X[x*lanes+i] * (1 / l[i])
							if l[i] == 0 {
								want = 0
							}
							if q.X[at+x] != want {
								t.Fatalf("lanes %d d %d rows %d: row %d[%d] = %v, want %v", lanes, d, rows, i, x, q.X[at+x], want)
							}
							written[at+x] = true
						}
					}
					for i := range before {
						if !written[i] && q.X[i] != before[i] {
							t.Fatalf("lanes %d d %d rows %d: Finish wrote between rows, at %d", lanes, d, rows, i)
						}
					}
				}
			}
		}
	})
}

// A lane whose sum is 0 gives zeros even if masked values were not finite.
func TestFinishEmptyLane(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, d := range []int{3, 9} {
			o, l, dst := make([]float32, d*8), make([]float32, 8), make([]float32, d)
			for i := range o {
				o[i] = float32(math.NaN())
			}
			dst[0] = 5
			flash.Finish(dst, []int{0}, o, l, 8, d)
			for x, y := range dst {
				if y != 0 {
					t.Errorf("d %d: dst[%d] = %v, want 0", d, x, y)
				}
			}
		}
	})
}
