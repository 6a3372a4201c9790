package tokenizer

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
)

// short returns the i-th of the strings of a few letters.
func short(i int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	s := []byte{letters[i%len(letters)]}
	for i /= len(letters); i > 0; i /= len(letters) {
		s = append(s, letters[i%len(letters)])
	}
	return string(s)
}

// long returns the i-th of some strings of 4000 bytes that soon differ.
func long(i int) string { return short(i) + strings.Repeat(short(i*7+1), 4000)[:4000-len(short(i))] }

// Files that are as costly as their kind allows take memory in proportion.
func TestHeap(t *testing.T) {
	const size = 1 << 19
	file := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	model := func(text string) fstest.MapFS { return file("tokenizer.json", `{"model":{`+text+`}}`) }
	with := func(key, text string) fstest.MapFS {
		return file("tokenizer.json", `{"model":{"type":"WordLevel","vocab":{"a":0}},`+key+`:`+text+`}`)
	}
	entry := func(i int) string { return fmt.Sprintf(`"%s":%d,`, short(i), i+1) }
	piece := func(text string) string {
		return string(append(binary.AppendUvarint([]byte{0x0a}, uint64(len(text)+len(binary.AppendUvarint([]byte{0x0a}, uint64(len(text)))))), append(binary.AppendUvarint([]byte{0x0a}, uint64(len(text))), text...)...))
	}
	sp := func(kind byte, text string) fstest.MapFS {
		return file("tokenizer.model", text+"\x12\x02\x18"+string(rune(kind)))
	}
	unary := func(n int) func(i int) string {
		return func(i int) string { return strings.Repeat(string(rune(0x4e00+i/n)), i%n+1) }
	}
	const unknown = "\x0a\x09\x0a\x05<unk>\x18\x02"
	refused := map[string]string{"merges that are none": "belongs", "tokens that grow": "added token ", "patterns of words": "patterns have 100000 bytes",
		"patterns of classes": "patterns have 960000 bytes", "patterns that repeat": "pattern", "empty pieces": "pieces are empty",
		"pieces of pieces": "make up a third", "tokens of tokens": "make up a third", "empty lines": "tokens are empty", "merges of spaces": "merge 1", "many sentinels": "extra_ids is 65536",
		"many unused tokens": "offset is 65536", "long word pieces": "4002 bytes", "long unigram": "4000 bytes", "long pieces": "4000 bytes",
		"long added tokens": "4000 bytes", "stages": "256 stages", "nested stages": "256 stages", "decoders": "256 stages"}
	cases := map[string]fstest.MapFS{
		"translator": {"source.spm": {Data: []byte(unknown + hostile.Many(size/3, func(i int) string { return piece(short(i)) }))},
			"target.spm":            {Data: []byte(unknown + hostile.Many(size/3, func(i int) string { return piece(short(i)) }))},
			"vocab.json":            {Data: []byte(`{` + hostile.Many(size/3, entry) + `"<unk>":0,"</s>":99999,"<pad>":99998}`)},
			"tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"MarianTokenizer"}`)}},
		"many languages": {"sentencepiece.bpe.model": {Data: []byte(unknown + hostile.Many(size/2, func(i int) string { return piece(short(i)) }))},
			"vocab.json":            {Data: []byte(`{` + hostile.Many(size/2, entry) + `"<unk>":0,"</s>":99999,"<pad>":99998,"<s>":99997}`)},
			"tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"M2M100Tokenizer"}`)}},
		"many sentinels":        {"spiece.model": {Data: []byte(piece("a"))}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"T5Tokenizer","extra_ids":65536}`)}},
		"many unused tokens":    {"spiece.model": {Data: []byte(piece("a"))}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"PegasusTokenizer","offset":65536}`)}},
		"short words":           model(`"type":"WordLevel","vocab":{` + hostile.Many(size, entry) + `"?":0}`),
		"words with gaps":       model(`"type":"WordLevel","vocab":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%s":%d,`, short(i), 16*i) }) + `"?":1}`),
		"word pieces with gaps": model(`"type":"WordPiece","unk_token":"?","vocab":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%s":%d,`, short(i), 16*i) }) + `"?":1}`),
		"word pieces":           model(`"type":"WordPiece","unk_token":"?","vocab":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"##%s":%d,`, short(i), i+1) }) + `"?":0}`),
		"long word pieces":      model(`"type":"WordPiece","unk_token":"?","vocab":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"##%s":%d,`, long(i), i+1) }) + `"?":0}`),
		"bytes of no alphabet":  file("tokenizer.json", `{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","merges":[`+hostile.Many(size/2, func(i int) string { return fmt.Sprintf(`"中%s b",`, short(i%5000)) })+`"中a b"],"vocab":{`+hostile.Many(size/2, func(i int) string { return fmt.Sprintf(`"中%s":%d,"中%sb":%d,`, short(i), 2*i+1, short(i), 2*i+2) })+`"b":0}}}`),
		"unigram":               model(`"type":"Unigram","vocab":[` + hostile.Many(size, func(i int) string { return `["` + short(i) + `",0],` }) + `["?",0]]`),
		"empty unigram":         model(`"type":"Unigram","vocab":[` + hostile.Many(size, func(i int) string { return `["",0],` }) + `["?",0]]`),
		"long unigram":          model(`"type":"Unigram","vocab":[` + hostile.Many(size, func(i int) string { return `["` + long(i) + `",0],` }) + `["?",0]]`),
		"merges that are none":  model(`"type":"BPE","vocab":{"a":0},"merges":[` + strings.Repeat(",", size) + `]`),
		"merges":                model(`"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[` + strings.Repeat(`"a b",`, size/6) + `"a b"]`),
		"added tokens":          with(`"added_tokens"`, `[`+hostile.Many(size, func(i int) string { return `{"id":7,"content":"` + short(i) + `"},` })+`{"id":7,"content":""}]`),
		"normalized tokens":     with(`"added_tokens"`, `[`+hostile.Many(size, func(i int) string { return `{"id":7,"content":"` + short(i) + `","normalized":true},` })+`{"id":7,"content":""}]`),
		"long added tokens":     with(`"added_tokens"`, `[`+hostile.Many(size, func(i int) string { return `{"id":7,"content":"` + long(i) + `"},` })+`{"id":7,"content":""}]`),
		"empty added tokens":    with(`"added_tokens"`, `[`+strings.Repeat(`{"id":7,"content":""},`, size/20)+`{"id":7,"content":""}]`),
		"tokens that grow":      file("tokenizer.json", `{"model":{"type":"WordLevel","vocab":{"a":0}},"normalizer":{"type":"Replace","pattern":{"String":"z"},"content":"`+strings.Repeat("x", 60000)+`"},"added_tokens":[`+hostile.Many(size/16, func(i int) string { return `{"id":7,"content":"` + short(i) + `z","normalized":true},` })+`{"id":7,"content":""}]}`),
		"stages":                with(`"pre_tokenizer"`, `{"type":"Sequence","pretokenizers":[`+strings.Repeat(`{"type":"Digits"},`, size/18)+`{"type":"Digits"}]}`),
		"nested stages":         with(`"normalizer"`, strings.Repeat(`{"type":"Sequence","normalizers":[`, 8)+strings.Repeat(`{"type":"NFC"},`, size/15)+`{"type":"NFC"}`+strings.Repeat(`]}`, 8)),
		"decoders":              with(`"decoder"`, `{"type":"Sequence","decoders":[`+strings.Repeat(`{"type":"Fuse"},`, size/16)+`{"type":"Fuse"}]}`),
		"patterns of words":     with(`"pre_tokenizer"`, `{"type":"Sequence","pretokenizers":[`+strings.Repeat(`{"type":"Split","behavior":"Isolated","pattern":{"Regex":"`+strings.Repeat(`\\w`, 5000)+`"}},`, 10)+`{"type":"Digits"}]}`),
		"patterns of classes":   with(`"pre_tokenizer"`, `{"type":"Sequence","pretokenizers":[`+strings.Repeat(`{"type":"Split","behavior":"Isolated","pattern":{"Regex":"`+strings.Repeat(`[^a]`, 4000)+`"}},`, 60)+`{"type":"Digits"}]}`),
		"patterns that repeat":  with(`"pre_tokenizer"`, `{"type":"Split","behavior":"Isolated","pattern":{"Regex":"`+strings.Repeat("(", 500)+`a`+strings.Repeat(`{1000}){1000}`, 500)+`"}}`),
		"templates":             with(`"post_processor"`, `{"type":"TemplateProcessing","single":[`+strings.Repeat(`{"SpecialToken":{"id":"s"}},`, size/28)+`{"Sequence":{"id":"A"}}],"pair":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"B"}}],"special_tokens":{"s":{"ids":[]}}}`),
		"chars map":             with(`"normalizer"`, `{"type":"Precompiled","precompiled_charsmap":"`+base64.StdEncoding.EncodeToString(append([]byte{0, 0, 0x30, 0}, make([]byte, 3<<20)...))+`"}`),
		"tokens in tiktoken's form": {"tokenizer.model": {Data: []byte(hostile.Many(size, func(i int) string {
			return base64.StdEncoding.EncodeToString([]byte(short(i))) + fmt.Sprintf(" %d\n", i)
		}))},
			"config.json": {Data: []byte(`{"model_type":"llama"}`)}},
		"tokens of tokens": {"tiktoken.model": {Data: []byte(hostile.Many(size, func(i int) string {
			return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", i+1))) + fmt.Sprintf(" %d\n", i)
		}))},
			"config.json": {Data: []byte(`{"model_type":"kimi_k2"}`)}},
		"tekken": file("tekken.json", `{"config":{"pattern":"a"},"special_tokens":[`+hostile.Many(size/2, func(i int) string { return fmt.Sprintf(`{"rank":%d,"token_str":"<%s>"},`, i+1, short(i)) })+
			`{"rank":0,"token_str":"?"}],"vocab":[`+hostile.Many(size/2, func(i int) string {
			return `{"token_bytes":"` + base64.StdEncoding.EncodeToString([]byte(short(i))) + `"},`
		})+`{"token_bytes":"/w=="}]}`),
		"pieces of a class": {"spm.model": {Data: []byte(hostile.Many(size, func(i int) string { return piece(short(i)) }))}, "config.json": {Data: []byte(`{"model_type":"deberta-v2"}`)}},
		"pieces":            sp(1, hostile.Many(size, func(i int) string { return piece(short(i)) })),
		"empty pieces":      sp(1, strings.Repeat("\x0a\x00", size/2)),
		"one piece":         sp(1, strings.Repeat(piece("a"), size/5)),
		"own pieces": sp(2, hostile.Many(size, func(i int) string {
			return "\x0a" + string(rune(len(short(i))+4)) + "\x0a" + string(rune(len(short(i)))) + short(i) + "\x18\x04"
		})),
		"pieces of pieces":       sp(2, hostile.Many(size, func(i int) string { return piece(unary(400)(i)) })),
		"pieces of fewer pieces": sp(2, hostile.Many(size, func(i int) string { return piece(unary(16)(i)) })),
		"long pieces":            sp(1, hostile.Many(size, func(i int) string { return piece(long(i)) })),
		"lines":                  file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n"+hostile.Many(size, func(i int) string { return short(i) + "\n" })),
		"empty lines":            file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n"+strings.Repeat("\n", size)),
		"one line":               file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n"+strings.Repeat("a\n", size/2)),
		"merges of nothing":      {"vocab.json": {Data: []byte(`{"a":0}`)}, "merges.txt": {Data: bytes.Repeat([]byte("\n"), size)}},
		"merges of spaces":       {"vocab.json": {Data: []byte(`{"a":0,"b":1,"ab":2}`)}, "merges.txt": {Data: append([]byte("a b\n"), bytes.Repeat([]byte(" "), size)...)}},
		"special tokens":         {"tokenizer.json": {Data: []byte(bytePairs)}, "tokenizer_config.json": {Data: []byte(`{"extra_special_tokens":[` + strings.Repeat(`{},`, size/3) + `{}]}`)}},
		"named special tokens":   {"tokenizer.json": {Data: []byte(bytePairs)}, "tokenizer_config.json": {Data: []byte(`{"extra_special_tokens":[` + hostile.Many(size, func(i int) string { return `"` + short(i) + `",` }) + `"?"]}`)}},
		"added tokens by id":     {"tokenizer.json": {Data: []byte(bytePairs)}, "tokenizer_config.json": {Data: []byte(`{"added_tokens_decoder":{` + hostile.Many(size, func(i int) string { return fmt.Sprintf(`"%d":{},`, i) }) + `"9999999":{}}}`)}},
		"added tokens of old":    {"tokenizer.json": {Data: []byte(bytePairs)}, "added_tokens.json": {Data: []byte(`{` + hostile.Many(size, entry) + `"?":7}`)}},
		"further keys":           {"tokenizer.json": {Data: []byte(bytePairs)}, "tokenizer_config.json": {Data: []byte(`{` + hostile.Many(size, func(i int) string { return `"` + short(i) + `":0,` }) + `"?":7}`)}},
		"sentinels":              {"spiece.model": {Data: []byte(hostile.Many(size, func(i int) string { return piece(short(i)) }))}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"T5Tokenizer","extra_ids":4096}`)}},
		"unused tokens":          {"spiece.model": {Data: []byte(piece("a") + piece("b") + piece("<unk>"))}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"PegasusTokenizer","offset":4096}`)}},
	}
	for i, name := range slices.Sorted(maps.Keys(cases)) {
		if testing.Short() && i%4 != 0 {
			continue
		}
		folder := cases[name]
		t.Run(name, func(t *testing.T) {
			var err error
			hostile.CheckHeap(t, folder, 8<<20, func() error {
				_, err = Open(folder)
				return err
			})
			if want := refused[name]; (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("error %.300v, want %q in it", err, want)
			}
		})
	}
}
