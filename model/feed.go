package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// feeder computes the tokens of sessions that their caches do not hold yet, packed without padding, and
// keeps its memory for the next time.
type feeder struct {
	pass attention.Pass
	seqs []attention.Seq
	ids  []int
	ends []*Session
	rows []int
}

// chunkRows is the number of tokens that are computed together: enough for matrix products to run at
// full speed, few enough for activations to stay small.
const chunkRows = 512

// feed computes what the sessions lack. Observers are those of the first, and see the packed rows.
func (f *feeder) feed(d *Decoder, sessions ...*Session) {
	for _, s := range sessions {
		s.restartIfLong()
		s.longest = max(s.longest, len(s.ids))
	}
	f.pass.Scratch.Release(tensor.Mark{}) // what a panic has left
	for f.gather(sessions) {
		f.pass.Observer = sessions[0].opt.Observer
		f.pass.Begin(f.seqs...)
		mark := f.pass.Scratch.Mark()
		logits := d.Forward(&f.pass, f.ids, f.rows)
		for i, s := range f.ends {
			s.logits = append(s.logits[:0], logits.Row(i)...)
		}
		f.pass.Scratch.Release(mark)
	}
	clear(f.ends[:cap(f.ends)]) // sessions are not to be kept alive
}

// gather collects up to chunkRows tokens that are to be computed, and reports whether there are any.
func (f *feeder) gather(sessions []*Session) bool {
	f.seqs, f.ids, f.ends, f.rows = f.seqs[:0], f.ids[:0], f.ends[:0], f.rows[:0]
	for _, s := range sessions {
		pos := s.cache.Len()
		n := min(chunkRows-len(f.ids), len(s.ids)-pos)
		if n <= 0 {
			continue
		}
		f.seqs = append(f.seqs, attention.Seq{Rows: n, Pos: pos, Cache: s.cache, Cross: s.cross(), Length: s.longest})
		f.ids = append(f.ids, s.ids[pos:pos+n]...)
		if pos+n == len(s.ids) {
			f.ends, f.rows = append(f.ends, s), append(f.rows, len(f.ids)-1)
		}
	}
	return len(f.ids) > 0
}

// Input is the tokens that [Decoder.FeedBatch] appends to a session.
type Input struct {
	Session *Session
	IDs     []int
}

// FeedBatch feeds several sessions of the model in one pass, without padding: the weights are read once
// for all. Each ends as [Session.Feed] alone would leave it, bit for bit. On an error no session has
// changed. Observers are those of the first session, and see the packed rows.
func (d *Decoder) FeedBatch(batch []Input) error {
	var sessions []*Session
	for i, in := range batch {
		if err := d.owns(batch[:i+1]); err != nil {
			return err
		}
		sessions = append(sessions, in.Session)
	}
	for i, in := range batch {
		if err := in.Session.accept(in.IDs); err != nil {
			for _, done := range batch[:i] {
				done.Session.ids = done.Session.ids[:len(done.Session.ids)-len(done.IDs)]
			}
			return fmt.Errorf("%w (session %d of the batch)", err, i)
		}
	}
	if len(sessions) > 0 {
		sessions[0].feeder.feed(d, sessions...)
	}
	return nil
}

// owns reports that the last session of the batch is another model's, or there already.
func (d *Decoder) owns(batch []Input) error {
	last := batch[len(batch)-1].Session
	if last.d != d {
		return errors.New("model: a session of another model in the batch")
	}
	for _, other := range batch[:len(batch)-1] {
		if other.Session == last {
			return errors.New("model: a session is in the batch twice")
		}
	}
	return nil
}
