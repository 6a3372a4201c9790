package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// textLen is the length of the texts that checks make up: past two pages of the cache.
const textLen = 300

// TestDecoder returns an error that says which promise a decoder breaks, and where. ids is the text to read;
// nil means 300 random tokens, or as many as the model reads. Use a text longer than every window and longer
// than 512 tokens, the rows of one pass, to check more.
//
// Dynamic NTK is an exception, as in transformers: give such a model a text within its original length.
func TestDecoder(d *model.Decoder, ids []int) error {
	if _, err := d.Plan(); err != nil {
		return err
	}
	if ids == nil {
		ids = RandomIDs(1, min(textLen, d.MaxLen), d.Vocab)
	}
	c := &decoderCheck{d: d, ids: ids}
	if err := c.trace(); err != nil {
		return err
	}
	for _, check := range []struct {
		name string
		run  func() error
	}{
		{"a prompt in parts", c.splits}, {"Extend", c.extend}, {"rows in the place of embeddings", c.rows},
		{"other numbers of processors", c.procs}, {"a batch", c.batch}, {"forks", c.forks}, {"going back", c.rewind},
		{"several sessions at once", c.concurrent},
	} {
		if err := check.run(); err != nil {
			return fmt.Errorf("modeltest: %s: %w", check.name, err)
		}
	}
	return nil
}

// RandomIDs returns n random ids from 0 to vocab−1.
func RandomIDs(seed uint64, n, vocab int) []int {
	r := rand.New(rand.NewPCG(seed, 7))
	ids := make([]int, n)
	for i := range ids {
		ids[i] = r.IntN(vocab)
	}
	return ids
}

// SameBits returns an error unless both slices hold the same numbers, bit for bit, without NaN.
func SameBits(got, want []float32) error {
	if len(got) != len(want) || len(want) == 0 {
		return fmt.Errorf("%d numbers, want %d", len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) || got[i] != got[i] {
			return fmt.Errorf("number %d is %v, want %v", i, got[i], want[i])
		}
	}
	return nil
}

// decoderCheck holds the logits after each token of a text, fed one by one.
type decoderCheck struct {
	d    *model.Decoder
	opt  model.SessionOptions
	ids  []int
	want [][]float32
}

func (c *decoderCheck) trace() error {
	s := c.d.NewSession(c.opt)
	for _, id := range c.ids {
		if err := s.Append(id); err != nil {
			return err
		}
		c.want = append(c.want, slices.Clone(s.Logits()))
	}
	return nil
}

// same compares the logits of a session with those that its text has.
func (c *decoderCheck) same(what string, s *model.Session) error {
	if err := SameBits(s.Logits(), c.want[s.Len()-1]); err != nil {
		return fmt.Errorf("%s: after %d tokens: logits: %w", what, s.Len(), err)
	}
	return nil
}

func (c *decoderCheck) splits() error {
	for _, sizes := range [][]int{{1 << 20}, {1, 2, 3, 5, 8, 13, 21, 34, 55, 89}, {127, 1, 1, 127}, {511, 1, 2}, {513}} {
		s := c.d.NewSession(c.opt)
		for i := 0; s.Len() < len(c.ids); i++ {
			n := s.Len()
			if err := s.Append(c.ids[n:min(n+sizes[i%len(sizes)], len(c.ids))]...); err != nil {
				return err
			}
			if err := c.same(fmt.Sprintf("calls of %v", sizes), s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *decoderCheck) extend() error {
	s := c.d.NewSession(c.opt)
	for s.Len() < len(c.ids) {
		n := s.Len()
		m := min(n+n+1, len(c.ids))
		all, err := s.Extend(c.ids[n:m]...)
		if err != nil {
			return err
		}
		for i := range all.Rows() {
			if err := SameBits(all.Row(i), c.want[n+i]); err != nil {
				return fmt.Errorf("logits after token %d: %w", n+i, err)
			}
		}
		if err := c.same("the last", s); err != nil {
			return err
		}
	}
	return nil
}

// rows gives the embeddings of some tokens instead of their ids.
func (c *decoderCheck) rows() error {
	em := &c.d.Embeddings
	x := tensor.New(len(c.ids), em.Words.Weight.In)
	for i, id := range c.ids {
		em.Words.Weight.Row(x.Row(i), id)
		if em.Scale != 0 {
			for j := range x.Row(i) {
				x.Row(i)[j] *= em.Scale
			}
		}
	}
	if em.Padded && slices.Contains(c.ids, em.PaddingIdx) {
		return nil // a row is no padding
	}
	for _, first := range []int{0, 1, len(c.ids) / 2} {
		last := min(first+40, len(c.ids))
		s := c.d.NewSession(c.opt)
		if err := s.Append(c.ids[:first]...); err != nil {
			return err
		}
		if err := s.AppendRows(x.Slice(first, last)); err != nil {
			return err
		}
		if err := c.same("rows", s); err != nil {
			return err
		}
		if err := s.Append(c.ids[last:]...); err != nil {
			return err
		}
		if err := c.same("rows, and tokens after them", s); err != nil {
			return err
		}
		if n := slices.Index(s.IDs(), arch.RowID); last > first && n != first {
			return fmt.Errorf("the first row has position %d, want %d", n, first)
		}
	}
	return nil
}

// whole feeds the text to a new session in one call.
func (c *decoderCheck) whole(what string) error {
	s := c.d.NewSession(c.opt)
	if err := s.Append(c.ids...); err != nil {
		return err
	}
	return c.same(what, s)
}

func (c *decoderCheck) procs() error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(procs)
		if err := c.whole(fmt.Sprintf("GOMAXPROCS %d", procs)); err != nil {
			return err
		}
	}
	return nil
}

// batch feeds sessions at different positions different numbers of tokens in one pass, more than fit one.
func (c *decoderCheck) batch() error {
	n := len(c.ids)
	var batch []model.Input
	for _, part := range [][2]int{{0, 1}, {0, n}, {7, 8}, {n / 2, n}, {n / 3, n/3 + 1}, {n - 1, n}, {5, 5}, {n / 5, n / 2}} {
		first, last := min(part[0], n), min(part[1], n)
		s := c.d.NewSession(c.opt)
		if err := s.Append(c.ids[:first]...); err != nil {
			return err
		}
		batch = append(batch, model.Input{Session: s, IDs: c.ids[first:last]})
	}
	if err := c.d.AppendBatch(batch); err != nil {
		return err
	}
	for i, in := range batch {
		s := in.Session
		if s.Len() > 0 {
			if err := c.same(fmt.Sprintf("member %d", i), s); err != nil {
				return err
			}
		}
		if at := s.Len(); at < n { // and go on alone
			if err := s.Append(c.ids[at]); err != nil {
				return err
			}
			if err := c.same(fmt.Sprintf("member %d, a token later", i), s); err != nil {
				return err
			}
		}
	}
	return nil
}

// forks branches at and within pages, and lets forks of forks go on all at once while the trunk goes on too.
func (c *decoderCheck) forks() error {
	n := len(c.ids)
	trunk := c.d.NewSession(c.opt)
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	branch := func(s *model.Session, seed uint64, more int) {
		wg.Go(func() { errs <- c.grow(s, RandomIDs(seed, more, c.d.Vocab)) })
	}
	for i, at := range []int{1, 20, 100, 128, 129, 256, n - 1} {
		if at <= trunk.Len() || at >= n {
			continue
		}
		if err := trunk.Append(c.ids[trunk.Len():at]...); err != nil {
			return err
		}
		child := trunk.Fork()
		if err := SameBits(child.Logits(), trunk.Logits()); err != nil {
			return fmt.Errorf("a fork at %d: logits: %w", at, err)
		}
		branch(child.Fork(), uint64(100+i), min(10, n-at))
		branch(child, uint64(200+i), min(50, n-at))
	}
	err := trunk.Append(c.ids[trunk.Len():]...)
	wg.Wait()
	close(errs)
	for e := range errs {
		if err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	return c.same("the trunk", trunk)
}

// grow feeds a session tokens one by one, by two ways: itself and, half way, a fork of it; and compares
// both with new sessions.
func (c *decoderCheck) grow(s *model.Session, ids []int) error {
	half := len(ids) / 2
	for _, id := range ids[:half] {
		if err := s.Append(id); err != nil {
			return err
		}
	}
	f := s.Fork()
	if err := f.Append(ids[half:]...); err != nil {
		return err
	}
	for _, id := range ids[half:] {
		if err := s.Append(id); err != nil {
			return err
		}
	}
	fresh := c.d.NewSession(c.opt)
	if err := fresh.Append(s.IDs()...); err != nil {
		return err
	}
	if err := SameBits(f.Logits(), fresh.Logits()); err != nil {
		return fmt.Errorf("a fork of %d tokens: logits: %w", f.Len(), err)
	}
	if err := SameBits(s.Logits(), fresh.Logits()); err != nil {
		return fmt.Errorf("a branch of %d tokens: logits: %w", s.Len(), err)
	}
	return nil
}

// rewind goes back, computes the last token again, and reads on, another text in between; a model with windows may
// refuse, and is as it was then.
func (c *decoderCheck) rewind() error {
	n := len(c.ids)
	s := c.d.NewSession(c.opt)
	if err := s.Append(c.ids...); err != nil {
		return err
	}
	other := RandomIDs(99, 20, c.d.Vocab)
	for _, to := range []int{n - 1, n - 2, n - 128, n / 2, 257, 129, 128, 127, 30, 5, 1, 0, n - 3} {
		if to < 0 || to >= n {
			continue
		}
		if err := s.Rewind(to); err != nil {
			if err := c.refused(s, to, err); err != nil {
				return err
			}
			continue
		}
		if s.Len() != to || s.Logits() != nil {
			return fmt.Errorf("back to %d: %d tokens, %d logits", to, s.Len(), len(s.Logits()))
		}
		if err := c.again(s, to, other); err != nil {
			return fmt.Errorf("back to %d of %d: %w", to, n, err)
		}
	}
	return nil
}

// again reads on from where a session has gone back to.
func (c *decoderCheck) again(s *model.Session, to int, other []int) error {
	if to > 0 && to > len(c.ids)-64 { // in reach of every window
		if err := s.Append(); err != nil {
			return err
		}
		if err := c.same("the last token again", s); err != nil {
			return err
		}
	}
	if err := s.Append(other[:min(len(c.ids)-to, len(other))]...); err != nil {
		return err
	}
	if err := s.Rewind(to); err != nil {
		return err
	}
	for _, end := range []int{to + 1, len(c.ids)} {
		if err := s.Append(c.ids[s.Len():end]...); err != nil {
			return err
		}
		if err := c.same("and on", s); err != nil {
			return err
		}
	}
	return nil
}

// refused returns an error unless a session had a reason not to go back, says so, and is as it was.
func (c *decoderCheck) refused(s *model.Session, to int, err error) error {
	n := len(c.ids)
	plan, _ := c.d.Plan()
	windowed := false
	for _, l := range plan.Caches() {
		windowed = windowed || l.Mask.Window > 0 || l.Mask.Chunk > 0
	}
	switch {
	case !windowed || to == 0 || to >= n-128:
		return fmt.Errorf("back to %d of %d, which is kept always: %w", to, n, err)
	case !strings.Contains(err.Error(), fmt.Sprintf("cannot go back to position %d of %d", to, n)):
		return fmt.Errorf("back to %d: the error is %w", to, err)
	case s.Len() != n:
		return fmt.Errorf("after an error: %d tokens, want %d", s.Len(), n)
	}
	return c.same("after an error", s)
}

func (c *decoderCheck) concurrent() error {
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			s := c.d.NewSession(c.opt)
			for n := 0; n < len(c.ids) && errs[i] == nil; n = s.Len() {
				errs[i] = s.Append(c.ids[n:min(n+100*i+50, len(c.ids))]...)
			}
			if errs[i] == nil {
				errs[i] = c.same(fmt.Sprintf("session %d", i), s)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
