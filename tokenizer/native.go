package tokenizer

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// What SentencePiece itself does (Kudo and Richardson 2018, arXiv:1808.06226), for the classes that call it: M2M-100 and
// Marian. It differs from the pipeline of tokenizer.json in small ways: the map takes the longest match, scores are added
// in float32 over the whole text, tokens of its own never match text, and unknown text keeps its characters.

// nativeNormalizer is SentencePiece's normalizer.
type nativeNormalizer struct {
	charsMap               *charsMap // nil: none
	own                    *trie     // user-defined pieces, which stay as they are
	dummy, squeeze, escape bool
}

func (n *nativeNormalizer) normalize(t *text) error {
	mark := " "
	if n.escape {
		mark = spaceMark
	}
	t.begin()
	i := 0
	for n.squeeze && i < len(t.b) {
		s, size, _ := n.prefix(t.b[i:])
		if string(s) != " " {
			break
		}
		i += size
	}
	if i < len(t.b) && n.dummy {
		t.put(mark, i, i+firstLen(t.b[i:]))
	}
	afterSpace := n.squeeze
	for i < len(t.b) && !t.over {
		s, size, kept := n.prefix(t.b[i:])
		for afterSpace && len(s) > 0 && s[0] == ' ' {
			s = s[1:]
		}
		if len(s) > 0 {
			afterSpace = s[len(s)-1] == ' '
			if kept && bytes.IndexByte(s, ' ') < 0 {
				t.keep(i+size-len(s), i+size)
			} else {
				t.put(strings.ReplaceAll(string(s), " ", mark), i, i+size)
			}
		}
		afterSpace = afterSpace && n.squeeze
		i += size
	}
	if n.squeeze {
		for bytes.HasSuffix(t.next, []byte(mark)) {
			t.next = t.next[:len(t.next)-len(mark)]
		}
		if t.track {
			t.nextAlign = t.nextAlign[:len(t.next)]
		}
	}
	t.swap()
	return nil
}

// prefix returns what the beginning of b becomes, how many bytes of b that takes, and whether it stays as it is.
func (n *nativeNormalizer) prefix(b []byte) (s []byte, size int, kept bool) {
	if !n.own.empty {
		if v, size := n.own.longest(b); v >= 0 {
			return b[:size], size, true
		}
	}
	if n.charsMap != nil {
		if s, size := n.charsMap.longest(b); size > 0 {
			return s, size, false
		}
	}
	size = firstLen(b)
	return b[:size], size, true
}

// longest returns the replacement of the longest string of the map that b starts with, and the string's length.
func (m *charsMap) longest(b []byte) (s []byte, size int) {
	if len(m.units) == 0 || len(b) == 0 || b[0] < utf8.RuneSelf && !m.starts[b[0]] {
		return nil, 0
	}
	at := offset(m.units[0])
	var found uint32
	for i, c := range b {
		if at ^= uint32(c); uint64(at) >= uint64(len(m.units)) {
			break
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(c) {
			break
		}
		if at ^= offset(unit); unit>>8&1 == 1 && uint64(at) < uint64(len(m.units)) {
			found, size = m.units[at]&(1<<31-1), i+1
		}
	}
	if uint64(found) >= uint64(len(m.pool)) {
		return nil, 0
	}
	s = m.pool[found:]
	if n := bytes.IndexByte(s, 0); n >= 0 {
		s = s[:n]
	}
	return s, size
}

// nativeUnigram is SentencePiece's own Viterbi search: as [unigram], but over the whole text, in float32.
type nativeUnigram struct {
	unigram
}

func (m *nativeUnigram) segment(b []byte) int { return len(b) }

func (m *nativeUnigram) tokenize(w *work, word []byte) {
	m.collect(w, word, m.viterbi(w, word))
}

func (m *nativeUnigram) viterbi(w *work, word []byte) []cell {
	cells := w.startCells(len(word))
	for i := 0; i < len(word); {
		n := firstLen(word[i:])
		here := cells[i].score
		single := false
		for s, j := &m.trie.root[word[i]], i; s.key != 0; s = m.trie.step(s.to, word[j]) {
			j++
			if v := s.value; v != 0 {
				if score := float64(float32(m.scores[v-1] + here)); cells[j].start < 0 || score > cells[j].score {
					cells[j] = cell{score, int32(i), v - 1}
				}
				single = single || j-i == n
			}
			if s.to == noChildren || j == len(word) {
				break
			}
		}
		if !single {
			if score := float64(float32(m.unkScore + here)); cells[i+n].start < 0 || score > cells[i+n].score {
				cells[i+n] = cell{score, int32(i), noSym}
			}
		}
		i += n
	}
	return cells
}

// newNativeUnigram searches the pieces that text can match; its tokens are ids of pieces, unk that of the unknown one.
func newNativeUnigram(m *spModel, vocab *vocab, unk int) (*nativeUnigram, error) {
	u := &nativeUnigram{unigram{vocab: vocab, scores: make([]float64, len(m.pieces)), trie: newByteTrie(vocab.keys), unk: uint32(unk + 1)}}
	lowest := math.Inf(1)
	for _, piece := range m.pieces {
		if piece.kind == spNormal {
			lowest = min(lowest, piece.score)
		}
	}
	for id, piece := range m.pieces {
		u.scores[id] = piece.score
		switch {
		case piece.text == "":
			continue
		case piece.kind == spUserDefined: // the longer, the better
			u.scores[id] = float64(float32(0.1 * float64(len(piece.text)-1)))
		case piece.kind != spNormal:
			continue
		}
		if err := u.trie.add([]byte(piece.text), uint32(id)); err != nil {
			return nil, err
		}
	}
	u.trie.finish()
	u.unkScore = float64(float32(lowest) - unkPenalty)
	return u, nil
}

// pieceIDs is a model over pieces whose ids are another vocabulary's.
type pieceIDs struct {
	model
	pieces *vocab
	ids    []uint32 // id of each piece, + 1; 0 where its text decides
	vocab  *vocab
	unk    uint32
	bytes  []uint32 // ids of each byte's own token; nil: unknown text is one token
}

func (m *pieceIDs) whole(*work, []byte, uint64) (uint32, bool) { return 0, false }

func (m *pieceIDs) direct(piece []byte) (uint32, bool) {
	id, ok := m.model.direct(piece)
	if !ok {
		return 0, false
	}
	return m.id(id, piece), true
}

func (m *pieceIDs) tokenize(w *work, word []byte) {
	m.model.tokenize(w, word)
	if m.bytes != nil {
		m.spell(w, word)
		return
	}
	start := int32(0)
	for i := range w.tokens {
		t := &w.tokens[i]
		t.id = m.id(t.id, word[start:t.end])
		start = t.end
	}
}

// spell is the rest of tokenize where unknown text becomes bytes.
func (m *pieceIDs) spell(w *work, word []byte) {
	w.spelled = append(w.spelled[:0], w.tokens...)
	w.tokens = w.tokens[:0]
	start := int32(0)
	for _, t := range w.spelled {
		if m.ids[t.id] > 0 {
			w.tokens = append(w.tokens, token{m.ids[t.id] - 1, t.end})
		} else {
			for i := start; i < t.end; i++ {
				w.tokens = append(w.tokens, token{m.bytes[word[i]], i + 1})
			}
		}
		start = t.end
	}
}

// id returns the id of a piece; an unknown stretch may still be a token, as of the other of two languages.
func (m *pieceIDs) id(piece uint32, part []byte) uint32 {
	if id := m.ids[piece]; id > 0 {
		return id - 1
	}
	if id, ok := m.vocab.find(part); ok {
		return id
	}
	return m.unk
}

// nativeParts makes a tokenizer of SentencePiece's own and a vocabulary, from pieces to ids.
func (c *config) nativeParts(m *spModel, list []entry) (*parts, error) {
	p := &parts{post: plainTemplates(), kind: "SentencePiece"}
	if err := p.newVocabulary(list); err != nil {
		return nil, err
	}
	if m.spaceSuffix {
		return nil, fmt.Errorf("treat_whitespace_as_suffix is not supported")
	}
	n := &nativeNormalizer{own: m.userDefined(), dummy: m.dummyPrefix, squeeze: m.removeExtraSpaces, escape: m.escapeSpaces}
	if len(m.charsMap) > 0 {
		var err error
		if n.charsMap, err = newCharsMap(m.charsMap); err != nil {
			return nil, err
		}
	}
	p.normalizer = n
	unk, ok := p.find([]byte(c.UNK.Content))
	if !ok {
		return nil, fmt.Errorf("the vocabulary lacks the unknown token %.200q", c.UNK.Content)
	}
	inner, err := m.native(p)
	if err != nil {
		return nil, err
	}
	ids := &pieceIDs{model: inner.model, pieces: inner.vocab, ids: make([]uint32, len(m.pieces)), vocab: p.vocab, unk: unk}
	for id, piece := range m.pieces {
		if at, ok := p.vocab.find([]byte(piece.text)); ok && piece.kind != spUnknown {
			ids.ids[id] = at + 1
		} else if piece.kind != spUnknown {
			ids.ids[id] = unk + 1
		}
	}
	if m.byteFallback {
		for c := range 256 {
			id, ok := p.vocab.find(fmt.Appendf(nil, "<0x%02X>", c))
			if !ok {
				id = unk
			}
			ids.bytes = append(ids.bytes, id)
		}
	}
	p.model = ids
	return p, nil
}

// native returns the model over the ids of pieces, with their vocabulary.
func (m *spModel) native(p *parts) (*parts, error) {
	unk := slices.IndexFunc(m.pieces, func(p spPiece) bool { return p.kind == spUnknown })
	if unk < 0 {
		return nil, fmt.Errorf("no piece is the unknown one")
	}
	inner := new(parts)
	tokens := make([]entry, len(m.pieces))
	for id, piece := range m.pieces {
		if piece.kind == spNormal || piece.kind == spUserDefined || m.modelType == spUnigram {
			tokens[id] = entry{[]byte(piece.text), uint32(id)}
		} else {
			tokens[id] = entry{nil, uint32(id)} // no text gives it
		}
	}
	if err := inner.newVocabulary(tokens); err != nil {
		return nil, err
	}
	switch m.modelType {
	case spUnigram:
		u, err := newNativeUnigram(m, inner.vocab, unk)
		inner.model = u
		return inner, err
	case spBPE:
		own := m.userDefined()
		b := &bpe{vocab: inner.vocab, unk: uint32(unk) + 1, fuseUnk: true, ignore: !own.empty}
		if err := m.merges(b); err != nil {
			return nil, err
		}
		b.finish()
		if inner.model = b; !own.empty {
			p.preTokenizer = splitLiterals{own}
		}
		return inner, nil
	}
	return nil, fmt.Errorf("model type %d is not supported; Unigram (1) and BPE (2) are", m.modelType)
}
