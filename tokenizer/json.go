package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// jsonReader walks through JSON without building values, for vocabularies of hundreds of thousands of entries. What it
// skips it checks only as far as finding its end needs.
type jsonReader struct {
	data []byte
	at   int
	buf  []byte // for strings with escapes
}

const maxJSONDepth = 64

var errJSONEnd = fmt.Errorf("unexpected end of JSON: %w", io.ErrUnexpectedEOF)

func (r *jsonReader) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", r.at, fmt.Sprintf(format, args...))
}

// peek returns the next byte that is no white space, or 0 at the end.
func (r *jsonReader) peek() byte {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// expect takes the byte c.
func (r *jsonReader) expect(c byte) error {
	switch got := r.peek(); got {
	case c:
		r.at++
		return nil
	case 0:
		return errJSONEnd
	default:
		return r.errorf("found %q where %q belongs", got, c)
	}
}

// object calls f with each key of an object; f reads the value. The key is valid until the next string is read.
func (r *jsonReader) object(f func(key []byte) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	return r.items('}', func() error {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return f(key)
	})
}

// array calls f before each element of an array; f reads it.
func (r *jsonReader) array(f func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	return r.items(']', f)
}

func (r *jsonReader) items(end byte, f func() error) error {
	if r.peek() == end {
		r.at++
		return nil
	}
	for {
		if err := f(); err != nil {
			return err
		}
		switch c := r.peek(); c {
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

// str reads a string. The result aliases the input, or, with escapes, a buffer that the next str reuses.
func (r *jsonReader) str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.at
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == '"':
			s := r.data[start:r.at]
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
func (r *jsonReader) escaped(start int) ([]byte, error) {
	r.buf = append(r.buf[:0], r.data[start:r.at]...)
	for r.at < len(r.data) {
		c := r.data[r.at]
		r.at++
		switch {
		case c == '"':
			return r.buf, nil
		case c < ' ':
			return nil, r.errorf("control character in a string")
		case c != '\\':
			r.buf = append(r.buf, c)
		case r.at == len(r.data):
			return nil, errJSONEnd
		default:
			c = r.data[r.at]
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
func (r *jsonReader) unicodeEscape() error {
	hi, err := r.hex4()
	if err != nil {
		return err
	}
	if hi >= 0xd800 && hi < 0xdc00 && bytes.HasPrefix(r.data[r.at:], []byte(`\u`)) {
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

func (r *jsonReader) hex4() (rune, error) {
	if len(r.data)-r.at < 4 {
		return 0, errJSONEnd
	}
	v, err := strconv.ParseUint(string(r.data[r.at:r.at+4]), 16, 32)
	if err != nil {
		return 0, r.errorf("\\u%s is not JSON", r.data[r.at:r.at+4])
	}
	r.at += 4
	return rune(v), nil
}

// number reads a number as it is written.
func (r *jsonReader) number() ([]byte, error) {
	r.peek()
	start := r.at
	for r.at < len(r.data) && bytes.IndexByte([]byte("+-.0123456789eE"), r.data[r.at]) >= 0 {
		r.at++
	}
	if r.at == start {
		if r.at == len(r.data) {
			return nil, errJSONEnd
		}
		return nil, r.errorf("found %q where a number belongs", r.data[r.at])
	}
	return r.data[start:r.at], nil
}

// id reads a token id.
func (r *jsonReader) id() (uint32, error) {
	r.peek()
	start, v := r.at, uint32(0)
	for r.at < len(r.data) && r.data[r.at]-'0' <= 9 && v < maxVocab {
		v = v*10 + uint32(r.data[r.at]-'0')
		r.at++
	}
	if r.at == start || v >= maxVocab {
		return 0, r.errorf("a token id must be a whole number below %d", maxVocab)
	}
	return v, nil
}

// skip passes over one value and returns its text. Of the value's form it sees to the quotes and brackets only.
func (r *jsonReader) skip() ([]byte, error) {
	if c := r.peek(); c == ',' || c == ':' || c == '}' || c == ']' {
		return nil, r.errorf("found %q where a value belongs", c)
	}
	data, start, depth := r.data, r.at, 0
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

// done reports an error where anything but white space follows.
func (r *jsonReader) done() error {
	if r.peek() != 0 || r.at < len(r.data) {
		return errors.New("more follows the JSON value")
	}
	return nil
}
