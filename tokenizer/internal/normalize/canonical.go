package normalize

import (
	"unicode"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// Canonical is what SigLIP does to a text before SentencePiece reads it: punctuation of ASCII goes, runs of white space
// become a space and those at the ends go, and the text begins with a mark. Marks of the text itself are white space.
type Canonical struct{ Lower bool }

func (n Canonical) Normalize(t *buffer.Text) error {
	t.Begin()
	if t.Start {
		t.Put(chars.SpaceMark, 0, 0)
	}
	from, to := 0, 0 // white space that is to become a space
	for i := 0; i < len(t.B); {
		r, size := utf8.DecodeRune(t.B[i:])
		switch {
		case asciiPunct(r):
		case pythonSpace(r) || r == '▁':
			if from == to {
				from = i
			}
			to = i + size
		default:
			if from < to && len(t.Next) > 0 {
				t.Put(" ", from, to)
			}
			from = to
			n.put(t, r, i, i+size)
		}
		i += size
	}
	t.Swap()
	return nil
}

// put writes the character at B[i:j].
func (n Canonical) put(t *buffer.Text, r rune, i, j int) {
	low := lowered(r)
	switch {
	case !n.Lower:
		t.Keep(i, j)
	case r == 'İ':
		t.Put("i̇", i, j)
	case r == 'Σ' && finalSigma(t.B[:i], t.B[j:]):
		t.PutRune('ς', i, j)
	case low != r:
		t.PutRune(low, i, j)
	default:
		t.Keep(i, j)
	}
}

func asciiPunct(r rune) bool {
	return r > ' ' && r < 0x7f && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}

// pythonSpace reports whether r is white space to Python's str.isspace.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// finalSigma reports whether a capital sigma between two texts ends a word (Unicode 14, section 3.13).
func finalSigma(before, after []byte) bool {
	for {
		r, size := utf8.DecodeLastRune(before)
		if size == 0 || !caseIgnorable(r) {
			if size == 0 || !cased(r) {
				return false
			}
			break
		}
		before = before[:len(before)-size]
	}
	for {
		r, size := utf8.DecodeRune(after)
		if size == 0 || !caseIgnorable(r) {
			return size == 0 || !cased(r)
		}
		after = after[size:]
	}
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

func caseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a:
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
