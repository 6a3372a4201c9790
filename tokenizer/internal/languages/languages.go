// Package languages holds the language codes and tokens of the tokenizer of a translation model.
package languages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
)

// Languages is what a tokenizer of several languages knows about them.
type Languages struct {
	Codes []string       // in order of their ids
	Ids   map[string]int // of each code
	Place Place
	eos   int

	Source, Target string // "" for none
}

// Place says where the token of a language stands.
type Place int

const (
	First  Place = iota // language, text, end: mBART-50, M2M-100, NLLB
	Last                // text, end, language: mBART, NLLB of old
	Prompt              // the target's language before the source text: Marian
)

func New(place Place, eos int) *Languages {
	return &Languages{Ids: map[string]int{}, Place: place, eos: eos}
}

func (l *Languages) Add(code string, id int) {
	if _, ok := l.Ids[code]; !ok {
		l.Codes = append(l.Codes, code)
		l.Ids[code] = id
	}
}

// Templates returns what stands around texts in the language with an id; −1 for none.
func (l *Languages) Templates(id int) post.Processor {
	var before, after []post.Item
	if l.eos >= 0 {
		after = append(after, post.Specials(0, l.eos))
	}
	switch {
	case id < 0:
	case l.Place == Last:
		after = append(after, post.Specials(0, id))
	default:
		before = append(before, post.Specials(0, id))
	}
	around := func(texts ...post.Item) []post.Item { return slices.Concat(before, texts, after) }
	return post.Processor{Single: around(post.Sequence(0, 0)), Pair: around(post.Sequence(0, 0), post.Sequence(1, 0)), Configured: true}
}

// Id returns the id of a code; unset where it is none.
func (l *Languages) Id(code string, unset int) int {
	if id, ok := l.Ids[code]; ok {
		return id
	}
	return unset
}

// Language returns the id of a code. l may be nil.
func (l *Languages) Language(code string) (int, error) {
	if l == nil || len(l.Codes) == 0 {
		return 0, fmt.Errorf("tokenizer: no language %q: the tokenizer has no tokens for languages", code)
	}
	if id, ok := l.Ids[code]; ok {
		return id, nil
	}
	near := nearest(code, l.Codes, 5)
	return 0, fmt.Errorf("tokenizer: no language %q among the %d there are; the nearest are %s", code, len(l.Codes),
		strings.Join(near, ", "))
}

// PostProcessor puts the source language, or of Marian the target's, around texts. A language that the files set but have
// no token for is unk, as in the reference.
func (l *Languages) PostProcessor(unk int) post.Processor {
	code := l.Source
	if l.Place == Prompt {
		code = l.Target
	}
	id := -1
	if code != "" {
		id = l.Id(code, unk)
	}
	return l.Templates(id)
}

// nearest returns the n codes that begin as s does for longest, and of those that differ from the first letters on, the
// ones with the fewest edits from s (Levenshtein 1966).
func nearest(s string, codes []string, n int) []string {
	type scored struct {
		code        string
		edits, same int
	}
	s = s[:min(len(s), 32)]
	all := make([]scored, len(codes))
	for i, c := range codes {
		same := 0
		for same < min(len(s), len(c)) && s[same] == c[same] {
			same++
		}
		if same < 2 {
			same = 0
		}
		all[i] = scored{c, edits(s, c), same}
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		return cmp.Or(b.same-a.same, a.edits-b.edits)
	})
	var out []string
	for _, c := range all[:min(n, len(all))] {
		out = append(out, c.code)
	}
	return out
}

// edits returns the number of bytes to insert, delete or replace to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
