// Package strictjson reads JSON of a form that is known, and notices what encoding/json takes without complaint: a key
// that is given twice or in other case, and an integer with a fraction or an exponent.
//
// A value is read in the order of its text: [Scanner.Object] calls a function with each key, which calls the method
// for the value that it expects, or [Scanner.Skip].
package strictjson

import (
	"encoding/json"
	"math"
)

// A Scanner walks through a text. It takes memory for what it returns alone, and no stack for depth.
type Scanner struct {
	text []byte // valid JSON: malformed text need not be detected
	pos  int
}

// New returns a Scanner at the start of the text, which it keeps, or false if it is not one JSON value.
func New(text []byte) (*Scanner, bool) { return &Scanner{text: text}, json.Valid(text) }

// next returns the first byte of the next token without consuming it.
func (s *Scanner) next() byte {
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it is the next token.
func (s *Scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// String consumes a string, if there is one.
func (s *Scanner) String() (string, bool) {
	if s.next() != '"' {
		return "", false
	}
	start, escaped := s.pos, false
	for s.pos++; s.text[s.pos] != '"'; s.pos++ {
		if s.text[s.pos] == '\\' {
			escaped = true
			s.pos++
		}
	}
	s.pos++
	raw := s.text[start:s.pos]
	if !escaped {
		return string(raw[1 : len(raw)-1]), true
	}
	var out string
	err := json.Unmarshal(raw, &out)
	return out, err == nil
}

// integer consumes a number that is written as a plain integer from 0 to 2⁶⁴−1.
func (s *Scanner) integer() (uint64, bool) {
	c := s.next()
	if c < '0' || c > '9' {
		return 0, false
	}
	var v uint64
	for ; s.pos < len(s.text); s.pos++ {
		c := s.text[s.pos]
		if c == '.' || c == 'e' || c == 'E' {
			return 0, false
		}
		if c < '0' || c > '9' {
			break
		}
		digit := uint64(c - '0')
		if v > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		v = v*10 + digit
	}
	return v, true
}

// Skip consumes any value, however deep.
func (s *Scanner) Skip() {
	depth := 0
	for {
		switch c := s.next(); c {
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case '"':
			s.String()
		case ',', ':':
			s.pos++
		default:
			s.literal()
		}
		if depth <= 0 {
			return
		}
	}
}

// Null consumes a null, and reports whether there was one.
func (s *Scanner) Null() bool {
	if s.next() != 'n' {
		return false
	}
	s.literal()
	return true
}

// literal consumes a number, true, false or null.
func (s *Scanner) literal() {
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r', ',', ':', '}', ']':
			return
		}
	}
}

// Object consumes an object: member is called with each key and consumes its value. It reports false
// if there is no object.
func (s *Scanner) Object(member func(key string) error) (bool, error) {
	if !s.take('{') {
		return false, nil
	}
	for !s.take('}') {
		key, _ := s.String()
		s.take(':')
		if err := member(key); err != nil {
			return true, err
		}
		s.take(',')
	}
	return true, nil
}

// Integers consumes an array of integers from 0 to 2⁶⁴−1 that are written without fraction and exponent. It reports false
// for anything else.
func (s *Scanner) Integers() ([]uint64, bool) {
	if !s.take('[') {
		return nil, false
	}
	values := []uint64{}
	for !s.take(']') {
		v, ok := s.integer()
		if !ok {
			return nil, false
		}
		values = append(values, v)
		s.take(',')
	}
	return values, true
}
