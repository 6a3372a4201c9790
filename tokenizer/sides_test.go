package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const sidesVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nσ\ni\n##\u0307\n"

// TestSides reads truncation_side and padding_side from each file, with byte-order marks before them.
func TestSides(t *testing.T) {
	const mark = "\ufeff"
	for _, c := range []struct {
		config, file string
		cut, pad     Side
	}{
		{`{"tokenizer_class":"BertTokenizer"}`, "", Right, Right},
		{`{"tokenizer_class":"BertTokenizer","truncation_side":"left","padding_side":"left"}`, "", Left, Left},
		{`{}`, `"truncation":{"direction":"Left"},"padding":{"direction":"Left"}`, Left, Left},
		{`{"truncation_side":"right"}`, `"truncation":{"direction":"Left"},"padding":{"direction":"Left"}`, Right, Left},
		{`{"tokenizer_class":"LlamaTokenizer"}`, `"truncation":null`, Right, Right}, // a WordLevel model: the class has no part in it
	} {
		folder := fstest.MapFS{"tokenizer_config.json": {Data: []byte(mark + c.config)}, "config.json": {Data: []byte(mark + "{}")}}
		if c.file == "" {
			folder["vocab.txt"] = &fstest.MapFile{Data: []byte(sidesVocab)}
		} else {
			folder["tokenizer.json"] = &fstest.MapFile{Data: []byte(mark + `{"model":{"type":"WordLevel","vocab":{"a":0}},` + c.file + `}`)}
		}
		tok, err := Open(folder)
		if err != nil {
			t.Errorf("%s: %v", c.config, err)
		} else if tok.TruncationSide() != c.cut || tok.PaddingSide() != c.pad {
			t.Errorf("%s, %s: cut %d, padded %d", c.config, c.file, tok.TruncationSide(), tok.PaddingSide())
		}
	}
	_, err := Open(fstest.MapFS{"vocab.txt": {Data: []byte(sidesVocab)}, "tokenizer_config.json": {Data: []byte(`{"truncation_side":"top"}`)}})
	if err == nil || !strings.Contains(err.Error(), `truncation_side is "top"`) {
		t.Errorf("error %v", err)
	}
}

// TestLeftWindows cuts on the left: what tokenizers 0.23 gives for direction left.
func TestLeftWindows(t *testing.T) {
	tok, err := ParseVocabText([]byte(sidesVocab), true)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(c Truncation, texts ...string) (all [][]int) {
		w, err := tok.Windows(Options{AddSpecial: true}, c, texts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range w {
			all = append(all, x.IDs)
		}
		return all
	}
	for _, c := range []struct {
		c     Truncation
		texts []string
		want  [][]int
	}{
		{Truncation{MaxTokens: 4, Side: Left}, []string{"a b c d e"}, [][]int{{2, 8, 9, 3}, {2, 6, 7, 3}, {2, 5, 3}}},
		{Truncation{MaxTokens: 5, Stride: 1, Side: Left}, []string{"a b c d e"}, [][]int{{2, 7, 8, 9, 3}, {2, 5, 6, 7, 3}}},
		{Truncation{MaxTokens: 6, Side: Left}, []string{"a b c d", "e"}, [][]int{{2, 7, 8, 3, 9, 3}}},
	} {
		if got := ids(c.c, c.texts...); !slices.EqualFunc(got, c.want, slices.Equal[[]int]) {
			t.Errorf("%+v %q: %v, want %v", c.c, c.texts, got, c.want)
		}
	}
}

// TestReadsTypes asks whether the model is to be given the types of tokens.
func TestReadsTypes(t *testing.T) {
	for config, want := range map[string]bool{
		`{"tokenizer_class":"BertTokenizer"}`:                                                     true,
		`{"tokenizer_class":"MPNetTokenizer"}`:                                                    false,
		`{"tokenizer_class":"BertTokenizer","model_input_names":["input_ids","attention_mask"]}`:  false,
		`{"tokenizer_class":"MPNetTokenizer","model_input_names":["input_ids","token_type_ids"]}`: true,
	} {
		tok, err := Open(fstest.MapFS{"vocab.txt": {Data: []byte(sidesVocab)}, "tokenizer_config.json": {Data: []byte(config)}})
		if err != nil || tok.ReadsTypes() != want {
			t.Errorf("%s: %v, %v", config, tok, err)
		}
	}
}

// TestWithLowercase lower-cases character by character, and leaves special tokens alone.
func TestWithLowercase(t *testing.T) {
	tok, err := ParseVocabText([]byte(sidesVocab), false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.WithLowercase().AppendEncode(nil, "AΣ Σ İ [MASK]", Options{ParseSpecial: true})
	if want := []int{1, 10, 11, 12, 4}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if got, err := tok.AppendEncode(nil, "A a", Options{}); err != nil || !slices.Equal(got, []int{1, 5}) {
		t.Errorf("the tokenizer has changed: %v, %v", got, err)
	}
}
