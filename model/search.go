package model

import (
	"context"
	"fmt"

	"github.com/seed2010d43f/transformer/sample/beam"
)

// BeamSearch appends the prompt and searches for the most probable continuations, as o says. It returns the
// best texts with their scores, the best first; each text includes the prompt. An empty session of an
// encoder–decoder begins with the start token if the prompt is empty.
//
// Afterwards the session holds the prompt. The texts of the search are forks of it and share its memory; each
// step computes all of them in one pass. The search ends as o says, or at the length that the model can read.
// If ctx is cancelled, its error is returned.
func (s *Session) BeamSearch(ctx context.Context, prompt []int, o beam.Options, opt GenerateOptions) ([]beam.Hypothesis, error) {
	found, err := s.d.BeamSearchBatch(ctx, []Input{{s, prompt}}, o, opt)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// BeamSearchBatch is [Session.BeamSearch] for several sessions of the model, computed together. Each result
// has the same bits as for the session alone.
func (d *Decoder) BeamSearchBatch(ctx context.Context, batch []Input, o beam.Options, opt GenerateOptions) ([][]beam.Hypothesis, error) {
	searches := make([]*search, len(batch))
	for i, in := range batch {
		var err error
		if err = d.checkBatch(batch[:i+1]); err == nil {
			searches[i], err = in.Session.newSearch(in.IDs, o, opt)
		}
		if err != nil && len(batch) > 1 {
			err = fmt.Errorf("%w (session %d of the batch)", err, i)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(batch) > 0 {
		sessions := make([]*Session, len(batch))
		for i, in := range batch {
			sessions[i] = in.Session
		}
		b := batchers.Get()
		err := b.run(d, sessions...)
		b.put()
		if err != nil {
			return nil, err
		}
	}
	for i, s := range searches {
		s.live = append(s.live, batch[i].Session.Fork())
	}
	if err := runSearches(ctx, d, searches); err != nil {
		return nil, err
	}
	out := make([][]beam.Hypothesis, len(batch))
	for i, s := range searches {
		out[i] = s.beams.Best(nil)
	}
	return out, nil
}

// search is one beam search under way: the texts that run, each a session.
type search struct {
	beams *beam.Search
	live  []*Session
	next  []*Session
	spare []*Session // of texts that have been given up
	uses  []int      // of each live text by the next ones
	texts [][]int
	rows  [][]float32
}

// newSearch appends the prompt. The first step will have one text: all beams begin as it does.
func (s *Session) newSearch(prompt []int, o beam.Options, opt GenerateOptions) (*search, error) {
	prompt, err := s.begin(prompt)
	if err != nil {
		return nil, err
	}
	if len(s.ids) >= s.d.MaxLen {
		return nil, ErrLength
	}
	if stop := s.stopStrings(opt); len(stop) > 0 {
		return nil, fmt.Errorf("model: a beam search does not end at stop strings, such as %.60q; set GenerateOptions.Stop to an empty slice to search without", stop[0])
	}
	processors := s.processors(opt)
	beams, err := beam.New(o, &processors, s.prompt(opt, s.budget(prompt, opt.MaxTokens)))
	if err != nil {
		return nil, err
	}
	return &search{beams: beams}, nil
}

// runSearches goes on with all searches, a token at a time, until all are over.
func runSearches(ctx context.Context, d *Decoder, searches []*search) error {
	b := batchers.Get()
	err := b.runSearches(ctx, d, searches)
	b.put()
	return err
}

func (b *batcher) runSearches(ctx context.Context, d *Decoder, searches []*search) error {
	var live []*Session
	for {
		live = live[:0]
		for _, s := range searches {
			live = append(live, s.live...)
		}
		if len(live) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.run(d, live...); err != nil {
			return err
		}
		for _, s := range searches {
			if err := s.step(); err != nil {
				return err
			}
		}
	}
}

// step lets the texts go on as the beams choose.
func (s *search) step() error {
	if len(s.live) == 0 {
		return nil
	}
	s.texts, s.rows = s.texts[:0], s.rows[:0]
	for _, t := range s.live {
		s.texts, s.rows = append(s.texts, t.tokens()), append(s.rows, t.logits)
	}
	chosen, err := s.beams.Step(s.texts, s.rows)
	if err != nil {
		return err
	}
	s.uses = append(s.uses[:0], make([]int, len(s.live))...)
	for _, c := range chosen {
		s.uses[c.Parent]++
	}
	s.next = s.next[:0]
	for i, t := range s.live {
		if s.uses[i] == 0 {
			t.cache.Truncate(0) // its pages serve the others
			s.spare = append(s.spare, t)
		}
	}
	for _, c := range chosen {
		t := s.live[c.Parent]
		if s.uses[c.Parent]--; s.uses[c.Parent] > 0 { // the last takes the text itself
			t = s.fork(t)
		}
		s.next = append(s.next, t)
	}
	for i, c := range chosen {
		s.next[i].ids = append(s.next[i].ids, c.ID)
	}
	s.live, s.next = s.next, s.live
	return nil
}

// fork returns a text like t, whose logits nobody needs any more.
func (s *search) fork(t *Session) *Session {
	n := len(s.spare)
	if n == 0 {
		f := t.fork()
		f.ids = append(make([]int, 0, 2*len(t.ids)), t.ids...)
		return f
	}
	f := s.spare[n-1]
	s.spare = s.spare[:n-1]
	f.cache, f.longest, f.ids = t.cache.Fork(), t.longest, append(f.ids[:0], t.ids...)
	return f
}
