package beam

import "slices"

// group is one of several groups of beams, with the best texts that it has found (BeamHypotheses of the reference,
// which counts in float64).
type group struct {
	found []Hypothesis // at most size, in the order of discovery
	worst float64      // the lowest score of found, 1e9 without any
	done  bool
}

func newGroups(n int) []group {
	groups := make([]group, n)
	for i := range groups {
		groups[i].worst = 1e9
	}
	return groups
}

// stepGroups takes the groups one after the other, because each avoids what those before it choose. The running texts
// are those of the groups that are not done.
func (s *Search) stepGroups(in input) error {
	first, stuck := 0, true
	for i := range s.groups {
		if s.groups[i].done {
			for range s.size {
				s.taken = append(s.taken, s.options.PAD)
			}
			continue
		}
		if err := s.findCandidates(in, first); err != nil {
			return err
		}
		found := s.candidates[len(s.candidates)-s.width():]
		s.taken = s.takeFrom(s.taken, found)
		stuck = stuck && found[0].score == negInf
		first += s.size
	}
	if stuck && !slices.ContainsFunc(s.groups, func(g group) bool { return len(g.found) > 0 }) {
		return errNoToken(s.length)
	}
	s.clearNext()
	s.keepGroups(in)
	s.advance()
	if s.done = len(s.scores) == 0 || s.length >= s.text.MaxLength; s.done {
		s.addRunning(s.groups, func(i int) []int {
			c := s.successors[i]
			return append(slices.Clip(in.text(c.Parent)), c.ID)
		})
	}
	return nil
}

// takeFrom appends the tokens with which a group goes on.
func (s *Search) takeFrom(tokens []int, found []candidate) []int {
	n := len(tokens) + s.size
	for _, c := range found {
		if !c.ends && len(tokens) < n {
			tokens = append(tokens, c.id)
		}
	}
	return tokens
}

// keepGroups adds the texts that end to their groups, and lets the groups go on that are not done
// (BeamSearchScorer.process).
func (s *Search) keepGroups(in input) {
	generated := s.length + 1 - s.text.PromptLen
	rest := s.candidates
	for i := range s.groups {
		g := &s.groups[i]
		if g.done {
			continue
		}
		found := rest[:s.width()]
		rest = rest[s.width():]
		for _, c := range found[:s.size] {
			if c.ends && c.score > negInf {
				ids := append(slices.Clip(in.text(c.parent)), s.text.EOS[0])
				s.keep(g, ids, c.score, generated)
			}
		}
		if g.done = s.groupDone(g, found[0].score, generated); g.done {
			continue
		}
		n := len(s.successors) + s.size
		for _, c := range found {
			if !c.ends && len(s.successors) < n {
				s.follow(c, c.score)
			}
		}
	}
}

// keep adds a text to the best of a group, in place of the worst if there are more than the group has beams
// (BeamHypotheses.add).
func (s *Search) keep(g *group, ids []int, sum float32, generated int) {
	h := Hypothesis{ids, float64(sum) / s.power(generated)}
	if len(g.found) == s.size && !(h.Score > g.worst) {
		return
	}
	g.found = append(g.found, h)
	if len(g.found) <= s.size {
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

// groupDone reports whether nothing that a group can still find would be better (BeamHypotheses.is_done), or whether
// the processors leave it nothing. best is the best sum of this step.
func (s *Search) groupDone(g *group, best float32, generated int) bool {
	if best == negInf {
		return true
	}
	if len(g.found) < s.size {
		return false
	}
	switch {
	case s.options.EarlyStopping == StopAtOnce:
		return true
	case s.options.EarlyStopping == StopNever && s.options.LengthPenalty > 0:
		generated = s.text.MaxLength - s.text.PromptLen
	}
	return g.worst >= float64(best)/s.power(generated)
}

// addRunning adds the running texts to what groups have found (BeamSearchScorer.finalize). text returns the running
// text of an index, in memory that the group may keep.
func (s *Search) addRunning(groups []group, text func(i int) []int) {
	generated, first := s.length-s.text.PromptLen, 0
	for i := range groups {
		g := &groups[i]
		if g.done {
			continue
		}
		for i := first; i < first+s.size; i++ {
			if s.scores[i] > negInf && generated > 0 || i == first {
				s.keep(g, text(i), s.scores[i], generated)
			}
		}
		first += s.size
	}
}

// bestOfGroups returns what the groups have found, and the running texts, the later first: of equal scores it comes
// first, as in transformers. They share memory with the search and with texts.
func (s *Search) bestOfGroups(texts [][]int) []Hypothesis {
	groups := s.groups
	if texts != nil {
		groups = slices.Clone(groups)
		for i := range groups {
			groups[i].found = slices.Clone(groups[i].found)
		}
		s.addRunning(groups, func(i int) []int { return texts[min(i, len(texts)-1)] })
	}
	var all []Hypothesis
	for _, g := range groups {
		all = append(all, g.found...)
	}
	slices.Reverse(all)
	return all
}
