// Package normalize holds the normalizers, which rewrite a text before it is split.
package normalize

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// A Normalizer rewrites a text before it is split.
type Normalizer interface {
	Normalize(t *buffer.Text) error
}

// Sequence applies each in turn.
type Sequence []Normalizer

func (s Sequence) Normalize(t *buffer.Text) error {
	for _, n := range s {
		if err := n.Normalize(t); err != nil {
			return err
		}
		if err := t.Check(); err != nil {
			return err
		}
	}
	return nil
}

// unicodeForm is one of NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15). What a combining sequence turns into
// stands for the whole sequence.
type unicodeForm struct{ form norm.Form }

func (f unicodeForm) Normalize(t *buffer.Text) error {
	first := 0
	for first < len(t.B) && t.B[first] < utf8.RuneSelf {
		first++
	}
	if first == len(t.B) || f.form.IsNormal(t.B) {
		return nil
	}
	compat := f.form == norm.NFKC || f.form == norm.NFKD
	t.Begin()
	for i := 0; i < len(t.B); {
		if t.B[i] < utf8.RuneSelf && (i+1 == len(t.B) || t.B[i+1] < utf8.RuneSelf) {
			t.Keep(i, i+1)
			i++
			continue
		}
		j, long := segment(f.form, t.B, i)
		r, n := utf8.DecodeRune(t.B[i:])
		switch {
		case long:
			t.Put(longForm(f.form, t.B[i:j]), i, j)
		case compat && chars.Within(chars.LateCompat(), r):
			t.Keep(i, i+n)
			if i+n < j {
				t.Put(string(f.form.Bytes(t.B[i+n:j])), i+n, j)
			}
		case f.form.IsNormal(t.B[i:j]):
			t.Keep(i, j)
		default:
			t.Put(string(f.form.Bytes(t.B[i:j])), i, j)
		}
		i = j
	}
	t.Swap()
	return nil
}

// lowercase maps each character to its lower case, without regard to its neighbours.
type lowercase struct{}

func (lowercase) Normalize(t *buffer.Text) error {
	if lowerASCII(t.B) {
		return nil
	}
	t.Begin()
	for i := 0; i < len(t.B); {
		r, n := utf8.DecodeRune(t.B[i:])
		switch low := lowered(r); {
		case r == 'İ': // the one character whose lower case is two
			t.Put("i̇", i, i+n)
		case low != r:
			t.PutRune(low, i, i+n)
		default:
			t.Keep(i, i+n)
		}
		i += n
	}
	t.Swap()
	return nil
}

// lowered returns the lower case of r where that is one character.
func lowered(r rune) rune { return chars.LowerLate(unicode.ToLower(r)) }

// Lowercased returns a normalizer that lower-cases before n, which may be nil.
func Lowercased(n Normalizer) Normalizer {
	if n == nil {
		return lowercase{}
	}
	return Sequence{lowercase{}, n}
}

// lowerASCII lowers the letters of b in place where b is all ASCII, and reports whether it was.
func lowerASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return true
}

// strip removes white space at the ends.
type strip struct{ left, right bool }

func (s strip) Normalize(t *buffer.Text) error {
	i, j := 0, len(t.B)
	if s.left {
		i = j - len(bytes.TrimLeftFunc(t.B, unicode.IsSpace))
	}
	if s.right {
		j = i + len(bytes.TrimRightFunc(t.B[i:], unicode.IsSpace))
	}
	if i == 0 && j == len(t.B) {
		return nil
	}
	t.Begin()
	t.Keep(i, j)
	t.Swap()
	return nil
}

// filter drops the characters that have one of the properties in drop. To strip accents the text should be decomposed
// first.
type filter struct{ drop chars.Class }

func (f filter) Normalize(t *buffer.Text) error {
	table := chars.Classes()
	t.Begin()
	for i := 0; i < len(t.B); {
		c, n := chars.At(table, t.B, i)
		if c&f.drop == 0 {
			t.Keep(i, i+n)
		}
		i += n
	}
	t.Swap()
	return nil
}

// prepend puts a string before a text that is not empty. The string stands for the first character.
type prepend struct{ s string }

func (p prepend) Normalize(t *buffer.Text) error {
	if len(t.B) == 0 {
		return nil
	}
	t.Begin()
	t.Put(p.s, 0, 0)
	t.Keep(0, len(t.B))
	t.Swap()
	return nil
}

// ReplaceString puts new for each old.
type ReplaceString struct{ Old, New string }

func (r ReplaceString) Normalize(t *buffer.Text) error {
	if r.Old == "" {
		return nil
	}
	i := bytes.Index(t.B, []byte(r.Old))
	if i < 0 {
		return nil
	}
	t.Begin()
	done := 0
	for i >= 0 {
		t.Keep(done, done+i)
		t.Put(r.New, done+i, done+i+len(r.Old))
		done += i + len(r.Old)
		i = bytes.Index(t.B[done:], []byte(r.Old))
	}
	t.Keep(done, len(t.B))
	t.Swap()
	return nil
}

// replaceMatches puts new for each match.
type replaceMatches struct {
	pattern *regex.Pattern
	new     string
}

func (r replaceMatches) Normalize(t *buffer.Text) error {
	found, err := r.pattern.Find(nil, t.B, &t.Search)
	if err != nil || len(found) == 0 {
		return err
	}
	t.Begin()
	done := int32(0)
	for _, m := range found {
		t.Keep(int(done), int(m.Start))
		t.Put(r.new, int(m.Start), int(m.End))
		done = m.End
	}
	t.Keep(int(done), len(t.B))
	t.Swap()
	return nil
}

// replaceSpaces puts new for each run of white space.
type replaceSpaces struct{ new string }

func (r replaceSpaces) Normalize(t *buffer.Text) error {
	table := chars.Classes()
	t.Begin()
	for i := 0; i < len(t.B); {
		if j := chars.Run(table, t.B, i, chars.Space); j > i {
			t.Put(r.new, i, j)
			i = j
			continue
		}
		j := i + 1
		for j < len(t.B) {
			if c, _ := chars.At(table, t.B, j); c&chars.Space != 0 {
				break
			}
			j++
		}
		t.Keep(i, j)
		i = j
	}
	t.Swap()
	return nil
}

// ReplaceRuns puts new for each run of two or more spaces.
type ReplaceRuns struct{ New string }

func (r ReplaceRuns) Normalize(t *buffer.Text) error {
	i := bytes.Index(t.B, []byte("  "))
	if i < 0 {
		return nil
	}
	t.Begin()
	done := 0
	for i >= 0 {
		i += done
		end := i + 2
		for end < len(t.B) && t.B[end] == ' ' {
			end++
		}
		t.Keep(done, i)
		t.Put(r.New, i, end)
		done = end
		i = bytes.Index(t.B[done:], []byte("  "))
	}
	t.Keep(done, len(t.B))
	t.Swap()
	return nil
}

// nmt is the cleaning that SentencePiece calls nmt: some controls go, other white space and odd spaces become a space.
type nmt struct{}

func (nmt) Normalize(t *buffer.Text) error {
	t.Begin()
	for i := 0; i < len(t.B); {
		r, n := utf8.DecodeRune(t.B[i:])
		switch {
		case r >= 0x01 && r <= 0x08, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
		case r == 0x09, r == 0x0a, r == 0x0c, r == 0x0d, r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029,
			r == 0x2581, r == 0xfeff, r == 0xfffd:
			t.Put(" ", i, i+n)
		default:
			t.Keep(i, i+n)
		}
		i += n
	}
	t.Swap()
	return nil
}

// BertNormalizer is the cleaning of BERT's basic tokenizer.
type BertNormalizer struct {
	Clean, Chinese, Accents, Lower bool // accents: strip them
}

func (n BertNormalizer) Normalize(t *buffer.Text) error {
	if n.ascii(t.B) {
		return n.dropASCII(t)
	}
	if n.Clean {
		n.cleanText(t)
	}
	if n.Chinese {
		spaceChinese(t)
	}
	if n.Accents {
		if err := (unicodeForm{norm.NFD}).Normalize(t); err != nil {
			return err
		}
		if err := (filter{drop: chars.Mark}).Normalize(t); err != nil {
			return err
		}
	}
	if n.Lower {
		return lowercase{}.Normalize(t)
	}
	return nil
}

// ascii normalises b in place where it is all ASCII, and reports whether it was. Characters to drop become NUL.
func (n BertNormalizer) ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	for i, c := range b {
		switch {
		case n.Lower && c >= 'A' && c <= 'Z':
			b[i] = c | 0x20
		case !n.Clean || c > ' ' && c != 0x7f:
		case c == '\t' || c == '\n' || c == '\r':
			b[i] = ' '
		case c < ' ' || c == 0x7f:
			b[i] = 0
		}
	}
	return true
}

// dropASCII removes what ascii marked.
func (n BertNormalizer) dropASCII(t *buffer.Text) error {
	if !n.Clean || bytes.IndexByte(t.B, 0) < 0 {
		return nil
	}
	t.Begin()
	for i, c := range t.B {
		if c != 0 {
			t.Keep(i, i+1)
		}
	}
	t.Swap()
	return nil
}

func (n BertNormalizer) cleanText(t *buffer.Text) {
	table := chars.Classes()
	t.Begin()
	for i := 0; i < len(t.B); {
		c, w := chars.At(table, t.B, i)
		switch {
		case t.B[i] == 0, c&chars.Control != 0 && c&chars.Newline == 0 && t.B[i] != '\t', string(t.B[i:i+w]) == "\uFFFD":
		case c&chars.Space != 0:
			t.Put(" ", i, i+w)
		default:
			t.Keep(i, i+w)
		}
		i += w
	}
	t.Swap()
}

// spaceChinese puts a space on both sides of each ideograph.
func spaceChinese(t *buffer.Text) {
	t.Begin()
	for i := 0; i < len(t.B); {
		r, n := utf8.DecodeRune(t.B[i:])
		if ideograph(r) {
			t.Put(" ", i, i+n)
			t.Keep(i, i+n)
			t.Put(" ", i, i+n)
		} else {
			t.Keep(i, i+n)
		}
		i += n
	}
	t.Swap()
}

// ideograph reports whether BERT treats r as a word of its own.
func ideograph(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df ||
		r >= 0x2a700 && r <= 0x2b73f || r >= 0x2b740 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f
}
