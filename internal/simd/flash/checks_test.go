package flash_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestShapeMistakesPanic(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	for name, c := range map[string]struct {
		call func()
		want string
	}{
		"lanes":          {func() { flash.Scores(f(48), 12, 1, 1, f(1), 1, f(12)) }, "12 lanes"},
		"negative":       {func() { flash.Scores(f(48), 8, -1, 1, f(1), 1, f(8)) }, "-1 keys"},
		"no dimension":   {func() { flash.Scores(f(48), 8, 1, 0, f(1), 1, f(8)) }, "dimension 0"},
		"scores":         {func() { flash.Scores(f(15), 8, 2, 1, f(2), 1, f(8)) }, "s has length 15, want 16"},
		"keys":           {func() { flash.Scores(f(16), 8, 2, 3, f(7), 5, f(24)) }, "k has length 7, want 2 rows of 3, 5 apart"},
		"distance":       {func() { flash.Scores(f(16), 8, 2, 3, f(70), 2, f(24)) }, "2 rows of 3, 2 apart"},
		"huge distance":  {func() { flash.Scores(f(24), 8, 3, 3, f(70), math.MaxInt/2, f(24)) }, "3 rows of 3"},
		"queries":        {func() { flash.Scores(f(16), 8, 2, 3, f(6), 3, f(23)) }, "qt has length 23, want 24"},
		"maximum":        {func() { flash.ScoresMax(f(16), 8, 2, 3, f(6), 3, f(24), f(7)) }, "mx has length 7"},
		"max":            {func() { flash.Max(f(15), 8, 2, f(8)) }, "s has length 15"},
		"diagonals":      {func() { flash.AddDiagonals(f(16), 8, 2, f(8)) }, "e has length 8, want 9"},
		"interval":       {func() { flash.MaskMax(f(16), 8, 2, 0, make([]int32, 8), make([]int32, 7), f(8)) }, "hi [7]"},
		"key number":     {func() { flash.MaskMax(f(16), 8, 2, 1<<31-1, make([]int32, 8), make([]int32, 8), f(8)) }, "int32"},
		"exp":            {func() { flash.ExpSum(f(16), 8, 2, f(8), f(7)) }, "l has length 7"},
		"rescale":        {func() { flash.Rescale(f(16), 8, 3, f(8), f(8), f(8)) }, "o has length 16, want 24"},
		"values":         {func() { flash.Accumulate(f(24), 8, 3, f(5), 3, f(16), 2) }, "v has length 5"},
		"weights":        {func() { flash.Accumulate(f(24), 8, 3, f(6), 3, f(15), 2) }, "p has length 15"},
		"merge":          {func() { flash.Merge(f(24), f(8), f(8), f(23), f(8), f(8), 8, 3) }, "oc has length 23"},
		"no row":         {func() { flash.LoadQueries(f(24), 8, 3, f(3), nil, 1) }, "0 offsets"},
		"too many rows":  {func() { flash.LoadQueries(f(24), 8, 3, f(3), make([]int, 9), 1) }, "9 offsets"},
		"row outside":    {func() { flash.Finish(f(5), []int{0, 3}, f(24), f(8), 8, 3) }, "offset 3 of lane 1"},
		"negative place": {func() { flash.Finish(f(5), []int{-1}, f(24), f(8), 8, 3) }, "offset -1"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "flash: ") || !strings.Contains(r, c.want) {
					t.Errorf("panic %q, want %q in it", r, c.want)
				}
			}()
			c.call()
		})
	}
}

// No keys are no work, and need no rows.
func TestNoKeys(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
		want := fmt.Sprint(x)
		flash.ScoresMax(nil, 8, 0, 1, nil, 1, x, x)
		flash.Max(nil, 8, 0, x)
		flash.MaskMax(nil, 8, 0, 0, make([]int32, 8), make([]int32, 8), x)
		flash.ExpSum(nil, 8, 0, x, x)
		flash.Accumulate(x, 8, 1, nil, 1, nil, 0)
		flash.SoftCap(nil, 1)
		if got := fmt.Sprint(x); got != want {
			t.Errorf("%s became %s", want, got)
		}
	})
}
