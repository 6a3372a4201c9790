package hf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGuide writes the table of ../../CLASSES.md from the table of classes and the folders that they are tested with, and
// compares. With UPDATE set in the environment it writes the file.
func TestGuide(t *testing.T) {
	const path, begin, end = "../../CLASSES.md", "<!-- begin table -->\n", "<!-- end table -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := bytes.Cut(text, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		t.Fatal("the file has no place for the table")
	}
	want := string(head) + begin + guide(t) + end + string(tail)
	if want == string(text) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("CLASSES.md is not what the classes and their tests are: UPDATE=1 go test -run Guide ./tokenizer/internal/hf writes it")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func guide(t *testing.T) string {
	tested := map[string][]string{}
	for _, root := range []string{"classes", "seq2seq"} {
		files, err := filepath.Glob("../../testdata/" + root + "/*/cases.json")
		if err != nil || len(files) == 0 {
			t.Fatal("no folders", err)
		}
		for _, file := range files {
			dir := filepath.Dir(file)
			c, err := readConfig(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			data, _ := os.ReadFile(dir + "/tokenizer.json")
			c.resolve(bytes.Contains(data, []byte(`"ByteLevel"`)))
			name := c.Class
			if data == nil && c.rawClass != nil {
				name = c.rawClass.name
			}
			if find(name) == nil {
				name = "none"
			}
			tested[name] = append(tested[name], "`"+filepath.Base(dir)+"`")
		}
	}
	var out strings.Builder
	out.WriteString("| class | raw vocabulary | around texts | special tokens that no file need name | tested with |\n|---|---|---|---|---|\n")
	for _, k := range classes() {
		if len(tested[k.name]) == 0 {
			t.Errorf("%s is not tested", k.name)
		}
		slices.Sort(tested[k.name])
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", strings.Join(append([]string{"`" + k.name + "`"}, quotedNames(k.also)...), ", "),
			k.raw.name(k.name), k.around.name(), k.roles.list(), strings.Join(tested[k.name], ", "))
	}
	slices.Sort(tested["none"])
	fmt.Fprintf(&out, "| any other, or none | as the files are | as tokenizer.json says | none | %s |\n", strings.Join(tested["none"], ", "))
	return out.String()
}

func quotedNames(names []string) (out []string) {
	for _, n := range names {
		out = append(out, "`"+n+"`")
	}
	return out
}

func (f format) name(class string) string {
	switch {
	case class == "MarianTokenizer":
		return "`source.spm`, `target.spm`, `vocab.json`"
	case class == "M2M100Tokenizer":
		return "`sentencepiece.bpe.model`, `vocab.json`"
	}
	return [...]string{"no", "SentencePiece model", "`vocab.json`, `merges.txt`", "`vocab.txt`"}[f]
}

func (x template) name() string {
	return [...]string{"as tokenizer.json says", "by `add_bos_token`, `add_eos_token`", "`[CLS] A [SEP] B [SEP]`", "`[CLS] A [SEP] [SEP] B [SEP]`",
		"`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`A </s> B </s>`", "`A B </s>`",
		"with a language", "`A <sep> B <sep> <cls>`", "`<s> A </s> B </s>`"}[x]
}

func (r *roles) list() string {
	var out []string
	for _, x := range []role{r.bos, r.eos, r.unk, r.sep, r.pad, r.cls, r.mask} {
		if s := "`" + strings.ReplaceAll(x.text, "|", "\\|") + "`"; x.text != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}
