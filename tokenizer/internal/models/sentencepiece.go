package models

import (
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// What SentencePiece itself does (Kudo and Richardson 2018, arXiv:1808.06226), for the classes that call it: M2M-100 and
// Marian. It differs from the pipeline of tokenizer.json in small ways: the map takes the longest match, scores are added
// in float32 over the whole text, tokens of its own never match text, and unknown text keeps its characters.

// SentencePiece is SentencePiece's own Viterbi search: as [Unigram], but over the whole text, in float32.
type SentencePiece struct {
	Unigram
}

func (m *SentencePiece) segment(b []byte) int { return len(b) }

func (m *SentencePiece) tokenize(w *Work, word []byte) {
	m.collect(w, word, m.viterbi(w, word))
}

func (m *SentencePiece) viterbi(w *Work, word []byte) []cell {
	cells := w.startCells(len(word))
	for i := 0; i < len(word); {
		n := chars.FirstLen(word[i:])
		here := cells[i].score
		single := false
		for s, j := &m.Trie.Root[word[i]], i; s.Key != 0; s = m.Trie.Step(s.To, word[j]) {
			j++
			if v := s.Value; v != 0 {
				if score := float64(float32(m.Scores[v-1] + here)); cells[j].start < 0 || score > cells[j].score {
					cells[j] = cell{score, int32(i), v - 1}
				}
				single = single || j-i == n
			}
			if s.To == trie.NoChildren || j == len(word) {
				break
			}
		}
		if !single {
			if score := float64(float32(m.UnkScore + here)); cells[i+n].start < 0 || score > cells[i+n].score {
				cells[i+n] = cell{score, int32(i), noSym}
			}
		}
		i += n
	}
	return cells
}
