package tokenizer_test

import (
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
