package beam

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/topk"
)

// finished is a place among the best finished texts. While there are too few of them, places hold candidates that do
// not end, with scores around −1e9, as in transformers. The tokens of these are not kept.
type finished struct {
	ids   []int
	score float32
	ended bool
}

func newFinished(size int) []finished {
	places := make([]finished, size)
	for i := range places {
		places[i].score = unlikely
	}
	return places
}

// norm is what a summed log-probability is divided by for a text of this length, prompt included.
func (s *Search) norm(length int) float32 {
	return float32(s.power(length - s.text.PromptLen))
}

// keepFinished merges the candidates into the finished texts (_update_finished_beams). Only an end among the best
// [size] candidates counts.
func (s *Search) keepFinished(in input) {
	norm := s.norm(s.length + 1)
	s.order = s.order[:0]
	for i, f := range s.finished {
		s.order = append(s.order, topk.Of(i, f.score))
	}
	for i, c := range s.candidates {
		score := c.score / norm
		if !(c.ends && i < s.size) {
			score += unlikely
		}
		s.order = append(s.order, topk.Of(s.size+i, score))
	}
	slices.Sort(s.order)
	s.nextFinished = s.nextFinished[:0]
	for _, r := range s.order[:s.size] {
		i := r.ID()
		if i < s.size {
			s.nextFinished = append(s.nextFinished, s.finished[i])
			s.finished[i].ids = nil
			continue
		}
		c := s.candidates[i-s.size]
		f := finished{score: r.Score(), ended: c.ends && i-s.size < s.size}
		if f.ended {
			f.ids = append(append(s.takeFree(), in.text(c.parent)...), c.id)
		}
		s.nextFinished = append(s.nextFinished, f)
	}
	for _, f := range s.finished {
		if f.ids != nil {
			s.freeIDs = append(s.freeIDs, f.ids)
		}
	}
	s.finished, s.nextFinished = s.nextFinished, s.finished
}

// takeFree returns an empty slice with the memory of a text that is no longer among the best, if there is one.
func (s *Search) takeFree() []int {
	n := len(s.freeIDs)
	if n == 0 {
		return nil
	}
	ids := s.freeIDs[n-1][:0]
	s.freeIDs = s.freeIDs[:n-1]
	return ids
}

// over reports whether the search ends after this step (_beam_search_has_unfinished_sequences). The running texts are
// those of the next step already; the candidates are what they were chosen from.
func (s *Search) over() bool {
	full, worst := true, float32(math.Inf(1))
	for _, f := range s.finished {
		full = full && f.ended
		worst = min(worst, f.score)
	}
	if full && s.options.EarlyStopping == StopAtOnce {
		return true
	}
	if !slices.ContainsFunc(s.candidates, func(c candidate) bool { return !c.ends }) {
		return true
	}
	hoped := s.scores[0] / s.norm(s.hopedLength())
	if slices.ContainsFunc(s.finished, func(f finished) bool { return f.ended }) && hoped > worst {
		return false
	}
	return full || !(hoped > unlikely)
}

// hopedLength is the length at which the best running text is compared with the finished ones.
func (s *Search) hopedLength() int {
	if s.options.EarlyStopping == StopNever && s.options.LengthPenalty > 0 {
		return s.text.MaxLength
	}
	return s.length
}

// bestFinished returns the finished texts and the running ones, which share memory with the search and with texts.
func (s *Search) bestFinished(texts [][]int) []Hypothesis {
	var best []Hypothesis
	for _, f := range s.finished {
		if f.ended && f.score > negInf {
			best = append(best, Hypothesis{f.ids, float64(f.score)})
		}
	}
	if texts == nil {
		return best
	}
	norm := s.norm(s.length)
	for i, sum := range s.scores {
		if sum > unlikely/2 {
			best = append(best, Hypothesis{texts[min(i, len(texts)-1)], float64(sum / norm)})
		}
	}
	return best
}
