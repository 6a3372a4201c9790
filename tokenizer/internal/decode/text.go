package decode

import (
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// A tokenMap gives the text of one token. What it searches counts as one call's.
type tokenMap func(token string, first, last bool, search *buffer.Search) (string, error)

// WordPieceText joins WordPiece tokens: prefix marks those that go on with a word.
func WordPieceText(prefix string, cleanup bool) tokenMap {
	return func(s string, first, _ bool, _ *buffer.Search) (string, error) {
		if !first {
			if rest, ok := strings.CutPrefix(s, prefix); ok {
				s = rest
			} else {
				s = " " + s
			}
		}
		if cleanup {
			s = cleanToken(s)
		}
		return s, nil
	}
}

// cleanToken makes the replacements of wordPieceCleanup, all of which start with a space.
func cleanToken(s string) string {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == ' ' && strings.IndexByte(".?!,'nd", s[i+1]) >= 0 {
			for _, r := range wordPieceCleanup() {
				s = strings.ReplaceAll(s, r[0], r[1])
			}
			break
		}
	}
	return s
}

// TextCleanup lists what clean_up_tokenization_spaces replaces in a whole text, in order.
func TextCleanup() [][2]string {
	return [][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}
}

// wordPieceCleanup lists what the WordPiece decoder replaces in each token, in order.
func wordPieceCleanup() [][2]string {
	return [][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}
}

// MetaspaceText writes marks as spaces; with prefix set the first token loses its marks.
func MetaspaceText(mark string, prefix bool) tokenMap {
	return func(s string, first, _ bool, _ *buffer.Search) (string, error) {
		if first && prefix {
			return strings.ReplaceAll(s, mark, ""), nil
		}
		return strings.ReplaceAll(s, mark, " "), nil
	}
}

// suffixText writes the suffix that ends a word as a space, and the last one as nothing.
func suffixText(suffix string) tokenMap {
	return func(s string, _, last bool, _ *buffer.Search) (string, error) {
		if last {
			return strings.ReplaceAll(s, suffix, ""), nil
		}
		return strings.ReplaceAll(s, suffix, " "), nil
	}
}

// ctcText drops padding and repeats, and writes the word delimiter as a space.
func ctcText(pad, delimiter string, cleanup bool) tokenMap {
	last := ""
	return func(s string, first, _ bool, _ *buffer.Search) (string, error) {
		if !first && s == last {
			return "", nil
		}
		if last = s; s == pad {
			return "", nil
		}
		s = strings.ReplaceAll(s, pad, "")
		if cleanup {
			s = strings.ReplaceAll(cleanToken(s), delimiter, " ")
		}
		return s, nil
	}
}

// replaceText replaces the matches of a regular expression.
func replaceText(p *regex.Pattern, new string) tokenMap {
	return func(s string, _, _ bool, search *buffer.Search) (string, error) {
		found, err := p.Find(nil, []byte(s), search)
		var out strings.Builder
		done := int32(0)
		for _, m := range found {
			out.WriteString(s[done:m.Start])
			out.WriteString(new)
			if done = m.End; out.Len() > growth*len(s)+slack {
				return "", errDecodeGrowth
			}
		}
		out.WriteString(s[done:])
		return out.String(), err
	}
}
