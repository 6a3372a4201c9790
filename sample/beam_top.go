package sample

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// candidate is a continuation: the running text at parent, and a token.
type candidate struct {
	score  float32 // summed log-probability
	parent int
	id     int
	ends   bool
}

// continuations appends to found the best width() continuations of the group of
// running texts from first on, best first (_get_top_k_continuations).
func (b *Beams) continuations(logits [][]float32, first int) error {
	force := b.deadlock(logits, first)
	if b.random != nil {
		return b.draw(logits, force)
	}
	b.top.reset(b.width())
	vocab := len(logits[0])
	for i := first; i < first+b.size; i++ {
		if i == first || len(logits) > 1 {
			if err := b.scoreRow(logits, i, force); err != nil {
				return err
			}
		}
		b.top.add(i*vocab, &b.row, b.scores[i])
	}
	for _, r := range b.top.sorted() {
		b.find(r.logit(), r.id(), vocab)
	}
	return nil
}

// find appends to found the continuation at row·V + token.
func (b *Beams) find(score float32, at, vocab int) {
	c := candidate{score: score, parent: at / vocab, id: at % vocab}
	full := b.groups == nil && len(b.texts[0])+1 >= b.config.Rules.MaxLength
	c.ends = full || slices.Contains(b.config.Rules.EOS, c.id)
	b.found = append(b.found, c)
}

// A scoredRow holds the log-probabilities of the tokens that may follow a text:
// token i has (values[i] − largest) − logSum, in float32 in this order, as
// torch's log_softmax.
type scoredRow struct {
	values  []float32 // [V], logits, or log-probabilities that rules have changed
	largest float32
	logSum  float32
	highest []float32 // [⌈V/blockSize⌉] the largest value of each block

	changed []float32 // [V] room for values, where rules have changed them
	shifted [pieceSize]float32
	shift   [pieceSize]float32
}

// pieceSize is how many values are shifted at a time: few enough for the nearest
// cache.
const pieceSize = 2048

func (r *scoredRow) at(v float32) float32 { return float32(v-r.largest) - r.logSum }

// set takes a row of logits. largest is NaN or infinite if they are no logits.
func (r *scoredRow) set(logits []float32) {
	r.values = logits
	r.findHighest()
	r.logSum = 0
	if r.largest-r.largest != 0 { // NaN or infinite
		return
	}
	r.subtract(r.largest)
	sum := 0.0
	for from := 0; from < len(logits); from += pieceSize {
		piece := logits[from:min(from+pieceSize, len(logits))]
		shifted := r.shifted[:len(piece)]
		vec.Add(shifted, piece, r.shift[:len(piece)])
		sum += math.Exp(float64(vec.LogSumExp(shifted)))
	}
	r.logSum = float32(math.Log(sum))
}

// findHighest sets highest and largest by values.
func (r *scoredRow) findHighest() {
	r.highest = r.highest[:0]
	for from := 0; from < len(r.values); from += blockSize {
		r.highest = append(r.highest, vec.Max(r.values[from:min(from+blockSize, len(r.values))]))
	}
	r.largest = vec.Max(r.highest)
}

// subtract has shift subtract v.
func (r *scoredRow) subtract(v float32) {
	for i := range r.shift {
		r.shift[i] = -v
	}
}

// change turns values into log-probabilities that rules may change.
func (r *scoredRow) change() []float32 {
	r.changed = slices.Grow(r.changed[:0], len(r.values))[:len(r.values)]
	from := r.values
	for _, v := range []float32{r.largest, r.logSum} {
		r.subtract(v)
		for i := 0; i < len(from); i += pieceSize {
			end := min(i+pieceSize, len(from))
			vec.Add(r.changed[i:end], from[i:end], r.shift[:end-i])
		}
		from = r.changed
	}
	r.values, r.largest, r.logSum = r.changed, 0, 0
	return r.changed
}

// scoreRow makes row i of logits the current row, rules applied.
func (b *Beams) scoreRow(logits [][]float32, i int, force bool) error {
	given := i
	if len(logits) == 1 {
		given = 0
	}
	r := &b.row
	r.set(logits[given])
	switch {
	case math.IsInf(float64(r.largest), -1):
		return fmt.Errorf("sample: row %d: all %d logits are -Inf", given, len(r.values))
	case r.largest-r.largest != 0:
		return fmt.Errorf("sample: row %d: a logit is %v; logits must be finite, or -Inf to rule a token out", given, r.largest)
	}
	t := b.text(i)
	if len(b.taken) == 0 && !b.config.Rules.Active(t) {
		return nil
	}
	scores := r.change()
	b.applyHead(scores, t)
	if allowed := b.config.Rules.Allowed; allowed != nil {
		ids := allowed(t.IDs)
		keepOnly(scores, ids)
		if force {
			put(scores, ids, 0)
		}
	}
	b.config.Rules.applyPlace(scores, t)
	r.findHighest()
	if v := r.largest; v != v || v > maxFloat32 {
		return fmt.Errorf("sample: row %d: the rules make a score %v; their numbers are too large", given, v)
	}
	if b.config.Rules.Renormalize && r.largest > negInf {
		r.set(scores)
		return nil
	}
	r.largest = 0
	return nil
}

func (b *Beams) text(i int) Text { return Text{IDs: b.texts[i], Prompt: b.prompt, Source: b.source} }

// applyHead applies the rules that come before Allowed, and keeps the group from
// tokens that others have taken (HammingDiversityLogitsProcessor).
func (b *Beams) applyHead(scores []float32, t Text) {
	b.config.Rules.applyBias(scores, t.IDs)
	if penalty := float32(b.config.DiversityPenalty); penalty > 0 {
		eachOf(b.taken, len(scores), func(id int) {
			times := 0
			for _, other := range b.taken {
				if other == id {
					times++
				}
			}
			scores[id] -= float32(penalty * float32(times))
		})
	}
	b.config.Rules.applyHistory(scores, t)
}

// deadlock reports whether other rules leave none of the allowed tokens to any
// beam of a group. Rows that are no logits are left to scoreRow.
func (b *Beams) deadlock(logits [][]float32, first int) bool {
	allowed := b.config.Rules.Allowed
	if allowed == nil {
		return false
	}
	for i := first; i < first+b.size; i++ {
		b.row.set(logits[min(i, len(logits)-1)])
		t := b.text(i)
		scores := b.row.change()
		b.applyHead(scores, t)
		if keepOnly(scores, allowed(t.IDs)) {
			return false
		}
	}
	return true
}

// topScores collects the best k scores of several rows.
type topScores struct {
	k      int
	best   []rank // at least the k best so far; a rank's id is row·V + token
	bar    rank   // what is not before it is out
	blocks []rank
}

func (t *topScores) reset(k int) {
	t.k, t.best, t.bar = k, t.best[:0], math.MaxUint64
}

// add takes a row, whose tokens have ranks from base on. Only the k blocks with
// the highest scores can hold one of the k best.
func (t *topScores) add(base int, r *scoredRow, sum float32) {
	t.blocks = t.blocks[:0]
	for i, v := range r.highest {
		if block := rankOf(base+i*blockSize, r.at(v)+sum); block < t.bar {
			t.blocks = append(t.blocks, block)
		}
	}
	low := negInf
	if len(t.blocks) >= t.k {
		selectBest(t.blocks, t.k)
		t.blocks = t.blocks[:t.k]
		low = slices.Max(t.blocks).logit()
	}
	for _, block := range t.blocks {
		start := block.id() - base
		for i, v := range r.values[start:min(start+blockSize, len(r.values))] {
			score := r.at(v) + sum
			if score < low {
				continue
			}
			if c := rankOf(block.id()+i, score); c < t.bar {
				t.best = append(t.best, c)
			}
		}
		if len(t.best) > 2*t.k+blockSize {
			t.trim()
			low = max(low, t.bar.logit())
		}
	}
	t.trim()
}

// trim leaves the k best.
func (t *topScores) trim() {
	if len(t.best) >= t.k {
		selectBest(t.best, t.k)
		t.best = t.best[:t.k]
		t.bar = slices.Max(t.best)
	}
}

// sorted returns the k best, the best first.
func (t *topScores) sorted() []rank {
	slices.Sort(t.best)
	return t.best
}
