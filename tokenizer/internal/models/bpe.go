package models

import (
	"fmt"
	"sync/atomic"
	"unicode/utf8"
)

// BPE is byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): a word starts as its characters, or, byte-level,
// its bytes, and the neighbouring pair of lowest rank is merged until no pair is left; of equal ranks the leftmost
// goes first.
type BPE struct {
	Vocab  *Vocab
	Merges mergeTable

	single    [256]uint32 // id + 1 of each byte as a word's symbol; byte-level only
	fallback  [256]uint32 // id + 1 of each byte's own token <0xXX>; 0 where there is none
	ByteLevel bool        // symbols are bytes, and the vocabulary is held as bytes
	FallsBack bool        // characters outside the vocabulary become their bytes' tokens
	Unk       uint32      // id + 1 of the unknown token, 0 for none
	LacksUnk  string      // the unknown token, if it is named but not in the vocabulary
	FuseUnk   bool        // a run of unknown characters is one unknown token
	Ignore    bool        // a word that is in the vocabulary is one token, whatever the merges say
	Prefix    string      // on symbols that do not start a word
	Suffix    string      // on the symbol that ends a word

	// verdict has, for each id, whether merging the token's own text gives the token: two bits, known and yes, found
	// out when first needed.
	verdict []atomic.Uint32
	Joints  *joints // nil where a word must not be cut
}

// symbol is a part of a word being merged, in a list linked both ways.
type symbol struct {
	id         uint32
	prev, next int32
	end        int32 // byte at which it ends
	rank       uint32
	into       uint32
}

const (
	noSym   = 1<<32 - 1
	maxScan = 48 // symbols up to which the lowest rank is found by looking at all
)

// Finish derives what encoding needs once vocabulary, merges and options are set.
func (m *BPE) Finish() {
	m.verdict = make([]atomic.Uint32, (m.Vocab.Size()+15)/16)
	var buf [8]byte
	for c := range 256 {
		if m.ByteLevel {
			if id, ok := m.Vocab.Find([]byte{byte(c)}); ok {
				m.single[c] = id + 1
			}
		}
		if id, ok := m.Vocab.Find(fmt.Appendf(buf[:0], "<0x%02X>", c)); ok {
			m.fallback[c] = id + 1
		}
	}
	if m.Prefix == "" && m.Suffix == "" && !m.ByteLevel && m.complete() {
		m.Joints = m.newJoints()
	}
}

// complete reports whether no text can give an unknown token.
func (m *BPE) complete() bool {
	if !m.FallsBack {
		return false
	}
	for _, id := range m.fallback {
		if id == 0 {
			return false
		}
	}
	return true
}

func (m *BPE) Direct(piece []byte) (uint32, bool) {
	if !m.Ignore {
		return 0, false
	}
	return m.Vocab.Find(piece)
}

func (m *BPE) segment(b []byte) int {
	if m.Joints == nil {
		return len(b)
	}
	return m.Joints.cut(b)
}

func (m *BPE) whole(w *Work, word []byte, key uint64) (uint32, bool) {
	if m.Suffix != "" {
		return 0, false
	}
	id, ok := m.Vocab.lookup(word, key)
	if !ok {
		return 0, false
	}
	const known, yes = 1, 2
	shift := id % 16 * 2
	v := &m.verdict[id/16]
	state := v.Load() >> shift
	if state&known == 0 {
		state = known
		m.tokenize(w, word)
		if len(w.tokens) == 1 && w.tokens[0].id == id {
			state |= yes
		}
		v.Or(state << shift)
	}
	return id, state&yes != 0
}

func (m *BPE) tokenize(w *Work, word []byte) {
	if m.ByteLevel && m.Suffix == "" && m.Prefix == "" {
		m.byteSymbols(w, word)
	} else {
		m.charSymbols(w, word)
	}
	if len(w.Symbol) <= maxScan {
		m.mergeShort(w)
	} else {
		m.mergeLong(w)
	}
}

func (m *BPE) byteSymbols(w *Work, word []byte) {
	w.Symbol = w.Symbol[:0]
	pending := 0
	for i, c := range word {
		if id := m.single[c]; id > 0 {
			if pending > 0 {
				m.flushUnknown(w, &pending)
			}
			w.Symbol = append(w.Symbol, symbol{id: id - 1, end: int32(i + 1)})
		} else {
			m.unknown(w, word[i:i+1], &pending)
		}
	}
	m.flushUnknown(w, &pending)
}

// unknown notes that part of a word, which ends at the symbols' end and what is pending, is unknown. The unknown token comes
// before the next known one, and, as in the reference, after what of bytes lies between.
func (m *BPE) unknown(w *Work, part []byte, pending *int) {
	switch {
	case m.Unk == 0:
		if m.LacksUnk != "" {
			w.lack(part, " "+m.LacksUnk)
		}
		if n := len(w.Symbol); n > 0 {
			w.Symbol[n-1].end += int32(len(part)) // nothing stands for it; keep the bytes accounted for
		}
	case *pending > 0 && !m.FuseUnk:
		m.flushUnknown(w, pending)
		fallthrough
	default:
		*pending += len(part)
	}
}

// flushUnknown appends the unknown token for so many bytes.
func (m *BPE) flushUnknown(w *Work, pending *int) {
	if *pending > 0 {
		w.Symbol = append(w.Symbol, symbol{id: m.Unk - 1, end: w.end() + int32(*pending)})
		*pending = 0
	}
}

// end returns where the symbols end.
func (w *Work) end() int32 {
	if n := len(w.Symbol); n > 0 {
		return w.Symbol[n-1].end
	}
	return 0
}

func (m *BPE) charSymbols(w *Work, word []byte) {
	w.Symbol = w.Symbol[:0]
	pending := 0
	for i := 0; i < len(word); {
		n := 1
		if !m.ByteLevel {
			_, n = utf8.DecodeRune(word[i:])
		}
		part := word[i : i+n]
		if m.Prefix != "" && i > 0 || m.Suffix != "" && i+n == len(word) {
			w.word = w.word[:0]
			if i > 0 {
				w.word = append(w.word, m.Prefix...)
			}
			w.word = append(w.word, part...)
			if i+n == len(word) {
				w.word = append(w.word, m.Suffix...)
			}
			part = w.word
		}
		start := i
		i += n
		if id, ok := m.Vocab.Find(part); ok {
			if pending > 0 {
				m.flushUnknown(w, &pending)
			}
			w.Symbol = append(w.Symbol, symbol{id: id, end: w.end() + int32(n)})
		} else if m.FallsBack && m.hasBytes(part) {
			if len(w.Symbol) > w.Text.Most { // prefix and suffix are bytes too
				w.tooMany()
				return
			}
			end := w.end()
			for k, c := range part {
				w.Symbol = append(w.Symbol, symbol{id: m.fallback[c] - 1, end: end + int32(min(k+1, n))})
			}
			w.Symbol[len(w.Symbol)-1].end = end + int32(n)
		} else {
			m.unknown(w, word[start:i], &pending)
		}
	}
	m.flushUnknown(w, &pending)
}

func (m *BPE) hasBytes(b []byte) bool {
	for _, c := range b {
		if m.fallback[c] == 0 {
			return false
		}
	}
	return true
}

// mergeShort merges by scanning for the lowest rank: quadratic, and fastest for words.
func (m *BPE) mergeShort(w *Work) {
	s := w.Symbol
	for i := 0; i+1 < len(s); i++ {
		s[i].rank, s[i].into = m.Merges.find(s[i].id, s[i+1].id)
	}
	for len(s) > 1 {
		best, at := uint32(noRank), 0
		for i := 0; i+1 < len(s); i++ {
			if s[i].rank < best {
				best, at = s[i].rank, i
			}
		}
		if best == noRank {
			break
		}
		s[at].id, s[at].end = s[at].into, s[at+1].end
		s = append(s[:at+1], s[at+2:]...)
		if at+1 < len(s) {
			s[at].rank, s[at].into = m.Merges.find(s[at].id, s[at+1].id)
		}
		if at > 0 {
			s[at-1].rank, s[at-1].into = m.Merges.find(s[at-1].id, s[at].id)
		}
	}
	w.tokens = w.tokens[:0]
	for i := range s {
		w.tokens = append(w.tokens, token{s[i].id, s[i].end})
	}
}

// merge is a pair that may merge: rank, then place, order the heap.
type merge struct {
	order uint64 // rank<<32 | index of the left symbol
	into  uint32
}

// mergeLong merges with a heap: O(n log n).
func (m *BPE) mergeLong(w *Work) {
	s, h := w.Symbol, w.heap[:0]
	for i := range s {
		s[i].prev, s[i].next = int32(i-1), int32(i+1)
		if i+1 < len(s) {
			if rank, into := m.Merges.find(s[i].id, s[i+1].id); rank != noRank {
				h = append(h, merge{uint64(rank)<<32 | uint64(i), into})
			}
		}
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		siftDown(h, i)
	}
	push := func(i int32) {
		if rank, into := m.Merges.find(s[i].id, s[s[i].next].id); rank != noRank {
			h = append(h, merge{uint64(rank)<<32 | uint64(i), into})
			siftUp(h)
		}
	}
	n := int32(len(s))
	for len(h) > 0 {
		top := h[0]
		h[0] = h[len(h)-1]
		h = h[:len(h)-1]
		siftDown(h, 0)
		i := int32(uint32(top.order))
		if s[i].id == noSym || s[i].next >= n {
			continue
		}
		j := s[i].next
		if rank, into := m.Merges.find(s[i].id, s[j].id); into != top.into || uint64(rank) != top.order>>32 {
			continue // one of the two has merged since
		}
		s[i].id, s[i].end, s[i].next = top.into, s[j].end, s[j].next
		s[j].id = noSym
		if s[i].next < n {
			s[s[i].next].prev = i
			push(i)
		}
		if s[i].prev >= 0 {
			push(s[i].prev)
		}
	}
	w.heap = h
	w.tokens = w.tokens[:0]
	for i := int32(0); i < n; i = s[i].next {
		w.tokens = append(w.tokens, token{s[i].id, s[i].end})
	}
}

func siftDown(h []merge, i int) {
	for {
		k := 2*i + 1
		if k >= len(h) {
			return
		}
		if k+1 < len(h) && h[k+1].order < h[k].order {
			k++
		}
		if h[i].order <= h[k].order {
			return
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
}

func siftUp(h []merge) {
	for i := len(h) - 1; i > 0; {
		k := (i - 1) / 2
		if h[k].order <= h[i].order {
			return
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
}
