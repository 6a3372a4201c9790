package logits

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// oracle is the distribution by whole sorts and math.Exp.
func oracle(c Config, logits []float32) []float64 {
	ids := make([]int, len(logits))
	weight := make([]float64, len(logits))
	largest := float64(slices.Max(logits))
	for id, v := range logits {
		ids[id] = id
		weight[id] = math.Exp((float64(v) - largest) / c.Temperature)
	}
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	ids = slices.DeleteFunc(ids, func(id int) bool { return weight[id] == 0 })
	if c.TopH > 0 {
		ids = topH(c.TopH, ids, weight)
	}
	best := slices.Clone(ids)
	if c.TopK > 0 {
		ids = ids[:min(c.TopK, len(ids))]
	}
	if c.TopP > 0 && c.TopP < 1 {
		ids = ids[:massOf(ids, weight, c.TopP)]
	}
	if c.MinP > 0 {
		ids = slices.DeleteFunc(ids, func(id int) bool { return weight[id] < c.MinP })
	}
	if c.MinTokensToKeep > len(ids) {
		ids = best[:min(c.MinTokensToKeep, len(best))]
	}
	if c.TypicalP > 0 && c.TypicalP < 1 {
		entropy, total := 0.0, 0.0
		for _, id := range ids {
			total += weight[id]
		}
		for _, id := range ids {
			entropy -= weight[id] / total * math.Log(weight[id]/total)
		}
		far := func(id int) float64 { return math.Abs(-math.Log(weight[id]/total) - entropy) }
		slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(far(a), far(b)) })
		ids = ids[:min(max(massOf(ids, weight, c.TypicalP), c.MinTokensToKeep), len(ids))]
	}
	if c.EpsilonCutoff > 0 {
		ids = cutoff(c, logits, ids, weight, func(entropy float64) float64 { return c.EpsilonCutoff })
	}
	if c.EtaCutoff > 0 {
		ids = cutoff(c, logits, ids, weight, func(entropy float64) float64 {
			return min(c.EtaCutoff, math.Sqrt(c.EtaCutoff)*math.Exp(-entropy))
		})
	}
	total := 0.0
	for _, id := range ids {
		total += weight[id]
	}
	probs := make([]float64, len(logits))
	for _, id := range ids {
		probs[id] = weight[id] / total
	}
	return probs
}

// cutoff keeps the ids with probabilities of at least the border, and the best with their equals.
func cutoff(c Config, logits []float32, ids []int, weight []float64, border func(entropy float64) float64) []int {
	entropy, total := 0.0, 0.0
	for _, id := range ids {
		total += weight[id]
	}
	for _, id := range ids {
		entropy -= weight[id] / total * math.Log(weight[id]/total)
	}
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	last := logits[ids[min(max(1, c.MinTokensToKeep), len(ids))-1]]
	least := border(entropy)
	return slices.DeleteFunc(ids, func(id int) bool { return weight[id]/total < least && logits[id] < last })
}

// topH keeps the share of the entropy of the best 100.
func topH(share float64, ids []int, weight []float64) []int {
	ids = ids[:min(100, len(ids))]
	total, entropy := 0.0, 0.0
	for _, id := range ids {
		total += weight[id]
	}
	term := func(id int) float64 { return -weight[id] / total * math.Log(weight[id]/total) }
	for _, id := range ids {
		entropy += term(id)
	}
	sum := 0.0
	for i, id := range ids {
		if sum += term(id); sum > share*entropy && i > 0 {
			return ids[:i]
		}
	}
	return ids
}

// massOf is how many of ids it takes to have the share p of their weight.
func massOf(ids []int, weight []float64, p float64) int {
	total := 0.0
	for _, id := range ids {
		total += weight[id]
	}
	mass := 0.0
	for i, id := range ids {
		if mass += weight[id]; mass >= p*total {
			return i + 1
		}
	}
	return len(ids)
}

func compare(t *testing.T, c Config, logits []float32) {
	t.Helper()
	f := Filter{Config: c}
	d := f.Apply(logits, Largest(logits))
	wrong := 0
	for id, want := range oracle(c, logits) {
		got := 0.0
		if d.Keeps(id) {
			got = d.Prob(id)
		}
		if math.Abs(got-want) > 1e-9*want+1e-270 {
			if wrong++; wrong < 4 {
				t.Errorf("%+v: token %d of %d with logit %v has probability %v, want %v", c, id, len(logits), logits[id], got, want)
			}
		}
	}
}

// TestOracle covers vocabularies past every block and buffer size.
func TestOracle(t *testing.T) {
	configs := []Config{
		{Temperature: 1}, {Temperature: 0.2}, {Temperature: 40},
		{Temperature: 1, TopK: 1}, {Temperature: 1, TopK: 50}, {Temperature: 1, TopK: 3000},
		{Temperature: 1, TopP: 0.1}, {Temperature: 1, TopP: 0.9}, {Temperature: 5, TopP: 0.999},
		{Temperature: 0.1, TopP: 0.999999}, {Temperature: 1, TopP: 1e-9},
		{Temperature: 1, MinP: 0.05}, {Temperature: 1, MinP: 1}, {Temperature: 3, MinP: 1e-6},
		{Temperature: 1, TopK: 300, TopP: 0.9}, {Temperature: 1, TopK: 300, TopP: 0.9, MinP: 0.1},
		{Temperature: 2, TopP: 0.8, MinP: 0.02},
		{Temperature: 1, TypicalP: 0.5}, {Temperature: 1, TypicalP: 0.02},
		{Temperature: 1.5, TopK: 900, TopP: 0.95, MinP: 0.01, TypicalP: 0.7},
		{Temperature: 1, TopK: 1, MinTokensToKeep: 5}, {Temperature: 1, TopP: 0.01, MinTokensToKeep: 2},
		{Temperature: 1, MinP: 1, MinTokensToKeep: 30}, {Temperature: 1, TypicalP: 1e-9, MinTokensToKeep: 3},
		{Temperature: 1, TopK: 50, TopP: 0.9, MinTokensToKeep: 4},
		{Temperature: 1, TopH: 0.4}, {Temperature: 0.3, TopH: 0.81}, {Temperature: 9, TopH: 0.07}, {Temperature: 2, TopH: 0.6, TopK: 7, TopP: 0.9},
		{Temperature: 2, TopH: 0.6, TopK: 700, MinP: 0.01}, {Temperature: 2, TopH: 0.01, MinTokensToKeep: 4}, {Temperature: 1, TopH: 0.7, TopK: 1, MinTokensToKeep: 3},
		{Temperature: 1, EpsilonCutoff: 3e-4}, {Temperature: 1, EpsilonCutoff: 0.9}, {Temperature: 7, EpsilonCutoff: 1e-9},
		{Temperature: 1, EtaCutoff: 3e-4}, {Temperature: 1, EtaCutoff: 0.9}, {Temperature: 7, EtaCutoff: 1e-9},
		{Temperature: 1, EpsilonCutoff: 0.9, MinTokensToKeep: 4}, {Temperature: 1, EtaCutoff: 0.5, MinTokensToKeep: 3},
		{Temperature: 1.5, TopK: 900, TopP: 0.99, MinP: 0.001, TypicalP: 0.9, EpsilonCutoff: 1e-4, EtaCutoff: 2e-3},
	}
	for _, n := range []int{1, 2, 255, 256, 257, 5000, 20000} {
		for _, spread := range []float64{0.01, 3} {
			logits := tensortest.Logits(n, spread, uint64(n))
			for _, c := range configs {
				compare(t, c, logits)
			}
		}
	}
}

// TestOrders has logits that are hard on a selection: sorted either way, many
// equal, and a few far apart.
func TestOrders(t *testing.T) {
	const n = 6000
	up := tensortest.Logits(n, 2, 1)
	slices.Sort(up)
	down := slices.Clone(up)
	slices.Reverse(down)
	steps := make([]float32, n)
	far := make([]float32, n)
	for i := range steps {
		steps[i] = float32(i * 7919 % 5)
		far[i] = float32(-(i * 7919 % n) * 11)
	}
	far[17] = float32(math.Inf(-1))
	for _, logits := range [][]float32{up, down, steps, make([]float32, n), far} {
		for _, c := range []Config{
			{Temperature: 1}, {Temperature: 1, TopK: 50}, {Temperature: 1, TopK: 2500}, {Temperature: 1, TopP: 0.9},
			{Temperature: 1, TopP: 0.013}, {Temperature: 1, TopK: 2500, TopP: 0.5}, {Temperature: 1, MinP: 0.3},
			{Temperature: 100, TopP: 0.9},
		} {
			compare(t, c, logits)
		}
	}
}

// TestExp bounds the error of the exponential over its whole range.
func TestExp(t *testing.T) {
	table := newExpTable()
	for i := range 200001 {
		steps := minSteps * (float64(i) / 200000)
		want := math.Exp2(steps / expSteps)
		if got := table.exp(steps); math.Abs(got-want) > 2e-11*want {
			t.Fatalf("exp(%v steps) is %v, want %v", steps, got, want)
		}
	}
	for _, w := range []float64{1, 0.5, 0.1, 1e-9} {
		if got := table.exp(table.log(w)); math.Abs(got-w) > 2e-11*w {
			t.Errorf("exp(log(%v)) is %v", w, got)
		}
	}
}
