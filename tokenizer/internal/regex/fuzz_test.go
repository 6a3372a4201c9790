package regex

import (
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
)

// FuzzPattern searches texts for regular expressions: matches are in order and apart.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"", "a*", "(a|b)+?", `\p{L}+|\s+(?!\S)`, "^|$", `(?i:'s|'t)|[^\r\n\w]?\w{1,3}`, `(?<=a)b|[a-c&&b]`, `\b`, "[^]a]", "(?<n>é)\\k<n>"} {
		f.Add(p, "ab é\n a'S")
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) > 40 || len(text) > 24 {
			t.Skip()
		}
		p, err := Compile(expr, Oniguruma)
		if err != nil {
			return
		}
		found, err := p.Find(nil, []byte(text), new(buffer.Search))
		if err != nil {
			t.Skip(err)
		}
		last := buffer.Piece{Start: -1, End: -1}
		for _, m := range found {
			if m.Start < last.End || m.Start == last.Start || m.End < m.Start || int(m.End) > len(text) || m.Start == m.End && m.End == last.End {
				t.Fatalf("%q in %q: %v", expr, text, found)
			}
			last = m
		}
	})
}
