package beam

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/internal/topk"
)

// TestTop compares the selection with a sort of everything, for vocabularies about the size of a block and scores with
// many ties and infinities.
func TestTop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		vocab := []int{2, 5, 255, 256, 257, 700, 3000}[round%7]
		n := 1 + r.IntN(6)
		var row scoredRow
		var top topScores
		k := 2 * (1 + r.IntN(n*vocab)) / 2
		k = min(k, 1+r.IntN(40), n*vocab)
		top.Reset(k)
		var want []topk.Rank
		for i := range n {
			logits := make([]float32, vocab)
			for j := range logits {
				switch round % 3 {
				case 0:
					logits[j] = float32(r.NormFloat64())
				case 1:
					logits[j] = float32(r.IntN(3))
				default:
					logits[j] = -inf
					if r.IntN(30) == 0 {
						logits[j] = float32(r.IntN(5))
					}
				}
			}
			logits[r.IntN(vocab)] = 1
			row.set(logits)
			sum := -float32(r.IntN(3))
			if r.IntN(4) == 0 {
				sum = unlikely
			}
			top.addRow(i*vocab, &row, sum)
			for j, v := range logits {
				want = append(want, topk.Of(i*vocab+j, row.at(v)+sum))
			}
		}
		slices.Sort(want)
		if got := top.Sorted(); !slices.Equal(got, want[:k]) {
			t.Fatalf("round %d: best %d of %d×%d are %v, want %v", round, k, n, vocab, got, want[:k])
		}
	}
}

// TestLogSoftmax bounds the error of log-probabilities against float64, far from zero too.
func TestLogSoftmax(t *testing.T) {
	for _, n := range []int{2, 255, 256, 257, 5000} {
		for _, offset := range []float32{0, 1000, -3e4} {
			logits := tensortest.Logits(n, 3, uint64(n))
			for i := range logits {
				logits[i] += offset
			}
			logits[1] = -inf
			var row scoredRow
			row.set(logits)
			high, sum := slices.Max(logits), 0.0
			for _, v := range logits {
				sum += math.Exp(float64(v) - float64(high))
			}
			changed := slices.Clone(row.values)
			for i, v := range logits {
				changed[i] = row.at(v)
			}
			for i, got := range row.change() {
				want := float64(logits[i]) - float64(high) - math.Log(sum)
				if i != 1 && math.Abs(float64(got)-want) > 3e-7*(1+math.Abs(want)) || got != changed[i] {
					t.Fatalf("%d logits about %v: token %d has %v and %v, want %v", n, offset, i, got, changed[i], want)
				}
			}
		}
	}
}
