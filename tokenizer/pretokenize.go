package tokenizer

import (
	"bytes"
	"unicode/utf8"
)

// A preTokenizer divides the pieces of a text further. It reads w.pieces and leaves the new ones there; empty pieces
// are dropped. Some also rewrite the text.
type preTokenizer interface {
	split(w *work) error
}

type preTokenizers []preTokenizer

func (s preTokenizers) split(w *work) error {
	for _, p := range s {
		if err := p.split(w); err != nil {
			return err
		}
		if err := w.text.check(); err != nil {
			return err
		}
	}
	return nil
}

// A behaviour says what becomes of the delimiters that a split finds.
type behaviour int

const (
	removed behaviour = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

// scan splits by a hand-written scanner, whose pre-tokens cover the text.
type scan struct {
	next       scanner
	dropSpaces bool // drop pre-tokens that begin with white space
}

func (s scan) split(w *work) error {
	t, b, out := classes(), w.text.b, w.spare[:0]
	for _, p := range w.pieces {
		part := b[:p.end]
		for i := int(p.start); i < int(p.end); {
			j := s.next(t, part, i)
			if s.dropSpaces {
				if c, _ := classAt(t, part, i); c&space != 0 {
					i = j
					continue
				}
			}
			out = append(out, piece{int32(i), int32(j)})
			i = j
		}
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// splitPattern splits at the matches of a pattern, or, inverted, at what lies between them.
type splitPattern struct {
	pattern *pattern
	how     behaviour
	invert  bool
}

func (s splitPattern) split(w *work) error {
	out := w.spare[:0]
	for _, p := range w.pieces {
		found, err := s.pattern.find(w.found[:0], w.text.b[p.start:p.end], &w.text.search)
		w.found = found
		if err != nil {
			return err
		}
		w.cuts = cutsOf(w.cuts[:0], found, p.end-p.start, s.invert)
		out = s.how.join(out, w.cuts, p.start)
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// cut is a stretch of a piece: a delimiter or what lies between two.
type cut struct {
	piece
	delimiter bool
}

// cutsOf covers a piece of n bytes with cuts, given the matches in it.
func cutsOf(dst []cut, found []piece, n int32, invert bool) []cut {
	done := int32(0)
	for _, m := range found {
		if m.start > done {
			dst = append(dst, cut{piece{done, m.start}, invert})
		}
		dst = append(dst, cut{m, !invert})
		done = m.end
	}
	if done < n {
		dst = append(dst, cut{piece{done, n}, invert})
	}
	return dst
}

// join appends to dst the pieces that cuts make, moved by base.
func (how behaviour) join(dst []piece, cuts []cut, base int32) []piece {
	first := len(dst)
	emit := func(c cut) { dst = append(dst, piece{base + c.start, base + c.end}) }
	switch how {
	case removed:
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
				dst[len(dst)-1].end = base + c.end
			} else {
				emit(c)
			}
			prev = c.delimiter
		}
	case mergedWithNext:
		for i, c := range cuts {
			if i > 0 && cuts[i-1].delimiter && !c.delimiter {
				dst[len(dst)-1].end = base + c.end
			} else {
				emit(c)
			}
		}
	case contiguous:
		prev := false
		for _, c := range cuts {
			if c.delimiter == prev && len(dst) > first {
				dst[len(dst)-1].end = base + c.end
			} else {
				emit(c)
			}
			prev = c.delimiter
		}
	}
	return dropEmpty(dst, first)
}

func dropEmpty(p []piece, first int) []piece {
	out := p[:first]
	for _, q := range p[first:] {
		if q.start < q.end {
			out = append(out, q)
		}
	}
	return out
}

// splitClass splits at the characters that have one of the properties in class.
type splitClass struct {
	class class
	how   behaviour
}

func (s splitClass) split(w *work) error {
	t := classes()
	if s.how == removed {
		s.remove(w, t)
		return nil
	}
	return s.over(w, func(b []byte, i int) (class, int) { return classAt(t, b, i) })
}

// remove is split where nothing is left of the delimiters.
func (s splitClass) remove(w *work, t *classMap) {
	b, out := w.text.b, w.spare[:0]
	for _, p := range w.pieces {
		part, start := b[:p.end], -1
		for i := int(p.start); i < len(part); {
			c, n := classAt(t, part, i)
			switch {
			case c&s.class == 0 && start < 0:
				start = i
			case c&s.class != 0 && start >= 0:
				out = append(out, piece{int32(start), int32(i)})
				start = -1
			}
			i += n
		}
		if start >= 0 {
			out = append(out, piece{int32(start), p.end})
		}
	}
	w.pieces, w.spare = out, w.pieces
}

// over splits by the classes that at gives, with the width of each character.
func (s splitClass) over(w *work, at func(b []byte, i int) (class, int)) error {
	b, out := w.text.b, w.spare[:0]
	for _, p := range w.pieces {
		part := b[:p.end]
		w.cuts = w.cuts[:0]
		for i := int(p.start); i < len(part); {
			c, n := at(part, i)
			here := piece{int32(i) - p.start, int32(i+n) - p.start}
			hit := c&s.class != 0
			if k := len(w.cuts); !hit && k > 0 && !w.cuts[k-1].delimiter {
				w.cuts[k-1].end = here.end
			} else {
				w.cuts = append(w.cuts, cut{here, hit})
			}
			i += n
		}
		out = s.how.join(out, w.cuts, p.start)
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// wordsAndSymbols splits into runs of word characters and runs of other characters, without white space.
type wordsAndSymbols struct{}

func (wordsAndSymbols) split(w *work) error {
	t, b, out := classes(), w.text.b, w.spare[:0]
	kind := func(c class) int {
		switch {
		case c&word != 0:
			return 1
		case c&space != 0:
			return 0
		}
		return 2
	}
	for _, p := range w.pieces {
		part, last := b[:p.end], 0
		for i := int(p.start); i < len(part); {
			c, n := classAt(t, part, i)
			k := kind(c)
			if k != 0 && k == last {
				out[len(out)-1].end += int32(n)
			} else if k != 0 {
				out = append(out, piece{int32(i), int32(i + n)})
			}
			last = k
			i += n
		}
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// bertWords splits at white space, which goes, and around punctuation.
type bertWords struct{}

func (bertWords) split(w *work) error {
	t, b, out := classes(), w.text.b, w.spare[:0]
	for _, p := range w.pieces {
		part, open := b[:p.end], false
		for i := int(p.start); i < len(part); {
			c, n := classAt(t, part, i)
			switch {
			case c&space != 0:
				open = false
			case c&punct != 0:
				out, open = append(out, piece{int32(i), int32(i + n)}), false
			case open:
				out[len(out)-1].end += int32(n)
			default:
				out, open = append(out, piece{int32(i), int32(i + n)}), true
			}
			i += n
		}
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// fixedLength splits into pieces of n characters.
type fixedLength struct{ n int }

func (f fixedLength) split(w *work) error {
	out := w.spare[:0]
	for _, p := range w.pieces {
		count, start := 0, int(p.start)
		for i := start; i < int(p.end); {
			_, n := utf8.DecodeRune(w.text.b[i:p.end])
			i += n
			if count++; count == f.n || i == int(p.end) {
				out = append(out, piece{int32(start), int32(i)})
				count, start = 0, i
			}
		}
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}

// prefixSpace puts a space before each piece that has none.
type prefixSpace struct{}

func (prefixSpace) split(w *work) error {
	w.rewrite(func(t *text, p piece) {
		if t.b[p.start] != ' ' {
			t.put(" ", int(p.start), int(p.start)+firstLen(t.b[p.start:p.end]))
		}
		t.keep(int(p.start), int(p.end))
	})
	return nil
}

func firstLen(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}

// A prependScheme says which pieces metaspace marks as the start of a word.
type prependScheme int

const (
	prependAlways prependScheme = iota
	prependFirst                // only the piece at the start of the whole text
	prependNever
)

// metaspace writes spaces as a visible mark, SentencePiece's way.
type metaspace struct {
	mark    string
	prepend prependScheme
	cut     bool // also split before each mark
}

func (m metaspace) split(w *work) error {
	mark := []byte(m.mark)
	w.rewrite(func(t *text, p piece) {
		i := int(p.start)
		if m.prepend == prependAlways || m.prepend == prependFirst && i == 0 && w.base == 0 {
			if t.b[i] != ' ' && !bytes.HasPrefix(t.b[i:p.end], mark) {
				t.put(m.mark, i, i+firstLen(t.b[i:p.end]))
			}
		}
		for {
			n := bytes.IndexByte(t.b[i:p.end], ' ')
			if n < 0 {
				break
			}
			t.keep(i, i+n)
			t.put(m.mark, i+n, i+n+1)
			i += n + 1
		}
		t.keep(i, int(p.end))
	})
	if m.cut {
		w.cutBefore(mark)
	}
	return nil
}

// cutBefore splits the pieces before each mark.
func (w *work) cutBefore(mark []byte) {
	out := w.spare[:0]
	for _, p := range w.pieces {
		start := int(p.start)
		for i := start + 1; i < int(p.end); i++ {
			n := bytes.Index(w.text.b[i:p.end], mark)
			if n < 0 {
				break
			}
			i += n
			out = append(out, piece{int32(start), int32(i)})
			start = i
		}
		out = append(out, piece{int32(start), p.end})
	}
	w.pieces, w.spare = out, w.pieces
}

// digitGroups makes each run of n ASCII digits a piece of its own, from the left.
type digitGroups struct{ n int }

func (d digitGroups) split(w *work) error {
	out := w.spare[:0]
	for _, p := range w.pieces {
		start, count := p.start, 0
		for i := p.start; i < p.end; i++ {
			if c := w.text.b[i]; c < '0' || c > '9' {
				count = 0
				continue
			}
			if count++; count == d.n {
				out = append(out, piece{start, i + 1 - int32(d.n)}, piece{i + 1 - int32(d.n), i + 1})
				start, count = i+1, 0
			}
		}
		out = append(out, piece{start, p.end})
	}
	w.pieces, w.spare = dropEmpty(out, 0), w.pieces
	return nil
}
