package logits

import "math"

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

// EachID calls do once for each id within the vocabulary. It takes the vocabulary span by span, so that a small set
// serves.
func EachID(ids []int, vocab int, do func(id int)) {
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

// countSpan is how many ids are counted at a time: 64 KiB on the stack.
const countSpan = 1 << 14

// EachCount calls do once for each id within the vocabulary, with how many times it occurs.
func EachCount(ids []int, vocab int, do func(id, times int)) {
	var counts [countSpan]uint32 // all zero before and after each span
	for from := 0; from < vocab && len(ids) > 0; from += countSpan {
		span := min(countSpan, vocab-from)
		for _, id := range ids {
			if i := id - from; uint(i) < uint(span) {
				counts[i]++
			}
		}
		for _, id := range ids {
			if i := id - from; uint(i) < uint(span) && counts[i] > 0 {
				do(id, int(counts[i]))
				counts[i] = 0
			}
		}
	}
}

// Set gives the tokens a score.
func Set(scores []float32, ids []int, v float32) {
	for _, id := range ids {
		if uint(id) < uint(len(scores)) {
			scores[id] = v
		}
	}
}

// KeepOnly rules out all other tokens, with a score of −Inf, and reports whether one of ids has a score above −Inf.
func KeepOnly(scores []float32, ids []int) bool {
	negInf := float32(math.Inf(-1))
	left := false
	for from := 0; from < len(scores); from += idSpan {
		var kept idSet
		span := scores[from:min(from+idSpan, len(scores))]
		for _, id := range ids {
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
