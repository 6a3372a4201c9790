package beam

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/logits"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/sample"
)

// candidate is a continuation of a running text by one token.
type candidate struct {
	score  float32 // summed log-probability
	parent int     // index of the running text
	id     int
	ends   bool
}

// findCandidates appends to the candidates the best width() continuations of the group of running texts from first on,
// best first (_get_top_k_continuations).
func (s *Search) findCandidates(in input, first int) error {
	force := s.deadlock(in, first)
	if s.drawer != nil {
		return s.draw(in, force)
	}
	s.top.Reset(s.width())
	vocab := len(in.logits[0])
	for i := first; i < first+s.size; i++ {
		if i == first || len(in.logits) > 1 {
			if err := s.scoreRow(in, i, force); err != nil {
				return err
			}
		}
		s.top.addRow(i*vocab, &s.row, s.scores[i])
	}
	for _, r := range s.top.Sorted() {
		s.addCandidate(r.Score(), r.ID(), vocab)
	}
	return nil
}

// addCandidate appends the continuation at row·V + token to the candidates.
func (s *Search) addCandidate(score float32, at, vocab int) {
	c := candidate{score: score, parent: at / vocab, id: at % vocab}
	full := s.groups == nil && s.length+1 >= s.text.MaxLength
	c.ends = full || slices.Contains(s.text.EOS, c.id)
	s.candidates = append(s.candidates, c)
}

// blockSize is how many tokens share an entry of scoredRow.highest.
const blockSize = 256

// A scoredRow holds the log-probabilities of the tokens that may follow a text. Token i has
// (values[i] − largest) − logSum, in float32 in this order, as in torch's log_softmax.
type scoredRow struct {
	values  []float32 // [V], logits, or log-probabilities that processors have changed
	largest float32
	logSum  float32
	highest []float32 // [⌈V/blockSize⌉] the largest value of each block

	changed []float32 // [V] memory for values that processors change
	shifted [pieceSize]float32
	shift   [pieceSize]float32
}

// pieceSize is how many values are shifted at a time: few enough for the nearest cache.
const pieceSize = 2048

func (r *scoredRow) at(v float32) float32 { return float32(v-r.largest) - r.logSum }

// set takes a row of logits. largest is then NaN or infinite if one of them is NaN or +Inf, or if all are −Inf.
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

// findHighest computes highest and largest from values.
func (r *scoredRow) findHighest() {
	r.highest = r.highest[:0]
	for from := 0; from < len(r.values); from += blockSize {
		r.highest = append(r.highest, vec.Max(r.values[from:min(from+blockSize, len(r.values))]))
	}
	r.largest = vec.Max(r.highest)
}

// subtract makes shift what subtracts v.
func (r *scoredRow) subtract(v float32) {
	for i := range r.shift {
		r.shift[i] = -v
	}
}

// change turns values into log-probabilities in memory of the row, which the caller may change.
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

// scoreRow makes the log-probabilities after running text i, as the processors leave them, the current row. With force,
// tokens that PrefixAllowedTokens returns get score 0.
func (s *Search) scoreRow(in input, i int, force bool) error {
	given := in.row(i)
	r := &s.row
	r.set(in.logits[given])
	switch {
	case math.IsInf(float64(r.largest), -1):
		return fmt.Errorf("beam: logits[%d]: all %d logits are -Inf", given, len(r.values))
	case r.largest-r.largest != 0:
		return fmt.Errorf("beam: logits[%d]: a logit is %v; logits must be finite, or -Inf to rule a token out", given, r.largest)
	}
	t := s.textOf(in, i)
	if len(s.taken) == 0 && !s.processors.Active(t) {
		return nil
	}
	scores := r.change()
	s.applyBeforeAllowed(scores, t)
	if allowed := s.processors.PrefixAllowedTokens; allowed != nil {
		ids := allowed(t.IDs)
		logits.KeepOnly(scores, ids)
		if force {
			logits.Set(scores, ids, 0)
		}
	}
	s.processors.ApplyStage(sample.PositionStage, scores, t)
	r.findHighest()
	if v := r.largest; v != v || v > math.MaxFloat32 {
		return fmt.Errorf("beam: logits[%d]: the processors make a score %v; their numbers are too large", given, v)
	}
	if s.processors.RenormalizeLogits && r.largest > negInf {
		r.set(scores)
		return nil
	}
	r.largest = 0
	return nil
}

// textOf is running text i as processors see it.
func (s *Search) textOf(in input, i int) sample.Text {
	t := s.text
	t.IDs = in.text(i)
	return t
}

// applyBeforeAllowed applies the processors that come before PrefixAllowedTokens, and DiversityPenalty among them
// (HammingDiversityLogitsProcessor).
func (s *Search) applyBeforeAllowed(scores []float32, t sample.Text) {
	s.processors.ApplyStage(sample.BiasStage, scores, t)
	if penalty := float32(s.options.DiversityPenalty); penalty > 0 {
		logits.EachCount(s.taken, len(scores), func(id, times int) {
			scores[id] -= float32(penalty * float32(times))
		})
	}
	s.processors.ApplyStage(sample.HistoryStage, scores, t)
}

// deadlock reports whether other processors leave none of the allowed tokens to any beam of a group. scoreRow reports
// logits that are none.
func (s *Search) deadlock(in input, first int) bool {
	allowed := s.processors.PrefixAllowedTokens
	if allowed == nil {
		return false
	}
	for i := first; i < first+s.size; i++ {
		s.row.set(in.logits[in.row(i)])
		t := s.textOf(in, i)
		scores := s.row.change()
		s.applyBeforeAllowed(scores, t)
		if logits.KeepOnly(scores, allowed(t.IDs)) {
			return false
		}
	}
	return true
}

// topScores collects the best scores of several rows. The id of a rank is row·V + token.
type topScores struct {
	topk.Top
	blocks []topk.Rank
}

// addRow offers the sums of a row's log-probabilities and the score of its text. The ids of its ranks begin at base.
// Only the k blocks with the highest scores can hold one of the k best.
func (t *topScores) addRow(base int, r *scoredRow, sum float32) {
	t.blocks = t.blocks[:0]
	for i, v := range r.highest {
		if block := topk.Of(base+i*blockSize, r.at(v)+sum); t.Admits(block) {
			t.blocks = append(t.blocks, block)
		}
	}
	low := negInf
	if k := t.K(); len(t.blocks) >= k {
		topk.Select(t.blocks, k)
		t.blocks = t.blocks[:k]
		low = slices.Max(t.blocks).Score()
	}
	for _, block := range t.blocks {
		start := block.ID() - base
		for i, v := range r.values[start:min(start+blockSize, len(r.values))] {
			if score := r.at(v) + sum; score >= low {
				t.Offer(topk.Of(block.ID()+i, score))
			}
		}
		low = max(low, t.Bar())
	}
	t.Trim()
}
