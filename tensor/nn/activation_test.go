package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// A clamped gate is its formula in float64, for any length, in place and not, and passes a NaN on.
func TestClampedGate(t *testing.T) {
	c := ClampedGate{Alpha: 1.702, Limit: 2}
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{0, 1, 255, 256, 257, 1000} {
			gate, up := tensortest.Gaussian(r, n, 0, 3), tensortest.Gaussian(r, n, 0, 3)
			if n > 7 {
				gate[3], gate[4], up[5], up[6] = float32(math.Inf(1)), -200, float32(math.Inf(1)), float32(math.Inf(-1))
			}
			dst, keptGate, keptUp := make([]float32, n), slices.Clone(gate), slices.Clone(up)
			c.ApplyGate(dst, gate, up)
			if !slices.Equal(gate, keptGate) || !slices.Equal(up, keptUp) {
				t.Fatalf("%d elements: what goes in is changed", n)
			}
			for i, got := range dst {
				g, u := min(float64(gate[i]), 2), max(-2, min(float64(up[i]), 2))
				want := (u + 1) * g / (1 + math.Exp(-float64(c.Alpha)*g))
				if !(math.Abs(float64(got)-want) <= 1e-6*math.Abs(want)+1e-7) {
					t.Fatalf("gate %v, up %v: %v, want %v", gate[i], up[i], got, want)
				}
			}
			c.ApplyGate(gate, gate, up)
			if i, same := tensortest.SameBits(gate, dst); !same {
				t.Fatalf("%d elements in place: element %d differs", n, i)
			}
			if allocs := testing.AllocsPerRun(3, func() { c.ApplyGate(dst, gate, up) }); allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		}
		nan := []float32{float32(math.NaN()), 1}
		c.ApplyGate(nan, nan, []float32{1, 1})
		if nan[0] == nan[0] || nan[1] != nan[1] {
			t.Errorf("a NaN gives %v", nan)
		}
	})
}
