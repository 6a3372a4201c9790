package transformer_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/family"
)

var update = flag.Bool("update", false, "write the tables of families into README.md")

const (
	tableBegin = "<!-- families: go test -run TestReadme -update . -->\n"
	tableEnd   = "<!-- end of families -->\n"
)

// familyTable returns the tables of families: what can be opened, and the golden cases that check it.
func familyTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	recipes := family.Recipes()
	for _, kind := range []struct {
		title, files string
		families     []string
	}{
		{"decoder", "model/testdata/golden/*.json.gz", model.Decoders()},
		{"encoder", "model/testdata/golden/[et]*ers/*.json.gz", model.Encoders()},
		{"encoder–decoder", "model/testdata/golden/seq2seq/*.json.gz", model.EncoderDecoders()},
		{"encoder of pictures", "model/testdata/golden/towers/*.json.gz", model.ImageEncoders()},
		{"pictures and texts in one space", "model/testdata/golden/towers/*.json.gz model/testdata/golden/openclip/*.json.gz", model.ImageTexts()},
		{"texts about pictures", "model/testdata/golden/pictures/*.json.gz", model.ImageToTexts()},
	} {
		variants := variantsOf(t, kind.files)
		fmt.Fprintf(&b, "| %s | `model_type` | variants checked against the reference |\n|---|---|---|\n", kind.title)
		for _, name := range kind.families {
			list := variants[name]
			if len(list) == 0 || recipes[name].Title == "" {
				t.Errorf("model_type %q has no golden case or no title", name)
			}
			slices.Sort(list)
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", recipes[name].Title, name, strings.Join(list, ", "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// variantsOf returns the golden cases of each model_type.
func variantsOf(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	var files []string
	for _, p := range strings.Fields(pattern) {
		some, err := filepath.Glob(p)
		if err != nil || len(some) == 0 {
			t.Fatalf("%d files %s (%v)", len(some), p, err)
		}
		files = append(files, some...)
	}
	variants := map[string][]string{}
	for _, f := range files {
		var c struct {
			Name   string
			Config struct {
				ModelType string `json:"model_type"`
			}
		}
		if err := json.Unmarshal(tensortest.ReadFile(t, f), &c); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		family := c.Config.ModelType
		variant := strings.TrimPrefix(strings.TrimPrefix(c.Name, family+"-"), strings.TrimSuffix(family, "_text")+"-")
		variants[family] = append(variants[family], strings.ReplaceAll(variant, "-", " "))
	}
	return variants
}

// The README's tables say what is tested, no more and no less.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), tableBegin)
	old, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("README.md has no lines %q and %q", tableBegin, tableEnd)
	}
	table := familyTable(t)
	if *update {
		if err := os.WriteFile("README.md", []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("the tables of families in README.md are not current; run: go test -run TestReadme -update .")
	}
}

// README.md names every package that a program can import.
func TestReadmePackages(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.sorted() {
		if p.dir == "." || strings.Contains(p.dir, "internal") || home(p.dir, programs) != "" {
			continue
		}
		if !strings.Contains(string(readme), fmt.Sprintf("[`%s`](%s)", p.dir, p.dir)) {
			t.Errorf("README.md does not name package %s", p.dir)
		}
	}
}
