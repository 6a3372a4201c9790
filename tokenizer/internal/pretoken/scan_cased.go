package pretoken

import (
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// The splits that look at upper and lower case: o200k, which LLaMA 4 and gpt-oss have too, Mistral's tekken and Kimi K2.
const (
	upperWord = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	lowerWord = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`
	endings   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
	blanks    = `|\s*[\r\n]+|\s+(?!\S)|\s+`

	O200KPattern  = upperWord + endings + `|` + lowerWord + endings + `|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + blanks
	TekkenPattern = upperWord + `|` + lowerWord + `|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + blanks
	KimiPattern   = `[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+` + endings +
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*` + endings +
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + blanks
)

// cased is a split of this kind.
type cased struct {
	han     bool // runs of ideographs stand alone
	endings bool // English endings go with the word
	slash   bool // slashes go with the symbols before them
	digits  int  // in a number
}

func ScanO200K(t *chars.Map, b []byte, i int) int {
	return cased{endings: true, slash: true, digits: 3}.scan(t, b, i)
}

func ScanTekken(t *chars.Map, b []byte, i int) int {
	return cased{slash: true, digits: 1}.scan(t, b, i)
}

func ScanKimi(t *chars.Map, b []byte, i int) int {
	return cased{han: true, endings: true, digits: 3}.scan(t, b, i)
}

func (s cased) scan(t *chars.Map, b []byte, i int) int {
	c, n := chars.At(t, b, i)
	if s.han && c&chars.Han != 0 {
		return chars.Run(t, b, i+n, chars.Han)
	}
	prefixed := c&(chars.Letter|chars.Number|chars.Newline) == 0
	if prefixed {
		if end := s.word(t, b, i+n); end > 0 {
			return s.ending(b, end)
		}
	}
	if c&(chars.Letter|chars.Marks) != 0 {
		if end := s.word(t, b, i); end > 0 {
			return s.ending(b, end)
		}
	}
	if prefixed {
		if end := s.shouted(t, b, i+n); end > 0 {
			return s.ending(b, end)
		}
	}
	if c&(chars.Letter|chars.Marks) != 0 {
		if end := s.shouted(t, b, i); end > 0 {
			return s.ending(b, end)
		}
	}
	if c&chars.Number != 0 {
		return numbers(t, b, i+n, s.digits-1)
	}
	next, m := chars.Class(chars.Space), 0
	if b[i] == ' ' && i+1 < len(b) {
		next, m = chars.At(t, b, i+1)
	}
	switch {
	case c&(chars.Letter|chars.Space) == 0:
		return s.symbols(b, chars.Run(t, b, i+n, 0))
	case b[i] == ' ' && next&(chars.Space|chars.Letter|chars.Number) == 0:
		return s.symbols(b, chars.Run(t, b, i+n+m, 0))
	case c&chars.Space != 0:
		return spacesOrLines(t, b, i)
	}
	return i + n // a letter that no alternative takes
}

// numbers returns the end of up to n further digits.
func numbers(t *chars.Map, b []byte, i, n int) int {
	for ; n > 0 && i < len(b); n-- {
		c, w := chars.At(t, b, i)
		if c&chars.Number == 0 {
			break
		}
		i += w
	}
	return i
}

// sides says whether a character may stand in the first part of a word, which is not lower case, and in the second, which
// is not upper case.
func (s cased) sides(c chars.Class) (first, second bool) {
	if s.han && c&chars.Han != 0 {
		return false, false
	}
	other := c&chars.Marks != 0 || c&chars.Letter != 0 && c&(chars.Upper|chars.Lower) == 0
	return other || c&chars.Upper != 0, other || c&chars.Lower != 0
}

// word returns the end of a first part, which may be empty, and a second, which is not; 0 for none.
func (s cased) word(t *chars.Map, b []byte, i int) int {
	last, end := -1, i // the last character that could begin the second part
	for end < len(b) {
		c, n := chars.At(t, b, end)
		first, second := s.sides(c)
		if second && !first {
			return s.rest(t, b, end)
		}
		if !first {
			break
		}
		if second {
			last = end + n
		}
		end += n
	}
	return max(last, 0)
}

// rest returns the end of the second part of a word.
func (s cased) rest(t *chars.Map, b []byte, i int) int {
	for i < len(b) {
		c, n := chars.At(t, b, i)
		if _, second := s.sides(c); !second {
			break
		}
		i += n
	}
	return i
}

// shouted returns the end of a first part that is not empty, where there is no second; 0 for none.
func (s cased) shouted(t *chars.Map, b []byte, i int) int {
	end := i
	for end < len(b) {
		c, n := chars.At(t, b, end)
		if first, _ := s.sides(c); !first {
			break
		}
		end += n
	}
	if end == i {
		return 0
	}
	return s.rest(t, b, end)
}

func (s cased) ending(b []byte, i int) int {
	if s.endings && i < len(b) && b[i] == '\'' {
		if n := foldedContraction(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	return i
}

func (s cased) symbols(b []byte, i int) int {
	for i < len(b) && (b[i] == '\n' || b[i] == '\r' || s.slash && b[i] == '/') {
		i++
	}
	return i
}

// BloomPattern is BLOOM's split, which Poro and Viking have too.
const BloomPattern = ` ?[^(\s|[.,!?…。，、।۔،])]+`

// scanBloom follows BloomPattern; what it leaves between two matches is one pre-token.
func scanBloom(t *chars.Map, b []byte, i int) int {
	taken := func(i int) bool { return i < len(b) && !bloomStop(t, b, i) }
	if b[i] == ' ' && taken(i+1) || taken(i) {
		for i++; i < len(b) && !bloomStop(t, b, i); {
			_, n := chars.At(t, b, i)
			i += n
		}
		return i
	}
	for i < len(b) && !taken(i) && (b[i] != ' ' || !taken(i+1)) {
		_, n := chars.At(t, b, i)
		i += n
	}
	return i
}

func bloomStop(t *chars.Map, b []byte, i int) bool {
	c, n := chars.At(t, b, i)
	if n == 1 {
		return c&chars.Space != 0 || strings.IndexByte("(|.,!?)", b[i]) >= 0
	}
	return c&chars.Space != 0 || strings.Contains("…。，、।۔،", string(b[i:i+n]))
}

// DeepSeekPattern is the third of DeepSeek V3's splits.
const DeepSeekPattern = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

// scanDeepSeek follows DeepSeekPattern; what it leaves between two matches is one pre-token.
func scanDeepSeek(t *chars.Map, b []byte, i int) int {
	if end := deepSeek(t, b, i); end > i {
		return end
	}
	for {
		_, n := chars.At(t, b, i)
		if i += n; i >= len(b) || deepSeek(t, b, i) > i {
			return i
		}
	}
}

// deepSeek returns the end of the match at i, or i.
func deepSeek(t *chars.Map, b []byte, i int) int {
	c, n := chars.At(t, b, i)
	if c&chars.Punct != 0 && n == 1 {
		j := i + 1
		for j < len(b) && (b[j]|0x20) >= 'a' && (b[j]|0x20) <= 'z' {
			j++
		}
		if j > i+1 {
			return j
		}
	}
	const letters = chars.Letter | chars.Marks
	if c&(chars.Newline|chars.Letter|chars.Puncts|chars.Symbols) == 0 {
		if j := chars.Run(t, b, i+n, letters); j > i+n {
			return j
		}
	}
	if c&letters != 0 {
		return chars.Run(t, b, i, letters)
	}
	const signs = chars.Puncts | chars.Symbols
	start := i
	if b[i] == ' ' {
		start++
	}
	if j := chars.Run(t, b, start, signs); j > start {
		return newlines(b, j)
	}
	if c&chars.Space != 0 {
		return spacesOrLines(t, b, i)
	}
	return i
}

// scanQwen35 follows Qwen35Pattern.
func scanQwen35(t *chars.Map, b []byte, i int) int {
	if b[i] == '\'' {
		if n := foldedContraction(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	const letters = chars.Letter | chars.Marks
	c, n := chars.At(t, b, i)
	if c&chars.Number != 0 {
		return i + n
	}
	if c&(chars.Letter|chars.Newline) == 0 {
		if end := chars.Run(t, b, i+n, letters); end > i+n {
			return end
		}
	}
	if c&letters != 0 {
		return chars.Run(t, b, i, letters)
	}
	start := i
	if b[i] == ' ' {
		start++
	}
	end := start
	for end < len(b) {
		c, n := chars.At(t, b, end)
		if c&(chars.Space|letters|chars.Number) != 0 {
			break
		}
		end += n
	}
	if end > start {
		return newlines(b, end)
	}
	return spacesOrLines(t, b, i)
}
