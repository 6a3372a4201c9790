package tokenizer

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// Tokenizer turns text into token ids and back. It is immutable and may be used from several goroutines at once.
type Tokenizer struct {
	normalizer   normalizer   // nil: none
	preTokenizer preTokenizer // nil: none
	model        model
	vocab        *vocab
	byteLevel    bool           // the vocabulary is held as the bytes that GPT-2's alphabet writes
	rawBytes     bool           // input that is no UTF-8 reaches the model as it is
	foreign      map[int]string // tokens outside GPT-2's alphabet in a byte-level vocabulary
	added        *addedTokens
	addedIDs     map[string]int // ids of added and foreign tokens
	addedBytes   [][]byte       // what the decoder starts from for each added token
	post         postProcessor
	decoder      decoderChain
	decodesBytes bool // the decoder starts from bytes
	special      Special
	guard        *guard // nil: no special tokens that the model could make of text

	languages *languages // nil: none
	prefixed  bool       // a text may begin with the code of a language, >>fra<<
	target    *Tokenizer // of the texts that the model writes; nil: itself
	reads     *Tokenizer // whose vocabulary Decode reads; nil: its own

	pool *sync.Pool // of *work
}

// Special holds the ids of the tokens that play a part of their own; −1 where the tokenizer has none.
type Special struct {
	BOS, EOS, PAD, UNK, SEP, CLS, Mask int
}

// noSpecial is a Special without any token.
func noSpecial() Special { return Special{-1, -1, -1, -1, -1, -1, -1} }

// Options says how a text is encoded. The zero value treats it as plain text.
type Options struct {
	// AddSpecial adds the tokens that the post-processor puts around a text, such as one for its beginning.
	AddSpecial bool
	// ParseSpecial turns special tokens spelled out in the text into their ids. Leave it off for text from others:
	// they could otherwise end a turn or open one. Added tokens that are not special are found either way.
	ParseSpecial bool
}

// Span is a range of bytes, Start included and End not.
type Span struct{ Start, End int }

// Encoding is a text in tokens. All slices have one element for each token.
type Encoding struct {
	IDs     []int
	Offsets []Span // bytes of the text that the token stands for; empty for tokens that were added around it
	TypeIDs []int  // segment: 0 for the first text, mostly 1 for the second of a pair
	Special []bool // whether the token was added around the text
}

// Encode returns the ids of text, with special tokens found in the text and added around it. It is
// AppendEncode(nil, text, Options{AddSpecial: true, ParseSpecial: true}).
func (t *Tokenizer) Encode(text string) ([]int, error) {
	return t.AppendEncode(nil, text, Options{AddSpecial: true, ParseSpecial: true})
}

// maxText is the length of the longest text: what the normalizer may make of it must have offsets of 32 bits.
const maxText = (1<<31 - 1 - growBytes) / growFactor

// AppendEncode appends the ids of text to dst and returns the extended slice. An error is possible only where
//
//   - text is longer than 63 MiB,
//   - the tokenizer's file has regular expressions that take too long on it: more than two seconds, and two more for each
//     MiB,
//   - its normalizer and pre-tokenizer make more than 32 bytes of each byte of text, and 64 KiB, or its model more tokens,
//   - the model has no token for part of it, and the file names an unknown token that is not there.
//
// dst is then returned as it was.
//
// Input that is no UTF-8 is read as though each broken character were U+FFFD, except by a byte-level tokenizer without
// normalizer, which keeps the bytes.
func (t *Tokenizer) AppendEncode(dst []int, text string, o Options) ([]int, error) {
	w := t.lend()
	defer t.giveBack(w)
	if err := t.encode(w, text, o, false); err != nil {
		return dst, err
	}
	if !o.AddSpecial {
		return append(dst, w.ids...), nil
	}
	for _, item := range t.post.single {
		if item.sequence >= 0 {
			dst = append(dst, w.ids...)
		} else {
			dst = append(dst, item.ids...)
		}
	}
	return dst, nil
}

// EncodeWithOffsets returns the tokens of text with the bytes that each stands for.
func (t *Tokenizer) EncodeWithOffsets(text string, o Options) (*Encoding, error) {
	return t.encodeAll(o, t.post.single, text)
}

// EncodePair returns the tokens of two texts put together the way the post-processor says, as for question answering
// and sentence pairs. Offsets count from the start of the text that the token is from.
func (t *Tokenizer) EncodePair(first, second string, o Options) (*Encoding, error) {
	return t.encodeAll(o, t.post.pair, first, second)
}

func (t *Tokenizer) encodeAll(o Options, template []templateItem, texts ...string) (*Encoding, error) {
	w := t.lend()
	defer t.giveBack(w)
	parts := make([]Encoding, len(texts))
	for i, text := range texts {
		if err := t.encode(w, text, o, true); err != nil {
			return nil, err
		}
		parts[i].IDs = slices.Clone(w.ids)
		parts[i].Offsets = make([]Span, len(w.spans))
		for k, s := range w.spans {
			parts[i].Offsets[k] = Span{int(s.start), int(s.end)}
		}
		if t.post.trim {
			t.trimOffsets(text, parts[i].Offsets, w.ids)
		}
	}
	e := new(Encoding)
	for _, item := range template {
		if item.sequence >= 0 {
			p := &parts[item.sequence]
			e.append(p.IDs, p.Offsets, item.typeID, false)
		} else if o.AddSpecial {
			e.append(item.ids, make([]Span, len(item.ids)), item.typeID, true)
		}
	}
	return e, nil
}

func (e *Encoding) append(ids []int, offsets []Span, typeID int, special bool) {
	e.IDs = append(e.IDs, ids...)
	e.Offsets = append(e.Offsets, offsets...)
	for range ids {
		e.TypeIDs = append(e.TypeIDs, typeID)
		e.Special = append(e.Special, special)
	}
}

// lend returns work memory for one call.
func (t *Tokenizer) lend() *work {
	if w, ok := t.pool.Get().(*work); ok {
		return w
	}
	return &work{cache: new(wordCache)}
}

// giveBack keeps work memory for a later call, unless a long text or word has made it large.
func (t *Tokenizer) giveBack(w *work) {
	if cap(w.text.b) <= 4<<20 && cap(w.symbol) <= 1<<16 && cap(w.cells) <= 1<<16 {
		t.pool.Put(w)
	}
}

// encode leaves the ids of text in w.ids, and, tracked, their source ranges in w.spans.
func (t *Tokenizer) encode(w *work, text string, o Options, track bool) error {
	w.ids, w.spans, w.failed = w.ids[:0], w.spans[:0], nil
	w.text.search = searchTime{}
	if len(text) > maxText {
		return fmt.Errorf("tokenizer: text of %d bytes; at most %d are supported", len(text), maxText)
	}
	var moved []int32
	if !t.rawBytes && !utf8.ValidString(text) {
		text, moved = replaceInvalid(text)
	}
	w.reserve(len(text))
	if w.guard = nil; !o.ParseSpecial {
		w.guard = t.guard
	}
	w.text.allow(len(text))
	w.text.reset(text, 0, false)
	w.chunks = t.added.find(w.chunks[:0], t.added.raw, w.text.b, o.ParseSpecial)
	for i := 0; i < len(w.chunks); i++ {
		c := w.chunks[i]
		if c.added >= 0 {
			w.emitAdded(t, c.added, span{c.start, c.end}, track)
			continue
		}
		if err := t.encodeChunk(w, text[c.start:c.end], int(c.start), o, track); err != nil {
			return err
		}
	}
	for i, s := range w.spans {
		if moved != nil {
			w.spans[i] = span{moved[s.start], moved[s.end]}
		}
	}
	return nil
}

func (w *work) emitAdded(t *Tokenizer, k int, at span, track bool) {
	w.emitApart(t.added.tokens[k].ID, at, track)
}

// emitApart appends a token that the model has no part in.
func (w *work) emitApart(id int, at span, track bool) {
	if w.marks != nil {
		w.marks.begin()
	}
	w.ids = append(w.ids, id)
	if track {
		w.spans = append(w.spans, at)
	}
}

// encodeChunk encodes a stretch without raw added tokens, which starts at byte base of the text.
func (t *Tokenizer) encodeChunk(w *work, s string, base int, o Options, track bool) error {
	if t.prefixed && o.ParseSpecial {
		if n := languagePrefix(s); n > 0 {
			t.emitPrefix(w, s[:n], base, track)
			s, base = s[n:], base+n
		}
	}
	w.text.reset(s, base, track)
	if t.normalizer != nil {
		if err := t.normalizer.normalize(&w.text); err != nil {
			return err
		}
	}
	if err := w.text.check(); err != nil {
		return err
	}
	if t.added.normalized.empty {
		return t.encodePiece(w, base)
	}
	return t.encodeNormalized(w, base, o)
}

// encodeNormalized finds added tokens in the normalised text and encodes what lies between them.
func (t *Tokenizer) encodeNormalized(w *work, base int, o Options) error {
	from := len(w.chunks)
	w.chunks = t.added.find(w.chunks, t.added.normalized, w.text.b, o.ParseSpecial)
	chunks := w.chunks[from:]
	w.chunks = w.chunks[:from]
	if len(chunks) == 0 || len(chunks) == 1 && chunks[0].added < 0 {
		return t.encodePiece(w, base)
	}
	whole := text{b: bytes.Clone(w.text.b), align: slices.Clone(w.text.align), track: w.text.track}
	chunks = slices.Clone(chunks)
	for _, c := range chunks {
		if c.added >= 0 {
			at := span{}
			if whole.track {
				at = whole.source(int(c.start), int(c.end))
			}
			w.emitAdded(t, c.added, at, whole.track)
			continue
		}
		w.text.b = append(w.text.b[:0], whole.b[c.start:c.end]...)
		if whole.track {
			w.text.align = append(w.text.align[:0], whole.align[c.start:c.end]...)
		}
		if err := t.encodePiece(w, base+int(c.start)); err != nil {
			return err
		}
	}
	return nil
}

// encodePiece pre-tokenizes the text in hand and runs the model.
func (t *Tokenizer) encodePiece(w *work, base int) error {
	if len(w.text.b) == 0 {
		return nil
	}
	w.base = base
	w.pieces = append(w.pieces[:0], piece{0, int32(len(w.text.b))})
	if t.preTokenizer != nil {
		if err := t.preTokenizer.split(w); err != nil {
			return err
		}
	}
	if err := w.text.spend(); err != nil {
		return err
	}
	w.encodePieces(t.model)
	return w.failed
}

// replaceInvalid returns s with U+FFFD for what is no UTF-8, and for each byte of the result, and its end, the place
// in s.
func replaceInvalid(s string) (string, []int32) {
	var out []byte
	var moved []int32
	for i := 0; i < len(s); {
		n := 1
		if s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if n = size; r == utf8.RuneError && size == 1 {
				n = brokenLen([]byte(s[i:min(i+4, len(s))]))
			}
		}
		was := len(out)
		out = appendValid(out, []byte(s[i:i+n]))
		for range len(out) - was {
			moved = append(moved, int32(i))
		}
		i += n
	}
	return string(out), append(moved, int32(len(s)))
}

// VocabSize returns one more than the largest id, added tokens included. A model's embedding may have more rows.
func (t *Tokenizer) VocabSize() int {
	n := t.vocab.size()
	for _, a := range t.added.tokens {
		n = max(n, a.ID+1)
	}
	return n
}

// Token returns the token with an id as the vocabulary writes it, such as "Ġthe" or "▁the".
func (t *Tokenizer) Token(id int) (string, bool) {
	if i, ok := t.added.index(id); ok {
		return t.added.tokens[i].Content, true
	}
	if s, ok := t.foreign[id]; ok {
		return s, true
	}
	if !t.vocab.contains(id) {
		return "", false
	}
	if t.byteLevel {
		return string(appendAlphabet(nil, t.vocab.bytes(id))), true
	}
	return string(t.vocab.bytes(id)), true
}

// TokenID returns the id of a token as the vocabulary writes it.
func (t *Tokenizer) TokenID(token string) (int, bool) {
	if id, ok := t.addedIDs[token]; ok {
		return id, true
	}
	key := []byte(token)
	if t.byteLevel {
		raw, ok := appendFromAlphabet(nil, key)
		if !ok {
			return 0, false
		}
		key = raw
	}
	id, ok := t.vocab.find(key)
	return int(id), ok
}

// AddedTokens returns the tokens that are found in the text before the model sees it, in order of their ids.
func (t *Tokenizer) AddedTokens() []AddedToken { return slices.Clone(t.added.tokens) }

// Special returns the ids of the tokens that play a part of their own.
func (t *Tokenizer) Special() Special { return t.special }
