package sample

import (
	"fmt"
	"slices"
)

// Prompt adds tokens the text starts with to the history: RepetitionPenalty
// counts them, PresencePenalty and FrequencyPenalty do not. Ids beyond the
// vocabulary are ignored, as in the reference; a negative one is an error, and
// then none is added. Without penalties nothing is kept.
func (s *Sampler) Prompt(ids ...int) error { return s.remember(ids, false) }

// Accept adds generated tokens to the history, where every penalty counts them.
// Ids are treated as by [Sampler.Prompt].
func (s *Sampler) Accept(ids ...int) error { return s.remember(ids, true) }

func (s *Sampler) remember(ids []int, generated bool) error {
	for _, id := range ids {
		if id < 0 {
			return fmt.Errorf("sample: token id %d in the history; ids start at 0", id)
		}
	}
	if !s.config.penalizes() {
		return nil
	}
	for _, id := range ids {
		s.history.add(id, generated)
	}
	return nil
}

func (c *Config) penalizes() bool {
	return c.repetition() != 1 || c.PresencePenalty != 0 || c.FrequencyPenalty != 0
}

func (c *Config) repetition() float64 {
	if c.RepetitionPenalty == 0 {
		return 1
	}
	return c.RepetitionPenalty
}

// edit adds the bias and applies the penalties to a copy of the logits; where
// there are none, it returns the logits themselves.
func (s *Sampler) edit(logits []float32) []float32 {
	penalizes := s.config.penalizes()
	if len(s.bias) == 0 && !penalizes {
		return logits
	}
	s.scores = append(s.scores[:0], logits...)
	for _, b := range s.bias {
		if b.add < -maxFloat32 {
			s.scores[b.id] = b.add // even where the logit is +Inf
		} else {
			s.scores[b.id] += b.add
		}
	}
	if penalizes {
		s.history.know(len(logits))
		s.penalize()
	}
	return s.scores
}

func (s *Sampler) penalize() {
	repetition := s.config.repetition()
	presence, frequency := s.config.PresencePenalty, s.config.FrequencyPenalty
	for _, id := range s.history.seen {
		v := float64(s.scores[id])
		if v < 0 {
			v = float64(v * repetition)
		} else {
			v = float64(v / repetition)
		}
		if n := s.history.times[id] - 1; n > 0 {
			v -= presence
			v -= float64(frequency * float64(n))
		}
		s.scores[id] = float32(v)
	}
}

// A history counts the tokens of a text. How many there may be is known with
// the first logits; until then they wait.
type history struct {
	times   []uint32 // [V]: 0 not seen, else 1 + times generated
	seen    []int32  // distinct ids by first appearance; capacity V
	waiting []occurrence
}

type occurrence struct {
	id        int
	generated bool
}

func (h *history) add(id int, generated bool) {
	if h.times == nil {
		h.waiting = append(h.waiting, occurrence{id, generated})
		return
	}
	if id >= len(h.times) {
		return
	}
	if h.times[id] == 0 {
		h.times[id] = 1
		h.seen = append(h.seen, int32(id))
	}
	if generated {
		h.times[id]++
	}
}

// know sets the number of tokens. It has an effect once.
func (h *history) know(vocab int) {
	if h.times != nil {
		return
	}
	h.times = make([]uint32, vocab)
	h.seen = make([]int32, 0, vocab)
	for _, o := range h.waiting {
		h.add(o.id, o.generated)
	}
	h.waiting = nil
}

func (h *history) clone() history {
	c := history{times: slices.Clone(h.times), waiting: slices.Clone(h.waiting)}
	if h.times != nil {
		c.seen = append(make([]int32, 0, cap(h.seen)), h.seen...)
	}
	return c
}

func (h *history) reset() { *h = history{} }
