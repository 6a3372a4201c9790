package models

import (
	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// Guard keeps special tokens that are in the vocabulary from being made of text that spells them out.
type Guard struct {
	texts *trie.Set
	ids   []uint64 // a bit for each id
}

// NewGuard returns nil where none of the tokens is special and in the vocabulary.
func NewGuard(v *Vocab, tokens []added.Token) *Guard {
	g := &Guard{texts: trie.NewSet(), ids: make([]uint64, v.Size()/64+1)}
	for _, a := range tokens {
		if id, ok := v.Find([]byte(a.Content)); ok && a.Special && a.Content != "" {
			g.texts.Add(a.Content, 0)
			g.ids[id/64] |= 1 << (id % 64)
		}
	}
	if g.texts.Empty {
		return nil
	}
	return g
}

func (g *Guard) has(id uint32) bool { return g.ids[id/64]>>(id%64)&1 == 1 }

// Within reports whether the word spells out a special token.
func (g *Guard) Within(word []byte) bool {
	for i := 0; i < len(word); i++ {
		if i += g.texts.Skip(word[i:]); i == len(word) {
			break
		}
		if v, _ := g.texts.Longest(word[i:]); v >= 0 {
			return true
		}
	}
	return false
}
