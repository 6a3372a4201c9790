package pretoken

import (
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// overBytes applies a pre-tokenizer to bytes written in GPT-2's alphabet, where each byte is one character, although
// the text holds the bytes themselves.
type overBytes struct {
	inner   PreTokenizer
	classes [256]chars.Class // of each byte's character
}

func newOverBytes(inner PreTokenizer) *overBytes {
	o := &overBytes{inner: inner}
	for c := range o.classes {
		o.classes[c] = chars.Classes().Of(chars.ByteRune(byte(c)))
	}
	return o
}

func (o *overBytes) Split(w *State) error {
	switch p := o.inner.(type) {
	case digitGroups:
		return p.Split(w) // digits are themselves in the alphabet
	case SplitClass:
		return p.over(w, func(b []byte, i int) (chars.Class, int) { return o.classes[b[i]], 1 })
	}
	inner := w.child()
	back := w.back[:0] // for each byte of the inner text, the byte it stands for
	for _, p := range w.Pieces {
		start := len(inner.Text.B)
		for i := p.Start; i < p.End; i++ {
			inner.Text.B = utf8.AppendRune(inner.Text.B, chars.ByteRune(w.Text.B[i]))
			for len(back) < len(inner.Text.B) {
				back = append(back, i)
			}
		}
		inner.Pieces = append(inner.Pieces, buffer.Piece{Start: int32(start), End: int32(len(inner.Text.B))})
	}
	w.back = back
	inner.Text.Search = w.Text.Search
	err := o.inner.Split(inner)
	w.Text.Search = inner.Text.Search
	if err != nil {
		return err
	}
	out := w.Spare[:0]
	for _, q := range inner.Pieces {
		out = append(out, buffer.Piece{Start: back[q.Start], End: back[q.End-1] + 1})
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}
