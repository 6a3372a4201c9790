package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// wordPiece splits a word into the longest tokens from the left (Wu et al. 2016, arXiv:1609.08144; google-research/bert,
// tokenization.py): those after the first carry a prefix. A word that cannot be split, or is too long, is unknown.
type wordPiece struct {
	vocab    *vocab
	start    *byteTrie // tokens without the prefix's meaning
	rest     *byteTrie // tokens with the prefix, without it
	unk      uint32
	maxChars int
}

func (m *wordPiece) direct([]byte) (uint32, bool) { return 0, false }

func (m *wordPiece) segment(b []byte) int { return len(b) }

func (m *wordPiece) whole(_ *work, word []byte, key uint64) (uint32, bool) {
	if len(word) > m.maxChars && utf8.RuneCount(word) > m.maxChars {
		return 0, false
	}
	return m.vocab.lookup(word, key)
}

func (m *wordPiece) tokenize(w *work, word []byte) {
	w.tokens = w.tokens[:0]
	if len(word) <= m.maxChars || utf8.RuneCount(word) <= m.maxChars {
		t := m.start
		for i := 0; i < len(word); t = m.rest {
			id, n := t.longest(word[i:])
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

func newWordPiece(v *vocab, unk, prefix string, maxChars int) (*wordPiece, error) {
	id, ok := v.find([]byte(unk))
	if !ok {
		return nil, fmt.Errorf("the unknown token %q is not in the vocabulary", unk)
	}
	m := &wordPiece{vocab: v, unk: id, maxChars: maxChars, start: newByteTrie(v.size()), rest: newByteTrie(v.size())}
	for id := range v.size() {
		b := v.bytes(id)
		if len(b) == 0 {
			continue
		}
		m.start.add(b, uint32(id))
		if len(b) > len(prefix) && string(b[:len(prefix)]) == prefix {
			m.rest.add(b[len(prefix):], uint32(id))
		}
	}
	return m, nil
}

// wordLevel makes each word one token or unknown.
type wordLevel struct {
	vocab *vocab
	unk   uint32 // id + 1; 0 for none, which drops unknown words
}

func (m *wordLevel) direct([]byte) (uint32, bool) { return 0, false }

func (m *wordLevel) segment(b []byte) int { return len(b) }

func (m *wordLevel) whole(_ *work, word []byte, key uint64) (uint32, bool) {
	return m.vocab.lookup(word, key)
}

func (m *wordLevel) tokenize(w *work, word []byte) {
	w.tokens = w.tokens[:0]
	if m.unk > 0 {
		w.tokens = append(w.tokens, token{m.unk - 1, int32(len(word))})
	}
}

// parseWords reads a WordPiece or WordLevel model.
func (p *parts) parseWords(c *modelConfig) error {
	list, err := readVocab(c.vocab)
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if p.byteLevel {
		return fmt.Errorf("type %q after a ByteLevel pre_tokenizer is not supported", c.Type)
	}
	if err := p.newVocabulary(list); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if c.Type == "WordLevel" {
		m := &wordLevel{vocab: p.vocab}
		if id, ok := p.vocab.find([]byte(or(c.UnkToken, "<unk>"))); ok {
			m.unk = id + 1
		}
		p.model = m
		return nil
	}
	maxChars := 100
	if c.MaxChars != nil {
		maxChars = *c.MaxChars
	}
	p.model, err = newWordPiece(p.vocab, or(c.UnkToken, "[UNK]"), or(c.Prefix, "##"), maxChars)
	return err
}

// byteTrie is a set of byte strings with an id each, its edges in one hash table.
type byteTrie struct {
	edges []trieSlot
	value []uint32 // id + 1 of each node; 0 for none
	count int
	mask  uint32
}

type trieSlot struct {
	key uint64 // node<<8 | byte, + 1; 0 marks an empty slot
	to  uint32
}

func newByteTrie(strings int) *byteTrie {
	size := 1024
	for size < 4*strings {
		size *= 2
	}
	return &byteTrie{edges: make([]trieSlot, size), value: make([]uint32, 1, 2*strings+1), mask: uint32(size - 1)}
}

func (t *byteTrie) slot(key uint64) *trieSlot {
	for i := uint32(key*0x9e3779b97f4a7c15>>32) & t.mask; ; i = (i + 1) & t.mask {
		if s := &t.edges[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (t *byteTrie) grow() {
	old := t.edges
	t.edges = make([]trieSlot, 2*len(old))
	t.mask = uint32(len(t.edges) - 1)
	for _, s := range old {
		if s.key != 0 {
			*t.slot(s.key) = s
		}
	}
}

func (t *byteTrie) add(b []byte, id uint32) {
	at := uint32(0)
	for _, c := range b {
		key := uint64(at)<<8 | uint64(c) + 1
		s := t.slot(key)
		if s.key == 0 {
			if t.count++; 2*t.count > len(t.edges) {
				t.grow()
				s = t.slot(key)
			}
			*s = trieSlot{key, uint32(len(t.value))}
			t.value = append(t.value, 0)
		}
		at = s.to
	}
	t.value[at] = id + 1
}

// step follows the edge c from a node; 0 means there is none.
func (t *byteTrie) step(node uint32, c byte) uint32 {
	return t.slot(uint64(node)<<8 | uint64(c) + 1).to
}

// longest returns the id and length of the longest string that b starts with; 0 for none.
func (t *byteTrie) longest(b []byte) (id uint32, n int) {
	at := uint32(0)
	for i, c := range b {
		if at = t.step(at, c); at == 0 {
			break
		}
		if v := t.value[at]; v != 0 {
			id, n = v-1, i+1
		}
	}
	return id, n
}
