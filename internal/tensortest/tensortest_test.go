package tensortest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// recorder is a test that fails without stopping this one.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(r)
}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
}

// failure returns how f fails, or "".
func failure(t *testing.T, f func(t testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.failed
}

func TestChecksFail(t *testing.T) {
	x := []float32{1, 2}
	for want, f := range map[string]func(t testing.TB){
		"a: 2 numbers, want 1":                       func(t testing.TB) { CheckBits(t, "a", x, x[:1]) },
		"b: number 1 is 2, want 3":                   func(t testing.TB) { CheckBits(t, "b", x, []float32{1, 3}) },
		"c: error 0.5, that of a plain loop is 0.12": func(t testing.TB) { CheckError(t, "c", x, []float64{1.5, 2}, []float32{1.625, 2}, 0.125) },
		"d: error NaN, that of a plain loop is 0":    func(t testing.TB) { CheckError(t, "d", []float32{float32(math.NaN())}, []float64{1}, []float32{1}, 9) },
		`no panic, want "e"`:                         func(t testing.TB) { Panics(t, "e", func() {}) },
		`panic "f", want "g"`:                        func(t testing.TB) { Panics(t, "g", func() { panic("f") }) },
	} {
		if got := failure(t, f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := failure(t, func(t testing.TB) {
		CheckBits(t, "", x, []float32{1, 2})
		CheckError(t, "", x, []float64{1.5, 2}, []float32{1.625, 2}, 0.25)
		Panics(t, "mess", func() { panic("message") })
	}); got != "" {
		t.Errorf("sound things fail: %s", got)
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b float32
		near bool
	}{{100, 101, true}, {100, 102, false}, {0, 0.009, true}, {0, 0.011, false}, {float32(math.NaN()), 1, false}} {
		if Near(c.a, c.b, 0.01) != c.near {
			t.Errorf("%v and %v: near is %v, want %v", c.a, c.b, !c.near, c.near)
		}
	}
}

func TestAllocated(t *testing.T) {
	if n := Allocated(func() { sink = make([]byte, 1<<20) }); n < 1<<20 || n > 2<<20 {
		t.Errorf("%d bytes for a MiB", n)
	}
}

var sink []byte

func TestGuardSeesWrites(t *testing.T) {
	for _, offset := range []int{0, 3} {
		for i := -band - offset; i < 5+band; i++ {
			g := Guard([]float32{1, 2, 3, 4, 5}, offset)
			if !slices.Equal(g.X, []float32{1, 2, 3, 4, 5}) {
				t.Fatalf("guarded values are %v", g.X)
			}
			g.all[band+offset+i] = 0
			failed := failure(t, func(t testing.TB) { g.Check(t, "write") })
			if outside := i < 0 || i >= 5; outside != (failed != "") {
				t.Errorf("a write at %d: %q", i, failed)
			}
		}
	}
}

func TestSameBits(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		a, b []float32
		i    int
		same bool
	}{
		{[]float32{1, nan}, []float32{1, nan}, 2, true},
		{[]float32{1, 0}, []float32{1, float32(math.Copysign(0, -1))}, 1, false},
		{[]float32{1, 2}, []float32{1}, 1, false},
		{nil, nil, 0, true},
	} {
		if i, same := SameBits(c.a, c.b); i != c.i || same != c.same {
			t.Errorf("%v and %v: %d, %v; want %d, %v", c.a, c.b, i, same, c.i, c.same)
		}
	}
}

// fma rounds once, also where float64 rounds to a tie of float32.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		x, y := float32(r.NormFloat64()), float32(r.NormFloat64())
		z := float32(math.Ldexp(r.NormFloat64(), r.IntN(80)-40))
		exact := new(big.Float).SetPrec(300).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		exact.Add(exact, big.NewFloat(float64(z)))
		if want, _ := exact.Float32(); fma(x, y, z) != want {
			t.Fatalf("%v·%v + %v = %v, want %v", x, y, z, fma(x, y, z), want)
		}
	}
}

func TestEachSet(t *testing.T) {
	var seen []simd.Set
	EachSet(t, func(*testing.T) { seen = append(seen, simd.Active()) })
	if !slices.Equal(seen, simd.Sets()) {
		t.Errorf("ran with %v of %v", seen, simd.Sets())
	}
}
