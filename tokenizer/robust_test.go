package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// TestRefusals checks that what a file must not have is refused by name.
func TestRefusals(t *testing.T) {
	nested := strings.Repeat(`{"type":"Sequence","normalizers":[`, 12) + `{"type":"NFC"}` + strings.Repeat(`]}`, 12)
	const words = `"model":{"type":"WordLevel","vocab":{"a":0}}`
	for _, c := range []struct{ json, want string }{
		{``, "unexpected end of JSON"},
		{`[]`, `'{'`},
		{`{}`, `no "model"`},
		{`{"model":{}}`, `no "vocab"`},
		{`{"model":null}`, `no "model"`},
		{`{"model":{"type":"Magic","vocab":{}}}`, `model: type "Magic" is not supported`},
		{`{` + words + `,"pre_tokenizer":{"type":"X"}}`, `tokenizer: tokenizer.json: pre_tokenizer: type "X" is not supported`},
		{`{` + words + `,"normalizer":{"type":"X"}}`, `normalizer: type "X"`},
		{`{` + words + `,"decoder":{"type":"X"}}`, `decoder: type "X"`},
		{`{` + words + `,"post_processor":{"type":"X"}}`, `post_processor: type "X"`},
		{`{` + words + `,"normalizer":` + nested + `}`, "nest deeper than 8"},
		{`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"}}`, `pattern "(a"`},
		{`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\X"},"behavior":"Isolated"}}`, `\X is not supported`},
		{`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\p{Klingon}"},"behavior":"Isolated"}}`, `"Klingon"`},
		{`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[a"},"behavior":"Isolated"}}`, "not closed"},
		{`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Sideways"}}`, `behavior "Sideways"`},
		{`{` + words + `,"pre_tokenizer":{"type":"FixedLength","length":0}}`, "at least 1"},
		{`{` + words + `,"added_tokens":[{"id":-5,"content":"x"}]}`, "id -5"},
		{`{` + words + `,"added_tokens":[{"id":99999999,"content":"x"}]}`, "99999999"},
		{`{` + words + `,"decoder":{"type":"Strip","content":" ","start":-1}}`, "start -1"},
		{`{` + words + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}}],"pair":[],"special_tokens":{}}}`, `"[CLS]"`},
		{`{` + words + `,"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B","type_id":0}}],"pair":[],"special_tokens":{}}}`, `"B"`},
		{`{` + words + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":0}}],"pair":[],"special_tokens":{"s":{"ids":[` + strings.Repeat("0,", 1024) + `0]}}}}`, "adds 1025 tokens"},
		{`{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}`, `"ab" is not in the vocabulary`},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`, "merge 0"},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`, "1 parts"},
		{`{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}`, "share id 0"},
		{`{"model":{"type":"BPE","vocab":{"a":16777215},"merges":[]}}`, "largest id"},
		{`{"model":{"type":"BPE","vocab":{"a":1.5},"merges":[]}}`, "'.'"},
		{`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`, "whole number"},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}`, "dropout"},
		{`{"model":{"type":"WordPiece","vocab":{"a":0},"unk_token":"[UNK]"}}`, "[UNK]"},
		{`{"model":{"type":"Unigram","vocab":[],"unk_id":0}}`, "empty"},
		{`{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":7}}`, "unk_id 7"},
		{`{"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}}`, "1 parts"},
	} {
		_, err := ParseJSON([]byte(c.json))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: ") {
			t.Errorf("%.200s\n  error %v\n  lacks %q", c.json, err, c.want)
		}
	}
}

// TestSlowPatternOnManyPieces runs a pattern that is slow on each of many pieces: their time adds up.
func TestSlowPatternOnManyPieces(t *testing.T) {
	tok := parse(t, `{"model":{"type":"WordLevel","vocab":{"a":0}},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},
		{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated"}]}}`)
	start := time.Now()
	_, err := tok.Encode(strings.Repeat(strings.Repeat("a", 21)+"! ", 1000))
	// Where the processor is slow, one piece alone takes longer than it may.
	if err == nil || !strings.Contains(err.Error(), "took too long") && !strings.Contains(err.Error(), "match timeout") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 30*time.Second && !testing.Short() {
		t.Errorf("took %v", took)
	}
}

// TestIgnoreMerges takes a word whole that merges do not reach.
func TestIgnoreMerges(t *testing.T) {
	const model = `{"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"bc":3,"abc":4},"merges":["b c"],"ignore_merges":%v}}`
	for _, ignore := range []bool{true, false} {
		got, err := parse(t, fmt.Sprintf(model, ignore)).Encode("abc")
		want := []int{0, 3}
		if ignore {
			want = []int{4}
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("ignore_merges %v: got %v, %v, want %v", ignore, got, err, want)
		}
	}
}

// TestLongWords encodes a megabyte without a split; quadratic work would take minutes. The short form, for emulators, has
// words long enough for each way to merge, and no clock.
func TestLongWords(t *testing.T) {
	for _, dir := range []string{"gpt2", "mistral-v3", "bert-base-uncased", "t5-small", "clip"} {
		t.Run(dir, func(t *testing.T) {
			tok := openDir(t, fixture(t, "tokenizers", dir))
			size := 1 << 20
			if testing.Short() {
				size = 1 << 14
			}
			for _, unit := range []string{"a", "ab", " ", "é", "\n", "1", "▁"} {
				start := time.Now()
				text := strings.Repeat(unit, size/len(unit))
				if _, err := tok.Encode(text); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 20*time.Second && !testing.Short() {
					t.Errorf("%q took %v", unit, took)
				}
			}
		})
	}
}

// TestInvalidUTF8 checks what becomes of bytes that are no text.
func TestInvalidUTF8(t *testing.T) {
	const text = "a\xffb\xe2\x82 c\xf0\x9f\x98"
	tok := openDir(t, fixture(t, "tokenizers", "gpt2"))
	e, err := tok.EncodeWithOffsets(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for i, id := range e.IDs {
		if o := e.Offsets[i]; o.Start > o.End || o.End > len(text) {
			t.Errorf("offsets %v", o)
		}
		raw = append(raw, tok.vocab.Bytes(id)...)
	}
	if string(raw) != text {
		t.Errorf("the tokens hold %q", raw)
	}
	back, err := tok.Decode(e.IDs, false)
	if err != nil || back != "a\uFFFDb\uFFFD c\uFFFD" {
		t.Errorf("decoded %q, %v", back, err)
	}
	tok = openDir(t, fixture(t, "tokenizers", "mistral-v3"))
	got, err := tok.EncodeWithOffsets(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tok.AppendEncode(nil, "a\uFFFDb\uFFFD c\uFFFD", Options{})
	if err != nil || fmt.Sprint(got.IDs) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v, %v", got.IDs, want, err)
	}
	if last := got.Offsets[len(got.Offsets)-1]; last.End != len(text) {
		t.Errorf("the last token ends at %d of %d", last.End, len(text))
	}
}

// TestHostileTexts encodes and decodes the naughty strings with every model.
func TestHostileTexts(t *testing.T) {
	var naughty []string
	if err := json.Unmarshal(tensortest.ReadFile(t, fixture(t, "hostile", "text", "blns.json")), &naughty); err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(tensortest.ReadFile(t, fixture(t, "hostile", "text", "UTF-8-test.txt")), []byte("\n")) {
		naughty = append(naughty, string(line))
	}
	for _, dir := range []string{"gpt2", "falcon", "mistral-v3", "clip", "bert-base-uncased", "t5-small"} {
		tok := openDir(t, fixture(t, "tokenizers", dir))
		for i, text := range naughty {
			if testing.Short() && i%8 != 0 {
				continue
			}
			checkRoundTrip(t, tok, text, dir == "gpt2")
		}
	}
}

// checkRoundTrip encodes text every way and checks what must hold for any tokenizer; exact says that decoding gives the
// text back.
func checkRoundTrip(t *testing.T, tok *Tokenizer, text string, exact bool) {
	t.Helper()
	ids, err := tok.AppendEncode(nil, text, Options{ParseSpecial: true})
	if err != nil {
		t.Skip(err)
	}
	e, err := tok.EncodeWithOffsets(text, Options{ParseSpecial: true})
	if err != nil || fmt.Sprint(e.IDs) != fmt.Sprint(ids) {
		t.Fatalf("%q: %v with offsets, %v without, %v", text, e, ids, err)
	}
	for _, o := range e.Offsets {
		if o.Start < 0 || o.Start > o.End || o.End > len(text) {
			t.Fatalf("%q: offsets %v", text, o)
		}
	}
	back, err := tok.Decode(ids, false)
	if err != nil {
		t.Skip(err)
	}
	s, streamed := tok.NewStream(false), ""
	for _, id := range ids {
		part, err := s.Push(id)
		if err != nil || !utf8.ValidString(part) {
			t.Fatalf("%q: streamed %q, %v", text, part, err)
		}
		streamed += part
	}
	last, err := s.Flush()
	if streamed += last; err != nil || streamed != back {
		t.Fatalf("%q decodes to %q but streams to %q, %v", text, back, streamed, err)
	}
	if exact && back != string(chars.AppendValid(nil, []byte(text))) {
		t.Fatalf("%q comes back as %q", text, back)
	}
}

func TestMalformedSentencePiece(t *testing.T) {
	for _, data := range []string{"", "\x0a", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x07", "{}", "\x0a\x03\x0a\x01a\x12\x02\x18\x03",
		"\x0a\x03\x0a\x01a\x12\x03\xc0\x01\x01", "\x0a\x03\x0a\x01a\x1a\x06\x12\x04\xff\xff\xff\xff"} {
		if _, err := ParseSentencePiece([]byte(data)); err == nil || !strings.HasPrefix(err.Error(), "tokenizer: ") {
			t.Errorf("%q: error %v", data, err)
		}
	}
}

func TestMalformedConfigs(t *testing.T) {
	base := fstest.MapFile{Data: []byte(bytePairs)}
	for name, data := range map[string]string{
		"tokenizer_config.json":   `{"added_tokens_decoder":{"-1":{"content":"x"}}}`,
		"special_tokens_map.json": `{"bos_token":7}`,
		"added_tokens.json":       `{"x":-3}`,
		"config.json":             `nonsense`,
	} {
		_, err := Open(fstest.MapFS{"tokenizer.json": &base, name: {Data: []byte(data)}})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v does not name it", name, err)
		}
	}
}
