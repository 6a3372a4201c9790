package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// word is a word of a text and its tokens, first to last.
type word struct {
	text        string
	first, last int
}

// findWord returns the ids of a text, and where its last word that is text stands, or its last word of all if text is
// empty.
func findWord(t *tokenizer.Tokenizer, sentence, text string) ([]int, word, error) {
	e, err := t.EncodeWithOffsets(sentence, tokenizer.Options{AddSpecial: true, ParseSpecial: true})
	if err != nil {
		return nil, word{}, err
	}
	words := split(sentence)
	if len(words) == 0 {
		return nil, word{}, fmt.Errorf("the text %q has no word", sentence)
	}
	for _, s := range slices.Backward(words) {
		if w := sentence[s.Start:s.End]; text == "" || text == w {
			found := word{text: w, first: -1}
			for i, at := range e.Offsets {
				if at.Start < s.End && at.End > s.Start {
					if found.first < 0 {
						found.first = i
					}
					found.last = i
				}
			}
			if found.first < 0 {
				return nil, word{}, fmt.Errorf("the tokenizer makes no token of %q", w)
			}
			return e.IDs, found, nil
		}
	}
	var have []string
	for _, s := range words {
		if w := fmt.Sprintf("%q", sentence[s.Start:s.End]); !slices.Contains(have, w) {
			have = append(have, w)
		}
	}
	return nil, word{}, fmt.Errorf("-word %q: the text has no such word; it has %s", text, strings.Join(have, ", "))
}

// split returns where the words of a text are: what has a letter or a digit between the boundaries of Unicode.
func split(text string) []tokenizer.Span {
	var spans []tokenizer.Span
	state := -1
	for at := 0; at < len(text); {
		var w string
		w, _, state = uniseg.FirstWordInString(text[at:], state)
		if strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			spans = append(spans, tokenizer.Span{Start: at, End: at + len(w)})
		}
		at += len(w)
	}
	return spans
}
