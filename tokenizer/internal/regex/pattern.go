// Package regex finds the literal strings and regular expressions of tokenizer.json in texts.
package regex

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// maxPattern bounds the bytes of a regular expression, and of all in a file. Published ones have a few hundred.
const maxPattern = 1 << 14

// Pattern finds a literal string, a regular expression, or, as the zero value, the empty string. It is immutable.
type Pattern struct {
	Literal string   // or the regular expression as it is written
	Old     []byte   // the literal; nil for what is none
	program *program // nil for a literal, and for the empty string
}

// program is a compiled regular expression.
type program struct {
	code          []inst
	marks, groups int
	first         string // what every match begins with; "" where that is not known
	word          *set
}

// Literal finds s, which is not empty.
func Literal(s string) *Pattern { return &Pattern{Literal: s, Old: []byte(s)} }

// Compile compiles a regular expression in the syntax of a dialect. The error names the expression and what of it is wrong
// or not supported.
func Compile(expr string, dialect Dialect) (*Pattern, error) {
	if len(expr) > maxPattern {
		return nil, fmt.Errorf("pattern of %d bytes; at most %d are supported", len(expr), maxPattern)
	}
	p := &parser{dialect: dialect, expr: expr, refers: refers(expr), names: map[string]int{}, sets: map[string]*set{}, known: map[string][]chars.RuneRange{}}
	f, err := p.alternatives()
	if err == nil && p.more() {
		err = p.errorf("a parenthesis closes no group")
	}
	if err != nil {
		return nil, err
	}
	prog := &program{code: append(f.code, inst{op: opMatch}), marks: p.slots, groups: p.groups + 1, word: p.word}
	if f.code != nil && f.code[0].op == opText {
		prog.first = f.code[0].text
	}
	return &Pattern{Literal: expr, program: prog}, nil
}

// refers reports whether an expression may refer to a group.
func refers(expr string) bool {
	for i := 0; i+1 < len(expr); i++ {
		if expr[i] == '\\' {
			if c := expr[i+1]; c >= '1' && c <= '9' || c == 'k' {
				return true
			}
			i++
		}
	}
	return false
}

var errSlowPattern = errors.New("took too long")

// Find appends the matches in b, in order and without overlap, to dst. What it takes counts as s.
func (p *Pattern) Find(dst []buffer.Piece, b []byte, s *buffer.Search) ([]buffer.Piece, error) {
	switch {
	case len(b) == 0:
		return dst, nil
	case p.program == nil && p.Old == nil:
		return findBetween(dst, b), nil
	case p.program == nil:
		return p.findLiteral(dst, b), nil
	}
	s.Bytes += len(b)
	m := machine{b: b, marks: p.program.marks, places: make([]int32, p.program.marks+2*p.program.groups), steps: s.Left(), word: p.program.word}
	for i := range m.places {
		m.places[i] = -1
	}
	was := m.steps
	last := int32(-1)
	for at := int32(0); int(at) <= len(b); {
		start, end := m.search(p.program, at)
		if start < 0 {
			break
		}
		if end > start || start != last { // an empty match right after another is none
			dst = append(dst, buffer.Piece{Start: start, End: end})
			last = end
		}
		if at = end; end == start {
			if int(at) == len(b) {
				break
			}
			at += int32(chars.FirstLen(b[at:]))
		}
	}
	if s.Steps += was - m.steps; m.steps < 0 {
		return dst, fmt.Errorf("tokenizer: pattern %.200q on a text of %d bytes: %w", p.Literal, len(b), errSlowPattern)
	}
	return dst, nil
}

// findBetween finds the empty string: between all characters.
func findBetween(dst []buffer.Piece, b []byte) []buffer.Piece {
	for i := 0; i < len(b); i += chars.FirstLen(b[i:]) {
		dst = append(dst, buffer.Piece{Start: int32(i), End: int32(i)})
	}
	return append(dst, buffer.Piece{Start: int32(len(b)), End: int32(len(b))})
}

func (p *Pattern) findLiteral(dst []buffer.Piece, b []byte) []buffer.Piece {
	n := len(p.Old)
	for i := 0; ; i += n {
		at := bytes.Index(b[i:], p.Old)
		if at < 0 {
			return dst
		}
		i += at
		dst = append(dst, buffer.Piece{Start: int32(i), End: int32(i + n)})
	}
}
