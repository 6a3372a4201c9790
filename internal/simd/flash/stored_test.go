package flash_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var someDims = []int{1, 3, 7, 8, 9, 24, 31, 32, 33, 40, 64, 72, 80, 96, 100, 128}

// randomCodes returns n codes of every value.
func randomCodes(r *rand.Rand, n int) []int8 {
	codes := make([]int8, n)
	for i := range codes {
		codes[i] = int8(r.IntN(256) - 128)
	}
	return codes
}

// randomScales returns n float16 numbers.
func randomScales(r *rand.Rand, n int) []float32 {
	scales := tensortest.Normal(r, n)
	for i, s := range scales {
		scales[i] = half.FromF16(half.F16(s))
	}
	return scales
}

func TestQ8(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 8))
		for _, d := range someDims {
			codes := randomCodes(r, d*flash.Block)
			per := flash.Q8Scales(d)
			scales := randomScales(r, per*flash.Block)
			got := tensortest.Guard(make([]float32, d*flash.Block), 0)
			flash.Q8Columns(got.X, d, codes, scales)
			got.Check(t, "Q8Columns")
			want := make([]float32, d*flash.Block)
			for x := range d {
				for j := range flash.Block {
					want[x*flash.Block+j] = float32(codes[x*flash.Block+j]) * scales[x/32*flash.Block+j]
				}
			}
			tensortest.CheckBits(t, "Q8Columns", got.X, want)
			for _, n := range []int{1, 2, 7, flash.Block} {
				got := tensortest.Guard(make([]float32, n*d), 0)
				flash.Q8Rows(got.X, n, d, codes[:n*d], scales[:n*per])
				got.Check(t, "Q8Rows")
				for j := range n {
					for x := range d {
						want[j*d+x] = float32(codes[j*d+x]) * scales[j*per+x/32]
					}
				}
				tensortest.CheckBits(t, "Q8Rows", got.X, want[:n*d])
			}
		}
	})
}

// Keys in columns are what they are in rows, and one query has the scores that it has with those.
func TestColumns(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 8))
		for _, d := range someDims {
			columns, q := tensortest.Normal(r, d*flash.Block), tensortest.Normal(r, d)
			for _, n := range []int{1, 5, 8, 9, 16, 17, 63, 64, 100, 127, 128} {
				rows := tensortest.Guard(make([]float32, n*d), 0)
				flash.Rows(rows.X, n, d, columns)
				rows.Check(t, "Rows")
				for j := range n {
					for x := range d {
						if rows.X[j*d+x] != columns[x*flash.Block+j] {
							t.Fatalf("%d keys of %d: key %d, dimension %d is %v, want %v", n, d, j, x, rows.X[j*d+x], columns[x*flash.Block+j])
						}
					}
				}
				got, want := tensortest.Guard(make([]float32, (n+15)&^15), 0), make([]float32, n)
				flash.ScoresColumns(got.X, n, d, columns, q)
				got.Check(t, "ScoresColumns")
				flash.Scores(want, 1, n, d, rows.X, d, q)
				tensortest.CheckBits(t, "ScoresColumns", got.X[:n], want)
			}
		}
	})
}

func TestStoredPanics(t *testing.T) {
	x, codes := make([]float32, 64*flash.Block), make([]int8, 64*flash.Block)
	for what, f := range map[string]func(){
		"codes has length 5":   func() { flash.Q8Rows(x, 1, 6, codes[:5], x) },
		"codes has length 127": func() { flash.Q8Columns(x, 1, codes[:127], x) },
		"scales has length 1":  func() { flash.Q8Rows(x, 1, 33, codes, x[:1]) },
		"dst has length 127":   func() { flash.Q8Columns(x[:127], 1, codes, x) },
		"columns has length":   func() { flash.Rows(x, 1, 65, x) },
		"129 keys":             func() { flash.Rows(x, 129, 1, x) },
		"s has length 17":      func() { flash.ScoresColumns(x[:17], 17, 1, x, x) },
		"q has length 1":       func() { flash.ScoresColumns(x, 17, 2, x, x[:1]) },
	} {
		tensortest.Panics(t, what, f)
	}
}
