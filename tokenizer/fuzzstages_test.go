package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// stageMaker makes a tokenizer.json of pieces, as bytes tell it.
type stageMaker struct {
	bytes   []byte
	literal string // what stands in the place of $ in a piece
}

// next returns a number below n.
func (m *stageMaker) next(n int) int {
	if len(m.bytes) == 0 {
		return 0
	}
	c := m.bytes[0]
	m.bytes = m.bytes[1:]
	return int(c) % n
}

// stage returns one of the pieces, null, or a sequence of some.
func (m *stageMaker) stage(key string, pieces []string, depth int) string {
	switch k := m.next(len(pieces) + 4); {
	case k < len(pieces):
		return strings.ReplaceAll(pieces[k], "$", m.literal)
	case k == len(pieces) && depth == 0:
		return "null"
	case depth > 3:
		return stages(key)
	}
	list := make([]string, m.next(4))
	for i := range list {
		list[i] = m.stage(key, pieces, depth+1)
	}
	return stages(key, list...)
}

func (m *stageMaker) file() string {
	parts := []string{
		`"normalizer":` + m.stage("normalizers", normalizerPieces(), 0),
		`"pre_tokenizer":` + m.stage("pretokenizers", preTokenizerPieces(), 0),
		`"post_processor":` + m.stage("processors", postProcessorPieces(), 0),
		`"decoder":` + m.stage("decoders", decoderPieces(), 0),
		`"model":` + modelPieces()[m.next(len(modelPieces()))],
		`"added_tokens":[` + strings.ReplaceAll(addedPieces()[m.next(len(addedPieces()))], "$", m.literal) + `]`,
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func normalizerPieces() []string {
	return []string{
		`{"type":"NFC"}`, `{"type":"NFD"}`, `{"type":"NFKC"}`, `{"type":"NFKD"}`, `{"type":"Lowercase"}`, `{"type":"StripAccents"}`, `{"type":"Nmt"}`,
		`{"type":"Strip","strip_left":true,"strip_right":false}`, `{"type":"Strip","strip_left":false,"strip_right":true}`,
		`{"type":"Prepend","prepend":"$"}`, `{"type":"Replace","pattern":{"String":"$"},"content":"a▁"}`, `{"type":"Replace","pattern":{"String":"a"},"content":"$"}`,
		`{"type":"Replace","pattern":{"Regex":"a*"},"content":"$"}`, `{"type":"Replace","pattern":{"Regex":"^|\\s$"},"content":"é"}`,
		`{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}`, `{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}`,
		`{"type":"BertNormalizer"}`, `{"type":"BertNormalizer","clean_text":false,"strip_accents":true,"lowercase":false}`,
		`{"type":"Precompiled","precompiled_charsmap":"` + charsMapOf("é ▁") + `"}`, `{"type":"Precompiled","precompiled_charsmap":"` + charsMapOf("") + `"}`,
	}
}

func preTokenizerPieces() []string {
	return []string{
		`{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}`, `{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}`,
		`{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}`, `{"type":"Metaspace","replacement":"a","prepend_scheme":"first","split":false}`,
		`{"type":"Split","pattern":{"String":"$"},"behavior":"MergedWithNext","invert":true}`, `{"type":"Split","pattern":{"String":"$"},"behavior":"Removed","invert":false}`,
		`{"type":"Split","pattern":{"Regex":"a*|\\b"},"behavior":"MergedWithPrevious","invert":false}`, `{"type":"Split","pattern":{"Regex":"[^a]"},"behavior":"Contiguous","invert":true}`,
		`{"type":"Split","pattern":{"Regex":"(?=é)|$"},"behavior":"Isolated","invert":false}`, `{"type":"Split","pattern":{"Regex":"[0-9][0-9]"},"behavior":"Isolated","invert":false}`,
		`{"type":"Digits","individual_digits":true}`, `{"type":"Digits","individual_digits":false}`, `{"type":"Punctuation","behavior":"MergedWithPrevious"}`,
		`{"type":"Whitespace"}`, `{"type":"WhitespaceSplit"}`, `{"type":"BertPreTokenizer"}`, `{"type":"CharDelimiterSplit","delimiter":"a"}`, `{"type":"FixedLength","length":2}`,
	}
}

func postProcessorPieces() []string {
	return []string{
		`{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":2}},{"Sequence":{"id":"A","type_id":1}}],
			"pair":[{"Sequence":{"id":"B","type_id":0}},{"SpecialToken":{"id":"s","type_id":0}},{"Sequence":{"id":"A","type_id":1}}],"special_tokens":{"s":{"ids":[1,2]}}}`,
		`{"type":"BertProcessing","sep":["a",1],"cls":["b",2]}`, `{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2],"trim_offsets":true,"add_prefix_space":true}`,
		`{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2],"trim_offsets":true,"add_prefix_space":false}`, `{"type":"ByteLevel","trim_offsets":true,"add_prefix_space":true}`,
		`{"type":"ByteLevel","trim_offsets":false}`,
	}
}

func decoderPieces() []string {
	return []string{
		`{"type":"ByteLevel"}`, `{"type":"Fuse"}`, `{"type":"ByteFallback"}`, `{"type":"Strip","content":" ","start":1,"stop":2}`, `{"type":"Strip","content":"a","start":0,"stop":1}`,
		`{"type":"Replace","pattern":{"String":"$"},"content":"xy"}`, `{"type":"Replace","pattern":{"String":"a"},"content":"$"}`, `{"type":"Replace","pattern":{"Regex":"a*"},"content":"$"}`,
		`{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}`, `{"type":"WordPiece","prefix":"##","cleanup":true}`, `{"type":"WordPiece","prefix":"","cleanup":false}`,
		`{"type":"BPEDecoder","suffix":"</w>"}`, `{"type":"BPEDecoder","suffix":""}`, `{"type":"CTC","pad_token":"a","word_delimiter_token":"b","cleanup":true}`,
	}
}

func modelPieces() []string {
	return []string{
		`{"type":"BPE","unk_token":"<unk>","byte_fallback":true,"vocab":{"<unk>":0,"a":1,"b":2,"▁":3," ":4,"ab":5,"▁ab":6,"<0xC3>":7,"<0xA9>":8,"é":9},"merges":["a b","▁ ab"]}`,
		`{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"Ã":4,"©":5,"Ã©":6,"日":7},"merges":["a b","Ã ©"],"ignore_merges":true}`,
		`{"type":"BPE","unk_token":"z","fuse_unk":true,"continuing_subword_prefix":"##","end_of_word_suffix":"</w>",
			"vocab":{"z":0,"a":1,"##b":2,"a</w>":3,"##b</w>":4,"ab</w>":5},"merges":["a ##b</w>"]}`,
		`{"type":"BPE","unk_token":"none","vocab":{"a":0,"b":1},"merges":[]}`,
		`{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":5,"vocab":{"[UNK]":0,"a":1,"##a":2,"ab":3,"é":4,"##é":5}}`,
		`{"type":"WordLevel","unk_token":"[UNK]","vocab":{"[UNK]":0,"a":1,"ab":2}}`,
		`{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁",-1],["a",-2],["ab",-2.5],["▁a",-2],["é",-3]]}`,
		`{"type":"Unigram","vocab":[["a",-2],["▁",-1]]}`,
	}
}

func addedPieces() []string {
	return []string{
		``, `{"id":20,"content":"<m>","special":true}`, `{"id":20,"content":"<m>","special":true,"lstrip":true,"rstrip":true},{"id":21,"content":"ab","normalized":true,"single_word":true}`,
		`{"id":20,"content":"$","normalized":true}`, `{"id":20,"content":"$","special":true},{"id":21,"content":" ","rstrip":true}`,
	}
}

// FuzzStages makes tokenizer.json files of pieces and gives them texts: nothing panics, and all ways to encode and decode
// agree.
func FuzzStages(f *testing.F) {
	for _, bytes := range []string{"", "\x14\x02\x14\x00\x00\x05\x02\x01", "\x15\x03\x00\x04\x09\x16\x01\x02\x03\x04\x05\x06\x07\x08\x09", "aaaaaaaaaaaaaa", "\x18\x18\x18\x18"} {
		f.Add([]byte(bytes), "a", "ab▁ a<m>é é\n 12")
		f.Add([]byte(bytes), "é ", "\xff a  \u0301ab日\xe2\x82")
	}
	f.Fuzz(func(t *testing.T, bytes []byte, literal, text string) {
		if len(bytes) > 64 || len(literal) > 16 || len(text) > 200 {
			t.Skip()
		}
		quoted := quote(literal)
		m := stageMaker{bytes: bytes, literal: quoted[1 : len(quoted)-1]}
		file := m.file()
		tok, err := ParseJSON([]byte(file))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenizer: tokenizer.json: ") {
				t.Fatalf("%s: error %v", file, err)
			}
			return
		}
		if err := everyUse(tok, text); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		ids, err := tok.AppendEncode(nil, text, Options{ParseSpecial: true})
		if err != nil {
			return
		}
		w, err := tok.Windows(Options{ParseSpecial: true}, Truncation{MaxTokens: 3}, text)
		if err != nil {
			t.Fatalf("%s, %q: windows: %v", file, text, err)
		}
		var again []int
		for i := range w {
			again = append(again, w[i].IDs...)
			if !slices.IsSorted(w[i].Words) {
				t.Fatalf("%s, %q: words %v", file, text, w[i].Words)
			}
		}
		if !slices.Equal(again, ids) {
			t.Fatalf("%s, %q: %v, in windows %v", file, text, ids, again)
		}
	})
}
