package pretoken

import "github.com/seed2010d43f/transformer/tokenizer/internal/buffer"

// State is the memory of pre-tokenization: the text in hand, and the pieces that it is divided into. Every buffer is
// kept between calls.
type State struct {
	Text   buffer.Text
	Pieces []buffer.Piece
	Spare  []buffer.Piece // becomes pieces when a pre-tokenizer is done
	found  []buffer.Piece
	cuts   []cut
	back   []int32
	inner  *State
}

// rewrite builds a new text from the pieces: f writes what becomes of one piece.
func (w *State) rewrite(f func(t *buffer.Text, p buffer.Piece)) {
	w.Text.Begin()
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		start := len(w.Text.Next)
		f(&w.Text, p)
		out = append(out, buffer.Piece{Start: int32(start), End: int32(len(w.Text.Next))})
	}
	w.Text.Swap()
	w.Pieces, w.Spare = dropEmpty(out, 0), w.Pieces
}

// child returns empty work for a pre-tokenizer that looks at the text in another form.
func (w *State) child() *State {
	if w.inner == nil {
		w.inner = new(State)
	}
	w.inner.Text.B, w.inner.Text.Align, w.inner.Text.Track = w.inner.Text.B[:0], nil, false
	w.inner.Pieces = w.inner.Pieces[:0]
	return w.inner
}
