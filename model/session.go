package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// SessionOptions change how a [Session] works. The zero value suits most programs.
type SessionOptions struct {
	// Cache is the type of the cached keys and values: F32; F16 or BF16, for half the memory; or Q8_0, for little more
	// than a quarter. See [attention.Cache]. Other types panic.
	Cache tensor.DType

	// Reserve is the number of tokens to allocate cache memory for at the start.
	Reserve int

	// Observer sees inside each pass; see [attention.Pass].
	Observer func(at attention.Point) func(x tensor.Tensor)
}

// Session is one text that a Decoder reads and continues: its tokens, their cached keys and values, and the
// logits after the last token. One goroutine at a time may use a session; different sessions may run at the
// same time.
type Session struct {
	d       *Decoder
	opt     SessionOptions
	err     error // what is wrong with the decoder
	cache   *attention.Cache
	ids     []int
	given   []float32 // the rows of tokens whose id is arch.RowID, one after the other
	longest int       // the most tokens it has had, for rotations that depend on it
	pending int       // tokens that the present call computes
	logits  []float32 // [V], after the last token; empty before the first
	encoded *Encoded  // what an encoder has read, for a decoder that attends to it
	crosses bool      // the decoder does

	counts   bool // all that stands before the first generated token is its prompt, and counts in limits of length
	rowToken int  // one more than the id under which processors see given rows; 0: they do not see them

	changed []float32 // [V], logits that processors have changed
	text    []int     // ids without arch.RowID
}

// NewSession returns an empty session. If a Decoder was assembled wrongly, the first call that computes
// returns the error.
func (d *Decoder) NewSession(opt SessionOptions) *Session {
	plan, err := d.Plan()
	if err != nil {
		plan = new(attention.Plan)
	}
	s := &Session{d: d, opt: opt, err: err, cache: plan.NewCache(opt.Cache), crosses: len(plan.Cross()) > 0}
	if n := min(opt.Reserve, d.MaxLen); n > 0 {
		s.cache.Reserve(n)
		s.ids = make([]int, 0, n)
	}
	return s
}

// Len returns the number of tokens.
func (s *Session) Len() int { return len(s.ids) }

// CacheBytes returns the size of the cached keys and values in bytes. Memory shared with forks counts in
// full.
func (s *Session) CacheBytes() int64 { return s.cache.Bytes() }

// IDs returns a copy of the token ids. Tokens from [Session.AppendRows] have the id [arch.RowID].
func (s *Session) IDs() []int { return append([]int(nil), s.ids...) }

// Logits returns the logits after the last token, [V]. The next Append overwrites this memory. It returns nil
// if there are no tokens, and after Generate or Rewind until the next Append.
func (s *Session) Logits() []float32 {
	if s.cache.Len() != len(s.ids) || len(s.logits) == 0 {
		return nil
	}
	return s.logits
}

// Append appends tokens and computes the logits after the last one. Call it without tokens after Generate or
// Rewind to compute the logits after the last token. It returns an error, and appends nothing, for an id that
// the model does not have, or if the text gets longer than the model can read.
func (s *Session) Append(ids ...int) error {
	if err := s.accept(ids, tensor.Tensor{}); err != nil {
		return err
	}
	return s.computePending(nil)
}

// AppendRows appends one token for each row of x, [T, width of the embedding table], and computes the logits
// after the last one. The rows replace word embeddings: they may be the soft tokens of a picture, for
// instance; see [arch.Sequence]. The session copies them. Processors of logits do not see these tokens.
// Errors are those of Append.
func (s *Session) AppendRows(x tensor.Tensor) error {
	ids := make([]int, x.Rows())
	for i := range ids {
		ids[i] = arch.RowID
	}
	if err := s.accept(ids, x); err != nil {
		return err
	}
	return s.computePending(nil)
}

// Extend appends tokens and returns the logits after each of them, [len(ids), V], in new memory. Errors are
// those of Append.
func (s *Session) Extend(ids ...int) (tensor.Tensor, error) {
	if err := s.accept(ids, tensor.Tensor{}); err != nil {
		return tensor.Tensor{}, err
	}
	out, before := tensor.New(len(ids), s.d.Vocab), len(s.ids)-len(ids)
	if short := s.d.LongFrom - 1 - before; short > 0 && short < len(ids) { // the model changes on the way
		s.ids = s.ids[:before+short]
		err := s.computePending(out.Slice(0, short).Data)
		s.ids = s.ids[:before+len(ids)]
		if err == nil {
			err = s.computePending(out.Slice(short, len(ids)).Data)
		}
		return out, err
	}
	return out, s.computePending(out.Data)
}

// accept appends ids to the tokens after checking them. Where there are none, the last token is to be
// computed again if its logits are not there.
func (s *Session) accept(ids []int, rows tensor.Tensor) error {
	if s.err != nil {
		return s.err
	}
	if s.encoded == nil && s.crosses {
		return errors.New("model: this decoder attends to what an encoder has read: make the session with EncoderDecoder.NewSession")
	}
	if s.encoded != nil && s.crosses && s.encoded.cross == nil {
		return errReleased
	}
	if err := s.d.Check(&arch.Sequence{IDs: ids, Rows: rows}, ""); err != nil {
		return err
	}
	if n := len(s.ids) + len(ids); n > s.d.MaxLen {
		return fmt.Errorf("model: a text of %d tokens; the model reads at most %d", n, s.d.MaxLen)
	}
	if n := len(s.ids); n > 0 && len(ids) == 0 && len(s.logits) == 0 && s.cache.Len() == n {
		return s.cache.Truncate(n - 1) // after Rewind
	}
	s.ids = append(s.ids, ids...)
	s.given = append(s.given, rows.Data...)
	return nil
}

// takeBack undoes an accept of n tokens.
func (s *Session) takeBack(n int) {
	s.ids = s.ids[:len(s.ids)-n]
	s.given = s.given[:s.givenBefore(len(s.ids))]
}

// givenBefore returns the number of values in the given rows of the first n tokens.
func (s *Session) givenBefore(n int) int {
	if len(s.given) == 0 {
		return 0
	}
	rows := 0
	for _, id := range s.ids[:n] {
		if id == arch.RowID {
			rows++
		}
	}
	return rows * s.d.Embeddings.Words.Weight.In
}

// tokens returns the ids of the text as processors see it.
func (s *Session) tokens() []int {
	if len(s.given) == 0 {
		return s.ids
	}
	s.text = s.text[:0]
	for _, id := range s.ids {
		if id == arch.RowID && s.rowToken > 0 {
			id = s.rowToken - 1
		}
		if id != arch.RowID {
			s.text = append(s.text, id)
		}
	}
	return s.text
}

// computePending computes the tokens that the cache does not hold yet. The logits after the last of them, as
// many as there is room for, go to all.
func (s *Session) computePending(all []float32) error {
	if s.cache.Len() < len(s.ids) {
		b := batchers.Get()
		b.all = all
		err := b.run(s.d, s)
		b.put()
		return err
	}
	return nil
}

// cross returns the keys and values of what the encoder has read, or nil.
func (s *Session) cross() *attention.Cache {
	if s.encoded == nil {
		return nil
	}
	return s.encoded.cross
}

// restartIfLong empties the cache if the text has crossed the length at which the model changes. A text of
// which nothing is cached begins anew.
func (s *Session) restartIfLong() {
	from := s.d.LongFrom
	if from > 0 && s.cache.Len() > 0 && (s.longest >= from) != (len(s.ids) >= from) {
		s.cache.Truncate(0) // nothing is ever dropped that position 0 sees
	}
	if s.cache.Len() == 0 {
		s.longest = 0
	}
}

// Rewind forgets the tokens from position n on. A model with sliding windows can go back only as far as its
// caches reach; the error says how far. For a model with recurrent states, the next call may compute some
// earlier tokens again.
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
	s.given = s.given[:s.givenBefore(n)]
	s.ids, s.logits = s.ids[:n], s.logits[:0]
	return nil
}

// Fork returns a session with the same tokens that shares the memory of their keys and values. Both sessions
// may go on, also at the same time.
func (s *Session) Fork() *Session {
	f := s.fork()
	f.ids, f.logits = slices.Clone(s.ids), slices.Clone(s.logits)
	return f
}

// fork returns a fork without ids and logits.
func (s *Session) fork() *Session {
	return &Session{d: s.d, opt: s.opt, err: s.err, cache: s.cache.Fork(), longest: s.longest, encoded: s.encoded, crosses: s.crosses,
		counts: s.counts, rowToken: s.rowToken, given: slices.Clip(s.given)}
}
