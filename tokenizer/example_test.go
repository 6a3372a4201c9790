package tokenizer_test

import (
	"fmt"
	"log"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// small is a tokenizer of a few words, in the form of tokenizer.json.
const small = `{
 "added_tokens": [{"id": 0, "content": "<|end|>", "special": true}],
 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
 "post_processor": {"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
  "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
  "special_tokens": {"<|end|>": {"ids": [0]}}},
 "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE",
  "vocab": {"<|end|>": 0, "c": 1, "a": 2, "t": 3, "s": 4, "Ġ": 5, "Ã": 6, "©": 7, "at": 8, "cat": 9, "Ġs": 10, "Ġsat": 11,
   "<": 12, "|": 13, "e": 14, "n": 15, "d": 16, ">": 17},
  "merges": ["a t", "c at", "Ġ s", "Ġs at"]}}`

func mustParse() *tokenizer.Tokenizer {
	t, err := tokenizer.ParseJSON([]byte(small))
	if err != nil {
		log.Fatal(err)
	}
	return t
}

func Example() {
	t := mustParse()
	ids, _ := t.Encode("cat sat")
	fmt.Print(ids)
	for _, id := range ids {
		token, _ := t.Token(id)
		fmt.Printf(" %q", token)
	}
	text, _ := t.Decode(ids, true)
	fmt.Printf("\n%s\n", text)
	// Output:
	// [0 9 11] "<|end|>" "cat" "Ġsat"
	// cat sat
}

func ExampleOpen() {
	folder := fstest.MapFS{"tokenizer.json": {Data: []byte(small)}} // or os.DirFS("path/to/model")
	t, err := tokenizer.Open(folder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.VocabSize(), "tokens")
	_, err = tokenizer.Open(fstest.MapFS{})
	fmt.Println(err)
	// Output:
	// 18 tokens
	// tokenizer: found none of tokenizer.json, tekken.json, tokenizer.model, tiktoken.model, spiece.model, sentencepiece.bpe.model, spm.model, vocab.json with merges.txt, vocab.txt
}

// Text from others must not be able to end a turn.
func ExampleOptions() {
	t := mustParse()
	trusted, _ := t.AppendEncode(nil, "cat<|end|>", tokenizer.Options{ParseSpecial: true})
	untrusted, _ := t.AppendEncode(nil, "cat<|end|>", tokenizer.Options{})
	fmt.Println(trusted)
	fmt.Println(untrusted)
	// Output:
	// [9 0]
	// [9 12 13 14 15 16 13 17]
}

func ExampleTokenizer_EncodeWithOffsets() {
	t := mustParse()
	const text = "cat sat"
	e, _ := t.EncodeWithOffsets(text, tokenizer.Options{})
	for i, id := range e.IDs {
		o := e.Offsets[i]
		fmt.Printf("%d %q\n", id, text[o.Start:o.End])
	}
	// Output:
	// 9 "cat"
	// 11 " sat"
}

func ExampleTokenizer_EncodePair() {
	e, _ := mustParse().EncodePair("cat", " sat", tokenizer.Options{AddSpecial: true})
	fmt.Println(e.IDs, e.TypeIDs)
	// Output: [9 0 11] [0 0 1]
}

// A character whose bytes are several tokens comes out when it is whole.
func ExampleStream() {
	s := mustParse().NewStream(true)
	for _, id := range []int{9, 6, 7} {
		text, _ := s.Push(id)
		fmt.Printf("%q\n", text)
	}
	// Output:
	// "cat"
	// ""
	// "é"
}

// BERT's vocabulary is a token a line; tokens that go on with a word start with ##.
func ExampleParseVocabText() {
	const vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##want\n##ed\n,\nrunning\n"
	t, err := tokenizer.ParseVocabText([]byte(vocab), true)
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.Encode("Unwanted, running")
	text, _ := t.Decode(ids, true)
	fmt.Println(ids, text)
	// Output: [2 5 6 7 8 9 3] unwanted, running
}

func ExampleParseVocabMerges() {
	const vocab = `{"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "Ġ": 5, "lo": 6, "low": 7, "er": 8, "Ġlow": 9, "<|endoftext|>": 10}`
	const merges = "#version: 0.2\nl o\nlo w\ne r\nĠ low\n"
	t, err := tokenizer.ParseVocabMerges([]byte(vocab), []byte(merges))
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.Encode("low lower<|endoftext|>")
	fmt.Println(ids)
	// Output: [7 9 8 10]
}

func ExampleParseSentencePiece() {
	// A model is a protocol-buffer message; this one has Unigram pieces with the scores 0, -1 and -2.
	const model = "\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02" +
		"\n\x0d\n\x06▁cat\x15\x00\x00\x80\xbf" +
		"\n\x0a\n\x03sat\x15\x00\x00\x00\xc0" +
		"\n\x0a\n\x03▁\x15\x00\x00\x00\xc0"
	t, err := tokenizer.ParseSentencePiece([]byte(model))
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.Encode("cat sat")
	text, _ := t.Decode(ids, false)
	fmt.Println(ids, text)
	// Output: [1 3 2] cat sat
}

// A prompt puts text between special tokens by their ids.
func ExampleTokenizer_Special() {
	folder := fstest.MapFS{
		"tokenizer.json":        {Data: []byte(small)},
		"tokenizer_config.json": {Data: []byte(`{"eos_token": "<|end|>"}`)},
	}
	t, err := tokenizer.Open(folder)
	if err != nil {
		log.Fatal(err)
	}
	ids, _ := t.AppendEncode(nil, "cat", tokenizer.Options{})
	fmt.Println(append(ids, t.Special().EOS), t.Special().PAD)
	// Output: [9 0] -1
}

func ExampleTokenizer_AddedTokens() {
	for _, a := range mustParse().AddedTokens() {
		fmt.Println(a.ID, a.Content, a.Special)
	}
	// Output: 0 <|end|> true
}
