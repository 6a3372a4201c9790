// Package buffer holds a text on its way through the stages: its bytes, the place in the original text that each
// comes from, and how much it may still grow.
package buffer

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Span is a byte range of the original text.
type Span struct{ Start, End int32 }

// Piece is a byte range of a text's bytes.
type Piece struct{ Start, End int32 }

// Text is a stretch of input on its way through normalization and pre-tokenization. If Track is true, Align holds for
// each byte the range of the original text that it stands for.
//
// An operation that rewrites the text builds Next from B with Keep and Put, and ends with Swap.
type Text struct {
	B, Next          []byte
	Align, NextAlign []Span
	Track            bool
	Start            bool // the first byte stands for the beginning of the whole text
	lead             int  // what the first byte of Next stands for
	Most             int  // bytes that all stretches of the original may become together
	room             int  // those of them that are left
	Over             bool // the stretch would have grown beyond
	Search           Search
}

// Normalizer and pre-tokenizer may make a text GrowFactor times as long, and GrowBytes longer. In published files,
// the longest decomposition of Unicode makes eleven bytes from one, or thirteen with marks for its spaces.
const GrowFactor, GrowBytes = 32, 1 << 16

// Allow sets the room for an original text of n bytes.
func (t *Text) Allow(n int) {
	t.Most = GrowFactor*n + GrowBytes
	t.room, t.Over = t.Most, false
}

// Spend subtracts the stretch from the room of the original text.
func (t *Text) Spend() error {
	t.room -= len(t.B)
	return t.Check()
}

// Reset makes t the stretch s, which starts at byte base of the original text.
func (t *Text) Reset(s string, base int, track bool) {
	t.B = append(t.B[:0], s...)
	t.Track, t.Start = track, base == 0
	t.Align = t.Align[:0]
	if !track {
		return
	}
	for i := 0; i < len(s); {
		n := 1
		if s[i] >= utf8.RuneSelf {
			_, n = utf8.DecodeRuneInString(s[i:])
		}
		at := Span{int32(base + i), int32(base + i + n)}
		for range n {
			t.Align = append(t.Align, at)
		}
		i += n
	}
}

func (t *Text) Begin() {
	t.Next, t.NextAlign, t.lead = slices.Grow(t.Next[:0], len(t.B)+len(t.B)/4), t.NextAlign[:0], 0
}

// Keep copies B[i:j] unchanged.
func (t *Text) Keep(i, j int) {
	if len(t.Next) == 0 {
		t.lead = i
	}
	t.Next = append(t.Next, t.B[i:j]...)
	if t.Track {
		t.NextAlign = append(t.NextAlign, t.Align[i:j]...)
	}
}

// Put writes s in place of B[i:j]. An insertion, with i == j, stands for the text before it, or at the start for the
// text after it.
func (t *Text) Put(s string, i, j int) {
	if len(t.Next)+len(s) > t.room {
		t.Over = true
		return
	}
	if len(t.Next) == 0 {
		t.lead = i
	}
	t.Next = append(t.Next, s...)
	if t.Track {
		t.mark(len(s), i, j)
	}
}

// PutRune is Put for one character.
func (t *Text) PutRune(r rune, i, j int) {
	n := len(t.Next)
	if n == 0 {
		t.lead = i
	}
	t.Next = utf8.AppendRune(t.Next, r)
	if t.Track {
		t.mark(len(t.Next)-n, i, j)
	}
}

func (t *Text) mark(n, i, j int) {
	var at Span
	switch {
	case i < j:
		at = Span{t.Align[i].Start, t.Align[j-1].End}
	case i > 0:
		at = t.Align[i-1]
	case len(t.Align) > 0:
		at = t.Align[0]
	}
	for range n {
		t.NextAlign = append(t.NextAlign, at)
	}
}

func (t *Text) Swap() {
	t.Start = t.Start && t.lead == 0
	t.B, t.Next = t.Next, t.B
	t.Align, t.NextAlign = t.NextAlign, t.Align
}

// Check returns an error if the text has outgrown its room.
func (t *Text) Check() error {
	if t.Over || t.room < 0 {
		return fmt.Errorf("tokenizer: normalizing makes more than %d bytes of the text: more than %d for each of its own", t.Most, GrowFactor)
	}
	return nil
}

// Source returns the range of the original text that B[i:j] stands for.
func (t *Text) Source(i, j int) Span {
	if i >= j {
		return Span{}
	}
	return Span{t.Align[i].Start, t.Align[j-1].End}
}
