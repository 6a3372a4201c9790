package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// seq2seqCases is what the reference gives for a folder.
type seq2seqCases struct {
	Cases []struct {
		Text           string
		IDs            []int
		Plain          []int // without special tokens, added or found
		Target         []int // nil where the reference has none
		Written        []int // what Decoded and Whole are the text of, without special tokens and with
		Decoded, Whole string
		Offsets        [][2]int
	}
	Pair      []int
	Special   map[string]*int
	Tokens    map[string]int
	Languages map[string][]int // "The cat sat" in each
}

// TestEncoderDecoders opens the folders of testdata/seq2seq and compares with what the reference gives.
func TestEncoderDecoders(t *testing.T) {
	root := "testdata/seq2seq"
	if other := os.Getenv("TOKENIZER_SEQ2SEQ"); other != "" {
		root = other // folders that generate.py has made of other texts
	}
	dirs, err := filepath.Glob(root + "/*/cases.json")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no folders", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			var c seq2seqCases
			if err := json.Unmarshal(tensortest.ReadFile(t, file), &c); err != nil {
				t.Fatal(err)
			}
			tok := openDir(t, dir)
			c.checkTexts(t, tok, name)
			c.checkRest(t, tok)
		})
	}
}

func (c *seq2seqCases) checkTexts(t *testing.T, tok *Tokenizer, name string) {
	bad := 0
	for _, want := range c.Cases {
		if t.Failed() {
			if bad++; bad > 10 {
				t.Fatal("and so on")
			}
		}
		if got, err := tok.Encode(want.Text); err != nil || !slices.Equal(got, want.IDs) {
			t.Errorf("%q: got %v, %v, want %v", want.Text, got, err, want.IDs)
			continue
		}
		// The reference takes a language's code before the text from anybody, and makes special tokens of text that
		// spells them out.
		if want.Plain != nil && (!strings.HasPrefix(name, "marian") || !strings.HasPrefix(want.Text, ">>")) && (tok.guard == nil || !tok.guard.Within([]byte(want.Text))) {
			if got, err := tok.AppendEncode(nil, want.Text, Options{}); err != nil || !slices.Equal(got, want.Plain) {
				t.Errorf("%q as it is: got %v, %v, want %v", want.Text, got, err, want.Plain)
			}
		}
		if want.Target != nil {
			if got, err := tok.Target().Encode(want.Text); err != nil || !slices.Equal(got, want.Target) {
				t.Errorf("%q as target: got %v, %v, want %v", want.Text, got, err, want.Target)
			}
		}
		for _, skip := range []bool{true, false} {
			decoded := want.Whole
			if skip {
				decoded = want.Decoded
			}
			if got, err := tok.Decode(want.Written, skip); err != nil || got != decoded {
				t.Errorf("%v decodes to %q, %v, want %q", want.Written, got, err, decoded)
			}
		}
		if want.Offsets != nil {
			checkOffsets(t, tok, want.Text, want.Offsets)
		}
		checkRoundTrip(t, tok.Target(), want.Text, false)
	}
}

func checkOffsets(t *testing.T, tok *Tokenizer, text string, want [][2]int) {
	e, err := tok.EncodeWithOffsets(text, Options{ParseSpecial: true})
	if err != nil || len(e.Offsets) != len(want) {
		t.Fatalf("%q: got %v, %v", text, e, err)
	}
	for i, o := range e.Offsets {
		if o.Start > want[i][0] || o.End < want[i][1] {
			t.Errorf("%q: offsets %v, want %v", text, e.Offsets, want)
			break
		}
	}
}

func (c *seq2seqCases) checkRest(t *testing.T, tok *Tokenizer) {
	e, err := tok.EncodePair("The cat", "sat on", Options{AddSpecial: true, ParseSpecial: true})
	if err != nil || !slices.Equal(e.IDs, c.Pair) {
		t.Errorf("pair: got %v, %v, want %v", e, err, c.Pair)
	}
	s := tok.Special()
	for name, got := range map[string]int{"bos": s.BOS, "eos": s.EOS, "unk": s.UNK, "sep": s.SEP, "pad": s.PAD, "cls": s.CLS, "mask": s.Mask} {
		want := -1
		if p := c.Special[name]; p != nil {
			want = *p
		}
		if got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	for code, want := range c.Languages {
		from, err := tok.WithSource(code)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := from.Encode("The cat sat"); err != nil || !slices.Equal(got, want) {
			t.Errorf("from %s: got %v, %v, want %v", code, got, err, want)
		}
	}
}
