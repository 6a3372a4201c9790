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

// TestSentencePiece reads models without a class: they do what that library does.
func TestSentencePiece(t *testing.T) {
	root := "testdata/sentencepiece"
	if other := os.Getenv("TOKENIZER_SENTENCEPIECE"); other != "" {
		root = other // models and cases that generate.py has made of more texts
	}
	files, err := filepath.Glob(root + "/*.model")
	if err != nil || len(files) == 0 {
		t.Fatal("no models", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".model")
		t.Run(filepath.Base(name), func(t *testing.T) {
			tok, err := ParseSentencePiece(tensortest.ReadFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			var cases []struct {
				Text, Decoded string
				IDs           []int
			}
			if err := json.Unmarshal(tensortest.ReadFile(t, name+".json"), &cases); err != nil {
				t.Fatal(err)
			}
			bad := 0
			for _, c := range cases {
				got, err := tok.AppendEncode(nil, c.Text, Options{})
				if err != nil || !slices.Equal(got, c.IDs) {
					t.Errorf("%q: %v, %v, want %v", c.Text, got, err, c.IDs)
					bad++
				}
				if text, err := tok.Decode(c.IDs, true); err != nil || text != c.Decoded {
					t.Errorf("%v decodes to %q, %v, want %q", c.IDs, text, err, c.Decoded)
					bad++
				}
				if bad > 8 {
					t.Fatal("and so on")
				}
				checkRoundTrip(t, tok, c.Text, false)
			}
		})
	}
}
