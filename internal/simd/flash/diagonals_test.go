package flash_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestAddDiagonals(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, lanes := range allLanes {
			for _, n := range someKeys {
				x, e := tensortest.Normal(r, n*lanes), tensortest.Normal(r, n+lanes-1)
				s := tensortest.Guard(x, 0)
				flash.AddDiagonals(s.X, lanes, n, tensortest.Guard(e, 0).X)
				s.Check(t, "scores")
				for j := range n {
					for i := range lanes {
						if got, want := s.X[j*lanes+i], x[j*lanes+i]+e[n-1-j+i]; got != want {
							t.Fatalf("%d lanes, %d keys: (%d, %d) is %v, want %v", lanes, n, j, i, got, want)
						}
					}
				}
			}
		}
	})
}
