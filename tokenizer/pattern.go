package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

const (
	// maxPattern bounds the bytes of a regular expression, and of all in a file: compiled, a byte of one may take
	// hundreds. Published ones have a few hundred.
	maxPattern = 1 << 14
	// The searches of one call may take matchTime together, plus matchTime for each matchUnit bytes of text.
	matchTime = 2 * time.Second
	matchUnit = 1 << 20
)

// pattern finds a literal string or a regular expression.
type pattern struct {
	literal string          // or the regular expression as it is written
	old     []byte          // the literal
	re      *regexp2.Regexp // nil for a literal
}

// literalPattern finds s, which is not empty.
func literalPattern(s string) *pattern { return &pattern{literal: s, old: []byte(s)} }

// checkPatterns adds up the regular expressions of a file's stages.
func checkPatterns(stages ...[]byte) error {
	n := 0
	for _, data := range stages {
		r := jsonReader{data: data}
		if len(data) > 0 {
			if err := r.patterns(&n); err != nil {
				return err
			}
		}
	}
	if n > maxPattern {
		return fmt.Errorf("its patterns have %d bytes; at most %d are supported", n, maxPattern)
	}
	return nil
}

// patterns reads a value, and adds the lengths of the regular expressions in it to n.
func (r *jsonReader) patterns(n *int) error {
	switch r.peek() {
	case '{':
		return r.object(func(key []byte) error {
			if strings.EqualFold(string(key), "Regex") && r.peek() == '"' {
				s, err := r.str()
				*n += len(s)
				return err
			}
			return r.patterns(n)
		})
	case '[':
		return r.array(func() error { return r.patterns(n) })
	}
	_, err := r.skip()
	return err
}

// compilePattern compiles a regular expression in the syntax of Oniguruma as far as github.com/dlclark/regexp2 reads
// it alike; what it would read otherwise is refused.
func compilePattern(expr string) (*pattern, error) {
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
	re.MatchTimeout = matchTime
	return &pattern{literal: expr, re: re}, nil
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
	var late []runeRange
	switch {
	case strings.HasPrefix(expr, `\p{L}`):
		escape, set, late = `\p{L}`, `\p{L}`, lateLetters()
	case strings.HasPrefix(expr, `\p{N}`):
		escape, set, late = `\p{N}`, `\p{N}`, lateNumbers()
	case strings.HasPrefix(expr, `\w`):
		escape, set, late = `\w`, `\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}²³¹¼½¾Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉`, lateWords()
	default:
		return "", ""
	}
	for _, r := range late {
		set += string(r.lo) + "-" + string(r.hi)
	}
	return escape, set
}

var errSlowPattern = errors.New("took too long")

// searchTime adds up what the searches of one call have taken.
type searchTime struct {
	spent time.Duration
	bytes int
}

func (s *searchTime) limit() time.Duration { return matchTime * time.Duration(1+s.bytes/matchUnit) }

// find appends the matches in b, in order and without overlap, to dst.
func (p *pattern) find(dst []piece, b []byte, s *searchTime) ([]piece, error) {
	if p.re == nil {
		return p.findLiteral(dst, b), nil
	}
	if len(b) == 0 {
		return dst, nil
	}
	runes, at := make([]rune, 0, len(b)), make([]int32, 0, len(b)+1)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		runes, at = append(runes, r), append(at, int32(i))
		i += n
	}
	at = append(at, int32(len(b)))
	s.bytes += len(b)
	start := time.Now()
	var m *regexp2.Match
	err := errSlowPattern
	if s.spent <= s.limit() {
		m, err = p.re.FindRunesMatch(runes)
	}
	last := -1
	for err == nil && m != nil {
		if m.Length > 0 || m.Index != last { // an empty match right after another is none
			dst = append(dst, piece{at[m.Index], at[m.Index+m.Length]})
			last = m.Index + m.Length
		}
		if s.spent+time.Since(start) > s.limit() {
			err = errSlowPattern
			break
		}
		m, err = p.re.FindNextMatch(m)
	}
	took := time.Since(start)
	if s.spent += took; s.spent > s.limit() || err != nil && took >= matchTime {
		err = errSlowPattern // the engine's own error has the whole text
	}
	if err != nil {
		return dst, fmt.Errorf("tokenizer: pattern %.200q on a text of %d bytes: %w", p.literal, len(b), err)
	}
	return dst, nil
}

func (p *pattern) findLiteral(dst []piece, b []byte) []piece {
	n := len(p.old)
	for i := 0; ; i += n {
		at := bytes.Index(b[i:], p.old)
		if at < 0 {
			return dst
		}
		i += at
		dst = append(dst, piece{int32(i), int32(i + n)})
	}
}
