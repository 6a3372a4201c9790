package normalize

import (
	"bytes"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// SqueezeSpaces drops spaces at the ends and makes runs of them one.
type SqueezeSpaces struct{}

func (SqueezeSpaces) Normalize(t *buffer.Text) error {
	t.Begin()
	for i := 0; i < len(t.B); {
		j := i
		for j < len(t.B) && t.B[j] != ' ' {
			j++
		}
		t.Keep(i, j)
		for i = j; i < len(t.B) && t.B[i] == ' '; {
			i++
		}
		if j > 0 && i > j && i < len(t.B) {
			t.Put(" ", j, i)
		}
	}
	t.Swap()
	return nil
}

// DoubleMark doubles the mark that a text starts with, so that the dummy prefix is added to it.
type DoubleMark struct{}

func (DoubleMark) Normalize(t *buffer.Text) error {
	if !chars.IsMark(t.B) {
		return nil
	}
	t.Begin()
	t.Put(chars.SpaceMark, 0, len(chars.SpaceMark))
	t.Keep(0, len(t.B))
	t.Swap()
	return nil
}

// TrimMarks takes marks off the end.
type TrimMarks struct{}

func (TrimMarks) Normalize(t *buffer.Text) error {
	n := len(t.B)
	for bytes.HasSuffix(t.B[:n], []byte(chars.SpaceMark)) {
		n -= len(chars.SpaceMark)
	}
	if n < len(t.B) {
		t.Begin()
		t.Keep(0, n)
		t.Swap()
	}
	return nil
}

// replaceWide puts new for each run of two or more white spaces, and for a line break or a tab alone: \s{2,}|[\n\r\t].
type replaceWide struct{ new string }

func (r replaceWide) Normalize(t *buffer.Text) error {
	table := chars.Classes()
	done, i := 0, 0
	begun := false
	for i < len(t.B) {
		c, n := chars.At(table, t.B, i)
		if c&chars.Space == 0 {
			i += n
			continue
		}
		end := chars.Run(table, t.B, i, chars.Space)
		if end == i+n && c&chars.Newline == 0 && t.B[i] != '\t' {
			i = end
			continue
		}
		if !begun {
			t.Begin()
			begun = true
		}
		t.Keep(done, i)
		t.Put(r.new, i, end)
		done, i = end, end
	}
	if begun {
		t.Keep(done, len(t.B))
		t.Swap()
	}
	return nil
}
