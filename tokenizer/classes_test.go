package tokenizer

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestClasses opens the folders of testdata/classes and compares with what the reference gives.
func TestClasses(t *testing.T) {
	all := tensortest.Zip(t, "testdata/classes/folders.zip.gz")
	if other := os.Getenv("TOKENIZER_CLASSES"); other != "" {
		all = os.DirFS(other) // folders that generate.py has made of more texts
	}
	for name, folder := range foldersOf(t, all) {
		t.Run(name, func(t *testing.T) {
			var c struct {
				seq2seqCases
				Types []int
			}
			if err := json.Unmarshal(readFS(t, folder, "cases.json"), &c); err != nil {
				t.Fatal(err)
			}
			tok, err := OpenWith(folder, OpenOptions{Transformers4: strings.HasPrefix(name, "older_")})
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

// foldersOf returns the folders that have cases, by name.
func foldersOf(t *testing.T, all fs.FS) map[string]fs.FS {
	t.Helper()
	files, err := fs.Glob(all, "*/cases.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no folders", err)
	}
	folders := map[string]fs.FS{}
	for _, file := range files {
		name := path.Dir(file)
		if folders[name], err = fs.Sub(all, name); err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

func readFS(t *testing.T, folder fs.FS, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRefusedClasses opens raw vocabularies of classes that are not supported, or read another form: the error names them,
// and nothing is taken for BERT or GPT-2. With a tokenizer.json they open.
func TestRefusedClasses(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	words, pairs := text("[UNK]\n[CLS]\n[SEP]\na\n"), text(`{"a":0,"b":1,"ab":2}`)
	for _, c := range []struct {
		folder fstest.MapFS
		want   []string
	}{
		{fstest.MapFS{"vocab.txt": words, "tokenizer_config.json": text(`{"tokenizer_class":"BertJapaneseTokenizer"}`)}, []string{"BertJapaneseTokenizer", "vocab.txt"}},
		{fstest.MapFS{"vocab.txt": words, "config.json": text(`{"model_type":"roberta","tokenizer_class":"PhobertTokenizer"}`)}, []string{"PhobertTokenizer", "vocab.txt"}},
		{fstest.MapFS{"vocab.txt": words, "config.json": text(`{"model_type":"bertweet"}`)}, []string{"BertweetTokenizer", "vocab.txt"}},
		{fstest.MapFS{"vocab.json": pairs, "merges.txt": text("a b\n"), "tokenizer_config.json": text(`{"tokenizer_class":"FooTokenizer"}`)}, []string{"FooTokenizer", "vocab.json"}},
		{fstest.MapFS{"vocab.json": pairs, "merges.txt": text("a b\n"), "config.json": text(`{"model_type":"whisper"}`)}, []string{"WhisperTokenizer", "vocab.json"}},
		{fstest.MapFS{"vocab.txt": words, "config.json": text(`{"model_type":"t5"}`)}, []string{"T5Tokenizer", "vocab.txt"}},
		{fstest.MapFS{"tokenizer.model": text("YQ== 0\n"), "config.json": text(`{"model_type":"qwen"}`)}, []string{"tokenizer.model", `"qwen"`, "llama4"}},
		{fstest.MapFS{"qwen.tiktoken": text("YQ== 0\n"), "config.json": text(`{"model_type":"qwen"}`)}, []string{"qwen.tiktoken"}},
	} {
		_, err := Open(c.folder)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		}
		c.folder["tokenizer.json"] = text(bytePairs)
		if _, err := Open(c.folder); err != nil {
			t.Errorf("with a tokenizer.json: %v", err)
		}
	}
	if _, err := OpenWith(fstest.MapFS{"tokenizer.model": text("YQ== 0\n")}, OpenOptions{Family: "llama"}); err != nil {
		t.Error(err)
	}
}

// TestNullTokens says that there are no special tokens: the class's defaults do not count, and nothing panics.
func TestNullTokens(t *testing.T) {
	null := `"bos_token":null,"eos_token":null,"unk_token":null,"sep_token":null,"pad_token":null,"cls_token":null,"mask_token":null`
	stored := foldersOf(t, tensortest.Zip(t, "testdata/classes/folders.zip.gz"))
	maps.Copy(stored, foldersOf(t, os.DirFS("testdata/seq2seq")))
	for name, from := range stored {
		folder := fstest.MapFS{}
		files, err := fs.ReadDir(from, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			folder[f.Name()] = &fstest.MapFile{Data: readFS(t, from, f.Name())}
		}
		config := "{" + null + "}"
		if f := folder["tokenizer_config.json"]; f != nil {
			config = strings.TrimRight(strings.TrimSpace(string(f.Data)), "}") + "," + null + "}"
			if strings.HasSuffix(strings.TrimSpace(string(f.Data)), "}}") || strings.HasPrefix(config, "{,") {
				continue
			}
		}
		folder["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(config)}
		tok, err := Open(folder)
		if err != nil {
			continue
		}
		if _, err := tok.Encode("a cat [MASK] <s>"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	tok, err := Open(fstest.MapFS{"tokenizer.json": {Data: []byte(bytePairs)}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"Qwen2Tokenizer","unk_token":null,"pad_token":"<|end|>"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if s := tok.Special(); s.UNK != -1 || s.PAD != 12 {
		t.Errorf("%+v", s)
	}
}
