package sample

import (
	"math"
	"slices"
)

var negInf = float32(math.Inf(-1))

// Apply changes scores [V] of the token that follows the text, in place. The
// text is neither changed nor kept, and nothing is allocated. Where scores are
// finite or −Inf, none becomes NaN; a bias or a penalty can carry one beyond
// float32, to an infinity.
//
// If rules together leave no token, all scores are −Inf, which [Sampler.Next]
// and [Beams.Step] report. Fields out of range (see [Rules.Validate]) give
// scores of no meaning, never a panic; so does a Text.Prompt that is.
func (r *Rules) Apply(scores []float32, t Text) {
	r.applyBias(scores, t.IDs)
	r.applyHistory(scores, t)
	if r.Allowed != nil {
		if allowed := r.Allowed(t.IDs); !keepOnly(scores, allowed) {
			put(scores, allowed, 0)
		}
	}
	r.applyPlace(scores, t)
}

// Active reports whether Apply might change a score.
func (r *Rules) Active(t Text) bool {
	n := len(t.IDs)
	return len(r.SequenceBias) > 0 || len(r.BadWords) > 0 || len(r.Suppress) > 0 || r.Allowed != nil ||
		penalizes(r.EncoderRepetitionPenalty) && len(t.Source) > 0 || penalizes(r.RepetitionPenalty) ||
		r.NoRepeatNGram > 0 && n >= r.NoRepeatNGram || r.EncoderNoRepeatNGram > 0 && len(t.Source) >= r.EncoderNoRepeatNGram ||
		r.early(t) || r.forcesFirst(n) || r.forcesLast(n) || r.decay(t) > 0 || r.suppressesFirst(t)
}

func penalizes(penalty float64) bool { return penalty != 0 && penalty != 1 }

// early: it is too early for the text to end.
func (r *Rules) early(t Text) bool {
	return len(r.EOS) > 0 && (len(t.IDs) < r.MinLength || len(t.IDs)-t.Prompt < r.MinNew)
}

func (r *Rules) forcesFirst(n int) bool { return len(r.ForcedFirst) > 0 && n == 1 }

func (r *Rules) forcesLast(n int) bool { return len(r.ForcedLast) > 0 && n == r.MaxLength-1 }

// decay is how many tokens the text is beyond the start of the decay.
func (r *Rules) decay(t Text) int {
	if !r.decays() {
		return 0
	}
	return max(0, len(t.IDs)-t.Prompt-r.DecayStart)
}

func (r *Rules) suppressesFirst(t Text) bool {
	first := t.Prompt
	if t.Prompt <= 1 && len(r.ForcedFirst) > 0 {
		first++
	}
	return len(r.SuppressFirst) > 0 && len(t.IDs) == first
}

// applyBias applies SequenceBias, one after the other.
func (r *Rules) applyBias(scores []float32, text []int) {
	for i := range r.SequenceBias {
		b := &r.SequenceBias[i]
		id, ok := completes(b.IDs, text, len(scores))
		switch {
		case !ok:
		case b.Add < -maxFloat32:
			scores[id] = b.Add // even where the score is +Inf
		default:
			scores[id] += b.Add
		}
	}
}

// completes returns the last of ids, where those before it end the text and it
// is in the vocabulary.
func completes(ids, text []int, vocab int) (last int, ok bool) {
	n := len(ids) - 1
	if n < 0 || n > len(text) || uint(ids[n]) >= uint(vocab) || !slices.Equal(ids[:n], text[len(text)-n:]) {
		return 0, false
	}
	return ids[n], true
}

// applyHistory applies what depends on the tokens of text and source, and the
// rules on too early an end.
func (r *Rules) applyHistory(scores []float32, t Text) {
	if p := r.EncoderRepetitionPenalty; penalizes(p) {
		penalize(scores, t.Source, float32(1/p))
	}
	if p := r.RepetitionPenalty; penalizes(p) {
		penalize(scores, t.IDs, float32(p))
	}
	if n := r.NoRepeatNGram; n > 0 {
		banNGrams(scores, t.IDs, t.IDs, n)
	}
	if n := r.EncoderNoRepeatNGram; n > 0 {
		banNGrams(scores, t.Source, t.IDs, n)
	}
	for _, w := range r.BadWords {
		if id, ok := completes(w, t.IDs, len(scores)); ok && !(len(w) == 1 && slices.Contains(r.EOS, id)) {
			scores[id] = negInf
		}
	}
	if r.early(t) {
		put(scores, r.EOS, negInf)
	}
}

// applyPlace applies what depends on the place in the text.
func (r *Rules) applyPlace(scores []float32, t Text) {
	if r.forcesFirst(len(t.IDs)) {
		force(scores, r.ForcedFirst)
	}
	if r.forcesLast(len(t.IDs)) {
		force(scores, r.ForcedLast)
	}
	if n := r.decay(t); n > 0 {
		factor := float32(min(math.Pow(r.DecayFactor, float64(n))-1, maxFloat32))
		eachOf(r.EOS, len(scores), func(id int) {
			v := scores[id]
			if size := float32(math.Abs(float64(v))); size <= maxFloat32 {
				scores[id] = min(v+float32(size*factor), maxFloat32)
			}
		})
	}
	put(scores, r.Suppress, negInf)
	if r.suppressesFirst(t) {
		put(scores, r.SuppressFirst, negInf)
	}
}

// penalize makes the tokens less likely, once each, if penalty is above 1.
func penalize(scores []float32, ids []int, penalty float32) {
	eachOf(ids, len(scores), func(id int) {
		if v := scores[id]; v < 0 {
			scores[id] = v * penalty
		} else {
			scores[id] = v / penalty
		}
	})
}

// banNGrams rules out each token that with the last n−1 of the text would make
// n tokens that occur in seen.
func banNGrams(scores []float32, seen, text []int, n int) {
	if n > len(seen) || n-1 > len(text) {
		return
	}
	last := text[len(text)-(n-1):]
	for i := n - 1; i < len(seen); i++ {
		if id := seen[i]; uint(id) < uint(len(scores)) && slices.Equal(seen[i-(n-1):i], last) {
			scores[id] = negInf
		}
	}
}

// put sets the scores of the tokens.
func put(scores []float32, ids []int, v float32) {
	for _, id := range ids {
		if uint(id) < uint(len(scores)) {
			scores[id] = v
		}
	}
}

// force gives the tokens score 0 and rules out all others.
func force(scores []float32, ids []int) {
	for i := range scores {
		scores[i] = negInf
	}
	put(scores, ids, 0)
}

// idSpan is how many ids an idSet has room for: few enough for a stack.
const idSpan = 1 << 16

// An idSet is a set of token ids within a span of the vocabulary.
type idSet [idSpan / 64]uint64

// add reports whether the id was not in the set.
func (s *idSet) add(id int) bool {
	word, bit := &s[uint(id)/64], uint64(1)<<(uint(id)%64)
	was := *word & bit
	*word |= bit
	return was == 0
}

func (s *idSet) has(id int) bool { return s[uint(id)/64]>>(uint(id)%64)&1 != 0 }

// eachOf calls do once for each id within the vocabulary. It takes the
// vocabulary span by span, so that a small set serves.
func eachOf(ids []int, vocab int, do func(id int)) {
	for from := 0; from < vocab && len(ids) > 0; from += idSpan {
		var done idSet
		span := min(idSpan, vocab-from)
		for _, id := range ids {
			if i := id - from; uint(i) < uint(span) && done.add(i) {
				do(id)
			}
		}
	}
}

// keepOnly rules out all but the allowed tokens and reports whether one of them
// has a score above −Inf.
func keepOnly(scores []float32, allowed []int) bool {
	left := false
	for from := 0; from < len(scores); from += idSpan {
		var kept idSet
		span := scores[from:min(from+idSpan, len(scores))]
		for _, id := range allowed {
			if i := id - from; uint(i) < uint(len(span)) {
				kept.add(i)
			}
		}
		for i := range span {
			if !kept.has(i) {
				span[i] = negInf
			} else if span[i] > negInf {
				left = true
			}
		}
	}
	return left
}
