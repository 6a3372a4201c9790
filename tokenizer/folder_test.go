package tokenizer_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// Configurations as Python writes them, with a byte-order mark and numbers that are not finite, are read.
func TestPythonJSON(t *testing.T) {
	fsys := fstest.MapFS{
		"vocab.txt":             {Data: []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")},
		"config.json":           {Data: []byte("\ufeff" + `{"model_type": "bert", "loss": NaN, "list": [Infinity, -Infinity]}`)},
		"tokenizer_config.json": {Data: []byte("\ufeff" + `{"tokenizer_class": "BertTokenizer", "x": NaN}`)},
	}
	tok, err := tokenizer.Open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := tok.Encode("a b"); err != nil || len(ids) != 4 || ids[1] != 5 {
		t.Errorf("%v, %v", ids, err)
	}
}

// A folder without a tokenizer is named for what it is.
func TestWhatIsThis(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("x")}
	for want, folder := range map[string]fstest.MapFS{
		`open the folder below it, "snapshots/abc"`: {"snapshots/abc/tokenizer.json": file, "blobs/0a": file},
		"GGUF":                          {"a.gguf": file},
		`the folder of "org/base"`:      {"adapter_config.json": {Data: []byte(`{"peft_type": "LORA", "base_model_name_or_path": "org/base"}`)}},
		"vocab.txt\x00":                 {"config.json": {Data: []byte("{}")}, "model.safetensors": file},
		"download the file itself":      {"tokenizer.json": {Data: []byte("version https://git-lfs.github.com/spec/v1\n")}},
		"found none of tokenizer.json,": {"README.md": file},
	} {
		if _, err := tokenizer.Open(folder); err == nil || !strings.Contains(err.Error()+"\x00", want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}
