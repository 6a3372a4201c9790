// Package pytext does to a text what the string methods of Python do that tokenizers of published models call first:
// str.lower, str.split and str.strip differ from the Go functions of those names.
package pytext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsSpace reports whether r is white space to str.isspace.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// IsPunct reports whether r is in string.punctuation.
func IsPunct(r rune) bool {
	return r > ' ' && r < 0x7f && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}

// Collapse makes each run of white space one space and takes it from both ends, as " ".join(s.split()) does.
func Collapse(s string) string { return strings.Join(strings.FieldsFunc(s, IsSpace), " ") }

// WithoutPunct returns s without the characters of string.punctuation.
func WithoutPunct(s string) string {
	return strings.Map(func(r rune) rune {
		if IsPunct(r) {
			return -1
		}
		return r
	}, s)
}

// Lower is str.lower: a capital sigma that ends a word becomes ς.
func Lower(s string) string {
	if !strings.ContainsAny(s, "Σİ") {
		return strings.ToLower(s)
	}
	var out strings.Builder
	b := []byte(s)
	for i, r := range s {
		switch {
		case r == 'Σ' && FinalSigma(b[:i], b[i+len("Σ"):]):
			out.WriteRune('ς')
		case r == 'İ':
			out.WriteString("i̇")
		default:
			out.WriteRune(unicode.ToLower(r))
		}
	}
	return out.String()
}

// FinalSigma reports whether a capital sigma between two texts ends a word (the Unicode Standard, section 3.13).
func FinalSigma(before, after []byte) bool {
	r, size := utf8.DecodeLastRune(before)
	for size > 0 && ignorable(r) {
		before = before[:len(before)-size]
		r, size = utf8.DecodeLastRune(before)
	}
	if size == 0 || !cased(r) {
		return false
	}
	r, size = utf8.DecodeRune(after)
	for size > 0 && ignorable(r) {
		after = after[size:]
		r, size = utf8.DecodeRune(after)
	}
	return size == 0 || !cased(r)
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

// ignorable reports whether r is passed over by what looks at the case of its neighbours (Case_Ignorable).
func ignorable(r rune) bool {
	switch r {
	case '\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a:
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
