package pretoken

import (
	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// SplitLiterals makes each of a set of strings a piece of its own, the longest at a place first.
type SplitLiterals struct{ Set *trie.Set }

func (s SplitLiterals) Split(w *State) error {
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		done, part := int(p.Start), w.Text.B[:p.End]
		for i := done; i < len(part); {
			i += s.Set.Skip(part[i:])
			if i == len(part) {
				break
			}
			v, n := s.Set.Longest(part[i:])
			if v < 0 {
				i++
				continue
			}
			out = append(out, buffer.Piece{Start: int32(done), End: int32(i)}, buffer.Piece{Start: int32(i), End: int32(i + n)})
			i += n
			done = i
		}
		out = append(out, buffer.Piece{Start: int32(done), End: p.End})
	}
	w.Pieces, w.Spare = dropEmpty(out, 0), w.Pieces
	return nil
}
