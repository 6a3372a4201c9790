package regex

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
)

// TestPatterns searches for the expressions of testdata/patterns.json.gz, and finds what the reference does.
func TestPatterns(t *testing.T) {
	var all struct {
		Texts []string
		Cases [][2]json.RawMessage // an expression, and for each text the matches that are not empty, in characters
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/patterns.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Cases {
		var expr string
		var want [][][2]int
		if err := json.Unmarshal(c[0], &expr); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c[1], &want); err != nil {
			t.Fatal(err)
		}
		p, err := Compile(expr, Oniguruma)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, text := range all.Texts {
			if got := matches(t, p, text); !slices.Equal(got, want[i]) {
				t.Errorf("%q in %q: %v, want %v", expr, text, got, want[i])
			}
		}
	}
}

// matches returns the matches that are not empty, in characters.
func matches(t *testing.T, p *Pattern, text string) (out [][2]int) {
	found, err := p.Find(nil, []byte(text), new(buffer.Search))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		if m.Start < m.End {
			out = append(out, [2]int{utf8.RuneCountInString(text[:m.Start]), utf8.RuneCountInString(text[:m.End])})
		}
	}
	return out
}

// TestDialects has what the two syntaxes read differently.
func TestDialects(t *testing.T) {
	for _, c := range []struct {
		expr, text  string
		ruby, fancy [][2]int
	}{
		{"a{1,2}+a", "aaaa", [][2]int{{0, 4}}, [][2]int{{0, 3}}},
		{"^b", "a\nb", [][2]int{{2, 3}}, nil},
		{"a$", "a\nb", [][2]int{{0, 1}}, nil},
		{"\\s++$", "a  b  ", [][2]int{{4, 6}}, [][2]int{{4, 6}}},
	} {
		for dialect, want := range map[Dialect][][2]int{Oniguruma: c.ruby, Tiktoken: c.fancy} {
			p, err := Compile(c.expr, dialect)
			if err != nil {
				t.Fatal(err)
			}
			if got := matches(t, p, c.text); !slices.Equal(got, want) {
				t.Errorf("%q in %q, dialect %d: %v, want %v", c.expr, c.text, dialect, got, want)
			}
		}
	}
}
