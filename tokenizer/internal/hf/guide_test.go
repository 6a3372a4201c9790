package hf

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestGuide writes the table of ../../CLASSES.md from the table of classes and the folders that they are tested with, and
// compares. With UPDATE set in the environment it writes the file.
func TestGuide(t *testing.T) {
	const file, begin, end = "../../CLASSES.md", "<!-- begin table -->\n", "<!-- end table -->\n"
	text, err := os.ReadFile(file)
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
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func guide(t *testing.T) string {
	tested := map[string][]string{}
	for _, root := range []fs.FS{tensortest.Zip(t, "../../testdata/classes/folders.zip.gz"), os.DirFS("../../testdata/seq2seq")} {
		files, err := fs.Glob(root, "*/cases.json")
		if err != nil || len(files) == 0 {
			t.Fatal("no folders", err)
		}
		for _, file := range files {
			dir := path.Dir(file)
			folder, err := fs.Sub(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			c, err := readConfig(folder)
			if err != nil {
				t.Fatal(err)
			}
			data, _ := fs.ReadFile(folder, "tokenizer.json")
			c.resolve(bytes.Contains(data, []byte(`"ByteLevel"`)))
			name := c.Class
			if data == nil && c.rawClass != nil {
				name = c.rawClass.name
			}
			if find(name) == nil {
				name = "none"
			}
			tested[name] = append(tested[name], "`"+dir+"`")
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
		"`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`<s> A </s> </s> B </s>`", "`A </s> B </s>`", "`A B </s>`", "`A </s> B </s>`",
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
