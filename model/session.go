package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// SessionOptions change how a [Session] works. The zero value is what most want.
type SessionOptions struct {
	// Cache is the type in which keys and values are kept: F32, or F16 for half the memory.
	Cache tensor.DType

	// Reserve is the number of tokens to have memory for from the start.
	Reserve int

	// Observe sees inside each pass; see [attention.Pass].
	Observe func(at attention.Point) func(x tensor.Tensor)
}

// Session is one text that a Decoder reads and continues: its tokens, their cached keys and values, and
// the logits after the last. It is for one goroutine at a time; different sessions run concurrently.
type Session struct {
	d       *Decoder
	opt     SessionOptions
	cache   *attention.Cache
	ids     []int
	longest int       // the most tokens it has had, for rotations that depend on it
	logits  []float32 // [V], after the last token; empty before the first

	pass attention.Pass
	rows []int
}

// NewSession returns a session without tokens.
func (d *Decoder) NewSession(opt SessionOptions) *Session {
	s := &Session{d: d, opt: opt, cache: d.newCache(opt.Cache)}
	if n := min(opt.Reserve, d.MaxLen); n > 0 {
		s.cache.Reserve(n)
		s.ids = make([]int, 0, n)
	}
	return s
}

// Len returns the number of tokens.
func (s *Session) Len() int { return len(s.ids) }

// IDs returns a copy of the tokens.
func (s *Session) IDs() []int { return append([]int(nil), s.ids...) }

// Logits returns the logits after the last token, [V], in memory of the session that the next Feed
// overwrites. It is nil if there are no tokens, and after Generate or Rewind until the next Feed.
func (s *Session) Logits() []float32 {
	if s.cache.Len() != len(s.ids) || len(s.logits) == 0 {
		return nil
	}
	return s.logits
}

// Feed appends tokens and computes the logits after the last; without tokens it computes those of the
// tokens that Generate has appended. An id that the model does not have, or more tokens than it can
// read, give an error, and then nothing is appended.
func (s *Session) Feed(ids ...int) error {
	if err := s.accept(ids); err != nil {
		return err
	}
	return s.catchUp()
}

// accept appends ids to the tokens after checking them.
func (s *Session) accept(ids []int) error {
	if err := s.d.check(ids); err != nil {
		return err
	}
	if n := len(s.ids) + len(ids); n > s.d.MaxLen {
		return fmt.Errorf("model: a text of %d tokens; the model reads at most %d", n, s.d.MaxLen)
	}
	s.ids = append(s.ids, ids...)
	return nil
}

// chunkRows is the number of tokens of a long prompt that are computed together: enough for matrix
// products to run at full speed, few enough for activations to stay small.
const chunkRows = 512

// catchUp computes the tokens that the cache does not hold yet.
func (s *Session) catchUp() error {
	s.cross()
	s.longest = max(s.longest, len(s.ids))
	s.pass.Observe = s.opt.Observe
	for s.cache.Len() < len(s.ids) {
		pos := s.cache.Len()
		n := min(chunkRows, len(s.ids)-pos)
		s.pass.Begin(s.seq(n))
		s.rows = s.rows[:0]
		if pos+n == len(s.ids) {
			s.rows = append(s.rows, n-1)
		}
		mark := s.pass.Scratch.Mark()
		logits := s.d.Forward(&s.pass, s.ids[pos:pos+n], s.rows)
		s.logits = append(s.logits[:0], logits.Data...)
		s.pass.Scratch.Release(mark)
	}
	return nil
}

// seq describes the next n tokens that the cache does not hold.
func (s *Session) seq(n int) attention.Seq {
	return attention.Seq{Rows: n, Pos: s.cache.Len(), Cache: s.cache, Length: s.longest}
}

// cross empties the cache if the text has crossed the length at which the model changes. A text of which
// nothing is cached begins anew.
func (s *Session) cross() {
	from := s.d.LongFrom
	if from > 0 && s.cache.Len() > 0 && (s.longest >= from) != (len(s.ids) >= from) {
		s.cache.Truncate(0) // nothing is ever dropped that position 0 sees
	}
	if s.cache.Len() == 0 {
		s.longest = 0
	}
}

// Rewind forgets the tokens from position n on. A model with sliding windows can go back only as far as
// its caches still reach; an error says how far that is.
func (s *Session) Rewind(n int) error {
	if n < 0 || n > len(s.ids) {
		return fmt.Errorf("model: cannot go back to token %d of %d", n, len(s.ids))
	}
	if n == len(s.ids) {
		return nil
	}
	if err := s.cache.Truncate(min(n, s.cache.Len())); err != nil {
		return err
	}
	s.ids, s.logits = s.ids[:n], s.logits[:0]
	return nil
}

// Fork returns a session with the same tokens, which shares the memory of their keys and values. Both
// may go on, at the same time too.
func (s *Session) Fork() *Session {
	return &Session{d: s.d, opt: s.opt, cache: s.cache.Fork(), longest: s.longest,
		ids: append([]int(nil), s.ids...), logits: append([]float32(nil), s.logits...)}
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
	for i, in := range batch {
		if in.Session.d != d {
			return errors.New("model: a session of another model in the batch")
		}
		for _, other := range batch[:i] {
			if other.Session == in.Session {
				return errors.New("model: a session is in the batch twice")
			}
		}
	}
	for i, in := range batch {
		if err := in.Session.accept(in.IDs); err != nil {
			for _, done := range batch[:i] {
				done.Session.ids = done.Session.ids[:len(done.Session.ids)-len(done.IDs)]
			}
			return err
		}
	}
	for _, in := range batch {
		in.Session.cross()
		in.Session.longest = max(in.Session.longest, len(in.Session.ids))
	}
	for len(batch) > 0 && d.feedSome(batch) {
	}
	return nil
}

// feedSome computes up to chunkRows tokens of the batch, and reports whether there were any.
func (d *Decoder) feedSome(batch []Input) bool {
	var (
		p       = &batch[0].Session.pass
		seqs    []attention.Seq
		ids     []int
		ends    []*Session
		rows    []int
		room    = chunkRows
		pending bool
	)
	for _, in := range batch {
		s := in.Session
		n := min(room, len(s.ids)-s.cache.Len())
		if n <= 0 {
			continue
		}
		pending = true
		room -= n
		pos := s.cache.Len()
		seqs = append(seqs, s.seq(n))
		ids = append(ids, s.ids[pos:pos+n]...)
		if pos+n == len(s.ids) {
			ends, rows = append(ends, s), append(rows, len(ids)-1)
		}
	}
	if !pending {
		return false
	}
	p.Observe = batch[0].Session.opt.Observe
	p.Begin(seqs...)
	mark := p.Scratch.Mark()
	logits := d.Forward(p, ids, rows)
	for i, s := range ends {
		s.logits = append(s.logits[:0], logits.Row(i)...)
	}
	p.Scratch.Release(mark)
	return true
}
