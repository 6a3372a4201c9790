package pretoken

import "github.com/seed2010d43f/transformer/tokenizer/internal/chars"

// A scanner returns the end of the pre-token that starts at b[i], i < len(b). Together its pre-tokens cover b.
type scanner func(t *chars.Map, b []byte, i int) int

// GPT2Pattern is the split of GPT-2, RoBERTa, Phi-2, Whisper and others.
const GPT2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// ScanGPT2 follows GPT2Pattern.
func ScanGPT2(t *chars.Map, b []byte, i int) int {
	if b[i] == '\'' {
		if n := contraction(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	j := i
	c, n := chars.At(t, b, j)
	if b[i] == ' ' && i+1 < len(b) {
		if next, m := chars.At(t, b, i+1); next&chars.Space == 0 {
			j, c, n = i+1, next, m
		}
	}
	switch {
	case c&chars.Letter != 0:
		return chars.Run(t, b, j+n, chars.Letter)
	case c&chars.Number != 0:
		return chars.Run(t, b, j+n, chars.Number)
	case c&chars.Space != 0:
		return spaces(t, b, i)
	}
	return chars.Run(t, b, j+n, 0)
}

// contraction returns the length of the English ending that follows an apostrophe, or 0.
func contraction(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(b) > 1 && b[1] == 'e' {
			return 2
		}
	case 'l':
		if len(b) > 1 && b[1] == 'l' {
			return 2
		}
	}
	return 0
}

// spaces matches \s+(?!\S)|\s+ at a space: the run without its last character where something follows.
func spaces(t *chars.Map, b []byte, i int) int {
	end, last := i, 0
	for end < len(b) {
		c, n := chars.At(t, b, end)
		if c&chars.Space == 0 {
			break
		}
		end, last = end+n, n
	}
	if end < len(b) && end-last > i {
		return end - last
	}
	return end
}

// The splits of LLaMA 3 (digits in threes) and of Qwen 2 and 3 (single digits).
const (
	LLaMA3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	Qwen2Pattern  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// Qwen35Pattern is Qwen2Pattern where marks are letters' own.
const Qwen35Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

func ScanLLaMA3(t *chars.Map, b []byte, i int) int { return scanModern(t, b, i, 3) }
func ScanQwen2(t *chars.Map, b []byte, i int) int  { return scanModern(t, b, i, 1) }

// scanModern follows LLaMA3Pattern with up to digits digits in a number.
func scanModern(t *chars.Map, b []byte, i, digits int) int {
	if b[i] == '\'' {
		if n := foldedContraction(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	c, n := chars.At(t, b, i)
	if c&chars.Letter != 0 {
		return chars.Run(t, b, i+n, chars.Letter)
	}
	if c&chars.Number != 0 {
		end := i + n
		for k := 1; k < digits && end < len(b); k++ {
			c, n := chars.At(t, b, end)
			if c&chars.Number == 0 {
				break
			}
			end += n
		}
		return end
	}
	next, m := chars.Class(chars.Space), 0 // the end of the text counts as neither letter nor symbol
	if i+n < len(b) {
		next, m = chars.At(t, b, i+n)
	}
	if next&chars.Letter != 0 && c&chars.Newline == 0 {
		return chars.Run(t, b, i+n+m, chars.Letter)
	}
	if c&chars.Space == 0 {
		return newlines(b, chars.Run(t, b, i+n, 0))
	}
	if b[i] == ' ' && next&(chars.Space|chars.Number) == 0 {
		return newlines(b, chars.Run(t, b, i+n+m, 0))
	}
	return spacesOrLines(t, b, i)
}

// newlines returns the end of the run of \r and \n at i.
func newlines(b []byte, i int) int {
	for i < len(b) && (b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// spacesOrLines matches \s*[\r\n]+|\s+(?!\S)|\s+ at a space: up to the run's last line break where it has one.
func spacesOrLines(t *chars.Map, b []byte, i int) int {
	end, line := i, 0
	for end < len(b) {
		c, n := chars.At(t, b, end)
		if c&chars.Space == 0 {
			break
		}
		end += n
		if c&chars.Newline != 0 {
			line = end
		}
	}
	if line > 0 {
		return line
	}
	return spaces(t, b, i)
}

// foldedContraction is contraction without regard to case; the long s folds to s.
func foldedContraction(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] | 0x20 {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(b) > 1 && b[1]|0x20 == 'e' {
			return 2
		}
	case 'l':
		if len(b) > 1 && b[1]|0x20 == 'l' {
			return 2
		}
	}
	if len(b) > 1 && b[0] == 0xc5 && b[1] == 0xbf {
		return 2
	}
	return 0
}

// CLIPPattern is CLIP's: it keeps what matches and drops the rest.
const CLIPPattern = `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`

// ScanCLIP follows CLIPPattern; a run of spaces is one pre-token, which the caller drops.
func ScanCLIP(t *chars.Map, b []byte, i int) int {
	switch b[i] {
	case '\'':
		if n := contraction(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	case '<':
		for _, s := range [...]string{"<|startoftext|>", "<|endoftext|>"} {
			if len(b)-i >= len(s) && string(b[i:i+len(s)]) == s {
				return i + len(s)
			}
		}
	}
	switch c, n := chars.At(t, b, i); {
	case c&chars.Letter != 0:
		return chars.Run(t, b, i+n, chars.Letter)
	case c&chars.Number != 0:
		return i + n
	case c&chars.Space != 0:
		return chars.Run(t, b, i+n, chars.Space)
	default:
		return chars.Run(t, b, i+n, 0)
	}
}
