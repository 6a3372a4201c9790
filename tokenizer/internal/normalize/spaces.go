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
