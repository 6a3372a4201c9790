package tokenizer

import (
	"bytes"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// trimOffsets takes the spaces at the ends of each token of text out of its offsets.
func (t *Tokenizer) trimOffsets(text string, offsets []Span, ids []int) {
	for i, id := range ids {
		o := &offsets[i]
		var lead, trail int
		if _, ok := t.added.Index(id); ok {
			part := text[o.Start:o.End]
			lead = len(part) - len(strings.TrimLeftFunc(part, chars.IsSpace))
			trail = len(part) - len(strings.TrimRightFunc(part, chars.IsSpace))
		} else {
			b := t.vocab.Bytes(id)
			lead = len(b) - len(bytes.TrimLeft(b, " "))
			trail = len(b) - len(bytes.TrimRight(b, " "))
		}
		if lead == 1 && t.post.Prefixed && (i == 0 || o.Start == 0) {
			lead = 0
		}
		o.Start = min(o.Start+lead, o.End)
		o.End = max(o.End-trail, o.Start)
	}
}
