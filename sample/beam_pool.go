package sample

import (
	"math"
	"slices"
)

// ended is a place among the best that a search has found. While there are too
// few, places hold continuations that do not end, with scores around −1e9, as
// they do in the reference; their tokens are not kept.
type ended struct {
	ids      []int
	score    float32
	finished bool
}

// norm is what a sum of log-probabilities is divided by for a text of this
// length, 1 for the prompt itself.
func (b *Beams) norm(length int) float32 {
	return float32(b.power(length - b.prompt))
}

// keepEnded merges what was found into the pool (_update_finished_beams). Only
// an end among the best [size] counts.
func (b *Beams) keepEnded() {
	norm := b.norm(len(b.texts[0]) + 1)
	b.order = b.order[:0]
	for i, e := range b.pool {
		b.order = append(b.order, rankOf(i, e.score))
	}
	for i, c := range b.found {
		score := c.score / norm
		if !(c.ends && i < b.size) {
			score += unlikely
		}
		b.order = append(b.order, rankOf(b.size+i, score))
	}
	slices.Sort(b.order)
	b.nextPool = b.nextPool[:0]
	for _, r := range b.order[:b.size] {
		i := r.id()
		if i < b.size {
			b.nextPool = append(b.nextPool, b.pool[i])
			b.pool[i].ids = nil
			continue
		}
		c := b.found[i-b.size]
		e := ended{score: r.logit(), finished: c.ends && i-b.size < b.size}
		if e.finished {
			e.ids = append(append(b.free(), b.texts[c.parent]...), c.id)
		}
		b.nextPool = append(b.nextPool, e)
	}
	for _, e := range b.pool {
		if e.ids != nil {
			b.freeIDs = append(b.freeIDs, e.ids)
		}
	}
	b.pool, b.nextPool = b.nextPool, b.pool
}

// free returns an empty slice, a used one if there is any.
func (b *Beams) free() []int {
	n := len(b.freeIDs)
	if n == 0 {
		return nil
	}
	ids := b.freeIDs[n-1][:0]
	b.freeIDs = b.freeIDs[:n-1]
	return ids
}

// over reports whether the search ends after this step
// (_beam_search_has_unfinished_sequences): the running texts are the new ones,
// found is what they were chosen from.
func (b *Beams) over() bool {
	full, worst := true, float32(math.Inf(1))
	for _, e := range b.pool {
		full = full && e.finished
		worst = min(worst, e.score)
	}
	if full && b.config.EarlyStopping == StopAtOnce {
		return true
	}
	if !slices.ContainsFunc(b.found, func(c candidate) bool { return !c.ends }) {
		return true
	}
	hoped := b.scores[0] / b.norm(b.hopedLength())
	if slices.ContainsFunc(b.pool, func(e ended) bool { return e.finished }) && hoped > worst {
		return false
	}
	return full || !(hoped > unlikely)
}

// hopedLength is the length at which a running text is held against the
// finished ones.
func (b *Beams) hopedLength() int {
	if b.config.EarlyStopping == StopNever && b.config.LengthPenalty > 0 {
		return b.config.Rules.MaxLength
	}
	return len(b.texts[0])
}
