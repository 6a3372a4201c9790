package cli

import (
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args, line string
		texts      []string
		says       string // in the output, which is empty otherwise
	}{
		{"[TEXT ...]", "", []string{}, ""},
		{"[TEXT ...]", "one two", []string{"one", "two"}, ""},
		{"[TEXT ...]", "-seed 3 one", []string{"one"}, ""},
		{"[TEXT ...]", "-- -5 degrees", []string{"-5", "degrees"}, ""},
		{"[TEXT ...]", "-h", nil, "usage: example [flags] [TEXT ...]\n\nDoes things.\n\n"},
		{"", "-h", nil, "usage: example [flags]\n\nDoes things.\n\n"},
		{"[TEXT ...]", "-h", nil, "  -seed N\n"},
		{"[TEXT ...]", "-sed 3", nil, "-sed"},
		{"[TEXT ...]", "one -seed 3", nil, `the flag -seed stands after the text "one": flags come first`},
		{"[TEXT ...]", "one --seed=3", nil, `the flag --seed=3 stands after the text "one"`},
		{"", "one", nil, `example takes no arguments, and "one" is one`},
	} {
		var out strings.Builder
		f := flag.NewFlagSet("example", flag.ContinueOnError)
		f.SetOutput(&out)
		f.Int("seed", 1, "`N` of the random numbers")
		texts, err := parse(f, strings.Fields(c.line), c.args, "Does things.")
		if (err != nil) != (c.says != "") || !strings.Contains(out.String(), c.says) || c.says == "" && out.Len() > 0 {
			t.Errorf("%q: error %v, output\n%s", c.line, err, out.String())
		}
		if err == nil && !slices.Equal(texts, c.texts) {
			t.Errorf("%q: texts %q, want %q", c.line, texts, c.texts)
		}
		if errors.Is(err, flag.ErrHelp) != (c.line == "-h") {
			t.Errorf("%q: error %v", c.line, err)
		}
	}
}

func TestText(t *testing.T) {
	if got := Text(nil, "other"); got != "other" {
		t.Errorf("no arguments are the text %q", got)
	}
	if got := Text([]string{"The", "cat sat"}, "other"); got != "The cat sat" {
		t.Errorf("the text is %q", got)
	}
}
