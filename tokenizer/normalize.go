package tokenizer

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A normalizer rewrites a text before it is split.
type normalizer interface {
	normalize(t *text) error
}

// normalizers applies each in turn.
type normalizers []normalizer

func (s normalizers) normalize(t *text) error {
	for _, n := range s {
		if err := n.normalize(t); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

// unicodeForm is one of NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15). What a combining sequence turns into
// stands for the whole sequence.
type unicodeForm struct{ form norm.Form }

func (f unicodeForm) normalize(t *text) error {
	first := 0
	for first < len(t.b) && t.b[first] < utf8.RuneSelf {
		first++
	}
	if first == len(t.b) || f.form.IsNormal(t.b) {
		return nil
	}
	compat := f.form == norm.NFKC || f.form == norm.NFKD
	t.begin()
	for i := 0; i < len(t.b); {
		if t.b[i] < utf8.RuneSelf && (i+1 == len(t.b) || t.b[i+1] < utf8.RuneSelf) {
			t.keep(i, i+1)
			i++
			continue
		}
		j := i + f.form.NextBoundary(t.b[i:], true)
		r, n := utf8.DecodeRune(t.b[i:])
		switch {
		case compat && within(lateCompat(), r):
			t.keep(i, i+n)
			if i+n < j {
				t.put(string(f.form.Bytes(t.b[i+n:j])), i+n, j)
			}
		case f.form.IsNormal(t.b[i:j]):
			t.keep(i, j)
		default:
			t.put(string(f.form.Bytes(t.b[i:j])), i, j)
		}
		i = j
	}
	t.swap()
	return nil
}

// lowercase maps each character to its lower case, without regard to its neighbours.
type lowercase struct{}

func (lowercase) normalize(t *text) error {
	if lowerASCII(t.b) {
		return nil
	}
	t.begin()
	for i := 0; i < len(t.b); {
		r, n := utf8.DecodeRune(t.b[i:])
		switch low := lowerLate(unicode.ToLower(r)); {
		case r == 'İ': // the one character whose lower case is two
			t.put("i̇", i, i+n)
		case low != r:
			t.putRune(low, i, i+n)
		default:
			t.keep(i, i+n)
		}
		i += n
	}
	t.swap()
	return nil
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

func (s strip) normalize(t *text) error {
	i, j := 0, len(t.b)
	if s.left {
		i = j - len(bytes.TrimLeftFunc(t.b, unicode.IsSpace))
	}
	if s.right {
		j = i + len(bytes.TrimRightFunc(t.b[i:], unicode.IsSpace))
	}
	if i == 0 && j == len(t.b) {
		return nil
	}
	t.begin()
	t.keep(i, j)
	t.swap()
	return nil
}

// filter drops the characters that have one of the properties in drop. To strip accents the text should be decomposed
// first.
type filter struct{ drop class }

func (f filter) normalize(t *text) error {
	table := classes()
	t.begin()
	for i := 0; i < len(t.b); {
		c, n := classAt(table, t.b, i)
		if c&f.drop == 0 {
			t.keep(i, i+n)
		}
		i += n
	}
	t.swap()
	return nil
}

// prepend puts a string before a text that is not empty. The string stands for the first character.
type prepend struct{ s string }

func (p prepend) normalize(t *text) error {
	if len(t.b) == 0 {
		return nil
	}
	t.begin()
	t.put(p.s, 0, 0)
	t.keep(0, len(t.b))
	t.swap()
	return nil
}

// replaceString puts new for each old.
type replaceString struct{ old, new string }

func (r replaceString) normalize(t *text) error {
	if r.old == "" {
		return nil
	}
	i := bytes.Index(t.b, []byte(r.old))
	if i < 0 {
		return nil
	}
	t.begin()
	done := 0
	for i >= 0 {
		t.keep(done, done+i)
		t.put(r.new, done+i, done+i+len(r.old))
		done += i + len(r.old)
		i = bytes.Index(t.b[done:], []byte(r.old))
	}
	t.keep(done, len(t.b))
	t.swap()
	return nil
}

// replaceMatches puts new for each match.
type replaceMatches struct {
	pattern *pattern
	new     string
}

func (r replaceMatches) normalize(t *text) error {
	found, err := r.pattern.find(nil, t.b, &t.search)
	if err != nil || len(found) == 0 {
		return err
	}
	t.begin()
	done := int32(0)
	for _, m := range found {
		t.keep(int(done), int(m.start))
		t.put(r.new, int(m.start), int(m.end))
		done = m.end
	}
	t.keep(int(done), len(t.b))
	t.swap()
	return nil
}

// replaceSpaces puts new for each run of white space.
type replaceSpaces struct{ new string }

func (r replaceSpaces) normalize(t *text) error {
	table := classes()
	t.begin()
	for i := 0; i < len(t.b); {
		if j := run(table, t.b, i, space); j > i {
			t.put(r.new, i, j)
			i = j
			continue
		}
		j := i + 1
		for j < len(t.b) {
			if c, _ := classAt(table, t.b, j); c&space != 0 {
				break
			}
			j++
		}
		t.keep(i, j)
		i = j
	}
	t.swap()
	return nil
}

// replaceRuns puts new for each run of two or more spaces.
type replaceRuns struct{ new string }

func (r replaceRuns) normalize(t *text) error {
	i := bytes.Index(t.b, []byte("  "))
	if i < 0 {
		return nil
	}
	t.begin()
	done := 0
	for i >= 0 {
		i += done
		end := i + 2
		for end < len(t.b) && t.b[end] == ' ' {
			end++
		}
		t.keep(done, i)
		t.put(r.new, i, end)
		done = end
		i = bytes.Index(t.b[done:], []byte("  "))
	}
	t.keep(done, len(t.b))
	t.swap()
	return nil
}

// nmt is the cleaning that SentencePiece calls nmt: some controls go, other white space and odd spaces become a space.
type nmt struct{}

func (nmt) normalize(t *text) error {
	t.begin()
	for i := 0; i < len(t.b); {
		r, n := utf8.DecodeRune(t.b[i:])
		switch {
		case r >= 0x01 && r <= 0x08, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
		case r == 0x09, r == 0x0a, r == 0x0c, r == 0x0d, r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029,
			r == 0x2581, r == 0xfeff, r == 0xfffd:
			t.put(" ", i, i+n)
		default:
			t.keep(i, i+n)
		}
		i += n
	}
	t.swap()
	return nil
}

// bertNormalizer is the cleaning of BERT's basic tokenizer.
type bertNormalizer struct {
	clean, chinese, accents, lower bool // accents: strip them
}

func (n bertNormalizer) normalize(t *text) error {
	if n.ascii(t.b) {
		return n.dropASCII(t)
	}
	if n.clean {
		n.cleanText(t)
	}
	if n.chinese {
		spaceChinese(t)
	}
	if n.accents {
		if err := (unicodeForm{norm.NFD}).normalize(t); err != nil {
			return err
		}
		if err := (filter{drop: mark}).normalize(t); err != nil {
			return err
		}
	}
	if n.lower {
		return lowercase{}.normalize(t)
	}
	return nil
}

// ascii normalises b in place where it is all ASCII, and reports whether it was. Characters to drop become NUL.
func (n bertNormalizer) ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	for i, c := range b {
		switch {
		case n.lower && c >= 'A' && c <= 'Z':
			b[i] = c | 0x20
		case !n.clean || c > ' ' && c != 0x7f:
		case c == '\t' || c == '\n' || c == '\r':
			b[i] = ' '
		case c < ' ' || c == 0x7f:
			b[i] = 0
		}
	}
	return true
}

// dropASCII removes what ascii marked.
func (n bertNormalizer) dropASCII(t *text) error {
	if !n.clean || bytes.IndexByte(t.b, 0) < 0 {
		return nil
	}
	t.begin()
	for i, c := range t.b {
		if c != 0 {
			t.keep(i, i+1)
		}
	}
	t.swap()
	return nil
}

func (n bertNormalizer) cleanText(t *text) {
	table := classes()
	t.begin()
	for i := 0; i < len(t.b); {
		c, w := classAt(table, t.b, i)
		switch {
		case t.b[i] == 0, c&control != 0 && c&newline == 0 && t.b[i] != '\t', string(t.b[i:i+w]) == "\uFFFD":
		case c&space != 0:
			t.put(" ", i, i+w)
		default:
			t.keep(i, i+w)
		}
		i += w
	}
	t.swap()
}

// spaceChinese puts a space on both sides of each ideograph.
func spaceChinese(t *text) {
	t.begin()
	for i := 0; i < len(t.b); {
		r, n := utf8.DecodeRune(t.b[i:])
		if ideograph(r) {
			t.put(" ", i, i+n)
			t.keep(i, i+n)
			t.put(" ", i, i+n)
		} else {
			t.keep(i, i+n)
		}
		i += n
	}
	t.swap()
}

// ideograph reports whether BERT treats r as a word of its own.
func ideograph(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df ||
		r >= 0x2a700 && r <= 0x2b73f || r >= 0x2b740 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f
}

func nfc() normalizer { return unicodeForm{norm.NFC} }

// clipNormalizer is CLIP's: composed, spaces made one, lower case.
func clipNormalizer() normalizer {
	return normalizers{nfc(), replaceSpaces{" "}, lowercase{}}
}
