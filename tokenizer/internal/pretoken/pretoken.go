// Package pretoken holds the pre-tokenizers, which split a text into words. The patterns of published models have
// hand-written scanners.
package pretoken

import (
	"bytes"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// A PreTokenizer divides the pieces of a text further. It reads w.pieces and leaves the new ones there; empty pieces
// are dropped. Some also rewrite the text.
type PreTokenizer interface {
	Split(w *State) error
}

type Sequence []PreTokenizer

func (s Sequence) Split(w *State) error {
	for _, p := range s {
		if err := p.Split(w); err != nil {
			return err
		}
		if err := w.Text.Check(); err != nil {
			return err
		}
	}
	return nil
}

// A behaviour says what becomes of the delimiters that a split finds.
type behaviour int

const (
	Removed behaviour = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

// Scan splits by a hand-written scanner, whose pre-tokens cover the text.
type Scan struct {
	Next       scanner
	DropSpaces bool // drop pre-tokens that begin with white space
}

func (s Scan) Split(w *State) error {
	t, b, out := chars.Classes(), w.Text.B, w.Spare[:0]
	for _, p := range w.Pieces {
		part := b[:p.End]
		for i := int(p.Start); i < int(p.End); {
			j := s.Next(t, part, i)
			if s.DropSpaces {
				if c, _ := chars.At(t, part, i); c&chars.Space != 0 {
					i = j
					continue
				}
			}
			out = append(out, buffer.Piece{Start: int32(i), End: int32(j)})
			i = j
		}
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// SplitAt makes each match of a pattern a pre-token, and what lies between two.
func SplitAt(p *regex.Pattern) PreTokenizer { return splitPattern{pattern: p, how: isolated} }

// splitPattern splits at the matches of a pattern, or, inverted, at what lies between them.
type splitPattern struct {
	pattern *regex.Pattern
	how     behaviour
	invert  bool
}

func (s splitPattern) Split(w *State) error {
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		found, err := s.pattern.Find(w.found[:0], w.Text.B[p.Start:p.End], &w.Text.Search)
		w.found = found
		if err != nil {
			return err
		}
		w.cuts = cutsOf(w.cuts[:0], found, p.End-p.Start, s.invert)
		out = s.how.join(out, w.cuts, p.Start)
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// cut is a stretch of a piece: a delimiter or what lies between two.
type cut struct {
	buffer.Piece
	delimiter bool
}

// cutsOf covers a piece of n bytes with cuts, given the matches in it.
func cutsOf(dst []cut, found []buffer.Piece, n int32, invert bool) []cut {
	done := int32(0)
	for _, m := range found {
		if m.Start > done {
			dst = append(dst, cut{buffer.Piece{Start: done, End: m.Start}, invert})
		}
		dst = append(dst, cut{m, !invert})
		done = m.End
	}
	if done < n {
		dst = append(dst, cut{buffer.Piece{Start: done, End: n}, invert})
	}
	return dst
}

// join appends to dst the pieces that cuts make, moved by base.
func (how behaviour) join(dst []buffer.Piece, cuts []cut, base int32) []buffer.Piece {
	first := len(dst)
	emit := func(c cut) { dst = append(dst, buffer.Piece{Start: base + c.Start, End: base + c.End}) }
	switch how {
	case Removed:
		for _, c := range cuts {
			if !c.delimiter {
				emit(c)
			}
		}
	case isolated:
		for _, c := range cuts {
			emit(c)
		}
	case mergedWithPrevious:
		prev := false
		for _, c := range cuts {
			if c.delimiter && !prev && len(dst) > first {
				dst[len(dst)-1].End = base + c.End
			} else {
				emit(c)
			}
			prev = c.delimiter
		}
	case mergedWithNext:
		for i, c := range cuts {
			if i > 0 && cuts[i-1].delimiter && !c.delimiter {
				dst[len(dst)-1].End = base + c.End
			} else {
				emit(c)
			}
		}
	case contiguous:
		prev := false
		for _, c := range cuts {
			if c.delimiter == prev && len(dst) > first {
				dst[len(dst)-1].End = base + c.End
			} else {
				emit(c)
			}
			prev = c.delimiter
		}
	}
	return dropEmpty(dst, first)
}

func dropEmpty(p []buffer.Piece, first int) []buffer.Piece {
	out := p[:first]
	for _, q := range p[first:] {
		if q.Start < q.End {
			out = append(out, q)
		}
	}
	return out
}

// SplitClass splits at the characters that have one of the properties in class.
type SplitClass struct {
	Class chars.Class
	How   behaviour
}

func (s SplitClass) Split(w *State) error {
	t := chars.Classes()
	if s.How == Removed {
		s.remove(w, t)
		return nil
	}
	return s.over(w, func(b []byte, i int) (chars.Class, int) { return chars.At(t, b, i) })
}

// remove is split where nothing is left of the delimiters.
func (s SplitClass) remove(w *State, t *chars.Map) {
	b, out := w.Text.B, w.Spare[:0]
	for _, p := range w.Pieces {
		part, start := b[:p.End], -1
		for i := int(p.Start); i < len(part); {
			c, n := chars.At(t, part, i)
			switch {
			case c&s.Class == 0 && start < 0:
				start = i
			case c&s.Class != 0 && start >= 0:
				out = append(out, buffer.Piece{Start: int32(start), End: int32(i)})
				start = -1
			}
			i += n
		}
		if start >= 0 {
			out = append(out, buffer.Piece{Start: int32(start), End: p.End})
		}
	}
	w.Pieces, w.Spare = out, w.Pieces
}

// over splits by the classes that at gives, with the width of each character.
func (s SplitClass) over(w *State, at func(b []byte, i int) (chars.Class, int)) error {
	b, out := w.Text.B, w.Spare[:0]
	for _, p := range w.Pieces {
		part := b[:p.End]
		w.cuts = w.cuts[:0]
		for i := int(p.Start); i < len(part); {
			c, n := at(part, i)
			here := buffer.Piece{Start: int32(i) - p.Start, End: int32(i+n) - p.Start}
			hit := c&s.Class != 0
			if k := len(w.cuts); !hit && k > 0 && !w.cuts[k-1].delimiter {
				w.cuts[k-1].End = here.End
			} else {
				w.cuts = append(w.cuts, cut{here, hit})
			}
			i += n
		}
		out = s.How.join(out, w.cuts, p.Start)
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// wordsAndSymbols splits into runs of word characters and runs of other characters, without white space.
type wordsAndSymbols struct{}

func (wordsAndSymbols) Split(w *State) error {
	t, b, out := chars.Classes(), w.Text.B, w.Spare[:0]
	kind := func(c chars.Class) int {
		switch {
		case c&chars.Word != 0:
			return 1
		case c&chars.Space != 0:
			return 0
		}
		return 2
	}
	for _, p := range w.Pieces {
		part, last := b[:p.End], 0
		for i := int(p.Start); i < len(part); {
			c, n := chars.At(t, part, i)
			k := kind(c)
			if k != 0 && k == last {
				out[len(out)-1].End += int32(n)
			} else if k != 0 {
				out = append(out, buffer.Piece{Start: int32(i), End: int32(i + n)})
			}
			last = k
			i += n
		}
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// BertWords splits at white space, which goes, and around punctuation.
type BertWords struct{}

func (BertWords) Split(w *State) error {
	t, b, out := chars.Classes(), w.Text.B, w.Spare[:0]
	for _, p := range w.Pieces {
		part, open := b[:p.End], false
		for i := int(p.Start); i < len(part); {
			c, n := chars.At(t, part, i)
			switch {
			case c&chars.Space != 0:
				open = false
			case c&chars.Punct != 0:
				out, open = append(out, buffer.Piece{Start: int32(i), End: int32(i + n)}), false
			case open:
				out[len(out)-1].End += int32(n)
			default:
				out, open = append(out, buffer.Piece{Start: int32(i), End: int32(i + n)}), true
			}
			i += n
		}
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// fixedLength splits into pieces of n characters.
type fixedLength struct{ n int }

func (f fixedLength) Split(w *State) error {
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		count, start := 0, int(p.Start)
		for i := start; i < int(p.End); {
			_, n := utf8.DecodeRune(w.Text.B[i:p.End])
			i += n
			if count++; count == f.n || i == int(p.End) {
				out = append(out, buffer.Piece{Start: int32(start), End: int32(i)})
				count, start = 0, i
			}
		}
	}
	w.Pieces, w.Spare = out, w.Pieces
	return nil
}

// PrefixSpace puts a space before each piece that has none.
type PrefixSpace struct{}

func (PrefixSpace) Split(w *State) error {
	w.rewrite(func(t *buffer.Text, p buffer.Piece) {
		if t.B[p.Start] != ' ' {
			t.Put(" ", int(p.Start), int(p.Start)+chars.FirstLen(t.B[p.Start:p.End]))
		}
		t.Keep(int(p.Start), int(p.End))
	})
	return nil
}

// A PrependScheme says which pieces metaspace marks as the start of a word.
type PrependScheme int

const (
	PrependAlways PrependScheme = iota
	PrependFirst                // only the piece at the start of the whole text
	PrependNever
)

// Metaspace writes spaces as a visible mark, SentencePiece's way.
type Metaspace struct {
	Mark    string
	Prepend PrependScheme
	Cut     bool // also split before each mark
}

func (m Metaspace) Split(w *State) error {
	mark := []byte(m.Mark)
	w.rewrite(func(t *buffer.Text, p buffer.Piece) {
		i := int(p.Start)
		if m.Prepend == PrependAlways || m.Prepend == PrependFirst && i == 0 && w.Text.Start {
			if t.B[i] != ' ' && !bytes.HasPrefix(t.B[i:p.End], mark) {
				t.Put(m.Mark, i, i+chars.FirstLen(t.B[i:p.End]))
			}
		}
		for {
			n := bytes.IndexByte(t.B[i:p.End], ' ')
			if n < 0 {
				break
			}
			t.Keep(i, i+n)
			t.Put(m.Mark, i+n, i+n+1)
			i += n + 1
		}
		t.Keep(i, int(p.End))
	})
	if m.Cut {
		w.cutBefore(mark)
	}
	return nil
}

// cutBefore splits the pieces before each mark.
func (w *State) cutBefore(mark []byte) {
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		start := int(p.Start)
		for i := start + 1; i < int(p.End); i++ {
			n := bytes.Index(w.Text.B[i:p.End], mark)
			if n < 0 {
				break
			}
			i += n
			out = append(out, buffer.Piece{Start: int32(start), End: int32(i)})
			start = i
		}
		out = append(out, buffer.Piece{Start: int32(start), End: p.End})
	}
	w.Pieces, w.Spare = out, w.Pieces
}

// digitGroups makes each run of n ASCII digits a piece of its own, from the left.
type digitGroups struct{ n int }

func (d digitGroups) Split(w *State) error {
	out := w.Spare[:0]
	for _, p := range w.Pieces {
		start, count := p.Start, 0
		for i := p.Start; i < p.End; i++ {
			if c := w.Text.B[i]; c < '0' || c > '9' {
				count = 0
				continue
			}
			if count++; count == d.n {
				out = append(out, buffer.Piece{Start: start, End: i + 1 - int32(d.n)}, buffer.Piece{Start: i + 1 - int32(d.n), End: i + 1})
				start, count = i+1, 0
			}
		}
		out = append(out, buffer.Piece{Start: start, End: p.End})
	}
	w.Pieces, w.Spare = dropEmpty(out, 0), w.Pieces
	return nil
}
