// Package jsonscan reads JSON without building values, and holds helpers for the readers of tokenizer.json's stages.
package jsonscan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// Reader walks through JSON without building values, for vocabularies of hundreds of thousands of entries. What it
// skips it checks only as far as finding its end needs.
type Reader struct {
	Data []byte
	at   int
	buf  []byte // for strings with escapes
}

// MaxID bounds the ids a file may name, so that a hostile id cannot size a table.
const MaxID = 1 << 24

const maxJSONDepth = 64

var errJSONEnd = fmt.Errorf("unexpected end of JSON: %w", io.ErrUnexpectedEOF)

func (r *Reader) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", r.at, fmt.Sprintf(format, args...))
}

// Peek returns the next byte that is no white space, or 0 at the end.
func (r *Reader) Peek() byte {
	for r.at < len(r.Data) {
		switch c := r.Data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// expect takes the byte c.
func (r *Reader) expect(c byte) error {
	switch got := r.Peek(); got {
	case c:
		r.at++
		return nil
	case 0:
		return errJSONEnd
	default:
		return r.errorf("found %q where %q belongs", got, c)
	}
}

// Object calls f with each key of an object; f reads the value. The key is valid until the next string is read.
func (r *Reader) Object(f func(key []byte) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	return r.items('}', func() error {
		key, err := r.Str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return f(key)
	})
}

// Array calls f before each element of an array; f reads it.
func (r *Reader) Array(f func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	return r.items(']', f)
}

func (r *Reader) items(end byte, f func() error) error {
	if r.Peek() == end {
		r.at++
		return nil
	}
	for {
		if err := f(); err != nil {
			return err
		}
		switch c := r.Peek(); c {
		case ',':
			r.at++
		case end:
			r.at++
			return nil
		case 0:
			return errJSONEnd
		default:
			return r.errorf("found %q where ',' or %q belongs", c, end)
		}
	}
}

// Str reads a string. The result aliases the input, or, with escapes, a buffer that the next str reuses.
func (r *Reader) Str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.at
	for r.at < len(r.Data) {
		switch c := r.Data[r.at]; {
		case c == '"':
			s := r.Data[start:r.at]
			r.at++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return nil, r.errorf("control character in a string")
		}
		r.at++
	}
	return nil, errJSONEnd
}

// escaped reads on in a string that began at start and has an escape here.
func (r *Reader) escaped(start int) ([]byte, error) {
	r.buf = append(r.buf[:0], r.Data[start:r.at]...)
	for r.at < len(r.Data) {
		c := r.Data[r.at]
		r.at++
		switch {
		case c == '"':
			return r.buf, nil
		case c < ' ':
			return nil, r.errorf("control character in a string")
		case c != '\\':
			r.buf = append(r.buf, c)
		case r.at == len(r.Data):
			return nil, errJSONEnd
		default:
			c = r.Data[r.at]
			r.at++
			if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
				r.buf = append(r.buf, "\"\\/\b\f\n\r\t"[i])
			} else if c != 'u' {
				return nil, r.errorf("escape \\%c is not JSON", c)
			} else if err := r.unicodeEscape(); err != nil {
				return nil, err
			}
		}
	}
	return nil, errJSONEnd
}

// unicodeEscape reads the digits after \u, and a second escape where the first is half a pair.
func (r *Reader) unicodeEscape() error {
	hi, err := r.hex4()
	if err != nil {
		return err
	}
	if hi >= 0xd800 && hi < 0xdc00 && bytes.HasPrefix(r.Data[r.at:], []byte(`\u`)) {
		was := r.at
		r.at += 2
		lo, err := r.hex4()
		if err != nil {
			return err
		}
		if lo >= 0xdc00 && lo < 0xe000 {
			hi = (hi-0xd800)<<10 + (lo - 0xdc00) + 0x10000
		} else {
			r.at = was
		}
	}
	r.buf = utf8.AppendRune(r.buf, hi) // a lone half becomes U+FFFD
	return nil
}

func (r *Reader) hex4() (rune, error) {
	if len(r.Data)-r.at < 4 {
		return 0, errJSONEnd
	}
	v, err := strconv.ParseUint(string(r.Data[r.at:r.at+4]), 16, 32)
	if err != nil {
		return 0, r.errorf("\\u%s is not JSON", r.Data[r.at:r.at+4])
	}
	r.at += 4
	return rune(v), nil
}

// Number reads a number as it is written.
func (r *Reader) Number() ([]byte, error) {
	r.Peek()
	start := r.at
	for r.at < len(r.Data) && bytes.IndexByte([]byte("+-.0123456789eE"), r.Data[r.at]) >= 0 {
		r.at++
	}
	if r.at == start {
		if r.at == len(r.Data) {
			return nil, errJSONEnd
		}
		return nil, r.errorf("found %q where a number belongs", r.Data[r.at])
	}
	return r.Data[start:r.at], nil
}

// Id reads a token id.
func (r *Reader) Id() (uint32, error) {
	r.Peek()
	start, v := r.at, uint32(0)
	for r.at < len(r.Data) && r.Data[r.at]-'0' <= 9 && v < MaxID {
		v = v*10 + uint32(r.Data[r.at]-'0')
		r.at++
	}
	if r.at == start || v >= MaxID {
		return 0, r.errorf("a token id must be a whole number below %d", MaxID)
	}
	return v, nil
}

// Skip passes over one value and returns its text. Of the value's form it sees to the quotes and brackets only.
func (r *Reader) Skip() ([]byte, error) {
	if c := r.Peek(); c == ',' || c == ':' || c == '}' || c == ']' {
		return nil, r.errorf("found %q where a value belongs", c)
	}
	data, start, depth := r.Data, r.at, 0
	for i := start; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > maxJSONDepth {
				r.at = i
				return nil, r.errorf("values nest deeper than %d", maxJSONDepth)
			}
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 || i+1 < len(data) && !endsWord(data[i+1]) {
				continue
			}
		}
		if depth == 0 && i < len(data) {
			r.at = i + 1
			return data[start:r.at], nil
		}
	}
	return nil, errJSONEnd
}

// endsWord reports whether a number or a word is over before c.
func endsWord(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ':', '}', ']', '{', '[', '"':
		return true
	}
	return false
}

// Done reports an error where anything but white space follows.
func (r *Reader) Done() error {
	if r.Peek() != 0 || r.at < len(r.Data) {
		return errors.New("more follows the JSON value")
	}
	return nil
}
