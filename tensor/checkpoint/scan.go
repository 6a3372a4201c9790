package checkpoint

import (
	"encoding/json"
	"math"
)

// A scanner walks JSON that json.Valid has accepted, so it need not detect malformed text, only text
// of another form than is expected. encoding/json's own decoding does not serve: it takes a repeated
// key, a key in other case, and a number with a fraction without complaint.
type scanner struct {
	text []byte
	pos  int
}

// next returns the first byte of the next token without consuming it.
func (s *scanner) next() byte {
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
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// str consumes a string.
func (s *scanner) str() (string, bool) {
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

// number consumes a number that is written as a plain integer from 0 to 2⁶⁴−1.
func (s *scanner) number() (uint64, bool) {
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

// skip consumes any value, however deep.
func (s *scanner) skip() {
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
			s.str()
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

// literal consumes a number, true, false or null.
func (s *scanner) literal() {
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r', ',', ':', '}', ']':
			return
		}
	}
}

// object consumes an object: member is called with each key and consumes its value. It reports false
// if there is no object.
func (s *scanner) object(member func(key string) error) (bool, error) {
	if !s.take('{') {
		return false, nil
	}
	for !s.take('}') {
		key, _ := s.str()
		s.take(':')
		if err := member(key); err != nil {
			return true, err
		}
		s.take(',')
	}
	return true, nil
}

// numbers consumes an array of plain integers.
func (s *scanner) numbers() ([]uint64, bool) {
	if !s.take('[') {
		return nil, false
	}
	values := []uint64{}
	for !s.take(']') {
		v, ok := s.number()
		if !ok {
			return nil, false
		}
		values = append(values, v)
		s.take(',')
	}
	return values, true
}
