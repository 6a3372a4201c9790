package tokenizer

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// A decodeStep is one stage of turning tokens into text. Tokens arrive in parts: a part either starts a token or goes
// on with the one before. What a step cannot yet decide it holds back until more arrives or the end is flushed, so
// decoding all at once and token by token are one code.
type decodeStep interface {
	push(part []byte, starts bool, out *decodeSink)
	flush(out *decodeSink)
}

// decodeSink hands a step's output to the step after it; after the last, to the text.
type decodeSink struct {
	stream *Stream
	next   int // the step that takes the output
}

func (d *decodeSink) put(part []byte, starts bool) {
	s := d.stream
	if s.budget -= len(part); s.budget < 0 && s.err == nil {
		s.err = errDecodeGrowth
	}
	if s.err != nil {
		return
	}
	if d.next == len(s.steps) {
		s.text = append(s.text, part...)
		return
	}
	s.steps[d.next].push(part, starts, &s.sinks[d.next+1])
}

// decoderChain makes the steps of one decoding.
type decoderChain []func() decodeStep

// Stream decodes tokens as they come. Its pieces put together are what Decode gives for all the ids, and each is whole
// characters. A Stream belongs to one goroutine.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	steps       []decodeStep
	sinks       []decodeSink
	text        []byte // of the call in hand
	err         error  // of the call in hand
	budget      int    // bytes that the steps may still put out
	search      searchTime
}

// A token may make decodeGrowth times its own bytes and one more, in all the steps together, and all tokens decodeSlack
// more.
const decodeGrowth, decodeSlack = 64, 1 << 12

var errDecodeGrowth = fmt.Errorf("tokenizer: the decoder makes more than %d bytes of each byte of its tokens", decodeGrowth)

// NewStream returns a Stream that leaves out special tokens if skipSpecial is set.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	if t.reads != nil {
		t = t.reads
	}
	s := &Stream{t: t, skipSpecial: skipSpecial, budget: decodeSlack}
	s.reset()
	return s
}

func (s *Stream) reset() {
	s.steps, s.sinks = s.steps[:0], append(s.sinks[:0], decodeSink{s, 0})
	for i, step := range s.t.decoder {
		s.steps, s.sinks = append(s.steps, step()), append(s.sinks, decodeSink{s, i + 1})
	}
}

// Push takes the next id and returns the text that is now certain, which may be empty: a character may need more
// tokens, and some decoders need to see the next token. An id outside the vocabulary is an error that names it, and
// leaves the stream as it was.
func (s *Stream) Push(id int) (string, error) {
	s.text, s.err = s.text[:0], nil
	s.push(id)
	return string(s.text), s.err
}

// Flush returns what is still held back, with U+FFFD for the part of a character, and makes the stream as new.
func (s *Stream) Flush() (string, error) {
	s.text, s.err = s.text[:0], nil
	s.flush()
	s.reset()
	return string(s.text), s.err
}

func (s *Stream) push(id int) {
	part, special, ok := s.t.decodeBytes(id)
	if !ok {
		s.err = fmt.Errorf("tokenizer: id %d is not in the vocabulary of %d", id, s.t.VocabSize())
		return
	}
	if !special || !s.skipSpecial {
		s.budget = min(s.budget, math.MaxInt/4) + decodeGrowth*(len(part)+1)
		s.sinks[0].put(part, true)
	}
}

func (s *Stream) flush() {
	for i, step := range s.steps {
		step.flush(&s.sinks[i+1])
	}
}

// Decode returns the text of ids, leaving out special tokens if skipSpecial is set. Bytes that do not make up a
// character become U+FFFD. An id outside the vocabulary is an error that names it. So is a file whose decoder makes more
// than 64 bytes of each byte of the tokens, or takes longer over regular expressions than encoding may.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) (string, error) {
	s := t.NewStream(skipSpecial)
	for _, id := range ids {
		if s.push(id); s.err != nil {
			return "", s.err
		}
	}
	s.flush()
	return string(s.text), s.err
}

// decodeBytes returns what the decoder starts from: the bytes that a token in GPT-2's alphabet writes where the decoder
// is for that, else its text.
func (t *Tokenizer) decodeBytes(id int) (part []byte, special, ok bool) {
	if k, ok := t.added.index(id); ok {
		return t.addedBytes[k], t.added.tokens[k].Special, true
	}
	if t.byteLevel && t.decodesBytes && t.vocab.contains(id) && t.foreign[id] == "" {
		return t.vocab.bytes(id), false, true
	}
	s, ok := t.Token(id)
	return []byte(s), false, ok
}

// joinSpaces puts a space between tokens: what there is without a decoder.
type joinSpaces struct{ begun bool }

func (d *joinSpaces) push(part []byte, starts bool, out *decodeSink) {
	if starts && d.begun {
		out.put([]byte(" "), true)
	}
	d.begun = true
	out.put(part, starts)
}

func (d *joinSpaces) flush(*decodeSink) {}

// validUTF8 writes U+FFFD for what is no UTF-8, waiting for the rest of a character. All becomes one token.
type validUTF8 struct {
	held  []byte
	begun bool
}

func (d *validUTF8) push(part []byte, _ bool, out *decodeSink) {
	b := append(d.held, part...)
	n := len(b) - incomplete(b)
	d.put(b[:n], out)
	d.held = append(d.held[:0], b[n:]...)
}

func (d *validUTF8) put(b []byte, out *decodeSink) {
	if len(b) == 0 {
		return
	}
	if !utf8.Valid(b) {
		b = appendValid(nil, b)
	}
	out.put(b, !d.begun)
	d.begun = true
}

func (d *validUTF8) flush(out *decodeSink) {
	d.put(d.held, out)
	d.held = d.held[:0]
}

// alphabetBytes turns tokens in GPT-2's byte alphabet into bytes; one with another character stays as it is.
type alphabetBytes struct{}

func (alphabetBytes) push(part []byte, starts bool, out *decodeSink) {
	if b, ok := appendFromAlphabet(nil, part); ok {
		part = b
	}
	out.put(part, starts)
}

func (alphabetBytes) flush(*decodeSink) {}

// fuse makes all tokens one.
type fuse struct{ begun bool }

func (d *fuse) push(part []byte, _ bool, out *decodeSink) {
	out.put(part, !d.begun)
	d.begun = true
}

func (d *fuse) flush(*decodeSink) {}

// replaceToken replaces within tokens that come whole, and gives them whole to the next step.
type replaceToken struct{ old, new, made []byte }

func (d *replaceToken) push(part []byte, starts bool, out *decodeSink) {
	i := bytes.Index(part, d.old)
	if i < 0 {
		out.put(part, starts)
		return
	}
	d.made = d.made[:0]
	for ; i >= 0; i = bytes.Index(part, d.old) {
		d.made = append(append(d.made, part[:i]...), d.new...)
		part = part[i+len(d.old):]
		if len(d.made) > out.stream.budget {
			break // put will say so
		}
	}
	d.made = append(d.made, part...)
	out.put(d.made, starts)
}

func (d *replaceToken) flush(*decodeSink) {}

// replaceEach replaces within a token that comes in parts. A match may lie across two, so the part of a match at the end
// is held.
type replaceEach struct {
	old, new []byte
	held     []byte
	begun    bool // the token in hand has given output
}

func (d *replaceEach) push(part []byte, starts bool, out *decodeSink) {
	if starts {
		d.flush(out)
		d.begun = false
	}
	b := part
	if len(d.held) > 0 {
		b = append(append([]byte(nil), d.held...), part...)
	} else if bytes.IndexByte(b, d.old[0]) < 0 {
		d.put(b, out)
		return
	}
	d.held = d.held[:0]
	for {
		i := bytes.Index(b, d.old)
		if i < 0 {
			break
		}
		d.put(b[:i], out)
		d.put(d.new, out)
		b = b[i+len(d.old):]
	}
	n := len(b) - overlap(b, d.old)
	d.put(b[:n], out)
	d.held = append(d.held, b[n:]...)
}

func (d *replaceEach) put(b []byte, out *decodeSink) {
	out.put(b, !d.begun)
	d.begun = true
}

func (d *replaceEach) flush(out *decodeSink) {
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

// mapEach rewrites each token by itself. It needs whole tokens: with ahead set it waits for the next to begin.
type mapEach struct {
	f     tokenMap
	ahead bool // tokens come in parts, or f looks at last
	drops bool // a token without text is none
	held  []byte
	open  bool
	later bool // the first token is past
}

func (d *mapEach) push(part []byte, starts bool, out *decodeSink) {
	if starts {
		d.give(out, false)
		d.held, d.open = d.held[:0], true
	}
	d.held = append(d.held, part...)
	if !d.ahead {
		d.give(out, false)
	}
}

func (d *mapEach) give(out *decodeSink, last bool) {
	if !d.open {
		return
	}
	s, err := d.f(string(d.held), !d.later, last, &out.stream.search)
	if err != nil && out.stream.err == nil {
		out.stream.err = err
	}
	d.open, d.later = false, true
	if s != "" || !d.drops {
		out.put([]byte(s), true)
	}
}

func (d *mapEach) flush(out *decodeSink) { d.give(out, true) }

// byteFallback gathers runs of tokens <0xXX>: as text where the run's bytes are UTF-8, else as one U+FFFD a byte.
type byteFallback struct{ held []byte }

func (d *byteFallback) push(part []byte, starts bool, out *decodeSink) {
	if c, ok := parseByteToken(part); ok && starts {
		d.held = append(d.held, c)
		return
	}
	d.flush(out)
	out.put(part, starts)
}

func (d *byteFallback) flush(out *decodeSink) {
	if len(d.held) == 0 {
		return
	}
	if utf8.Valid(d.held) {
		out.put(d.held, true)
	} else {
		for range d.held {
			out.put([]byte("\uFFFD"), true)
		}
	}
	d.held = d.held[:0]
}

// parseByteToken reads a token <0xXX>.
func parseByteToken(b []byte) (byte, bool) {
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

// stripEnds takes up to left and right copies of a character off the ends of each token.
type stripEnds struct {
	content     []byte
	left, right int
	taken       int  // at the start of the token in hand
	inside      bool // the token in hand is past its start
	held        int  // copies at its end that may have to go
	begun       bool
}

func (d *stripEnds) push(part []byte, starts bool, out *decodeSink) {
	if starts {
		*d = stripEnds{content: d.content, left: d.left, right: d.right}
	}
	for !d.inside && d.taken < d.left && bytes.HasPrefix(part, d.content) {
		part = part[len(d.content):]
		d.taken++
	}
	if len(part) > 0 {
		d.inside = true
	}
	n, copies := len(part), 0
	for copies < d.right && bytes.HasSuffix(part[:n], d.content) {
		n -= len(d.content)
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
func (d *stripEnds) give(copies int, out *decodeSink) {
	for range copies {
		d.put(d.content, out)
	}
}

func (d *stripEnds) put(b []byte, out *decodeSink) {
	out.put(b, !d.begun)
	d.begun = true
}

func (d *stripEnds) flush(*decodeSink) { d.held = 0 }

// stripped reports whether the reference's language takes r for white space: it has the separators of ASCII too.
func stripped(r rune) bool { return isSpace(r) || r >= 0x1c && r <= 0x1f }

// trimText takes white space off the ends of the whole text.
type trimText struct {
	held  []byte
	begun bool
}

func (d *trimText) push(part []byte, _ bool, out *decodeSink) {
	if !d.begun {
		part = bytes.TrimLeftFunc(part, stripped)
		if len(part) == 0 {
			return
		}
	}
	n := len(bytes.TrimRightFunc(part, stripped))
	if n > 0 {
		out.put(d.held, !d.begun)
		d.begun = true
		out.put(part[:n], false)
		d.held = d.held[:0]
	}
	d.held = append(d.held, part[n:]...)
}

func (d *trimText) flush(*decodeSink) { d.held = d.held[:0] }
