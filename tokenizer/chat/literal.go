package chat

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLiteral is how deep values may nest.
const maxLiteral = 100

// literal reads a value at the beginning of s, as JSON, Python or Gemma writes it: texts in "…", '…' or <|"|>…<|"|>, keys
// with or without quotes, true or True, null or None. It returns the value in JSON, and what follows it.
func literal(s string) (value, rest string, ok bool) {
	r := &literalReader{s: s}
	if !r.value(0) {
		return "", s, false
	}
	return r.out.String(), r.s, true
}

type literalReader struct {
	s   string
	out bytes.Buffer
}

func (r *literalReader) space() { r.s = strings.TrimLeft(r.s, " \n\r\t") }

func (r *literalReader) take(prefix string) bool {
	rest, ok := strings.CutPrefix(r.s, prefix)
	r.s = rest
	return ok
}

func (r *literalReader) value(depth int) bool {
	if r.space(); depth > maxLiteral || r.s == "" {
		return false
	}
	switch r.s[0] {
	case '{':
		return r.collection('}', depth)
	case '[':
		return r.collection(']', depth)
	case '"', '\'':
		return r.text()
	}
	if strings.HasPrefix(r.s, gemmaQuote) {
		return r.text()
	}
	for _, x := range [...][2]string{{"true", "true"}, {"True", "true"}, {"false", "false"}, {"False", "false"}, {"null", "null"}, {"None", "null"}} {
		if r.take(x[0]) {
			r.out.WriteString(x[1])
			return true
		}
	}
	return r.number()
}

func (r *literalReader) number() bool {
	n := 0
	for n < len(r.s) && strings.IndexByte("+-.0123456789eE", r.s[n]) >= 0 {
		n++
	}
	if n == 0 || !json.Valid([]byte(r.s[:n])) {
		return false
	}
	r.out.WriteString(r.s[:n])
	r.s = r.s[n:]
	return true
}

// collection reads a list, or an object, up to its end.
func (r *literalReader) collection(end byte, depth int) bool {
	r.out.WriteByte(r.s[0])
	r.s = r.s[1:]
	for first := true; ; first = false {
		if r.space(); r.s == "" {
			return false
		}
		if r.s[0] == end {
			r.s = r.s[1:]
			r.out.WriteByte(end)
			return true
		}
		if !first {
			if !r.take(",") {
				return false
			}
			if r.space(); r.s != "" && r.s[0] == end { // Python allows a last comma
				continue
			}
			r.out.WriteString(", ")
		}
		if end == '}' && !r.key() {
			return false
		}
		if !r.value(depth + 1) {
			return false
		}
	}
}

func (r *literalReader) key() bool {
	if r.space(); r.s == "" {
		return false
	}
	if r.s[0] == '"' || r.s[0] == '\'' || strings.HasPrefix(r.s, gemmaQuote) {
		if !r.text() {
			return false
		}
	} else {
		n := strings.IndexByte(r.s, ':')
		if n < 1 || strings.ContainsAny(r.s[:n], "{}[],\"'\n") {
			return false
		}
		r.out.WriteString(quote(strings.TrimSpace(r.s[:n])))
		r.s = r.s[n:]
	}
	r.space()
	r.out.WriteString(": ")
	return r.take(":")
}

// gemmaQuote is a token that stands before and after a text.
const gemmaQuote = `<|"|>`

// text reads a text in quotes. A line break may stand in it as it is.
func (r *literalReader) text() bool {
	if r.take(gemmaQuote) {
		text, rest, ok := strings.Cut(r.s, gemmaQuote)
		r.out.WriteString(quote(text))
		r.s = rest
		return ok
	}
	q := r.s[0]
	var b strings.Builder
	for i := 1; i < len(r.s); {
		switch c := r.s[i]; c {
		case q:
			r.out.WriteString(quote(b.String()))
			r.s = r.s[i+1:]
			return true
		case '\\':
			n := r.escape(&b, r.s[i+1:])
			if n == 0 {
				return false
			}
			i += 1 + n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return false
}

// escape writes what \s stands for, and returns how many bytes of s that took.
func (r *literalReader) escape(b *strings.Builder, s string) int {
	if s == "" {
		return 0
	}
	if i := strings.IndexByte(`nrtbf0"'\/`, s[0]); i >= 0 {
		b.WriteByte("\n\r\t\b\f\x00\"'\\/"[i])
		return 1
	}
	width := map[byte]int{'u': 4, 'x': 2}[s[0]]
	if width == 0 || len(s) < 1+width {
		return 0
	}
	code, err := strconv.ParseUint(s[1:1+width], 16, 32)
	if err != nil {
		return 0
	}
	if code >= 0xd800 && code < 0xdc00 && len(s) >= 11 && s[5] == '\\' && s[6] == 'u' { // two halves
		if low, err := strconv.ParseUint(s[7:11], 16, 32); err == nil && low >= 0xdc00 && low < 0xe000 {
			b.WriteRune(rune((code-0xd800)<<10 + (low - 0xdc00) + 0x10000))
			return 11
		}
	}
	if !utf8.ValidRune(rune(code)) {
		code = utf8.RuneError
	}
	b.WriteRune(rune(code))
	return 1 + width
}

// quote writes a text in JSON.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a text has a form always
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
