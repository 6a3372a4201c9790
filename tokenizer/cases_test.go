package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
)

// fixture returns the path of a file or folder of the fixtures.
func fixture(tb testing.TB, parts ...string) string {
	tb.Helper()
	return below(tb, "TRANSFORMER_FIXTURES", parts...)
}

// realModel returns the path of a file or folder of the real models.
func realModel(tb testing.TB, parts ...string) string {
	tb.Helper()
	return below(tb, "TRANSFORMER_REAL", parts...)
}

func below(tb testing.TB, env string, parts ...string) string {
	tb.Helper()
	root := os.Getenv(env)
	if root == "" {
		tb.Skipf("%s is not set", env)
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("%s: %v", env, err)
	}
	return path
}

// openDir opens a model folder.
func openDir(tb testing.TB, dir string) *Tokenizer {
	tb.Helper()
	t, err := Open(os.DirFS(dir))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestPublishedCases checks ids, tokens and decoded text against those published with transformers.js, for the models
// whose vocabulary is among the fixtures.
func TestPublishedCases(t *testing.T) {
	for _, c := range []struct{ file, model, dir string }{
		{"gpt2.json", "Xenova/gpt2", "gpt2"},
		{"roberta.json", "Xenova/roberta-base", "roberta-base"},
		{"falcon.json", "tiiuae/falcon-7b", "falcon"},
		{"bert.json", "Xenova/bert-base-uncased", "bert-base-uncased"},
		{"bert.json", "Xenova/bert-base-cased", "bert-base-cased"},
		{"t5.json", "Xenova/t5-small", "t5-small"},
		{"clip.json", "Xenova/clip-vit-base-patch16", "clip"},
	} {
		t.Run(c.dir, func(t *testing.T) {
			var file struct {
				Models map[string]map[string]struct {
					Text    string
					Pair    *string `json:"text_pair"`
					Tokens  []string
					IDs     []int
					Decoded string
				}
			}
			if err := json.Unmarshal(tensortest.ReadFile(t, fixture(t, "tokenizer_cases", c.file)), &file); err != nil {
				t.Fatal(err)
			}
			cases := file.Models[c.model]
			if len(cases) == 0 {
				t.Skipf("no cases for %s", c.model)
			}
			tok := openDir(t, fixture(t, "tokenizers", c.dir))
			for name, want := range cases {
				if want.Pair != nil || want.IDs == nil {
					continue
				}
				got, err := tok.Encode(want.Text)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want.IDs) {
					t.Errorf("%s: %q: got %v, want %v", name, want.Text, got, want.IDs)
				}
				text, err := tok.Decode(want.IDs, false)
				if err != nil {
					t.Fatal(err)
				}
				cleaned := text // the cases were made with clean_up_tokenization_spaces for most models
				for _, r := range decode.TextCleanup() {
					cleaned = strings.ReplaceAll(cleaned, r[0], r[1])
				}
				if text != want.Decoded && cleaned != want.Decoded {
					t.Errorf("%s: decoded %q, want %q", name, text, want.Decoded)
				}
			}
		})
	}
}

// TestRealModels checks ids of trained models' tokenizers against what the reference gives.
func TestRealModels(t *testing.T) {
	for _, dir := range []string{"smollm2-135m-instruct", "gemma-3-270m"} {
		t.Run(dir, func(t *testing.T) {
			tok := openDir(t, realModel(t, dir))
			text := "The quick  brown fox\n\tcan't jump 1234 times, 日本語 and 😀!"
			ids, err := tok.AppendEncode(nil, text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tok.Decode(ids, false)
			if err != nil || got != text {
				t.Errorf("%v decodes to %q, %v", ids, got, err)
			}
		})
	}
}
