package sample

import (
	"math"
	"slices"
)

// group is one of several groups of beams, with the best texts it has found
// (BeamHypotheses of the reference, which counts in float64).
type group struct {
	found []Hypothesis // at most size, in order of discovery
	worst float64      // the lowest score of found, 1e9 without any
	done  bool
}

// stepGroups takes the groups one after the other, for each is to avoid what
// those before it choose. The running texts are those of groups not done.
func (b *Beams) stepGroups(logits [][]float32) ([]Successor, error) {
	first, stuck := 0, true
	for i := range b.groups {
		if b.groups[i].done {
			for range b.size {
				b.taken = append(b.taken, b.config.Pad)
			}
			continue
		}
		if err := b.continuations(logits, first); err != nil {
			return nil, err
		}
		found := b.found[len(b.found)-b.width():]
		b.taken = b.takeFrom(b.taken, found)
		stuck = stuck && found[0].score == negInf
		first += b.size
	}
	if stuck && !slices.ContainsFunc(b.groups, func(g group) bool { return len(g.found) > 0 }) {
		return nil, errNoToken(len(b.texts[0]))
	}
	b.keepGroups()
	b.swap()
	b.done = len(b.texts) == 0 || len(b.texts[0]) >= b.config.Rules.MaxLength
	return b.result(logits), nil
}

// takeFrom appends the tokens with which a group goes on.
func (b *Beams) takeFrom(tokens []int, found []candidate) []int {
	n := len(tokens) + b.size
	for _, c := range found {
		if !c.ends && len(tokens) < n {
			tokens = append(tokens, c.id)
		}
	}
	return tokens
}

// keepGroups adds what ended to the groups, and lets those go on that are not
// done (BeamSearchScorer.process).
func (b *Beams) keepGroups() {
	length := len(b.texts[0]) + 1 - b.prompt
	rest := b.found
	for i := range b.groups {
		g := &b.groups[i]
		if g.done {
			continue
		}
		found := rest[:b.width()]
		rest = rest[b.width():]
		for _, c := range found[:b.size] {
			if c.ends && c.score > negInf {
				ids := append(slices.Clone(b.texts[c.parent]), b.config.Rules.EOS[0])
				b.keep(g, ids, c.score, length)
			}
		}
		if g.done = b.groupDone(g, found[0].score, length); g.done {
			continue
		}
		n := len(b.successors) + b.size
		for _, c := range found {
			if !c.ends && len(b.successors) < n {
				b.follow(c, c.score)
			}
		}
	}
}

// keep adds a text to the best of a group, in place of the worst if there are
// more than its beams (BeamHypotheses.add).
func (b *Beams) keep(g *group, ids []int, sum float32, length int) {
	h := Hypothesis{ids, float64(sum) / b.power(length)}
	if len(g.found) == b.size && !(h.Score > g.worst) {
		return
	}
	g.found = append(g.found, h)
	if len(g.found) <= b.size {
		g.worst = min(g.worst, h.Score)
		return
	}
	worst := 0
	for i, h := range g.found {
		if h.Score < g.found[worst].Score {
			worst = i
		}
	}
	g.found = slices.Delete(g.found, worst, worst+1)
	g.worst = g.found[0].Score
	for _, h := range g.found {
		g.worst = min(g.worst, h.Score)
	}
}

func (b *Beams) power(length int) float64 {
	return math.Pow(float64(max(length, 1)), b.config.LengthPenalty)
}

// groupDone reports whether nothing a group could still find would be better
// (BeamHypotheses.is_done), the best sum of this step given; or whether the
// rules leave it nothing.
func (b *Beams) groupDone(g *group, best float32, length int) bool {
	if best == negInf {
		return true
	}
	if len(g.found) < b.size {
		return false
	}
	switch {
	case b.config.EarlyStopping == StopAtOnce:
		return true
	case b.config.EarlyStopping == StopNever && b.config.LengthPenalty > 0:
		length = b.config.Rules.MaxLength - b.prompt
	}
	return g.worst >= float64(best)/b.power(length)
}

// bestOfGroups adds the running texts to what the groups have found
// (BeamSearchScorer.finalize). Of equal scores the later goes first, as in the
// reference.
func (b *Beams) bestOfGroups() []Hypothesis {
	var all []Hypothesis
	first := 0
	for _, g := range b.groups {
		if !g.done {
			g.found = slices.Clone(g.found)
			for i := first; i < first+b.size; i++ {
				if b.scores[i] > negInf && len(b.texts[i]) > b.prompt || i == first {
					b.keep(&g, slices.Clone(b.texts[i]), b.scores[i], len(b.texts[i])-b.prompt)
				}
			}
			first += b.size
		}
		all = append(all, g.found...)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(x, y Hypothesis) int { return compareDown(x.Score, y.Score) })
	all = all[:min(b.config.Return, len(all))]
	for i := range all {
		all[i].IDs = slices.Clone(all[i].IDs)
	}
	return all
}
