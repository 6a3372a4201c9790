package tokenizer

import (
	"bytes"
	"strings"
)

// postProcessor puts special tokens around one text or two.
type postProcessor struct {
	single []templateItem
	pair   []templateItem

	trim       bool // offsets leave out the spaces at a token's ends
	prefixed   bool // the pre-tokenizer may have added the first token's space
	configured bool // the file has one
	templated  bool // the templates are from the file
}

// templateItem is a text, by its place, or special tokens.
type templateItem struct {
	sequence int // 0 or 1; −1 for special tokens
	ids      []int
	typeID   int
}

func sequence(n, typeID int) templateItem          { return templateItem{n, nil, typeID} }
func specials(typeID int, ids ...int) templateItem { return templateItem{-1, ids, typeID} }

// plainTemplates adds nothing.
func plainTemplates() postProcessor {
	return postProcessor{
		single: []templateItem{sequence(0, 0)},
		pair:   []templateItem{sequence(0, 0), sequence(1, 1)},
	}
}

// bertTemplates puts cls before and sep after each text.
func bertTemplates(cls, sep int) postProcessor {
	return postProcessor{
		single: []templateItem{specials(0, cls), sequence(0, 0), specials(0, sep)},
		pair:   []templateItem{specials(0, cls), sequence(0, 0), specials(0, sep), sequence(1, 1), specials(1, sep)},
	}
}

// robertaTemplates is bertTemplates with two sep between the texts and one type.
func robertaTemplates(cls, sep int) postProcessor {
	return postProcessor{
		single: []templateItem{specials(0, cls), sequence(0, 0), specials(0, sep)},
		pair:   []templateItem{specials(0, cls), sequence(0, 0), specials(0, sep, sep), sequence(1, 0), specials(0, sep)},
	}
}

// boundaryTemplates puts bos before and eos after each text; −1 leaves one out.
func boundaryTemplates(bos, eos int) postProcessor {
	around := func(n int) []templateItem {
		var items []templateItem
		if bos >= 0 {
			items = append(items, specials(n, bos))
		}
		items = append(items, sequence(n, n))
		if eos >= 0 {
			items = append(items, specials(n, eos))
		}
		return items
	}
	return postProcessor{single: around(0), pair: append(around(0), around(1)...)}
}

// trimOffsets takes the spaces at the ends of each token of text out of its offsets.
func (t *Tokenizer) trimOffsets(text string, offsets []Span, ids []int) {
	for i, id := range ids {
		o := &offsets[i]
		var lead, trail int
		if _, ok := t.added.index(id); ok {
			part := text[o.Start:o.End]
			lead = len(part) - len(strings.TrimLeftFunc(part, isSpace))
			trail = len(part) - len(strings.TrimRightFunc(part, isSpace))
		} else {
			b := t.vocab.bytes(id)
			lead = len(b) - len(bytes.TrimLeft(b, " "))
			trail = len(b) - len(bytes.TrimRight(b, " "))
		}
		if lead == 1 && t.post.prefixed && (i == 0 || o.Start == 0) {
			lead = 0
		}
		o.Start = min(o.Start+lead, o.End)
		o.End = max(o.End-trail, o.Start)
	}
}
