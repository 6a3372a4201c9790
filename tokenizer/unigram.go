package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// unigram splits a word where the sum of the parts' log probabilities is largest (Kudo 2018, arXiv:1804.10959), by the
// Viterbi algorithm. Of equal sums the one found first, with the longer last part, counts.
type unigram struct {
	vocab     *vocab
	scores    []float64 // log probability of each id
	trie      *byteTrie
	unk       uint32 // id + 1; 0 for none
	unkScore  float64
	fallback  [256]uint32 // id + 1 of each byte's own token; all set, or none used
	fallsBack bool
	joints    joints
	marked    bool // the mark of a space is a token
}

// guard keeps special tokens that are in the vocabulary from being made of text that spells them out.
type guard struct {
	texts *trie
	ids   []uint64 // a bit for each id
}

// newGuard returns nil where none of the tokens is special and in the vocabulary.
func newGuard(v *vocab, tokens []AddedToken) *guard {
	g := &guard{texts: newTrie(), ids: make([]uint64, v.size()/64+1)}
	for _, a := range tokens {
		if id, ok := v.find([]byte(a.Content)); ok && a.Special && a.Content != "" {
			g.texts.add(a.Content, 0)
			g.ids[id/64] |= 1 << (id % 64)
		}
	}
	if g.texts.empty {
		return nil
	}
	return g
}

func (g *guard) has(id uint32) bool { return g.ids[id/64]>>(id%64)&1 == 1 }

// within reports whether the word spells out a special token.
func (g *guard) within(word []byte) bool {
	for i := 0; i < len(word); i++ {
		if i += g.texts.skip(word[i:]); i == len(word) {
			break
		}
		if v, _ := g.texts.longest(word[i:]); v >= 0 {
			return true
		}
	}
	return false
}

// unkPenalty is how far an unknown character's score lies below the lowest.
const unkPenalty = 10

// cell is the best way to a place in the word.
type cell struct {
	score float64
	start int32 // where its last part starts; −1 for no way
	id    uint32
}

func (m *unigram) direct([]byte) (uint32, bool) { return 0, false }

// segment cuts before the mark of a space where no token holds both sides.
func (m *unigram) segment(b []byte) int {
	if !m.marked {
		return len(b)
	}
	for i := 1; i < len(b); i++ {
		if b[i] == 0xe2 && isMark(b[i:]) && !m.joints.mark[b[i-1]] {
			return i
		}
	}
	return len(b)
}

func (m *unigram) whole(*work, []byte, uint64) (uint32, bool) { return 0, false }

func (m *unigram) tokenize(w *work, word []byte) {
	m.collect(w, word, m.viterbi(w, word))
}

// collect sets w.tokens to the best way to the end of the word.
func (m *unigram) collect(w *work, word []byte, cells []cell) {
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
func (m *unigram) unknown(w *work, word []byte, start, end int32) {
	if !m.fallsBack {
		if m.unk == 0 {
			w.lack(word[start:end], "")
			return
		}
		w.tokens = append(w.tokens, token{m.unk - 1, end})
		return
	}
	for i := end; i > start; i-- {
		w.tokens = append(w.tokens, token{m.fallback[word[i-1]] - 1, i})
	}
}

// startCells returns cells for a word of n bytes, of which only the start can be reached.
func (w *work) startCells(n int) []cell {
	cells := slices.Grow(w.cells[:0], n+1)[:n+1]
	for i := range cells {
		cells[i] = cell{start: -1}
	}
	w.cells = cells
	cells[0].start = 0
	return cells
}

func (m *unigram) viterbi(w *work, word []byte) []cell {
	cells := w.startCells(len(word))
	guarded := w.guard != nil && w.guard.within(word)
	for i := 0; i < len(word); {
		n := firstLen(word[i:])
		here := cells[i].score
		single := false
		for s, j := &m.trie.root[word[i]], i; s.key != 0; s = m.trie.step(s.to, word[j]) {
			j++
			if v := s.value; v != 0 && !(guarded && w.guard.has(v-1)) {
				if score := m.scores[v-1] + here; cells[j].start < 0 || score > cells[j].score {
					cells[j] = cell{score, int32(i), v - 1}
					if m.unk == v {
						cells[j].id = noSym
					}
				}
				single = single || j-i == n
			}
			if s.to == noChildren || j == len(word) {
				break
			}
		}
		if !single {
			if score := m.unkScore + here; cells[i+n].start < 0 || score > cells[i+n].score {
				cells[i+n] = cell{score, int32(i), noSym}
			}
		}
		i += n
	}
	return cells
}

// newUnigram takes tokens in order of their ids. unk is −1 for none.
func (p *parts) newUnigram(tokens []entry, scores []float64, unk int, fallsBack bool) error {
	if len(tokens) == 0 {
		return fmt.Errorf("the vocabulary is empty")
	}
	if unk >= len(tokens) {
		return fmt.Errorf("unk_id %d is not in the vocabulary of %d", unk, len(tokens))
	}
	if err := p.newVocabulary(tokens); err != nil {
		return err
	}
	m := &unigram{vocab: p.vocab, scores: scores, trie: newByteTrie(p.vocab.keys), unk: uint32(unk + 1)}
	lowest := math.Inf(1)
	for id, e := range tokens {
		lowest = min(lowest, scores[id])
		if len(e.token) > 0 {
			if err := m.trie.add(e.token, uint32(id)); err != nil {
				return err
			}
			m.joints.add(e.token)
		}
	}
	m.trie.finish()
	_, m.marked = p.vocab.find([]byte(spaceMark))
	m.unkScore = lowest - unkPenalty
	m.fallsBack = fallsBack
	for c := range 256 {
		id, ok := p.vocab.find(fmt.Appendf(nil, "<0x%02X>", c))
		m.fallback[c] = id + 1
		m.fallsBack = m.fallsBack && ok
	}
	p.model, p.kind = m, "Unigram"
	return nil
}

// score reads a score. The reference's reader of tokenizer.json divides the digits by a power of ten, which may be off in
// the last place and so decide between segmentations that are as good; classes that read the file themselves do not.
func (p *parts) score(s string) (float64, error) {
	exact, err := strconv.ParseFloat(s, 64)
	if err != nil || p.exactScores {
		return exact, err
	}
	digits, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(digits), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n, err := strconv.ParseUint(whole+fraction, 10, 64)
	shift, _ := strconv.Atoi(exponent)
	if shift -= len(fraction); err != nil || shift < -308 || shift > 308 {
		return exact, nil
	}
	f := float64(n)
	if power, _ := strconv.ParseFloat("1e"+strconv.Itoa(max(shift, -shift)), 64); shift < 0 {
		f /= power
	} else {
		f *= power
	}
	if negative {
		f = -f
	}
	return f, nil
}

// parseUnigram reads a list of tokens, each with its score.
func (p *parts) parseUnigram(c *modelConfig) error {
	r := jsonReader{data: c.vocab}
	var tokens []entry
	var scores []float64
	arena := make([]byte, 0, len(c.vocab)/2)
	err := r.array(func() error {
		n := 0
		err := r.array(func() error {
			n++
			if n == 1 {
				s, err := r.str()
				start := len(arena)
				arena = append(arena, s...)
				tokens = append(tokens, entry{arena[start:len(arena):len(arena)], uint32(len(tokens))})
				return err
			}
			text, err := r.number()
			if err != nil {
				return err
			}
			score, err := p.score(string(text))
			scores = append(scores, score)
			return err
		})
		if err == nil && n != 2 {
			err = fmt.Errorf("entry %d has %d parts; a token and its score belong", len(tokens)-1, n)
		}
		return err
	})
	if err == nil {
		err = r.done()
	}
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	unk := -1
	if c.UnkID != nil {
		unk = *c.UnkID
	}
	if unk < -1 {
		return fmt.Errorf("unk_id %d is negative", unk)
	}
	if p.byteLevel {
		return fmt.Errorf("type \"Unigram\" after a ByteLevel pre_tokenizer is not supported")
	}
	return p.newUnigram(tokens, scores, unk, c.ByteFallback)
}
