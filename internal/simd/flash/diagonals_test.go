package flash_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

func TestAddDiagonals(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, lanes := range allLanes {
			for _, n := range someKeys {
				x, e := random(r, n*lanes), random(r, n+lanes-1)
				s := guard(x)
				flash.AddDiagonals(s.x, lanes, n, guard(e).x)
				s.check(t, "scores")
				for j := range n {
					for i := range lanes {
						if got, want := s.x[j*lanes+i], x[j*lanes+i]+e[n-1-j+i]; got != want {
							t.Fatalf("%d lanes, %d keys: (%d, %d) is %v, want %v", lanes, n, j, i, got, want)
						}
					}
				}
			}
		}
	})
}
