package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// stageCases are what testdata/generate_stages.py wrote.
type stageCases struct {
	Base    string
	Lists   map[string]string
	Texts   []string
	Decode  []int
	Kinds   []string
	Shapes  map[string]string
	Results []struct {
		Texts []*struct {
			IDs, Pair []int
			Offsets   [][2]int
			Decoded   *string
		}
		Decoded *string
	}
	Cases [][3]json.RawMessage // slot, kind, result by shape
}

// document returns a tokenizer.json with a stage in a slot.
func (c *stageCases) document(slot, stage string) string {
	if slot == "model" {
		return c.Base[:strings.Index(c.Base, `"model":`)] + `"model":` + stage + "}"
	}
	return strings.Replace(c.Base, `"`+slot+`":null`, `"`+slot+`":`+stage, 1)
}

// TestStages opens tokenizer.json files with every kind of stage: alone, in sequences and sequences of those, twice,
// with null in the place of a stage, in the place of other stages. The tokenizer does what the reference does, or the
// error names the slot.
func TestStages(t *testing.T) {
	var c stageCases
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/stages.json.gz"), &c); err != nil {
		t.Fatal(err)
	}
	for i, each := range c.Cases {
		var slot string
		var kind int
		var results map[string]int
		for k, to := range []any{&slot, &kind, &results} {
			if err := json.Unmarshal(each[k], to); err != nil {
				t.Fatal(err)
			}
		}
		for k, shape := range slices.Sorted(maps.Keys(results)) {
			if testing.Short() && (i+k)%6 != 0 { // every shape of some kinds, every kind in some shapes
				continue
			}
			stage := strings.ReplaceAll(strings.ReplaceAll(c.Shapes[shape], `"L"`, `"`+c.Lists[slot]+`"`), "X", c.Kinds[kind])
			c.check(t, slot, stage, results[shape])
		}
	}
}

func (c *stageCases) check(t *testing.T, slot, stage string, result int) {
	t.Helper()
	tok, err := ParseJSON([]byte(c.document(slot, stage)))
	if err != nil {
		if !strings.HasPrefix(err.Error(), "tokenizer: tokenizer.json: "+slot+": ") && err.Error() != `tokenizer: tokenizer.json: there is no "model"` {
			t.Errorf("%s %s: error %v", slot, stage, err)
		}
		unsupported := strings.Contains(err.Error(), "not supported") || strings.Contains(err.Error(), "once is supported")
		if result >= 0 && !unsupported && slot != "model" {
			t.Errorf("%s %s is refused: %v", slot, stage, err)
		}
		return
	}
	for _, text := range append(c.Texts, "\xff<m>\xe2\x82 a") {
		if err := everyUse(tok, text); err != nil {
			t.Errorf("%s %s: %v", slot, stage, err)
		}
	}
	if result < 0 {
		t.Errorf("%s %s opens; the reference refuses it", slot, stage)
		return
	}
	want := &c.Results[result]
	for i, w := range want.Texts {
		if w == nil {
			continue
		}
		text := c.Texts[i]
		e, err := tok.EncodeWithOffsets(text, Options{AddSpecial: true, ParseSpecial: true})
		if err != nil {
			t.Errorf("%s %s, %q: %v", slot, stage, text, err)
			continue
		}
		// offsets cover all that a token stands for, of which the reference gives a part
		covers := slices.EqualFunc(e.Offsets, w.Offsets, func(o Span, want [2]int) bool {
			return o.Start <= want[0] && o.End >= want[1]
		})
		if !slices.Equal(e.IDs, w.IDs) || !covers {
			t.Errorf("%s %s, %q: %v at %v, want %v at %v", slot, stage, text, e.IDs, e.Offsets, w.IDs, w.Offsets)
		}
		if p, err := tok.EncodePair(text, "a", Options{AddSpecial: true, ParseSpecial: true}); w.Pair != nil && (err != nil || !slices.Equal(p.IDs, w.Pair)) {
			t.Errorf("%s %s, %q as a pair: %v, %v, want %v", slot, stage, text, p, err, w.Pair)
		}
		if got, err := tok.Decode(e.IDs, false); w.Decoded != nil && (err != nil || got != *w.Decoded) {
			t.Errorf("%s %s, %v: decoded %q, %v, want %q", slot, stage, e.IDs, got, err, *w.Decoded)
		}
	}
	if got, err := tok.Decode(c.Decode, true); want.Decoded != nil && (err != nil || got != *want.Decoded) {
		t.Errorf("%s %s: decoded %q, %v, want %q", slot, stage, got, err, *want.Decoded)
	}
}

// everyUse encodes and decodes a text in every way, which must not panic, and reports ways that disagree.
func everyUse(tok *Tokenizer, text string) (err error) {
	for _, o := range []Options{{}, {AddSpecial: true}, {ParseSpecial: true}, {AddSpecial: true, ParseSpecial: true}, {IgnoreAdded: true}} {
		ids, err1 := tok.AppendEncode(nil, text, o)
		e, err2 := tok.EncodeWithOffsets(text, o)
		if (err1 == nil) != (err2 == nil) || err1 == nil && !slices.Equal(ids, e.IDs) {
			return fmt.Errorf("%q, %+v: %v, %v; with offsets %v, %v", text, o, ids, err1, e, err2)
		}
		if err1 != nil {
			continue
		}
		for _, span := range e.Offsets {
			if span.Start < 0 || span.Start > span.End || span.End > len(text) {
				return fmt.Errorf("%q: offsets %v", text, e.Offsets)
			}
		}
		if _, err := tok.EncodePair(text, text, o); err != nil {
			return fmt.Errorf("%q as a pair: %w", text, err)
		}
		if w, err := tok.Windows(o, Truncation{MaxTokens: 6, Stride: 1, Cut: OnlyFirst}, text); err == nil && len(w) == 0 {
			return fmt.Errorf("%q: no window", text)
		}
		whole, err := tok.Decode(ids, false)
		s, streamed := tok.NewStream(false), ""
		for _, id := range ids {
			part, _ := s.Push(id)
			streamed += part
		}
		last, _ := s.Flush()
		if err == nil && streamed+last != whole {
			return fmt.Errorf("%q decodes to %q but streams to %q", text, whole, streamed+last)
		}
	}
	return nil
}

// TestDecoderStages decodes through steps that rewrite tokens one after the other, as tokenizers 0.23 does.
func TestDecoderStages(t *testing.T) {
	for _, c := range []struct{ decoders, want string }{
		{`{"type":"Replace","pattern":{"String":"a"},"content":"b"},{"type":"CTC","pad_token":"x","word_delimiter_token":"b","cleanup":true}`, "   <unk> "},
		{`{"type":"CTC","pad_token":"a","word_delimiter_token":"|","cleanup":true},{"type":"WordPiece","prefix":"##","cleanup":true}`, "b <unk>"},
		{`{"type":"Replace","pattern":{"String":"a"},"content":"<0xC3>"},{"type":"ByteFallback"}`, "\uFFFD<0xC3>b<unk>\uFFFD"},
		{`{"type":"Fuse"},{"type":"Strip","content":"a","start":2,"stop":9}`, "b<unk>"},
		{`{"type":"Strip","content":"a","start":1,"stop":0},{"type":"WordPiece","prefix":"##","cleanup":true}`, " b <unk> "},
	} {
		tok := parse(t, `{"model":{"type":"WordLevel","vocab":{"<unk>":0,"a":1,"ab":2},"unk_token":"<unk>"},"decoder":`+stages("decoders", c.decoders)+`}`)
		if got, err := tok.Decode([]int{1, 2, 0, 1}, false); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.decoders, got, err, c.want)
		}
	}
}

// TestAddedWhiteSpace has added tokens that take the white space beside them, and some that are white space: the ids and
// offsets of tokenizers 0.23.
func TestAddedWhiteSpace(t *testing.T) {
	token := func(id int, content string, strip ...string) string {
		s := `{"id":` + itoa(id) + `,"content":"` + content + `","normalized":false`
		for _, side := range strip {
			s += `,"` + side + `":true`
		}
		return s + "}"
	}
	post := func(prefix bool) string {
		return fmt.Sprintf(`{"type":"RobertaProcessing","sep":["a",1],"cls":["a",1],"trim_offsets":true,"add_prefix_space":%v}`, prefix)
	}
	const odd = "a   <m>   a"
	for _, c := range []struct {
		tokens, post, text string
		ids                []int
		offsets            []Span
	}{
		{token(2, " ", "rstrip"), "null", "  a", []int{2, 2, 1}, []Span{{0, 2}, {1, 2}, {2, 3}}},
		{token(2, " ", "rstrip"), "null", odd, []int{1, 2, 2, 2, 0, 2, 2, 2, 1}, []Span{{0, 1}, {1, 4}, {2, 4}, {3, 4}, {4, 7}, {7, 10}, {8, 10}, {9, 10}, {10, 11}}},
		{token(2, "<m>", "rstrip") + "," + token(3, " "), "null", odd, []int{1, 3, 3, 3, 2, 3, 3, 3, 1}, []Span{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 10}, {7, 8}, {8, 9}, {9, 10}, {10, 11}}},
		{token(2, "<m>", "lstrip", "rstrip") + "," + token(3, "  "), "null", odd, []int{1, 3, 2, 3, 0}, []Span{{0, 1}, {1, 3}, {3, 10}, {7, 9}, {9, 11}}},
		{token(2, "<m>", "lstrip", "rstrip") + "," + token(3, "  "), "null", "<m> <m>  ", []int{2, 2, 3}, []Span{{0, 4}, {4, 9}, {7, 9}}},
		{token(2, " "), post(true), "  a", []int{2, 2, 1}, []Span{{0, 0}, {2, 2}, {2, 3}}},
		{token(2, " "), post(false), "  a", []int{2, 2, 1}, []Span{{1, 1}, {2, 2}, {2, 3}}},
		{token(2, "<m>", "lstrip", "rstrip"), post(true), odd, []int{1, 2, 1}, []Span{{0, 1}, {4, 7}, {10, 11}}},
	} {
		tok := parse(t, `{"added_tokens":[`+c.tokens+`],"post_processor":`+c.post+`,"model":{"type":"WordLevel","vocab":{"<unk>":0,"a":1},"unk_token":"<unk>"}}`)
		e, err := tok.EncodeWithOffsets(c.text, Options{ParseSpecial: true})
		if err != nil || !slices.Equal(e.IDs, c.ids) || !slices.Equal(e.Offsets, c.offsets) {
			t.Errorf("%s, %q: %+v, %v, want %v at %v", c.tokens, c.text, e, err, c.ids, c.offsets)
		}
	}
}
