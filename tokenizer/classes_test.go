package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestClasses opens the folders of testdata/classes and compares with what the reference gives.
func TestClasses(t *testing.T) {
	root := "testdata/classes"
	if other := os.Getenv("TOKENIZER_CLASSES"); other != "" {
		root = other // folders that generate.py has made of more texts
	}
	files, err := filepath.Glob(root + "/*/cases.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no folders", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var c struct {
				seq2seqCases
				Types []int
			}
			if err := json.Unmarshal(readFile(t, file), &c); err != nil {
				t.Fatal(err)
			}
			tok, err := OpenWith(os.DirFS(dir), OpenOptions{Transformers4: strings.HasPrefix(filepath.Base(dir), "older_")})
			if err != nil {
				t.Fatal(err)
			}
			c.checkTexts(t, tok, "")
			c.checkRest(t, tok)
			e, err := tok.EncodePair("The cat", "sat on", Options{AddSpecial: true})
			if err != nil || !slices.Equal(e.TypeIDs, c.Types) {
				t.Errorf("pair: types %v, %v, want %v", e, err, c.Types)
			}
		})
	}
}
