package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const windowVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##s\n"

func ExampleTokenizer_Windows() {
	t, err := ParseVocabText([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwho\nthe\ncat\ndog\nand\n##s\n"), true)
	if err != nil {
		fmt.Println(err)
		return
	}
	windows, err := t.Windows(Options{AddSpecial: true}, Truncation{MaxTokens: 7, Stride: 1, Cut: OnlySecond}, "who", "the cats and the dogs")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range windows {
		var tokens []string
		for _, id := range w.IDs {
			s, _ := t.Token(id)
			tokens = append(tokens, s)
		}
		fmt.Println(strings.Join(tokens, " "), w.Words)
	}
	// Output:
	// [CLS] who [SEP] the cat ##s [SEP] [-1 0 -1 0 1 1 -1]
	// [CLS] who [SEP] ##s and the [SEP] [-1 0 -1 1 2 3 -1]
	// [CLS] who [SEP] the dog ##s [SEP] [-1 0 -1 3 4 4 -1]
}

// TestLongestFirst takes tokens off one by one and must come to the same.
func TestLongestFirst(t *testing.T) {
	for n := range 12 {
		for m := range 12 {
			for room := range 25 {
				gotN, gotM := longestFirst(n, m, room)
				if gotN > n || gotM > m || gotN+gotM != min(n+m, room) {
					t.Errorf("%d and %d in %d: %d and %d", n, m, room, gotN, gotM)
				}
				if cutN, cutM := gotN < n, gotM < m; cutN && gotN < gotM-1 || cutM && gotM < gotN-1 {
					t.Errorf("%d and %d in %d: %d and %d: the shorter was cut", n, m, room, gotN, gotM)
				}
			}
		}
	}
}

func TestWindowsWithoutRoom(t *testing.T) {
	tok, err := ParseVocabText([]byte(windowVocab), true)
	if err != nil {
		t.Fatal(err)
	}
	special := Options{AddSpecial: true}
	for _, c := range []struct {
		cut   Truncation
		texts []string
	}{
		{Truncation{MaxTokens: 1}, []string{"a"}}, {Truncation{MaxTokens: 2}, []string{"a"}},
		{Truncation{MaxTokens: 2}, []string{"a", "b"}}, {Truncation{MaxTokens: 4, Cut: OnlySecond}, []string{"a", "b"}},
		{Truncation{MaxTokens: 6, Stride: 4}, []string{"a b c a b c"}}, {Truncation{MaxTokens: 6, Stride: -1}, []string{"a b c a b c"}},
	} {
		if w, err := tok.Windows(special, c.cut, c.texts...); !errors.Is(err, ErrTooLong) {
			t.Errorf("%v %q: %v, %v", c.cut, c.texts, w, err)
		}
	}
	if w, err := tok.Windows(special, Truncation{MaxTokens: 3}, "a", "b"); err != nil || len(w[0].IDs) != 3 {
		t.Errorf("nothing of two texts: %v, %v", w, err)
	}
}

// TestWordsOfAddedTokens has tokens that the model never sees, each a word of its own.
func TestWordsOfAddedTokens(t *testing.T) {
	tok, err := ParseVocabText([]byte(windowVocab), true)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tok.Windows(Options{ParseSpecial: true}, Truncation{}, "as[MASK][MASK]as b")
	if err != nil || !slices.Equal(w[0].Words, []int{0, 0, 1, 2, 3, 3, 4}) {
		t.Errorf("%+v, %v", w, err)
	}
}

// TestWordsOfWindows has tokens that stand apart and pre-tokens of no tokens: each is a word, as tokenizers 0.23 counts.
func TestWordsOfWindows(t *testing.T) {
	pieces, err := ParseVocabText([]byte(windowVocab), true)
	if err != nil {
		t.Fatal(err)
	}
	pairs := parse(t, `{"added_tokens":[{"id":2,"content":"[UNK]","special":true}],"pre_tokenizer":{"type":"WhitespaceSplit"},
		"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}`)
	for _, c := range []struct {
		tok        *Tokenizer
		text       string
		ids, words []int
	}{
		{pieces, "a [UNK] as[UNK]b ?", []int{5, 1, 5, 8, 1, 6, 1}, []int{0, 1, 2, 2, 3, 4, 5}},
		{pieces, "[UNK][UNK]", []int{1, 1}, []int{0, 1}},
		{pairs, "a x b", []int{0, 1}, []int{0, 2}},
		{pairs, "a[UNK]b [UNK] [UNK]", []int{0, 2, 1, 2, 2}, []int{0, 1, 2, 3, 4}},
	} {
		w, err := c.tok.Windows(Options{ParseSpecial: true}, Truncation{}, c.text)
		if err != nil || !slices.Equal(w[0].IDs, c.ids) || !slices.Equal(w[0].Words, c.words) {
			t.Errorf("%q: %+v, %v; want %v of words %v", c.text, w, err, c.ids, c.words)
		}
	}
}
