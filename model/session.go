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

	// Observer sees inside each pass; see [attention.Pass].
	Observer func(at attention.Point) func(x tensor.Tensor)
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
	source  *Source   // what an encoder has read, for a decoder that attends to it
	crosses bool      // the decoder does
	err     error     // what is wrong with the decoder

	feeder feeder
	ruled  []float32 // [V], logits that rules have changed
}

// NewSession returns a session without tokens.
func (d *Decoder) NewSession(opt SessionOptions) *Session {
	plan, err := d.Plan()
	if err != nil {
		plan = new(attention.Plan)
	}
	s := &Session{d: d, opt: opt, cache: plan.NewCache(opt.Cache), err: err, crosses: len(plan.Cross()) > 0}
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

// Feed appends tokens and computes the logits after the last; without tokens it computes those after the
// last token that Generate has appended, or that Rewind has left. An id that the model does not have, or more tokens than it can
// read, give an error, and then nothing is appended.
func (s *Session) Feed(ids ...int) error {
	if err := s.accept(ids); err != nil {
		return err
	}
	s.catchUp()
	return nil
}

// accept appends ids to the tokens after checking them.
func (s *Session) accept(ids []int) error {
	if s.err != nil {
		return s.err
	}
	if s.source == nil && s.crosses {
		return errors.New("model: this decoder attends to what an encoder has read: make the session with EncoderDecoder.NewSession")
	}
	if err := s.d.check(ids); err != nil {
		return err
	}
	if n := len(s.ids) + len(ids); n > s.d.MaxLen {
		return fmt.Errorf("model: a text of %d tokens; the model reads at most %d", n, s.d.MaxLen)
	}
	if n := len(s.ids); n > 0 && len(ids) == 0 && len(s.logits) == 0 && s.cache.Len() == n {
		return s.cache.Truncate(n - 1) // after Rewind: the last token has to be computed again
	}
	s.ids = append(s.ids, ids...)
	return nil
}

// catchUp computes the tokens that the cache does not hold yet.
func (s *Session) catchUp() {
	if s.cache.Len() < len(s.ids) {
		s.feeder.feed(s.d, s)
	}
}

// cross returns the keys and values of the source, or nil.
func (s *Session) cross() *attention.Cache {
	if s.source == nil {
		return nil
	}
	return s.source.cross
}

// restartIfLong empties the cache if the text has crossed the length at which the model changes. A text of which
// nothing is cached begins anew.
func (s *Session) restartIfLong() {
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
	return &Session{d: s.d, opt: s.opt, cache: s.cache.Fork(), longest: s.longest, source: s.source, crosses: s.crosses, err: s.err,
		ids: append([]int(nil), s.ids...), logits: append([]float32(nil), s.logits...)}
}
