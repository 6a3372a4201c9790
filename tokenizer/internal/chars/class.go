// Package chars classifies characters, in the editions of Unicode that Hugging Face tokenizers uses. It also handles
// broken UTF-8, GPT-2's byte alphabet and SentencePiece's mark of a space.
package chars

import (
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Class is a set of properties of a character, each after the edition of Unicode that the reference uses for it.
type Class uint16

const (
	Letter    Class = 1 << iota // \p{L}
	Number                      // \p{N} in patterns
	Numeric                     // \p{N} for Digits
	Space                       // \s: Unicode White_Space
	Newline                     // \r or \n
	Punct                       // ASCII punctuation or \p{P}
	Word                        // \w: alphabetic, mark, decimal digit, connector punctuation, join control
	Combining                   // \p{M} for StripAccents
	Mark                        // \p{Mn} for BERT
	Control                     // \p{C} but unassigned, tab, carriage return and line feed
	Upper                       // \p{Lu} and \p{Lt} in patterns
	Lower                       // \p{Ll} in patterns
	Marks                       // \p{M} in patterns
	Puncts                      // \p{P} in patterns
	Symbols                     // \p{S} in patterns
	Han                         // \p{Han} in patterns
)

// Map holds the class of every character of the first two planes, which have nearly all that text is made of.
type Map [1 << 17]Class

// Classes returns the classes; they are made on first use.
var Classes = sync.OnceValue(func() *Map {
	t := new(Map)
	for _, s := range properties() {
		for _, table := range s.tables {
			for _, r := range table.R16 {
				t.set(s.class, rune(r.Lo), rune(r.Hi), rune(r.Stride))
			}
			for _, r := range table.R32 {
				t.set(s.class, rune(r.Lo), rune(r.Hi), rune(r.Stride))
			}
		}
		for _, r := range s.also {
			t.set(s.class, r.Lo, r.Hi, 1)
		}
		for _, r := range s.but {
			for c := r.Lo; c <= r.Hi; c++ {
				t[c] &^= s.class
			}
		}
	}
	for c := range rune(utf8.RuneSelf) {
		switch {
		case c == '\n' || c == '\r':
			t[c] |= Newline
		case c >= '!' && c <= '/', c >= ':' && c <= '@', c >= '[' && c <= '`', c >= '{' && c <= '~':
			t[c] |= Punct
		}
	}
	for _, c := range "\t\r\n" {
		t[c] &^= Control
	}
	return t
})

func (t *Map) set(c Class, lo, hi, stride rune) {
	for r := lo; r <= min(hi, rune(len(t)-1)); r += stride {
		t[r] |= c
	}
}

// Of returns the class of a character.
func (t *Map) Of(r rune) Class {
	if uint32(r) < uint32(len(t)) {
		return t[r]
	}
	var c Class
	for _, s := range properties() {
		if unicode.IsOneOf(s.tables, r) || Within(s.also, r) {
			c |= s.class
		}
	}
	return c
}

var properties = sync.OnceValue(classTables)

// classTable says which characters have a property: those of tables and also, without those of but.
type classTable struct {
	class     Class
	tables    []*unicode.RangeTable
	also, but []RuneRange
}

func classTables() []classTable {
	type tables = []*unicode.RangeTable
	return []classTable{
		{Letter, tables{unicode.L}, LateLetters(), nil},
		{Number, tables{unicode.N}, LateNumbers(), nil},
		{Numeric, tables{unicode.N}, lateNumerics(), nil},
		{Space, tables{unicode.White_Space}, nil, nil},
		{Punct, tables{unicode.P}, earlyPunct(), latePunct()},
		{Word, tables{unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control},
			LateWords(), nil},
		{Combining, tables{unicode.M}, earlyCombining(), lateCombining()},
		{Mark, tables{unicode.Mn}, earlyMarks(), lateMarks()},
		{Upper, nil, slices.Concat(Property("Lu"), Property("Lt")), nil},
		{Lower, nil, Property("Ll"), nil},
		{Marks, nil, Property("M"), nil},
		{Puncts, nil, Property("P"), nil},
		{Symbols, nil, Property("S"), nil},
		{Han, nil, Property("Han"), nil},
		{Control, tables{unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs}, nil, lateControls()},
	}
}

// At returns the class and the width in bytes of the character at b[i]. A byte that is no UTF-8 has class 0 and
// width 1.
func At(t *Map, b []byte, i int) (Class, int) {
	if c := b[i]; c < utf8.RuneSelf {
		return t[c], 1
	}
	return wideAt(t, b, i)
}

func wideAt(t *Map, b []byte, i int) (Class, int) {
	r, n := utf8.DecodeRune(b[i:])
	if r == utf8.RuneError && n == 1 {
		return 0, 1
	}
	return t.Of(r), n
}

func IsSpace(r rune) bool { return Classes().Of(r)&Space != 0 }
