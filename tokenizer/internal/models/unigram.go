package models

import (
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// Unigram splits a word where the sum of the parts' log probabilities is largest (Kudo 2018, arXiv:1804.10959), by the
// Viterbi algorithm. Of equal sums the one found first, with the longer last part, counts.
type Unigram struct {
	Vocab     *Vocab
	Scores    []float64 // log probability of each id
	Trie      *trie.Bytes
	Unk       uint32 // id + 1; 0 for none
	UnkScore  float64
	Fallback  [256]uint32 // id + 1 of each byte's own token; all set, or none used
	FallsBack bool
	Joints    joints
	Marked    bool // the mark of a space is a token
}

// UnkPenalty is how far an unknown character's score lies below the lowest.
const UnkPenalty = 10

// cell is the best way to a place in the word.
type cell struct {
	score float64
	start int32 // where its last part starts; −1 for no way
	id    uint32
}

func (m *Unigram) Direct([]byte) (uint32, bool) { return 0, false }

// segment cuts before the mark of a space where no token holds both sides.
func (m *Unigram) segment(b []byte) int {
	if !m.Marked {
		return len(b)
	}
	for i := 1; i < len(b); i++ {
		if b[i] == 0xe2 && chars.IsMark(b[i:]) && !m.Joints.mark[b[i-1]] {
			return i
		}
	}
	return len(b)
}

func (m *Unigram) whole(*Work, []byte, uint64) (uint32, bool) { return 0, false }

func (m *Unigram) tokenize(w *Work, word []byte) {
	m.collect(w, word, m.viterbi(w, word))
}

// collect sets w.tokens to the best way to the end of the word.
func (m *Unigram) collect(w *Work, word []byte, cells []cell) {
	w.tokens = w.tokens[:0]
	for end := int32(len(word)); end > 0; {
		c := cells[end]
		id := c.id
		start := c.start
		if id == noSym {
			for start > 0 && cells[start].id == noSym { // a run of unknown characters is one
				start = cells[start].start
			}
			m.unknown(w, word, start, end)
		} else {
			w.tokens = append(w.tokens, token{id, end})
		}
		end = start
	}
	for i, j := 0, len(w.tokens)-1; i < j; i, j = i+1, j-1 {
		w.tokens[i], w.tokens[j] = w.tokens[j], w.tokens[i]
	}
}

// unknown appends the tokens of an unknown stretch, last first.
func (m *Unigram) unknown(w *Work, word []byte, start, end int32) {
	if !m.FallsBack || !m.spells(word[start:end]) {
		if m.Unk == 0 {
			w.lack(word[start:end], "")
			return
		}
		w.tokens = append(w.tokens, token{m.Unk - 1, end})
		return
	}
	for i := end; i > start; i-- {
		w.tokens = append(w.tokens, token{m.Fallback[word[i-1]] - 1, i})
	}
}

// spells reports whether every byte has a token of its own.
func (m *Unigram) spells(b []byte) bool {
	for _, c := range b {
		if m.Fallback[c] == 0 {
			return false
		}
	}
	return true
}

// startCells returns cells for a word of n bytes, of which only the start can be reached.
func (w *Work) startCells(n int) []cell {
	cells := slices.Grow(w.Cells[:0], n+1)[:n+1]
	for i := range cells {
		cells[i] = cell{start: -1}
	}
	w.Cells = cells
	cells[0].start = 0
	return cells
}

func (m *Unigram) viterbi(w *Work, word []byte) []cell {
	cells := w.startCells(len(word))
	guarded := w.Guard != nil && w.Guard.Within(word)
	for i := 0; i < len(word); {
		n := chars.FirstLen(word[i:])
		here := cells[i].score
		single := false
		for s, j := &m.Trie.Root[word[i]], i; s.Key != 0; s = m.Trie.Step(s.To, word[j]) {
			j++
			if v := s.Value; v != 0 && !(guarded && w.Guard.has(v-1)) {
				if score := m.Scores[v-1] + here; cells[j].start < 0 || score > cells[j].score {
					cells[j] = cell{score, int32(i), v - 1}
					if m.Unk == v {
						cells[j].id = noSym
					}
				}
				single = single || j-i == n
			}
			if s.To == trie.NoChildren || j == len(word) {
				break
			}
		}
		if !single {
			if score := m.UnkScore + here; cells[i+n].start < 0 || score > cells[i+n].score {
				cells[i+n] = cell{score, int32(i), noSym}
			}
		}
		i += n
	}
	return cells
}
