package tokenizer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
)

// Tokenizer turns text into token ids and back. It does not change, and several goroutines may use it at once.
type Tokenizer struct {
	normalizer       normalize.Normalizer  // nil: none
	preTokenizer     pretoken.PreTokenizer // nil: none
	model            models.Model
	vocab            *models.Vocab
	byteLevel        bool           // the vocabulary is held as the bytes that GPT-2's alphabet writes
	rawBytes         bool           // input that is no UTF-8 reaches the model as it is
	foreign          map[int]string // tokens outside GPT-2's alphabet in a byte-level vocabulary
	added            *added.Tokens
	addedIDs         map[string]int // ids of added and foreign tokens
	addedBytes       [][]byte       // what the decoder starts from for each added token
	post             post.Processor
	decoder          decode.Chain
	decodesBytes     bool // the decoder starts from bytes
	special          plan.Special
	splitSpecial     bool // the files ask for special tokens in a text to be text
	cutLeft, padLeft bool
	noTypes          bool
	guard            *models.Guard // nil: no special tokens that the model could make of text

	languages *languages.Languages // nil: none
	prefixed  bool                 // a text may begin with the code of a language, >>fra<<
	target    *Tokenizer           // of the texts that the model writes; nil: itself
	reads     *Tokenizer           // whose vocabulary Decode reads; nil: its own

	pool *sync.Pool // of *work
}

// Special holds the ids of the special tokens; −1 where the tokenizer has none.
type Special struct {
	BOS, EOS, PAD, UNK, SEP, CLS, Mask int
}

// AddedToken is a token that is found in the text before the model sees it.
type AddedToken struct {
	ID      int
	Content string

	Special    bool // a control token, such as the end of a text
	SingleWord bool // found only where no word character is next to it
	LStrip     bool // includes the white space before it
	RStrip     bool // includes the white space after it
	Normalized bool // normalised itself, and looked for in the normalised text
}

// Options say how a text is encoded. The zero value treats it as plain text.
type Options struct {
	// AddSpecial adds the tokens that the post-processor puts around a text, such as BOS.
	AddSpecial bool
	// ParseSpecial turns special tokens spelled out in the text into their ids. Leave it off for text that you do not
	// trust: it could end a turn or begin one. Added tokens that are not special are found either way.
	ParseSpecial bool
	// IgnoreAdded finds no added tokens in the text, special or not: such as <tool_call>, which is not special in the
	// tokenizers of Qwen.
	IgnoreAdded bool
}

// Span is a range of bytes, from Start to before End.
type Span struct{ Start, End int }

// Encoding is a text in tokens. All slices have one element for each token.
type Encoding struct {
	IDs     []int
	Offsets []Span // bytes of the text that the token stands for; empty for tokens added around the text
	TypeIDs []int  // segment: 0 for the first text, usually 1 for the second text of a pair
	Special []bool // whether the token was added around the text
}

// Encode returns the ids of text. It parses special tokens in the text and adds those around it: it is
// AppendEncode(nil, text, Options{AddSpecial: true, ParseSpecial: true}).
func (t *Tokenizer) Encode(text string) ([]int, error) {
	return t.AppendEncode(nil, text, Options{AddSpecial: true, ParseSpecial: true})
}

// maxText is the length of the longest text: what the normalizer may make of it must have offsets of 32 bits.
const maxText = (1<<31 - 1 - buffer.GrowBytes) / buffer.GrowFactor

// AppendEncode appends the ids of text to dst and returns the extended slice. It returns dst as it was, and an error,
// only if
//
//   - text is longer than 63 MiB,
//   - regular expressions in the tokenizer's file take too long: more than 16 million steps, and 256 more for each byte
//     that they search,
//   - the normalizer and the pre-tokenizer make more than 32 bytes from each byte of text, and 64 KiB, or the model
//     makes more tokens than that,
//   - the model has no token for a part of the text, and the unknown token named in the file does not exist.
//
// Invalid UTF-8 is read as U+FFFD for each broken character. A byte-level tokenizer without a normalizer keeps the
// bytes instead.
func (t *Tokenizer) AppendEncode(dst []int, text string, o Options) ([]int, error) {
	w := t.lend()
	defer t.giveBack(w)
	if err := t.encode(w, text, o, false); err != nil {
		return dst, err
	}
	if !o.AddSpecial {
		return append(dst, w.Ids...), nil
	}
	for _, item := range t.post.Single {
		if item.Sequence >= 0 {
			dst = append(dst, w.Ids...)
		} else {
			dst = append(dst, item.After(w.Ids)...)
		}
	}
	return dst, nil
}

// EncodeWithOffsets returns the tokens of text, each with the bytes of text that it stands for. Errors are those of
// [Tokenizer.AppendEncode].
func (t *Tokenizer) EncodeWithOffsets(text string, o Options) (*Encoding, error) {
	return t.encodeAll(o, t.post.Single, text)
}

// EncodePair returns the tokens of two texts joined by the post-processor, as for question answering and sentence
// pairs. Offsets count from the start of the text that a token is from. Errors are those of [Tokenizer.AppendEncode].
func (t *Tokenizer) EncodePair(first, second string, o Options) (*Encoding, error) {
	return t.encodeAll(o, t.post.Pair, first, second)
}

func (t *Tokenizer) encodeAll(o Options, template []post.Item, texts ...string) (*Encoding, error) {
	w := t.lend()
	defer t.giveBack(w)
	parts := make([]Encoding, len(texts))
	for i, text := range texts {
		if err := t.encode(w, text, o, true); err != nil {
			return nil, err
		}
		parts[i].IDs = slices.Clone(w.Ids)
		parts[i].Offsets = make([]Span, len(w.Spans))
		for k, s := range w.Spans {
			parts[i].Offsets[k] = Span{int(s.Start), int(s.End)}
		}
		if t.post.Trim {
			t.trimOffsets(text, parts[i].Offsets, w.Ids)
		}
	}
	e, last := new(Encoding), []int(nil)
	for _, item := range template {
		if item.Sequence >= 0 {
			p := &parts[item.Sequence]
			last = p.IDs
			e.append(p.IDs, p.Offsets, item.TypeID, false)
		} else if o.AddSpecial {
			ids := item.After(last)
			e.append(ids, make([]Span, len(ids)), item.TypeID, true)
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

// work is the memory of one call; a Tokenizer lends each call its own.
type work struct {
	models.Work
	chunks []added.Chunk
	marks  *wordMarks // of the call in hand; nil: words are not asked for
}

// lend returns work memory for one call.
func (t *Tokenizer) lend() *work {
	if w, ok := t.pool.Get().(*work); ok {
		return w
	}
	return &work{Work: models.NewModelWork()}
}

// giveBack keeps work memory for a later call, unless a long text or word has made it large.
func (t *Tokenizer) giveBack(w *work) {
	if cap(w.Text.B) <= 4<<20 && cap(w.Symbol) <= 1<<16 && cap(w.Cells) <= 1<<16 {
		t.pool.Put(w)
	}
}

// encode leaves the ids of text in w.ids, and, tracked, their source ranges in w.spans.
func (t *Tokenizer) encode(w *work, text string, o Options, track bool) error {
	w.Ids, w.Spans, w.Failed = w.Ids[:0], w.Spans[:0], nil
	w.Text.Search = buffer.Search{}
	if len(text) > maxText {
		return fmt.Errorf("tokenizer: text of %d bytes; at most %d are supported", len(text), maxText)
	}
	var moved []int32
	if !t.rawBytes && !utf8.ValidString(text) {
		text, moved = replaceInvalid(text)
	}
	w.Reserve(len(text))
	if w.Guard = nil; !o.ParseSpecial {
		w.Guard = t.guard
	}
	o.ParseSpecial = o.ParseSpecial && !t.splitSpecial
	w.Text.Allow(len(text))
	w.Text.Reset(text, 0, false)
	if o.ParseSpecial = o.ParseSpecial && !o.IgnoreAdded; o.IgnoreAdded {
		w.chunks = append(w.chunks[:0], added.Chunk{Piece: buffer.Piece{End: int32(len(text))}, Added: -1})
	} else {
		w.chunks = t.added.Find(w.chunks[:0], t.added.Raw, w.Text.B, o.ParseSpecial)
	}
	for i := 0; i < len(w.chunks); i++ {
		c := w.chunks[i]
		if c.Added >= 0 {
			w.emitAdded(t, c.Added, buffer.Span{Start: c.Start, End: c.End}, track)
			continue
		}
		if err := t.encodeChunk(w, text[c.Start:c.End], int(c.Start), o, track); err != nil {
			return err
		}
	}
	for i, s := range w.Spans {
		if moved != nil {
			w.Spans[i] = buffer.Span{Start: moved[s.Start], End: moved[s.End]}
		}
	}
	return nil
}

func (w *work) emitAdded(t *Tokenizer, k int, at buffer.Span, track bool) {
	w.emitApart(t.added.Tokens[k].ID, at, track)
}

// emitApart appends a token that the model has no part in.
func (w *work) emitApart(id int, at buffer.Span, track bool) {
	if w.marks != nil {
		w.marks.begin()
	}
	w.Ids = append(w.Ids, id)
	if track {
		w.Spans = append(w.Spans, at)
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
	w.Text.Reset(s, base, track)
	if t.normalizer != nil {
		if err := t.normalizer.Normalize(&w.Text); err != nil {
			return err
		}
	}
	if err := w.Text.Check(); err != nil {
		return err
	}
	if t.added.Normalized.Empty || o.IgnoreAdded {
		return t.encodePiece(w)
	}
	return t.encodeNormalized(w, o)
}

// encodeNormalized finds added tokens in the normalised text and encodes what lies between them.
func (t *Tokenizer) encodeNormalized(w *work, o Options) error {
	from := len(w.chunks)
	w.chunks = t.added.Find(w.chunks, t.added.Normalized, w.Text.B, o.ParseSpecial)
	chunks := w.chunks[from:]
	w.chunks = w.chunks[:from]
	if len(chunks) == 0 || len(chunks) == 1 && chunks[0].Added < 0 {
		return t.encodePiece(w)
	}
	whole := buffer.Text{B: bytes.Clone(w.Text.B), Align: slices.Clone(w.Text.Align), Track: w.Text.Track, Start: w.Text.Start}
	chunks = slices.Clone(chunks)
	for _, c := range chunks {
		if c.Added >= 0 {
			at := buffer.Span{}
			if whole.Track {
				at = whole.Source(int(c.Start), int(c.End))
			}
			w.emitAdded(t, c.Added, at, whole.Track)
			continue
		}
		w.Text.Start = whole.Start && c.Start == 0
		w.Text.B = append(w.Text.B[:0], whole.B[c.Start:c.End]...)
		if whole.Track {
			w.Text.Align = append(w.Text.Align[:0], whole.Align[c.Start:c.End]...)
		}
		if err := t.encodePiece(w); err != nil {
			return err
		}
	}
	return nil
}

// encodePiece pre-tokenizes the text in hand and runs the model.
func (t *Tokenizer) encodePiece(w *work) error {
	if len(w.Text.B) == 0 {
		return nil
	}
	w.Pieces = append(w.Pieces[:0], buffer.Piece{Start: 0, End: int32(len(w.Text.B))})
	if t.preTokenizer != nil {
		if err := t.preTokenizer.Split(&w.State); err != nil {
			return err
		}
	}
	if err := w.Text.Spend(); err != nil {
		return err
	}
	w.EncodePieces(t.model)
	return w.Failed
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
				n = chars.BrokenLen([]byte(s[i:min(i+4, len(s))]))
			}
		}
		was := len(out)
		out = chars.AppendValid(out, []byte(s[i:i+n]))
		for range len(out) - was {
			moved = append(moved, int32(i))
		}
		i += n
	}
	return string(out), append(moved, int32(len(s)))
}

// VocabSize returns the largest id plus 1, added tokens included. A model's embedding may have more rows.
func (t *Tokenizer) VocabSize() int {
	n := t.vocab.Size()
	for _, a := range t.added.Tokens {
		n = max(n, a.ID+1)
	}
	return n
}

// Token returns the token with the given id in the spelling of the vocabulary, such as "Ġthe" or "▁the".
func (t *Tokenizer) Token(id int) (string, bool) {
	if i, ok := t.added.Index(id); ok {
		return t.added.Tokens[i].Content, true
	}
	if s, ok := t.foreign[id]; ok {
		return s, true
	}
	if !t.vocab.Contains(id) {
		return "", false
	}
	if t.byteLevel {
		return string(chars.AppendAlphabet(nil, t.vocab.Bytes(id))), true
	}
	return string(t.vocab.Bytes(id)), true
}

// TokenID returns the id of a token in the spelling of the vocabulary.
func (t *Tokenizer) TokenID(token string) (int, bool) {
	if id, ok := t.addedIDs[token]; ok {
		return id, true
	}
	key := []byte(token)
	if t.byteLevel {
		raw, ok := chars.AppendFromAlphabet(nil, key)
		if !ok {
			return 0, false
		}
		key = raw
	}
	id, ok := t.vocab.Find(key)
	return int(id), ok
}

// AddedTokens returns the tokens that are found in the text before the model sees it, sorted by id.
func (t *Tokenizer) AddedTokens() []AddedToken {
	list := make([]AddedToken, len(t.added.Tokens))
	for i, a := range t.added.Tokens {
		list[i] = AddedToken(a)
	}
	return list
}

// Special returns the ids of the special tokens.
func (t *Tokenizer) Special() Special { return Special(t.special) }

// languagePrefix returns the length of the code >>fra<< that s starts with, or 0.
func languagePrefix(s string) int {
	if !strings.HasPrefix(s, ">>") {
		return 0
	}
	if i := strings.Index(s, "<<"); i >= 0 {
		return i + 2
	}
	return 0
}

// emitPrefix emits the token of a language's code.
func (t *Tokenizer) emitPrefix(w *work, code string, base int, track bool) {
	id, ok := t.TokenID(code)
	if !ok {
		id = t.special.UNK
	}
	w.emitApart(id, buffer.Span{Start: int32(base), End: int32(base + len(code))}, track)
}

// Side is an end of a text.
type Side uint8

const (
	Right Side = iota // its end
	Left              // its beginning
)

// TruncationSide returns the side on which the tokenizer's files ask for texts to be cut that are too long. [Truncation]
// takes it; nothing is cut by itself.
func (t *Tokenizer) TruncationSide() Side { return sideOf(t.cutLeft) }

// PaddingSide returns the side on which the tokenizer's files, or its class, ask for the texts of a batch to be padded.
func (t *Tokenizer) PaddingSide() Side { return sideOf(t.padLeft) }

func sideOf(left bool) Side {
	if left {
		return Left
	}
	return Right
}

// ReadsTypes reports whether the model is to be given the types of tokens, [Encoding.TypeIDs]: model_input_names, or the
// tokenizer's class, may leave them out.
func (t *Tokenizer) ReadsTypes() bool { return !t.noTypes }

// WithLowercase returns a tokenizer that lower-cases text before its own normalizer, character by character, but not the
// special tokens in it. It shares all else with t, which stays as it is.
func (t *Tokenizer) WithLowercase() *Tokenizer {
	c := *t
	c.normalizer, c.rawBytes = normalize.Lowercased(t.normalizer), false
	return &c
}
