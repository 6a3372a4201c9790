// Package decode holds the decoders, which turn tokens into text.
package decode

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// A Step is one stage of turning tokens into text. Tokens arrive in parts: a part either starts a token or goes
// on with the one before. What a step cannot yet decide it holds back until more arrives or the end is flushed, so
// decoding all at once and token by token are one code.
type Step interface {
	Push(part []byte, starts bool, out *Sink)
	Flush(out *Sink)
}

// Sink hands a step's output to the step after it; after the last, to the text.
type Sink struct {
	run  *Run
	next int // the step that takes the output
}

func (d *Sink) Put(part []byte, starts bool) {
	s := d.run
	if s.budget -= len(part); s.budget < 0 && s.Err == nil {
		s.Err = errDecodeGrowth
	}
	if s.Err != nil {
		return
	}
	if d.next == len(s.steps) {
		s.Text = append(s.Text, part...)
		return
	}
	s.steps[d.next].Push(part, starts, &s.sinks[d.next+1])
}

// Chain makes the steps of one decoding.
type Chain []func() Step

// Run is one decoding by a chain of steps. It belongs to one goroutine.
type Run struct {
	steps  []Step
	sinks  []Sink
	Text   []byte // since begin
	Err    error  // likewise
	budget int    // bytes that the steps may still put out
	search buffer.Search
}

// A token may make decodeGrowth times its own bytes and one more, in all the steps together, and all tokens decodeSlack
// more.
const growth, slack = 64, 1 << 12

var errDecodeGrowth = fmt.Errorf("tokenizer: the decoder makes more than %d bytes of each byte of its tokens", growth)

func (c Chain) NewRun() *Run {
	r := &Run{budget: slack}
	r.Reset(c)
	return r
}

// Reset makes the run as new, by the steps of c; its budget stays.
func (r *Run) Reset(c Chain) {
	r.steps, r.sinks = r.steps[:0], append(r.sinks[:0], Sink{r, 0})
	for i, step := range c {
		r.steps, r.sinks = append(r.steps, step()), append(r.sinks, Sink{r, i + 1})
	}
}

// Begin forgets the text and the error of what came before.
func (r *Run) Begin() { r.Text, r.Err = r.Text[:0], nil }

// Push hands a token to the first step.
func (r *Run) Push(token []byte) {
	r.budget = min(r.budget, math.MaxInt/4) + growth*(len(token)+1)
	r.sinks[0].Put(token, true)
}

// Flush makes the steps give out what they hold back.
func (r *Run) Flush() {
	for i, step := range r.steps {
		step.Flush(&r.sinks[i+1])
	}
}

// joinSpaces puts a space between tokens: what there is without a decoder.
type joinSpaces struct{ begun bool }

func (d *joinSpaces) Push(part []byte, starts bool, out *Sink) {
	if starts && d.begun {
		out.Put([]byte(" "), true)
	}
	d.begun = true
	out.Put(part, starts)
}

func (d *joinSpaces) Flush(*Sink) {}

// ValidUTF8 writes U+FFFD for what is no UTF-8, waiting for the rest of a character. All becomes one token.
type ValidUTF8 struct {
	held  []byte
	begun bool
}

func (d *ValidUTF8) Push(part []byte, _ bool, out *Sink) {
	b := append(d.held, part...)
	n := len(b) - chars.Incomplete(b)
	d.put(b[:n], out)
	d.held = append(d.held[:0], b[n:]...)
}

func (d *ValidUTF8) put(b []byte, out *Sink) {
	if len(b) == 0 {
		return
	}
	if !utf8.Valid(b) {
		b = chars.AppendValid(nil, b)
	}
	out.Put(b, !d.begun)
	d.begun = true
}

func (d *ValidUTF8) Flush(out *Sink) {
	d.put(d.held, out)
	d.held = d.held[:0]
}

// alphabetBytes turns tokens in GPT-2's byte alphabet into bytes; one with another character stays as it is.
type alphabetBytes struct{}

func (alphabetBytes) Push(part []byte, starts bool, out *Sink) {
	if b, ok := chars.AppendFromAlphabet(nil, part); ok {
		part = b
	}
	out.Put(part, starts)
}

func (alphabetBytes) Flush(*Sink) {}

// Fuse makes all tokens one.
type Fuse struct{ begun bool }

func (d *Fuse) Push(part []byte, _ bool, out *Sink) {
	out.Put(part, !d.begun)
	d.begun = true
}

func (d *Fuse) Flush(*Sink) {}

// ReplaceToken replaces within tokens that come whole, and gives them whole to the next step.
type ReplaceToken struct{ Old, New, made []byte }

func (d *ReplaceToken) Push(part []byte, starts bool, out *Sink) {
	i := bytes.Index(part, d.Old)
	if i < 0 {
		out.Put(part, starts)
		return
	}
	d.made = d.made[:0]
	for ; i >= 0; i = bytes.Index(part, d.Old) {
		d.made = append(append(d.made, part[:i]...), d.New...)
		part = part[i+len(d.Old):]
		if len(d.made) > out.run.budget {
			break // Put will say so
		}
	}
	d.made = append(d.made, part...)
	out.Put(d.made, starts)
}

func (d *ReplaceToken) Flush(*Sink) {}

// ReplaceEach replaces within a token that comes in parts. A match may lie across two, so the part of a match at the end
// is held.
type ReplaceEach struct {
	Old, New []byte
	held     []byte
	begun    bool // the token in hand has given output
}

func (d *ReplaceEach) Push(part []byte, starts bool, out *Sink) {
	if starts {
		d.Flush(out)
		d.begun = false
	}
	b := part
	if len(d.held) > 0 {
		b = append(append([]byte(nil), d.held...), part...)
	} else if bytes.IndexByte(b, d.Old[0]) < 0 {
		d.put(b, out)
		return
	}
	d.held = d.held[:0]
	for {
		i := bytes.Index(b, d.Old)
		if i < 0 {
			break
		}
		d.put(b[:i], out)
		d.put(d.New, out)
		b = b[i+len(d.Old):]
	}
	n := len(b) - overlap(b, d.Old)
	d.put(b[:n], out)
	d.held = append(d.held, b[n:]...)
}

func (d *ReplaceEach) put(b []byte, out *Sink) {
	out.Put(b, !d.begun)
	d.begun = true
}

func (d *ReplaceEach) Flush(out *Sink) {
	if len(d.held) > 0 {
		held := append([]byte(nil), d.held...)
		d.held = d.held[:0]
		d.put(held, out)
	}
}

// overlap returns the length of the longest end of b that begins, but is not, s.
func overlap(b, s []byte) int {
	for n := min(len(b), len(s)-1); n > 0; n-- {
		if bytes.Equal(b[len(b)-n:], s[:n]) {
			return n
		}
	}
	return 0
}

// MapEach rewrites each token by itself. It needs whole tokens: with ahead set it waits for the next to begin.
type MapEach struct {
	F     tokenMap
	ahead bool // tokens come in parts, or f looks at last
	drops bool // a token without text is none
	held  []byte
	open  bool
	later bool // the first token is past
}

func (d *MapEach) Push(part []byte, starts bool, out *Sink) {
	if starts {
		d.give(out, false)
		d.held, d.open = d.held[:0], true
	}
	d.held = append(d.held, part...)
	if !d.ahead {
		d.give(out, false)
	}
}

func (d *MapEach) give(out *Sink, last bool) {
	if !d.open {
		return
	}
	s, err := d.F(string(d.held), !d.later, last, &out.run.search)
	if err != nil && out.run.Err == nil {
		out.run.Err = err
	}
	d.open, d.later = false, true
	if s != "" || !d.drops {
		out.Put([]byte(s), true)
	}
}

func (d *MapEach) Flush(out *Sink) { d.give(out, true) }

// ByteFallback gathers runs of tokens <0xXX>: as text where the run's bytes are UTF-8, else as one U+FFFD a byte.
type ByteFallback struct{ held []byte }

func (d *ByteFallback) Push(part []byte, starts bool, out *Sink) {
	if c, ok := ParseByteToken(part); ok && starts {
		d.held = append(d.held, c)
		return
	}
	d.Flush(out)
	out.Put(part, starts)
}

func (d *ByteFallback) Flush(out *Sink) {
	if len(d.held) == 0 {
		return
	}
	if utf8.Valid(d.held) {
		out.Put(d.held, true)
	} else {
		for range d.held {
			out.Put([]byte("\uFFFD"), true)
		}
	}
	d.held = d.held[:0]
}

// ParseByteToken reads a token <0xXX>.
func ParseByteToken(b []byte) (byte, bool) {
	if len(b) != 6 || string(b[:3]) != "<0x" || b[5] != '>' {
		return 0, false
	}
	hi, ok1 := hexDigit(b[3])
	lo, ok2 := hexDigit(b[4])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// StripEnds takes up to left and right copies of a character off the ends of each token.
type StripEnds struct {
	Content     []byte
	Left, right int
	taken       int  // at the start of the token in hand
	inside      bool // the token in hand is past its start
	held        int  // copies at its end that may have to go
	begun       bool
}

func (d *StripEnds) Push(part []byte, starts bool, out *Sink) {
	if starts {
		*d = StripEnds{Content: d.Content, Left: d.Left, right: d.right}
	}
	for !d.inside && d.taken < d.Left && bytes.HasPrefix(part, d.Content) {
		part = part[len(d.Content):]
		d.taken++
	}
	if len(part) > 0 {
		d.inside = true
	}
	n, copies := len(part), 0
	for copies < d.right && bytes.HasSuffix(part[:n], d.Content) {
		n -= len(d.Content)
		copies++
	}
	if n > 0 || !d.begun {
		d.give(d.held, out)
		d.put(part[:n], out)
		d.held = copies
		return
	}
	d.give(max(0, d.held+copies-d.right), out)
	d.held = min(d.held+copies, d.right)
}

// give puts out copies that were held.
func (d *StripEnds) give(copies int, out *Sink) {
	for range copies {
		d.put(d.Content, out)
	}
}

func (d *StripEnds) put(b []byte, out *Sink) {
	out.Put(b, !d.begun)
	d.begun = true
}

func (d *StripEnds) Flush(*Sink) { d.held = 0 }

// stripped reports whether the reference's language takes r for white space: it has the separators of ASCII too.
func stripped(r rune) bool { return chars.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// TrimText takes white space off the ends of the whole text.
type TrimText struct {
	held  []byte
	begun bool
}

func (d *TrimText) Push(part []byte, _ bool, out *Sink) {
	if !d.begun {
		part = bytes.TrimLeftFunc(part, stripped)
		if len(part) == 0 {
			return
		}
	}
	n := len(bytes.TrimRightFunc(part, stripped))
	if n > 0 {
		out.Put(d.held, !d.begun)
		d.begun = true
		out.Put(part[:n], false)
		d.held = d.held[:0]
	}
	d.held = append(d.held, part[n:]...)
}

func (d *TrimText) Flush(*Sink) { d.held = d.held[:0] }
