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
	// tokenizer: found none of tokenizer.json, tokenizer.model, spiece.model, sentencepiece.bpe.model, vocab.json with merges.txt, vocab.txt
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
