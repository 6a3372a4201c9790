// Package added finds added tokens, such as <|im_end|>, in a text before the model sees it.
package added

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// Token is a token found in the text before the model sees it.
type Token struct {
	ID      int
	Content string

	Special    bool // carries no text of its own: control tokens such as the end of a text
	SingleWord bool // only where no word character stands beside it
	LStrip     bool // takes the white space before it
	RStrip     bool // takes the white space after it
	Normalized bool // looked for in the normalised text, and itself normalised
}

const (
	maxAddedBytes  = 1 << 9  // longest added token; a search at each byte of a text takes as many steps
	MaxMergedBytes = 1 << 12 // longest piece that SentencePiece's merges make up
)

// Tokens finds added tokens in a text.
type Tokens struct {
	Tokens     []Token
	Texts      []string    // what each decodes as: those looked for in the normalised text are normalised
	byID       map[int]int // index in tokens
	min, max   int         // ids lie between
	Raw        *trie.Set   // those looked for in the text as given
	Normalized *trie.Set
}

// Chunk is a stretch of a text: an added token, or what lies between two.
type Chunk struct {
	buffer.Piece
	Added int // index of the added token, −1 for text
}

func New(tokens []Token, n normalize.Normalizer) (*Tokens, error) {
	a := &Tokens{Tokens: tokens, byID: make(map[int]int, len(tokens)), Raw: trie.NewSet(), Normalized: trie.NewSet()}
	for i, k := range tokens {
		if i == 0 {
			a.min = k.ID
		}
		a.min, a.max = min(a.min, k.ID), max(a.max, k.ID)
	}
	var t buffer.Text
	given, made := 0, 0 // bytes before and after normalisation
	for i, k := range tokens {
		if len(k.Content) > maxAddedBytes {
			return nil, fmt.Errorf("added token %d has %d bytes; at most %d are supported", k.ID, len(k.Content), maxAddedBytes)
		}
		a.byID[k.ID] = i
		a.Texts = append(a.Texts, k.Content)
		if k.Content == "" {
			continue
		}
		if !k.Normalized {
			a.Raw.Add(k.Content, i)
			continue
		}
		if n == nil {
			if _, n := a.Normalized.Longest([]byte(k.Content)); n < len(k.Content) {
				a.Normalized.Add(k.Content, i)
			}
			continue
		}
		t.Allow(len(k.Content))
		t.Reset(k.Content, 0, false)
		if err := n.Normalize(&t); err != nil {
			return nil, err
		}
		if err := CheckLen(k.ID, len(t.B)); err != nil {
			return nil, err
		}
		if err := t.Check(); err != nil {
			return nil, err
		}
		a.Texts[i] = string(t.B)
		given, made = given+len(k.Content), made+len(t.B)
		if most := buffer.GrowFactor*given + buffer.GrowBytes; made > most {
			return nil, fmt.Errorf("normalizing makes more than %d bytes of the added tokens' %d", most, given)
		}
		if len(t.B) > 0 {
			if _, n := a.Normalized.Longest(t.B); n < len(t.B) { // of tokens that fold alike the first counts
				a.Normalized.Add(string(t.B), i)
			}
		}
	}
	return a, nil
}

func CheckLen(id, n int) error {
	if n > maxAddedBytes {
		return fmt.Errorf("added token %d has %d bytes; at most %d are supported", id, n, maxAddedBytes)
	}
	return nil
}

// Index returns the place of an id in tokens.
func (a *Tokens) Index(id int) (int, bool) {
	if id < a.min || id > a.max {
		return 0, false
	}
	i, ok := a.byID[id]
	return i, ok
}

// Find appends the chunks of b to dst; of several tokens at one place the longest counts. Special tokens are passed
// over unless special is set.
func (a *Tokens) Find(dst []Chunk, t *trie.Set, b []byte, special bool) []Chunk {
	done := 0
	blankFrom, blankTo := 0, -1 // a run of white space that has been seen
	for i := 0; i < len(b); {
		i += t.Skip(b[i:])
		if i == len(b) {
			break
		}
		k, n := t.Longest(b[i:])
		if k < 0 {
			i++
			continue
		}
		start, end := i, i+n
		i = end
		tok := &a.Tokens[k]
		if tok.Special && !special || tok.SingleWord && (wordEnds(b[:start]) || wordStarts(b[end:])) {
			continue
		}
		if tok.LStrip {
			start = min(end, done+len(bytes.TrimRightFunc(b[min(done, start):start], chars.IsSpace)))
		}
		if tok.RStrip { // the white space may still be tokens of its own
			if end < blankFrom || end > blankTo {
				blankFrom, blankTo = end, len(b)-len(bytes.TrimLeftFunc(b[end:], chars.IsSpace))
			}
			end = blankTo
		}
		if start > done {
			dst = append(dst, Chunk{buffer.Piece{Start: int32(done), End: int32(start)}, -1})
		}
		dst = append(dst, Chunk{buffer.Piece{Start: int32(start), End: int32(end)}, k})
		done = end
	}
	if done < len(b) {
		dst = append(dst, Chunk{buffer.Piece{Start: int32(done), End: int32(len(b))}, -1})
	}
	return dst
}

func wordStarts(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	c, _ := chars.At(chars.Classes(), b, 0)
	return c&chars.Word != 0
}

func wordEnds(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	_, n := utf8.DecodeLastRune(b)
	return wordStarts(b[len(b)-n:])
}
