package flash_test

import (
	"math"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// atPageEnd returns n zeros that end where an unreadable page begins.
func atPageEnd(t *testing.T, n int) []float32 { return tensortest.AtPageEnd(t, make([]float32, n)) }

// Nothing is read behind the last row. A kernel that does stops the test with a fault.
func TestReadsEndWithTheLastRow(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, lanes := range allLanes {
			for _, n := range []int{1, 2, 3, 5, 7, 9, 15, 17, 31} {
				for _, d := range []int{1, 3, 5, 8, 9, 15, 23, 31} {
					rows := atPageEnd(t, (n-1)*(d+1)+d)
					s, qt, mx := atPageEnd(t, n*lanes), atPageEnd(t, d*lanes), atPageEnd(t, lanes)
					o, l := atPageEnd(t, d*lanes), atPageEnd(t, lanes)
					for i := range rows {
						rows[i] = 1
					}
					flash.LoadQueries(qt, lanes, d, rows, []int{(n - 1) * (d + 1)}, 1)
					flash.ScoresMax(s, lanes, n, d, rows, d+1, qt, mx)
					flash.Max(s, lanes, n, mx)
					flash.ExpSum(s, lanes, n, mx, l)
					flash.Accumulate(o, lanes, d, rows, d+1, s, n)
					flash.SoftCap(s, 30)
					flash.Rescale(o, lanes, d, mx, l, l)
					flash.Finish(rows, []int{(n - 1) * (d + 1)}, o, l, lanes, d)
					if x := float64(rows[len(rows)-1]); math.IsNaN(x) {
						t.Fatalf("lanes %d n %d d %d: NaN", lanes, n, d)
					}
				}
			}
		}
	})
}

// Keys of one query are read ahead, but not beyond the last.
func TestReadingAheadEndsWithTheLastRow(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, n := range []int{8, 32, 40, 63, 64, 65, 96, 127, 128} {
			for _, d := range []int{4, 12, 16, 20, 32, 64, 72} {
				for _, ld := range []int{d, d + 4} {
					flash.Scores(make([]float32, n), 1, n, d, atPageEnd(t, (n-1)*ld+d), ld, make([]float32, d))
				}
			}
		}
	})
}

// Nothing is read or written behind the last row. A kernel that does stops the test with a fault.
func TestStoredEndsWithTheLastRow(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, d := range someDims {
			columns, per := atPageEnd(t, d*flash.Block), flash.Q8Scales(d)
			flash.ScoresColumns(atPageEnd(t, flash.Block), flash.Block, d, columns, atPageEnd(t, d))
			flash.Q8Columns(atPageEnd(t, d*flash.Block), d, tensortest.AtPageEnd(t, make([]int8, d*flash.Block)), atPageEnd(t, per*flash.Block))
			for _, n := range []int{1, 3, 9} {
				flash.Rows(atPageEnd(t, n*d), n, d, columns)
				flash.Q8Rows(atPageEnd(t, n*d), n, d, tensortest.AtPageEnd(t, make([]int8, n*d)), atPageEnd(t, n*per))
			}
		}
	})
}
