// Package post holds the templates of post-processors: the tokens that go around one or two texts.
package post

// Processor puts special tokens around one text or two.
type Processor struct {
	Single []Item
	Pair   []Item

	Trim       bool // offsets leave out the spaces at a token's ends
	Prefixed   bool // the pre-tokenizer may have added the first token's space
	Configured bool // the file has one
	templated  bool // the templates are from the file
}

// Item is a text, by its place, or special tokens.
type Item struct {
	Sequence int // 0 or 1; −1 for special tokens
	Ids      []int
	TypeID   int
	Once     bool // not after a text that ends with the token
}

func Sequence(n, typeID int) Item          { return Item{Sequence: n, TypeID: typeID} }
func Specials(typeID int, ids ...int) Item { return Item{Sequence: -1, Ids: ids, TypeID: typeID} }

// After returns the special tokens that are put after a text.
func (i *Item) After(text []int) []int {
	if n := len(text); i.Once && n > 0 && text[n-1] == i.Ids[0] {
		return nil
	}
	return i.Ids
}

// Plain adds nothing.
func Plain() Processor {
	return Processor{
		Single: []Item{Sequence(0, 0)},
		Pair:   []Item{Sequence(0, 0), Sequence(1, 1)},
	}
}

// BERT puts cls before and sep after each text.
func BERT(cls, sep int) Processor {
	return Processor{
		Single: []Item{Specials(0, cls), Sequence(0, 0), Specials(0, sep)},
		Pair:   []Item{Specials(0, cls), Sequence(0, 0), Specials(0, sep), Sequence(1, 1), Specials(1, sep)},
	}
}

// RoBERTa is BERT with two sep between the texts and one type.
func RoBERTa(cls, sep int) Processor {
	return Processor{
		Single: []Item{Specials(0, cls), Sequence(0, 0), Specials(0, sep)},
		Pair:   []Item{Specials(0, cls), Sequence(0, 0), Specials(0, sep, sep), Sequence(1, 0), Specials(0, sep)},
	}
}

// Boundaries puts bos before and eos after each text; −1 leaves one out.
func Boundaries(bos, eos int) Processor {
	around := func(n int) []Item {
		var items []Item
		if bos >= 0 {
			items = append(items, Specials(n, bos))
		}
		items = append(items, Sequence(n, n))
		if eos >= 0 {
			items = append(items, Specials(n, eos))
		}
		return items
	}
	return Processor{Single: around(0), Pair: append(around(0), around(1)...)}
}

// Each puts eos after each text.
func Each(eos int) Processor {
	end := Specials(0, eos)
	return Processor{Single: []Item{Sequence(0, 0), end}, Pair: []Item{Sequence(0, 0), end, Sequence(1, 0), end}}
}

// Once is Each, but for texts that end with eos.
func Once(eos int) Processor {
	p := Each(eos)
	p.Single[1].Once, p.Pair[1].Once, p.Pair[3].Once = true, true, true
	return p
}

// Last puts eos after one text, or both.
func Last(eos int) Processor {
	end := Specials(0, eos)
	return Processor{Single: []Item{Sequence(0, 0), end}, Pair: []Item{Sequence(0, 0), Sequence(1, 0), end}}
}

// XLNet puts sep after each text, and cls at the end.
func XLNet(sep, cls int) Processor {
	end := Specials(2, cls)
	return Processor{Single: []Item{Sequence(0, 0), Specials(0, sep), end}, Pair: []Item{Sequence(0, 0), Specials(0, sep), Sequence(1, 1), Specials(1, sep), end}}
}
