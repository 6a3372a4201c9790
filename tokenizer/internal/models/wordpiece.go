package models

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// WordPiece splits a word into the longest tokens from the left (Wu et al. 2016, arXiv:1609.08144; google-research/bert,
// tokenization.py): those after the first carry a prefix. A word that cannot be split, or is too long, is unknown.
type WordPiece struct {
	vocab    *Vocab
	trie     *trie.Bytes
	Prefix   string // "" where no token goes on with a word
	rest     uint32 // node of the prefix, from which tokens after the first are looked for; NoChildren where none has it
	unk      uint32
	maxChars int
}

func (m *WordPiece) Direct([]byte) (uint32, bool) { return 0, false }

func (m *WordPiece) segment(b []byte) int { return len(b) }

func (m *WordPiece) whole(_ *Work, word []byte, key uint64) (uint32, bool) {
	if len(word) > m.maxChars && utf8.RuneCount(word) > m.maxChars {
		return 0, false
	}
	return m.vocab.lookup(word, key)
}

func (m *WordPiece) tokenize(w *Work, word []byte) {
	w.tokens = w.tokens[:0]
	if len(word) <= m.maxChars || utf8.RuneCount(word) <= m.maxChars {
		node := uint32(0)
		for i := 0; i < len(word); node = m.rest {
			id, n := m.trie.Longest(node, word[i:])
			if n == 0 {
				w.tokens = w.tokens[:0]
				break
			}
			i += n
			w.tokens = append(w.tokens, token{id, int32(i)})
		}
	}
	if len(w.tokens) == 0 {
		w.tokens = append(w.tokens, token{m.unk, int32(len(word))})
	}
}

func NewWordPiece(v *Vocab, unk, prefix string, maxChars int) (*WordPiece, error) {
	id, ok := v.Find([]byte(unk))
	if !ok {
		return nil, fmt.Errorf("the unknown token %.200q is not in the vocabulary", unk)
	}
	m := &WordPiece{vocab: v, unk: id, maxChars: maxChars, trie: trie.NewBytes(v.Keys)}
	for id := range v.Size() {
		b := v.Bytes(id)
		if len(b) == 0 {
			continue
		}
		if err := m.trie.Add(b, uint32(id)); err != nil {
			return nil, err
		}
		if len(b) > len(prefix) && string(b[:len(prefix)]) == prefix {
			m.Prefix = prefix
		}
	}
	m.rest = m.trie.Node([]byte(prefix))
	return m, nil
}

// WordLevel makes each word one token or unknown.
type WordLevel struct {
	Vocab *Vocab
	Unk   uint32 // id + 1; 0 for none
	Name  string // of the unknown token
}

func (m *WordLevel) Direct([]byte) (uint32, bool) { return 0, false }

func (m *WordLevel) segment(b []byte) int { return len(b) }

func (m *WordLevel) whole(_ *Work, word []byte, key uint64) (uint32, bool) {
	return m.Vocab.lookup(word, key)
}

func (m *WordLevel) tokenize(w *Work, word []byte) {
	w.tokens = w.tokens[:0]
	if m.Unk == 0 {
		w.lack(word, " "+strconv.Quote(m.Name))
		return
	}
	w.tokens = append(w.tokens, token{m.Unk - 1, int32(len(word))})
}
