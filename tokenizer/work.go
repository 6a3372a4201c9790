package tokenizer

import (
	"fmt"
	"slices"
)

// work is the memory of one call: every buffer is kept between calls, and the word cache carries over. A Tokenizer
// lends each call its own.
type work struct {
	text   text
	base   int // where the stretch in text begins in the original
	pieces []piece
	spare  []piece // becomes pieces when a pre-tokenizer is done
	found  []piece
	cuts   []cut
	back   []int32
	inner  *work
	chunks []chunk

	tokens  []token // of the pre-token in hand
	spelled []token
	symbol  []symbol
	heap    []merge
	word    []byte
	cells   []cell
	cache   *wordCache
	guard   *guard     // of the call in hand; nil: none
	marks   *wordMarks // of the call in hand; nil: words are not asked for

	ids   []int
	spans []span // source ranges of ids, when the text is tracked

	failed error // what the model found wrong
}

// lack notes that the model has no token for part of a text, and no unknown one, which unk names.
func (w *work) lack(part []byte, unk string) {
	if w.failed == nil {
		w.failed = fmt.Errorf("tokenizer: the text has %.40q, which the vocabulary lacks, as it lacks the unknown token%s", part, unk)
	}
}

// reserve makes room for what a text of n bytes mostly becomes, so that a long one is not copied as its results grow.
func (w *work) reserve(n int) {
	if n > 1<<12 {
		w.ids = slices.Grow(w.ids, n/4)
		w.pieces = slices.Grow(w.pieces[:0], n/4)
		w.spare = slices.Grow(w.spare[:0], n/4)
	}
}

// token is a part of a pre-token: an id and the byte at which it ends.
type token struct {
	id  uint32
	end int32
}

// rewrite builds a new text from the pieces: f writes what becomes of one piece.
func (w *work) rewrite(f func(t *text, p piece)) {
	w.text.begin()
	out := w.spare[:0]
	for _, p := range w.pieces {
		start := len(w.text.next)
		f(&w.text, p)
		out = append(out, piece{int32(start), int32(len(w.text.next))})
	}
	w.text.swap()
	w.pieces, w.spare = dropEmpty(out, 0), w.pieces
}

// child returns empty work for a pre-tokenizer that looks at the text in another form.
func (w *work) child() *work {
	if w.inner == nil {
		w.inner = new(work)
	}
	w.inner.text.b, w.inner.text.align, w.inner.text.track = w.inner.text.b[:0], nil, false
	w.inner.pieces = w.inner.pieces[:0]
	return w.inner
}

// emit appends the token id, standing for text.b[i:j].
func (w *work) emit(id uint32, i, j int) {
	w.ids = append(w.ids, int(id))
	if w.text.track {
		w.spans = append(w.spans, w.text.source(i, j))
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

// A model turns a pre-token into tokens.
type model interface {
	// direct returns the id of a pre-token that the model takes as one token before anything else.
	direct(piece []byte) (uint32, bool)
	// segment returns where b, which starts a word, can first be cut such that the two sides are tokenized as they
	// would be together; len(b) where nowhere.
	segment(b []byte) int
	// whole returns the id of a word that is one token, given its fingerprint. It may answer no for a word that is.
	whole(w *work, word []byte, key uint64) (uint32, bool)
	// tokenize sets w.tokens to the tokens of the word, which is not empty.
	tokenize(w *work, word []byte)
}

// tooMany notes that the model makes more tokens of a text than there may be bytes.
func (w *work) tooMany() {
	if w.failed == nil {
		w.failed = fmt.Errorf("tokenizer: the model makes more than %d tokens of a text", w.text.most)
	}
}

// encodePieces appends the ids of all pieces, as far as there may be so many.
func (w *work) encodePieces(m model) {
	for _, p := range w.pieces {
		if len(w.ids) > w.text.most {
			w.tooMany()
			return
		}
		if id, ok := m.direct(w.text.b[p.start:p.end]); ok {
			w.emit(id, int(p.start), int(p.end))
			continue
		}
		for i := int(p.start); i < int(p.end); {
			j := i + m.segment(w.text.b[i:p.end])
			w.encodeWord(m, i, j)
			i = j
		}
	}
}

// encodeWord appends the ids of the word text.b[i:j].
func (w *work) encodeWord(m model, i, j int) {
	word := w.text.b[i:j]
	key := fingerprint(word)
	if len(word) > cachedBytes || w.guard != nil && w.guard.within(word) {
		w.tokenize(m, word, key)
		w.emitTokens(i)
		return
	}
	s := w.cache.slot(key, len(word))
	if !s.holds(word) {
		if w.tokenize(m, word, key); w.failed == nil {
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
func (w *work) tokenize(m model, word []byte, key uint64) {
	if id, ok := m.whole(w, word, key); ok {
		w.tokens = append(w.tokens[:0], token{id, int32(len(word))})
		return
	}
	m.tokenize(w, word)
}

func (w *work) emitTokens(i int) {
	start := i
	for _, t := range w.tokens {
		w.emit(t.id, start, i+int(t.end))
		start = i + int(t.end)
	}
}
