package tokenizer

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// bytePairs is a small byte-level tokenizer.json in LLaMA 3's form.
const bytePairs = `{
 "added_tokens": [{"id": 12, "content": "<|end|>", "special": true, "normalized": false},
                  {"id": 13, "content": "<|tool|>", "special": false, "normalized": false}],
 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
 "post_processor": {"type": "TemplateProcessing",
  "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|end|>", "type_id": 0}}],
  "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|end|>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
  "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [12], "tokens": ["<|end|>"]}}},
 "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE", "vocab": {"c": 0, "a": 1, "t": 2, "s": 3, "Ġ": 4, "at": 5, "cat": 6, "Ġs": 7, "Ã": 8, "©": 9, "Ġsat": 10, "Ã©": 11},
  "merges": ["a t", "c at", "Ġ s", "Ġs at", "Ã ©"]}}`

func parse(tb testing.TB, data string) *Tokenizer {
	tb.Helper()
	t, err := ParseJSON([]byte(data))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestOptions(t *testing.T) {
	tok := parse(t, bytePairs)
	for _, c := range []struct {
		text string
		o    Options
		want []int
	}{
		{"cat sat", Options{}, []int{6, 10}},
		{"cat sat", Options{AddSpecial: true}, []int{6, 10, 12}},
		{"cat<|end|>", Options{ParseSpecial: true}, []int{6, 12}},
		{"<|tool|>cat", Options{}, []int{13, 6}},
		{"<|end|>", Options{}, nil}, // none of its bytes but "<", "|" and the letters are tokens
		{"", Options{AddSpecial: true, ParseSpecial: true}, []int{12}},
	} {
		got, err := tok.AppendEncode(nil, c.text, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q with %+v: got %v, want %v", c.text, c.o, got, c.want)
		}
	}
}

func TestAppendKeepsPrefix(t *testing.T) {
	tok := parse(t, bytePairs)
	got, err := tok.AppendEncode([]int{99}, "cat", Options{})
	if err != nil || !slices.Equal(got, []int{99, 6}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPairs(t *testing.T) {
	tok := parse(t, bytePairs)
	e, err := tok.EncodePair("cat", " sat", Options{AddSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.IDs, []int{6, 12, 10}) || !slices.Equal(e.TypeIDs, []int{0, 0, 1}) || !slices.Equal(e.Special, []bool{false, true, false}) {
		t.Errorf("got %+v", e)
	}
	if want := []Span{{0, 3}, {}, {0, 4}}; !slices.Equal(e.Offsets, want) {
		t.Errorf("offsets %v, want %v", e.Offsets, want)
	}
}

// TestStreamHoldsPartsOfCharacters pushes the two bytes of é apart.
func TestStreamHoldsPartsOfCharacters(t *testing.T) {
	tok := parse(t, bytePairs)
	s := tok.NewStream(true)
	var got []string
	for _, id := range []int{6, 8, 9, 12, 8, 0} {
		p, err := s.Push(id)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	last, err := s.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cat", "", "é", "", "", "\uFFFDc"}; !slices.Equal(got, want) || last != "" {
		t.Errorf("got %q and %q, want %q", got, last, want)
	}
	if _, err := s.Push(8); err != nil {
		t.Fatal(err)
	}
	if last, _ := s.Flush(); last != "\uFFFD" {
		t.Errorf("half a character flushed as %q", last)
	}
}

func TestUnknownIDs(t *testing.T) {
	tok := parse(t, bytePairs)
	for _, id := range []int{-1, 14, math.MaxInt32} {
		if _, err := tok.Decode([]int{6, id}, false); err == nil || !strings.Contains(err.Error(), "id "+itoa(id)+" ") {
			t.Errorf("id %d: error %v", id, err)
		}
	}
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestGoroutines encodes and decodes from many goroutines at once; run it with -race.
func TestGoroutines(t *testing.T) {
	tok := parse(t, bytePairs)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				ids, err := tok.Encode("cat sat catsat é")
				if err != nil || !slices.Equal(ids, []int{6, 10, 4, 6, 3, 5, 4, 11, 12}) {
					t.Errorf("got %v, %v", ids, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestOpenNamesWhatItLookedFor(t *testing.T) {
	_, err := Open(fstest.MapFS{})
	for _, name := range []string{"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "vocab.txt"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}

func TestVocabLookups(t *testing.T) {
	tok := parse(t, bytePairs)
	if id, ok := tok.TokenID("Ġsat"); !ok || id != 10 {
		t.Errorf("TokenID gave %d, %v", id, ok)
	}
	if s, ok := tok.Token(10); !ok || s != "Ġsat" {
		t.Errorf("Token gave %q, %v", s, ok)
	}
	if id, ok := tok.TokenID("<|end|>"); !ok || id != 12 {
		t.Errorf("TokenID gave %d, %v", id, ok)
	}
	if _, ok := tok.TokenID("dog"); ok {
		t.Error("found a token that is not there")
	}
	if tok.VocabSize() != 14 {
		t.Errorf("size %d", tok.VocabSize())
	}
}
