package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestRotate compares both pairings at every length with two rounded products and a rounded sum, bit
// for bit.
func TestRotate(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 9))
		for n := range 101 {
			cos, sin := make([]float32, n), make([]float32, n)
			for i := range cos {
				s, c := math.Sincos(rng.Float64() * 7)
				cos[i], sin[i] = float32(c), float32(s)
			}
			x := tensortest.Gaussian(rng, 2*n, 0, 3)
			half, pairs := make([]float32, 2*n), make([]float32, 2*n)
			for i := range cos {
				half[i], half[n+i] = rotated(x[i], x[n+i], cos[i], sin[i])
				pairs[2*i], pairs[2*i+1] = rotated(x[2*i], x[2*i+1], cos[i], sin[i])
			}
			for offset := range 4 {
				guarded := tensortest.Guard(make([]float32, 2*n), offset)
				row := guarded.X
				copy(row, x)
				RotateHalf(row, cos, sin)
				checkRow(t, "RotateHalf", n, offset, row, half)
				copy(row, x)
				RotatePairs(row, cos, sin)
				checkRow(t, "RotatePairs", n, offset, row, pairs)
				guarded.Check(t, fmt.Sprintf("length %d, offset %d", n, offset))
			}
		}
	})
}

func rotated(a, b, c, s float32) (x, y float32) {
	ac, bs, bc, as := float32(a*c), float32(b*s), float32(b*c), float32(a*s)
	return ac - bs, bc + as
}
