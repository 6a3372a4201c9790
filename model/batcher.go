package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// batcher computes the tokens of sessions that their caches do not hold yet, packed without padding. It is pooled:
// a session that waits keeps no memory for its next pass.
type batcher struct {
	pass   attention.Pass
	seqs   []attention.Seq
	in     []arch.Sequence
	ends   []end
	rows   []int     // of the pass, whose logits are needed: one for each end
	broken bool      // a pass has not ended
	all    []float32 // where the logits after the last tokens go, as many as fit; nil for a batch
}

// end is a token whose logits are needed.
type end struct {
	s   *Session
	pos int
}

var batchers parallel.Free[batcher]

// put gives the batcher back, without what it has computed. One that an error or a panic has left in the middle of
// something is not used again.
func (b *batcher) put() {
	if b.broken {
		return
	}
	b.pass.Reset()
	clear(b.seqs[:cap(b.seqs)])
	b.all = nil
	batchers.Put(b, b.pass.Bytes())
}

// PassRows is the number of tokens that are computed together: enough for matrix products to run at
// full speed, few enough for activations to stay small.
const PassRows = 512

// run computes what the sessions lack. Observers are those of the first, and see the packed rows. After an error, which
// only weights in files give, the sessions cannot go on.
func (b *batcher) run(d *Decoder, sessions ...*Session) error {
	if d.files == nil {
		b.compute(d, sessions)
		return nil
	}
	err := b.computeInPlace(d, sessions)
	if err != nil {
		b.broken = true
		for _, s := range sessions {
			s.err = err
		}
	}
	return err
}

func (b *batcher) computeInPlace(d *Decoder, sessions []*Session) (err error) {
	if err := d.files.closed(); err != nil {
		return err
	}
	defer func() { err = d.files.result(recover(), err) }()
	b.compute(d, sessions)
	return nil
}

func (b *batcher) compute(d *Decoder, sessions []*Session) {
	for _, s := range sessions {
		s.restartIfLong()
		s.longest = max(s.longest, len(s.ids))
		s.pending = len(s.ids) - s.cache.Len()
	}
	for b.gather(d, sessions) {
		b.pass.Observer = sessions[0].opt.Observer
		b.pass.Begin(b.seqs...)
		mark := b.pass.Scratch.Mark()
		logits := d.Forward(&b.pass, b.in, b.rows)
		for i, e := range b.ends {
			b.keep(e, logits.Row(i))
		}
		b.pass.Scratch.Release(mark)
	}
	clear(b.ends[:cap(b.ends)]) // sessions are not to be kept alive
	clear(b.in[:cap(b.in)])
}

// keep copies the logits after a token to where they are wanted.
func (b *batcher) keep(e end, logits []float32) {
	last := len(e.s.ids) - 1
	if e.pos == last {
		e.s.logits = append(e.s.logits[:0], logits...)
	}
	if n := len(logits); len(b.all) > 0 {
		copy(b.all[len(b.all)-(last+1-e.pos)*n:], logits)
	}
}

// gather collects up to PassRows tokens that are to be computed, and reports whether there are any.
func (b *batcher) gather(d *Decoder, sessions []*Session) bool {
	b.seqs, b.in, b.ends, b.rows = b.seqs[:0], b.in[:0], b.ends[:0], b.rows[:0]
	width := d.Embeddings.Words.Weight.In
	row := 0
	for _, s := range sessions {
		pos := s.cache.Len()
		n := min(PassRows-row, len(s.ids)-pos)
		if n <= 0 {
			continue
		}
		in := arch.Sequence{IDs: s.ids[pos : pos+n]}
		if first, last := s.givenBefore(pos), s.givenBefore(pos+n); last > first {
			in.Rows = tensor.From(s.given[first:last], (last-first)/width, width)
		}
		b.seqs = append(b.seqs, attention.Seq{Rows: n, New: s.pending, Pos: pos, Cache: s.cache, Cross: s.cross(), Length: s.longest})
		b.in = append(b.in, in)
		for i := max(pos, len(s.ids)-max(1, len(b.all)/d.Vocab)); i < pos+n; i++ {
			b.ends, b.rows = append(b.ends, end{s, i}), append(b.rows, row+i-pos)
		}
		row += n
	}
	return row > 0
}

// Input is one session of a batch, and the tokens to append to it.
type Input struct {
	Session *Session
	IDs     []int
}

// AppendBatch appends tokens to several sessions of the model in one pass, without padding: the weights are
// read once for all. Each session ends as [Session.Append] alone would leave it, bit for bit. After an error
// no session has changed. The observer of the first session sees the packed rows of all; other observers are
// not called.
func (d *Decoder) AppendBatch(batch []Input) error {
	var sessions []*Session
	for i, in := range batch {
		if err := d.checkBatch(batch[:i+1]); err != nil {
			return fmt.Errorf("%w (session %d of the batch)", err, i)
		}
		sessions = append(sessions, in.Session)
	}
	for i, in := range batch {
		if err := in.Session.accept(in.IDs, tensor.Tensor{}); err != nil {
			for _, done := range batch[:i] {
				done.Session.takeBack(len(done.IDs))
			}
			return fmt.Errorf("%w (session %d of the batch)", err, i)
		}
	}
	if len(sessions) > 0 {
		b := batchers.Get()
		err := b.run(d, sessions...)
		b.put()
		return err
	}
	return nil
}

// checkBatch returns an error if the last session of the batch is another model's, or there already.
func (d *Decoder) checkBatch(batch []Input) error {
	last := batch[len(batch)-1].Session
	if last.d != d {
		return errors.New("model: the session belongs to another model; a batch is for sessions of one")
	}
	for _, other := range batch[:len(batch)-1] {
		if other.Session == last {
			return errors.New("model: the session is in the batch twice")
		}
	}
	return nil
}
