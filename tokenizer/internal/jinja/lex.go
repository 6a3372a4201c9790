package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	endOfFile     tokenKind = iota
	data                    // text between tags
	blockBegin              // {%
	blockEnd                // %}
	variableBegin           // {{
	variableEnd             // }}
	name
	stringToken
	integerToken
	floatToken
	operator
)

type token struct {
	kind tokenKind
	text string // of an operator, a name, a string's value, a number as it is written
	line int
}

// describe names a token as errors of Jinja do.
func (t token) describe() string {
	switch t.kind {
	case endOfFile:
		return "end of template"
	case data:
		return "template data / text"
	case blockBegin:
		return "begin of statement block"
	case blockEnd:
		return "end of statement block"
	case variableBegin:
		return "begin of print statement"
	case variableEnd:
		return "end of print statement"
	case stringToken:
		return "string"
	case integerToken:
		return "integer"
	case floatToken:
		return "float"
	}
	return t.text
}

type lexer struct {
	source string
	pos    int
	line   int
	tokens []token

	lineStarts bool // what was read last ended with a line break, or nothing was
}

// lex splits a template into tokens. Comments are dropped.
func lex(source string) []token {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	source = strings.TrimSuffix(source, "\n")
	l := &lexer{source: source, line: 1, lineStarts: true}
	for l.pos < len(source) {
		l.root()
	}
	l.add(endOfFile, "")
	return l.tokens
}

func (l *lexer) add(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind, text, l.line})
}

func (l *lexer) fail(format string, args ...any) {
	defer func() {
		e := recover().(*Error)
		e.Line = l.line
		panic(e)
	}()
	fail("TemplateSyntaxError", format, args...)
}

// advance moves on by n bytes.
func (l *lexer) advance(n int) {
	text := l.source[l.pos : l.pos+n]
	l.line += strings.Count(text, "\n")
	l.lineStarts = strings.HasSuffix(text, "\n")
	l.pos += n
}

// root reads text up to the next tag, and the tag.
func (l *lexer) root() {
	rest := l.source[l.pos:]
	at := nextTag(rest)
	if at < 0 {
		l.add(data, rest)
		l.advance(len(rest))
		return
	}
	text, open, sign := rest[:at], rest[at:at+2], byte(0)
	width := 2
	if s := rest[at+2:]; s != "" && (s[0] == '-' || s[0] == '+') {
		sign, width = s[0], 3
	}
	kept := text
	switch {
	case sign == '-':
		kept = strings.TrimRightFunc(text, isSpace)
	case sign != '+' && open != "{{":
		start := strings.LastIndexByte(text, '\n') + 1
		if (start > 0 || l.lineStarts) && start < len(text) && strings.TrimLeftFunc(text[start:], isSpace) == "" {
			kept = text[:start]
		}
	}
	if kept != "" {
		l.add(data, kept)
	}
	switch {
	case open == "{#":
		l.advance(at + width)
		l.comment()
	case open == "{{":
		l.advance(at + width)
		l.add(variableBegin, "")
		l.expression("}}")
	default:
		if n := rawTag(rest[at+width:], "raw"); n > 0 {
			l.advance(at + width + n)
			l.raw()
			return
		}
		l.advance(at + width)
		l.add(blockBegin, "")
		l.expression("%}")
	}
}

// nextTag returns where the next tag begins, or −1.
func nextTag(s string) int {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '{')
		if i < 0 {
			return -1
		}
		if at += i; at+1 < len(s) && (s[at+1] == '%' || s[at+1] == '{' || s[at+1] == '#') {
			return at
		}
	}
}

// comment skips a comment up to its end.
func (l *lexer) comment() {
	end := strings.Index(l.source[l.pos:], "#}")
	if end < 0 {
		l.fail("Missing end of comment tag")
	}
	minus, plus := end > 0 && l.source[l.pos+end-1] == '-', end > 0 && l.source[l.pos+end-1] == '+'
	l.advance(end + 2)
	l.afterTag(minus, plus)
}

// afterTag skips what a tag that has ended removes: the line break, or with a minus all spaces.
func (l *lexer) afterTag(minus, plus bool) {
	rest := l.source[l.pos:]
	switch {
	case minus:
		if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
			l.advance(n)
		}
	case !plus && strings.HasPrefix(rest, "\n"):
		l.advance(1)
	}
}

// rawTag returns the length of the rest of a tag {% raw %} after its sign, or 0 if it is another tag.
func rawTag(s, tag string) int {
	t := strings.TrimLeftFunc(s, isSpace)
	if !strings.HasPrefix(t, tag) {
		return 0
	}
	t = strings.TrimLeftFunc(t[len(tag):], isSpace)
	switch {
	case strings.HasPrefix(t, "%}"):
		return len(s) - len(t) + 2
	case strings.HasPrefix(t, "-%}"):
		return len(s) - len(strings.TrimLeftFunc(t[3:], isSpace))
	}
	return 0
}

// raw reads the text up to {% endraw %} as it is.
func (l *lexer) raw() {
	rest := l.source[l.pos:]
	for at := 0; ; at += 2 {
		i := strings.Index(rest[at:], "{%")
		if i < 0 {
			l.fail("Missing end of raw directive")
		}
		at += i
		tag, minus := rest[at+2:], false
		if tag != "" && (tag[0] == '-' || tag[0] == '+') {
			minus = tag[0] == '-'
			tag = tag[1:]
		}
		t := strings.TrimLeftFunc(tag, isSpace)
		if !strings.HasPrefix(t, "endraw") {
			continue
		}
		t = strings.TrimLeftFunc(t[len("endraw"):], isSpace)
		endMinus, endPlus := strings.HasPrefix(t, "-%}"), strings.HasPrefix(t, "+%}")
		if endMinus || endPlus {
			t = t[1:]
		}
		if !strings.HasPrefix(t, "%}") {
			continue
		}
		text := rest[:at]
		if minus {
			text = strings.TrimRightFunc(text, isSpace)
		} else if start := strings.LastIndexByte(text, '\n') + 1; (start > 0 || l.lineStarts) && strings.TrimLeftFunc(text[start:], isSpace) == "" && rest[at+2] != '+' {
			text = text[:start]
		}
		if text != "" {
			l.add(data, text)
		}
		l.advance(len(rest) - len(t) + 2)
		l.afterTag(endMinus, endPlus)
		return
	}
}

// operators are the operators, the longest first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// expression reads the tokens of a tag up to its end, which is %} or }}.
func (l *lexer) expression(end string) {
	var open []string // brackets to close
	for {
		rest := l.source[l.pos:]
		if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
			l.advance(n)
			continue
		}
		if len(open) == 0 && l.tagEnd(end) {
			return
		}
		switch {
		case rest == "":
			return // the parser says what is missing
		case rest[0] == '\'' || rest[0] == '"':
			l.string()
		case rest[0] >= '0' && rest[0] <= '9':
			l.number()
		default:
			if n := nameLength(rest); n > 0 {
				l.add(name, rest[:n])
				l.advance(n)
				continue
			}
			open = l.operator(open)
		}
	}
}

// tagEnd reads the end of a tag, if it is next.
func (l *lexer) tagEnd(end string) bool {
	rest := l.source[l.pos:]
	minus := strings.HasPrefix(rest, "-"+end)
	plus := end == "%}" && strings.HasPrefix(rest, "+"+end)
	if !minus && !plus && !strings.HasPrefix(rest, end) {
		return false
	}
	kind, width := variableEnd, 2
	if end == "%}" {
		kind = blockEnd
	}
	if minus || plus {
		width = 3
	}
	l.add(kind, "")
	l.advance(width)
	l.afterTag(minus, plus || kind == variableEnd)
	return true
}

// operator reads an operator and returns the brackets that are open after it.
func (l *lexer) operator(open []string) []string {
	rest := l.source[l.pos:]
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if c, ok := closing[op]; ok {
			open = append(open, c)
		} else if op == ")" || op == "]" || op == "}" {
			if len(open) == 0 {
				l.fail("unexpected '%s'", op)
			}
			if want := open[len(open)-1]; want != op {
				l.fail("unexpected '%s', expected '%s'", op, want)
			}
			open = open[:len(open)-1]
		}
		l.add(operator, op)
		l.advance(len(op))
		return open
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail("unexpected char %s at %d", quoted(string(r)), l.pos)
	return nil
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Mc, r)) {
			return i
		}
	}
	return len(s)
}

// string reads a string literal.
func (l *lexer) string() {
	rest := l.source[l.pos:]
	end := 1
	for ; end < len(rest) && rest[end] != rest[0]; end++ {
		if rest[end] == '\\' {
			end++
		}
	}
	if end >= len(rest) {
		r, _ := utf8.DecodeRuneInString(rest)
		l.fail("unexpected char %s at %d", quoted(string(r)), l.pos)
	}
	l.add(stringToken, l.unescape(rest[1:end]))
	l.advance(end + 1)
}

var escapes = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// unescape reads Python's escapes.
func (l *lexer) unescape(s string) string {
	if !strings.Contains(s, "\\") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if text, ok := escapes[s[i]]; ok {
			b.WriteString(text)
			continue
		}
		digits, base := 0, 16
		switch c := s[i]; {
		case c == 'x':
			digits = 2
		case c == 'u':
			digits = 4
		case c == 'U':
			digits = 8
		case c >= '0' && c <= '7':
			base, i = 8, i-1
			for digits < 3 && i+1+digits < len(s) && s[i+1+digits] >= '0' && s[i+1+digits] <= '7' {
				digits++
			}
		case c == 'N':
			l.fail("a character by its name, \\N{...}, is not supported in a string")
		}
		if digits == 0 {
			b.WriteByte('\\')
			b.WriteByte(s[i])
			continue
		}
		if i+1+digits > len(s) {
			l.fail("(unicode error) 'unicodeescape' codec can't decode bytes: truncated escape")
		}
		v, err := strconv.ParseUint(s[i+1:i+1+digits], base, 32)
		if err != nil || v > unicode.MaxRune {
			l.fail("(unicode error) 'unicodeescape' codec can't decode bytes: illegal escape")
		}
		b.WriteRune(rune(v))
		i += digits
	}
	return b.String()
}

// number reads an integer or a float.
func (l *lexer) number() {
	rest := l.source[l.pos:]
	if len(rest) > 1 && rest[0] == '0' {
		if _, ok := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[rest[1]]; ok {
			n := 2 + strings.IndexFunc(rest[2:]+" ", func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF_", r) })
			l.add(integerToken, rest[:n])
			l.advance(n)
			return
		}
	}
	digits := func(at int) int {
		n := at
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '_' && n > at) {
			n++
		}
		return n
	}
	end, kind := digits(0), integerToken
	afterDot := len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].text == "." && l.tokens[len(l.tokens)-1].kind == operator
	if !afterDot {
		if end < len(rest) && rest[end] == '.' && digits(end+1) > end+1 {
			end, kind = digits(end+1), floatToken
		}
		if end < len(rest) && (rest[end] == 'e' || rest[end] == 'E') {
			start := end + 1
			if start < len(rest) && (rest[start] == '+' || rest[start] == '-') {
				start++
			}
			if digits(start) > start {
				end, kind = digits(start), floatToken
			}
		}
	}
	l.add(kind, rest[:end])
	l.advance(end)
}

// isSpace reports whether Python counts r as a space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
