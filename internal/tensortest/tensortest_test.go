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
}

func TestGuardSeesWrites(t *testing.T) {
	for _, offset := range []int{0, 3} {
		for i := -band - offset; i < 5+band; i++ {
			g := Guard([]float32{1, 2, 3, 4, 5}, offset)
			if !slices.Equal(g.X, []float32{1, 2, 3, 4, 5}) {
				t.Fatalf("guarded values are %v", g.X)
			}
			g.all[band+offset+i] = 0
			r := &recorder{TB: t}
			g.Check(r, "write")
			if outside := i < 0 || i >= 5; outside != (r.failed != "") {
				t.Errorf("a write at %d: %q", i, r.failed)
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
