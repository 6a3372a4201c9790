package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// A class is a set of properties of a character, each after the edition of Unicode that the reference uses for it.
type class uint16

const (
	letter    class = 1 << iota // \p{L}
	number                      // \p{N} in patterns
	numeric                     // \p{N} for Digits
	space                       // \s: Unicode White_Space
	newline                     // \r or \n
	punct                       // ASCII punctuation or \p{P}
	word                        // \w: alphabetic, mark, decimal digit, connector punctuation, join control
	combining                   // \p{M} for StripAccents
	mark                        // \p{Mn} for BERT
	control                     // \p{C} but unassigned, tab, carriage return and line feed
)

// classMap holds the class of every character of the first two planes, which have nearly all that text is made of.
type classMap [1 << 17]class

// classes returns the classes; they are made on first use.
var classes = sync.OnceValue(func() *classMap {
	t := new(classMap)
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
			t.set(s.class, r.lo, r.hi, 1)
		}
		for _, r := range s.but {
			for c := r.lo; c <= r.hi; c++ {
				t[c] &^= s.class
			}
		}
	}
	for c := range rune(utf8.RuneSelf) {
		switch {
		case c == '\n' || c == '\r':
			t[c] |= newline
		case c >= '!' && c <= '/', c >= ':' && c <= '@', c >= '[' && c <= '`', c >= '{' && c <= '~':
			t[c] |= punct
		}
	}
	for _, c := range "\t\r\n" {
		t[c] &^= control
	}
	return t
})

func (t *classMap) set(c class, lo, hi, stride rune) {
	for r := lo; r <= min(hi, rune(len(t)-1)); r += stride {
		t[r] |= c
	}
}

// of returns the class of a character.
func (t *classMap) of(r rune) class {
	if uint32(r) < uint32(len(t)) {
		return t[r]
	}
	var c class
	for _, s := range properties() {
		if unicode.IsOneOf(s.tables, r) || within(s.also, r) {
			c |= s.class
		}
	}
	return c
}

var properties = sync.OnceValue(classTables)

// classTable says which characters have a property: those of tables and also, without those of but.
type classTable struct {
	class     class
	tables    []*unicode.RangeTable
	also, but []runeRange
}

func classTables() []classTable {
	type tables = []*unicode.RangeTable
	return []classTable{
		{letter, tables{unicode.L}, lateLetters(), nil},
		{number, tables{unicode.N}, lateNumbers(), nil},
		{numeric, tables{unicode.N}, lateNumerics(), nil},
		{space, tables{unicode.White_Space}, nil, nil},
		{punct, tables{unicode.P}, earlyPunct(), latePunct()},
		{word, tables{unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control},
			lateWords(), nil},
		{combining, tables{unicode.M}, earlyCombining(), lateCombining()},
		{mark, tables{unicode.Mn}, earlyMarks(), lateMarks()},
		{control, tables{unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs}, nil, lateControls()},
	}
}

// classAt returns the class and the width in bytes of the character at b[i]. A byte that is no UTF-8 has class 0 and
// width 1.
func classAt(t *classMap, b []byte, i int) (class, int) {
	if c := b[i]; c < utf8.RuneSelf {
		return t[c], 1
	}
	return wideClassAt(t, b, i)
}

func wideClassAt(t *classMap, b []byte, i int) (class, int) {
	r, n := utf8.DecodeRune(b[i:])
	if r == utf8.RuneError && n == 1 {
		return 0, 1
	}
	return t.of(r), n
}

func isSpace(r rune) bool { return classes().of(r)&space != 0 }
