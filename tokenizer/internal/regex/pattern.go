// Package regex finds the literal strings and regular expressions of tokenizer.json in texts.
package regex

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

const (
	// maxPattern bounds the bytes of a regular expression, and of all in a file: compiled, a byte of one may take
	// hundreds. Published ones have a few hundred.
	maxPattern = 1 << 14
)

// Pattern finds a literal string or a regular expression.
type Pattern struct {
	Literal string          // or the regular expression as it is written
	Old     []byte          // the literal; nil for what is none
	re      *regexp2.Regexp // nil for a literal, and for the empty string
}

// Literal finds s, which is not empty.
func Literal(s string) *Pattern { return &Pattern{Literal: s, Old: []byte(s)} }

// Compile compiles a regular expression in the syntax of Oniguruma as far as github.com/dlclark/regexp2 reads
// it alike; what it would read otherwise is refused.
func Compile(expr string) (*Pattern, error) {
	if len(expr) > maxPattern {
		return nil, fmt.Errorf("pattern of %d bytes; at most %d are supported", len(expr), maxPattern)
	}
	if err := checkSyntax(expr); err != nil {
		return nil, err
	}
	full := withLate(expr)
	if len(full) > maxPattern {
		return nil, fmt.Errorf("pattern %.100q has too many classes", expr)
	}
	re, err := regexp2.Compile(full, regexp2.Multiline)
	if err != nil {
		return nil, fmt.Errorf("pattern %.200q: %w", expr, err)
	}
	re.MatchTimeout = buffer.MatchTime
	return &Pattern{Literal: expr, re: re}, nil
}

// checkSyntax refuses what the two syntaxes read differently: operators inside character classes, and possessive
// quantifiers.
func checkSyntax(expr string) error {
	inClass := false
	for i := 0; i < len(expr); i++ {
		rest := expr[i:]
		switch {
		case rest[0] == '\\':
			i++
		case !inClass && rest[0] == '[':
			inClass = true
			if len(rest) > 1 && rest[1] == '^' {
				i++
			}
			if i+1 < len(expr) && expr[i+1] == ']' {
				i++
			}
		case !inClass:
			if len(rest) > 1 && rest[1] == '+' && (rest[0] == '+' || rest[0] == '*' || rest[0] == '?') {
				return fmt.Errorf("pattern %.200q: possessive quantifiers are not supported", expr)
			}
		case rest[0] == ']':
			inClass = false
		case len(rest) > 1 && (rest[:2] == "&&" || rest[:2] == "-["), rest[0] == '[':
			return fmt.Errorf("pattern %.200q: set operations in character classes are not supported", expr)
		}
	}
	return nil
}

// withLate writes \p{L}, \p{N} and \w out where the engine's edition of Unicode lacks characters that the reference's
// has, or its \w is another set; and ^, which in Oniguruma is no place after a newline that ends the text.
func withLate(expr string) string {
	var out strings.Builder
	inClass := false
	for i := 0; i < len(expr); i++ {
		escape, set := lateSet(expr[i:])
		switch {
		case escape != "" && inClass:
			out.WriteString(set)
			i += len(escape) - 1
			continue
		case escape != "":
			out.WriteString("[" + set + "]")
			i += len(escape) - 1
			continue
		case expr[i] == '\\' && i+1 < len(expr):
			out.WriteByte(expr[i])
			i++
		case expr[i] == '^' && !inClass:
			out.WriteString(`(?:^(?!\z)|\A)`)
			continue
		case expr[i] == '[':
			inClass = true
			if strings.HasPrefix(expr[i+1:], "^") {
				out.WriteByte('[')
				i++
			}
		case expr[i] == ']':
			inClass = false
		}
		out.WriteByte(expr[i])
	}
	return out.String()
}

// lateSet returns the escape that expr starts with, if it is one to write out, and the inside of the class it stands for.
func lateSet(expr string) (escape, set string) {
	var late []chars.RuneRange
	switch {
	case strings.HasPrefix(expr, `\p{L}`):
		escape, set, late = `\p{L}`, `\p{L}`, chars.LateLetters()
	case strings.HasPrefix(expr, `\p{N}`):
		escape, set, late = `\p{N}`, `\p{N}`, chars.LateNumbers()
	case strings.HasPrefix(expr, `\w`):
		escape, set, late = `\w`, `\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}²³¹¼½¾Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉`, chars.LateWords()
	default:
		return "", ""
	}
	for _, r := range late {
		set += string(r.Lo) + "-" + string(r.Hi)
	}
	return escape, set
}

var errSlowPattern = errors.New("took too long")

// Find appends the matches in b, in order and without overlap, to dst.
func (p *Pattern) Find(dst []buffer.Piece, b []byte, s *buffer.SearchTime) ([]buffer.Piece, error) {
	switch {
	case len(b) == 0:
		return dst, nil
	case p.Old == nil && p.re == nil:
		return findBetween(dst, b), nil
	case p.re == nil:
		return p.findLiteral(dst, b), nil
	}
	runes, at := make([]rune, 0, len(b)), make([]int32, 0, len(b)+1)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		runes, at = append(runes, r), append(at, int32(i))
		i += n
	}
	at = append(at, int32(len(b)))
	s.Bytes += len(b)
	start := time.Now()
	var m *regexp2.Match
	err := errSlowPattern
	if s.Spent <= s.Limit() {
		m, err = p.re.FindRunesMatch(runes)
	}
	last := -1
	for err == nil && m != nil {
		if m.Length > 0 || m.Index != last { // an empty match right after another is none
			dst = append(dst, buffer.Piece{Start: at[m.Index], End: at[m.Index+m.Length]})
			last = m.Index + m.Length
		}
		if s.Spent+time.Since(start) > s.Limit() {
			err = errSlowPattern
			break
		}
		m, err = p.re.FindNextMatch(m)
	}
	took := time.Since(start)
	if s.Spent += took; s.Spent > s.Limit() || err != nil && took >= buffer.MatchTime {
		err = errSlowPattern // the engine's own error has the whole text
	}
	if err != nil {
		return dst, fmt.Errorf("tokenizer: pattern %.200q on a text of %d bytes: %w", p.Literal, len(b), err)
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
