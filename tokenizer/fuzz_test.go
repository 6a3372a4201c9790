package tokenizer

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// FuzzParseJSON feeds malformed tokenizer.json files; what opens must encode and decode without panic.
func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(bytePairs))
	f.Add([]byte(`{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"##b":2},"unk_token":"[UNK]"},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true}}`))
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"</w>":1,"a</w>":2},"merges":[["a","</w>"]],"end_of_word_suffix":"</w>"},"decoder":{"type":"BPEDecoder","suffix":"</w>"}}`))
	f.Add([]byte(everyStage))
	f.Add([]byte(`{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"##b":2},"unk_token":"[UNK]"},"decoder":{"type":"WordPiece"}}`))
	f.Add([]byte(`{"model":{"type":"Unigram","vocab":[["<unk>",0],["▁",-1],["a",-2.5],["<0x0A>",-3]],"unk_id":0,"byte_fallback":true},"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAAAA=="},"decoder":null}`))
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"</w>":1,"a</w>":2},"merges":[["a","</w>"]],"end_of_word_suffix":"</w>"},"decoder":{"type":"BPEDecoder"}}`))
	f.Add([]byte(`{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":65000,"##b":2},"unk_token":"[UNK]"},"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"` + strings.Repeat(`\\w`, 300) + `"}}}`))
	f.Add([]byte(`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"中":1,"中a":2},"merges":["中 a"]},"added_tokens":[{"content":"` + strings.Repeat("x", 4000) + `"},{"content":"xx"},{"content":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			t.Skip()
		}
		tok, err := ParseJSON(data)
		if err != nil {
			return
		}
		for _, text := range []string{"", "a b  c\n", "ab▁<0x0A>é\u0301 12!", "\xff\xe2\x82"} {
			checkRoundTrip(t, tok, text, false)
		}
		for _, id := range []int{-1, 0, 1, tok.VocabSize() - 1, tok.VocabSize()} {
			if s, ok := tok.Token(id); ok {
				if _, err := tok.Decode([]int{id, id}, false); err != nil {
					t.Skipf("%q: %v", s, err)
				}
			}
		}
	})
}

// everyStage is a tokenizer.json with one of every stage that can stand beside the others.
const everyStage = `{
 "added_tokens": [{"id": 8, "content": "<m>", "special": true, "lstrip": true, "rstrip": true, "single_word": true, "normalized": true}],
 "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Nmt"},
  {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "Replace", "pattern": {"Regex": "b+"}, "content": "b"},
  {"type": "Replace", "pattern": {"String": "c"}, "content": "a"}, {"type": "Prepend", "prepend": "▁"}, {"type": "BertNormalizer"}]},
 "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
  {"type": "Digits", "individual_digits": true}, {"type": "Punctuation", "behavior": "MergedWithNext"},
  {"type": "Split", "pattern": {"Regex": "a(?!b)"}, "behavior": "MergedWithPrevious", "invert": true}, {"type": "FixedLength", "length": 4}]},
 "post_processor": {"type": "RobertaProcessing", "sep": ["a", 1], "cls": ["b", 2], "trim_offsets": true, "add_prefix_space": true},
 "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]},
 "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
  "vocab": {"<unk>": 0, "a": 1, "b": 2, "▁": 3, "ab": 4, "▁ab": 5, "<0xC3>": 6, "1": 7}, "merges": ["a b", "▁ ab"]}}`

// spFile builds a SentencePiece model file.
func spFile(kind, modelType byte, pieces ...string) []byte {
	var out []byte
	for i, p := range pieces {
		msg := append([]byte{0x0a, byte(len(p))}, p...)
		msg = binary.LittleEndian.AppendUint32(append(msg, 0x15), math.Float32bits(-float32(i)))
		if i == 0 {
			msg = append(msg, 0x18, sentencepiece.Unknown)
		} else if i == len(pieces)-1 {
			msg = append(msg, 0x18, kind)
		}
		out = append(append(out, 0x0a, byte(len(msg))), msg...)
	}
	return append(out, 0x12, 0x05, 0x18, modelType, 0x98, 0x02, 0x01)
}

// FuzzParseSentencePiece feeds malformed SentencePiece models.
func FuzzParseSentencePiece(f *testing.F) {
	f.Add(spFile(sentencepiece.UserDefined, sentencepiece.TypeBPE, "<unk>", "▁", "a", "b", "▁a", "<0x0A>", "ab"))
	f.Add(spFile(sentencepiece.Control, sentencepiece.TypeUnigram, "<unk>", "▁", "a", "b", "▁a", "ab", "<s>"))
	f.Add(append(spFile(sentencepiece.Normal, sentencepiece.TypeUnigram, "<unk>", "▁", "a"), 0x1a, 0x08, 0x12, 0x06, 4, 0, 0, 0, 1, 2))
	f.Add(append(spFile(sentencepiece.Normal, sentencepiece.TypeBPE, "<unk>", "a", "aa", "aaa", "aaaa"), bytes.Repeat([]byte{0x0a, 0}, 100)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			t.Skip()
		}
		tok, err := ParseSentencePiece(data)
		if err != nil {
			return
		}
		for _, text := range []string{"", " a  ab b\n", "ab▁é\u0301 ½"} {
			checkRoundTrip(t, tok, text, false)
		}
	})
}

// FuzzEncode feeds texts to tokenizers of every kind; the byte-level one must give them back.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "cat sat", "I'm 12\n\n  é", "<|end|>", "\xff\xe2\x82", "▁a <m> b", "日本語 😀", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		f.Add(s)
	}
	bytesOnly := parse(f, allBytes())
	others := []*Tokenizer{parse(f, bytePairs), parse(f, everyStage)}
	for _, data := range [][]byte{
		spFile(sentencepiece.UserDefined, sentencepiece.TypeBPE, "<unk>", "▁", "a", "b", "▁a", "ab", "ba"),
		spFile(sentencepiece.Control, sentencepiece.TypeUnigram, "<unk>", "▁", "a", "b", "▁a", "ab", "<s>"),
	} {
		tok, err := ParseSentencePiece(data)
		if err != nil {
			f.Fatal(err)
		}
		others = append(others, tok)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkRoundTrip(t, bytesOnly, text, true)
		for _, tok := range others {
			checkRoundTrip(t, tok, text, false)
		}
	})
}

// allBytes is a tokenizer.json with a token for every byte.
func allBytes() string {
	s := `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","merges":["a a","aa aa","Ġ a"],"vocab":{`
	for c := range 256 {
		r := string(chars.ByteRune(byte(c)))
		if r == `"` || r == `\` {
			r = `\` + r
		}
		s += `"` + r + `":` + itoa(c) + `,`
	}
	return s + `"aa":256,"aaaa":257,"Ġa":258}}}`
}

// FuzzOpenClasses opens raw vocabularies by the classes, with any settings.
func FuzzOpenClasses(f *testing.F) {
	classes := []string{"AlbertTokenizer", "CamembertTokenizer", "XLMRobertaTokenizer", "DebertaV2Tokenizer", "BigBirdTokenizer", "XLNetTokenizer",
		"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "BertTokenizer", "MPNetTokenizer", "GPT2Tokenizer", "RobertaTokenizer", "DebertaTokenizer",
		"GPTNeoXTokenizer", "CohereTokenizer", "Qwen2Tokenizer", "Qwen3_5Tokenizer", "CLIPTokenizer", "HerbertTokenizer", "OpenAIGPTTokenizer", ""}
	unigram := spFile(sentencepiece.Control, sentencepiece.TypeUnigram, "<unk>", "▁", "a", "b", "▁a", "ab", "<s>")
	pairs := spFile(sentencepiece.UserDefined, sentencepiece.TypeBPE, "<unk>", "▁", "a", "b", "▁a", "<0x0A>", "ab")
	for i := range classes {
		f.Add(byte(i), unigram, `{"a":0,"b":1,"ab":2,"b</w>":3,"ab</w>":4}`, "a b\n", `{"do_lower_case":true,"keep_accents":true,"split_by_punct":true,"add_prefix_space":true}`)
		f.Add(byte(i), pairs, `{"Ġ":0,"a":1,"<unk>":2}`, "[UNK]\n[CLS]\n[SEP]\na\n##b\n", `{"unk_token":null,"cls_token":"a","mask_token":{"content":"b","lstrip":true},"unk_id":3,"legacy":true}`)
	}
	f.Fuzz(func(t *testing.T, class byte, model []byte, vocab, lines, config string) {
		if len(model)+len(vocab)+len(lines)+len(config) > 1<<14 {
			t.Skip()
		}
		name := classes[int(class)%len(classes)]
		for _, files := range []fstest.MapFS{
			{"spiece.model": {Data: model}},
			{"vocab.json": {Data: []byte(vocab)}, "merges.txt": {Data: []byte(lines)}},
			{"vocab.txt": {Data: []byte(lines)}},
		} {
			files["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(config)}
			files["config.json"] = &fstest.MapFile{Data: []byte(`{"tokenizer_class":"` + name + `"}`)}
			for _, older := range []bool{false, true} {
				tok, err := OpenWith(files, OpenOptions{Transformers4: older})
				if err != nil {
					continue
				}
				for _, text := range []string{"", " a  AB b\n9, ", "ab▁é\u0301 ½ [CLS]<s>"} {
					checkRoundTrip(t, tok, text, false)
				}
			}
		}
	})
}
