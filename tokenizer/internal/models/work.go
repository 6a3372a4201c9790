// Package models holds the models, which turn words into tokens: byte-pair encoding, Unigram, WordPiece and
// WordLevel. It also holds their vocabularies.
package models

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
)

// Work is the memory of a model: that of pre-tokenization, and what the model makes of the pieces. The word cache
// carries over from call to call.
type Work struct {
	pretoken.State

	tokens  []token // of the pre-token in hand
	spelled []token
	Symbol  []symbol
	heap    []merge
	word    []byte
	Cells   []cell
	cache   *wordCache
	Guard   *Guard // of the call in hand; nil: none

	Ids   []int
	Spans []buffer.Span // source ranges of ids, when the text is tracked

	Failed error // what the model found wrong
}

func NewModelWork() Work { return Work{cache: new(wordCache)} }

// lack notes that the model has no token for part of a text, and no unknown one, which unk names.
func (w *Work) lack(part []byte, unk string) {
	if w.Failed == nil {
		w.Failed = fmt.Errorf("tokenizer: the text has %.40q, which the vocabulary lacks, as it lacks the unknown token%s", part, unk)
	}
}

// Reserve makes room for what a text of n bytes mostly becomes, so that a long one is not copied as its results grow.
func (w *Work) Reserve(n int) {
	if n > 1<<12 {
		w.Ids = slices.Grow(w.Ids, n/4)
		w.Pieces = slices.Grow(w.Pieces[:0], n/4)
		w.Spare = slices.Grow(w.Spare[:0], n/4)
	}
}

// token is a part of a pre-token: an id and the byte at which it ends.
type token struct {
	id  uint32
	end int32
}

// emit appends the token id, standing for text.b[i:j].
func (w *Work) emit(id uint32, i, j int) {
	w.Ids = append(w.Ids, int(id))
	if w.Text.Track {
		w.Spans = append(w.Spans, w.Text.Source(i, j))
	}
}

const (
	cacheSlots  = 1 << 14
	cachedBytes = 24 // longest word kept
	cachedIDs   = 6  // longest result kept
)

// wordCache remembers what the model made of recent words. It is direct-mapped and of fixed size, 896 KiB.
type wordCache [cacheSlots]cachedWord

type cachedWord struct {
	word [cachedBytes]byte
	ids  [cachedIDs]uint32
	ends [cachedIDs]uint8
	size uint8 // length of word; 0 marks an empty slot
	n    uint8
}

func (c *wordCache) slot(key uint64, n int) *cachedWord {
	return &c[slotOf(key, n)%cacheSlots]
}

func (s *cachedWord) holds(word []byte) bool {
	return int(s.size) == len(word) && string(s.word[:s.size]) == string(word)
}

func (s *cachedWord) store(word []byte, tokens []token) {
	if len(tokens) > cachedIDs {
		return
	}
	s.size = uint8(copy(s.word[:], word))
	s.n = uint8(len(tokens))
	for i, t := range tokens {
		s.ids[i], s.ends[i] = t.id, uint8(t.end)
	}
}

// A Model turns a pre-token into tokens.
type Model interface {
	// Direct returns the id of a pre-token that the model takes as one token before anything else.
	Direct(piece []byte) (uint32, bool)
	// segment returns where b, which starts a word, can first be cut such that the two sides are tokenized as they
	// would be together; len(b) where nowhere.
	segment(b []byte) int
	// whole returns the id of a word that is one token, given its fingerprint. It may answer no for a word that is.
	whole(w *Work, word []byte, key uint64) (uint32, bool)
	// tokenize sets w.tokens to the tokens of the word, which is not empty.
	tokenize(w *Work, word []byte)
}

// tooMany notes that the model makes more tokens of a text than there may be bytes.
func (w *Work) tooMany() {
	if w.Failed == nil {
		w.Failed = fmt.Errorf("tokenizer: the model makes more than %d tokens of a text", w.Text.Most)
	}
}

// EncodePieces appends the ids of all pieces, as far as there may be so many.
func (w *Work) EncodePieces(m Model) {
	for _, p := range w.Pieces {
		if len(w.Ids) > w.Text.Most {
			w.tooMany()
			return
		}
		if id, ok := m.Direct(w.Text.B[p.Start:p.End]); ok {
			w.emit(id, int(p.Start), int(p.End))
			continue
		}
		for i := int(p.Start); i < int(p.End); {
			j := i + m.segment(w.Text.B[i:p.End])
			w.encodeWord(m, i, j)
			i = j
		}
	}
}

// encodeWord appends the ids of the word text.b[i:j].
func (w *Work) encodeWord(m Model, i, j int) {
	word := w.Text.B[i:j]
	key := fingerprint(word)
	if len(word) > cachedBytes || w.Guard != nil && w.Guard.Within(word) {
		w.tokenize(m, word, key)
		w.emitTokens(i)
		return
	}
	s := w.cache.slot(key, len(word))
	if !s.holds(word) {
		if w.tokenize(m, word, key); w.Failed == nil {
			s.store(word, w.tokens)
		}
		w.emitTokens(i)
		return
	}
	if s.n == 1 {
		w.emit(s.ids[0], i, i+int(s.ends[0]))
		return
	}
	start := i
	for k := range s.n {
		end := i + int(s.ends[k])
		w.emit(s.ids[k], start, end)
		start = end
	}
}

// tokenize sets w.tokens to the tokens of a word.
func (w *Work) tokenize(m Model, word []byte, key uint64) {
	if id, ok := m.whole(w, word, key); ok {
		w.tokens = append(w.tokens[:0], token{id, int32(len(word))})
		return
	}
	m.tokenize(w, word)
}

func (w *Work) emitTokens(i int) {
	start := i
	for _, t := range w.tokens {
		w.emit(t.id, start, i+int(t.end))
		start = i + int(t.end)
	}
}
