package tokenizer

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// wordPiece splits a word into the longest tokens from the left (Wu et al. 2016, arXiv:1609.08144; google-research/bert,
// tokenization.py): those after the first carry a prefix. A word that cannot be split, or is too long, is unknown.
type wordPiece struct {
	vocab    *vocab
	trie     *byteTrie
	prefix   string // "" where no token goes on with a word
	rest     uint32 // node of the prefix, from which tokens after the first are looked for; noChildren where none has it
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
		node := uint32(0)
		for i := 0; i < len(word); node = m.rest {
			id, n := m.trie.longest(node, word[i:])
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
		return nil, fmt.Errorf("the unknown token %.200q is not in the vocabulary", unk)
	}
	m := &wordPiece{vocab: v, unk: id, maxChars: maxChars, trie: newByteTrie(v.keys)}
	for id := range v.size() {
		b := v.bytes(id)
		if len(b) == 0 {
			continue
		}
		if err := m.trie.add(b, uint32(id)); err != nil {
			return nil, err
		}
		if len(b) > len(prefix) && string(b[:len(prefix)]) == prefix {
			m.prefix = prefix
		}
	}
	m.rest = m.trie.node([]byte(prefix))
	return m, nil
}

// wordLevel makes each word one token or unknown.
type wordLevel struct {
	vocab *vocab
	unk   uint32 // id + 1; 0 for none
	name  string // of the unknown token
}

func (m *wordLevel) direct([]byte) (uint32, bool) { return 0, false }

func (m *wordLevel) segment(b []byte) int { return len(b) }

func (m *wordLevel) whole(_ *work, word []byte, key uint64) (uint32, bool) {
	return m.vocab.lookup(word, key)
}

func (m *wordLevel) tokenize(w *work, word []byte) {
	w.tokens = w.tokens[:0]
	if m.unk == 0 {
		w.lack(word, " "+strconv.Quote(m.name))
		return
	}
	w.tokens = append(w.tokens, token{m.unk - 1, int32(len(word))})
}

// parseWords reads a WordPiece or WordLevel model.
func (p *parts) parseWords(c *modelConfig) error {
	list, err := readVocab(c.vocab)
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if p.byteLevel {
		return fmt.Errorf("type %.200q after a ByteLevel pre_tokenizer is not supported", c.Type)
	}
	if err := p.newVocabulary(list); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if c.Type == "WordLevel" {
		m := &wordLevel{vocab: p.vocab, name: or(c.UnkToken, "<unk>")}
		if id, ok := p.vocab.find([]byte(m.name)); ok {
			m.unk = id + 1
		}
		p.model = m
		return nil
	}
	maxChars := 100
	if c.MaxChars != nil {
		maxChars = *c.MaxChars
	}
	if maxChars < 0 {
		return fmt.Errorf("max_input_chars_per_word is %d; it must be at least 0", maxChars)
	}
	p.model, err = newWordPiece(p.vocab, or(c.UnkToken, "[UNK]"), or(c.Prefix, "##"), maxChars)
	return err
}
