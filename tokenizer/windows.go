package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
)

// Truncation says how texts that are too long for a model are cut into windows.
type Truncation struct {
	MaxTokens int // length of a window, special tokens included; 0 means no limit
	Stride    int // number of tokens that a window shares with the one before it
	Cut       Cut
	Side      Side // where tokens are cut off; on the left, the first window has the end of the text
}

// Cut says which of two texts is cut. A single text is cut in any case.
type Cut uint8

const (
	// LongestFirst drops tokens from the end of the longer text until both fit. The rest is lost: a pair is one
	// window.
	LongestFirst Cut = iota
	OnlyFirst        // the first text is cut into windows, each with the whole second one
	OnlySecond       // the second text is cut into windows, each with the whole first one
)

// Window is one text, or two, in as many tokens as a model reads at once.
type Window struct {
	Encoding
	Texts []int // the text that each token is from, 0 or 1; −1 for added tokens
	Words []int // the number of the word (pre-token) in its text that each token is a part of; −1 for added tokens
}

// ErrTooLong is wrapped by the error of [Tokenizer.Windows] if no window is long enough.
var ErrTooLong = errors.New("the texts do not fit")

// Windows returns one text, or two joined as by [Tokenizer.EncodePair], in windows of at most c.MaxTokens tokens. The
// first window has the beginning of the text, the last one its end. Each window begins with the last c.Stride tokens of
// the cut text in the window before it. The windows are those of Hugging Face tokenizers 0.23 (truncation with
// overflowing tokens), except where LongestFirst cuts both texts: Hugging Face then also combines the windows of both.
//
// It returns the errors of EncodePair, and [ErrTooLong] if the special tokens and the text that is not cut leave no
// room, or the stride leaves no step. It panics if it does not get one or two texts.
func (t *Tokenizer) Windows(o Options, c Truncation, texts ...string) ([]Window, error) {
	if len(texts) != 1 && len(texts) != 2 {
		panic(fmt.Sprintf("tokenizer: Windows of %d texts; it takes one or two", len(texts)))
	}
	parts := make([]part, len(texts))
	for i, text := range texts {
		if err := t.encodePart(&parts[i], text, o); err != nil {
			return nil, err
		}
	}
	template := t.post.Single
	if len(texts) == 2 {
		template = t.post.Pair
	}
	room := math.MaxInt
	if c.MaxTokens > 0 {
		room = c.MaxTokens - countAdded(template, o)
	}
	if room < 0 {
		return nil, fmt.Errorf("tokenizer: %w: the tokens around them are more than %d", ErrTooLong, c.MaxTokens)
	}
	cut, spans, err := windows(parts, c, room)
	if err != nil {
		return nil, err
	}
	all := make([]Window, len(spans))
	for i, s := range spans {
		p := slices.Clone(parts)
		p[cut] = p[cut].slice(s)
		all[i] = assemble(template, p, o)
	}
	return all, nil
}

// countAdded returns the number of special tokens of a template.
func countAdded(template []post.Item, o Options) int {
	n := 0
	for _, item := range template {
		if o.AddSpecial {
			n += len(item.Ids)
		}
	}
	return n
}

// windows returns the text that is cut into windows, and those as ranges of its tokens. Of a pair it
// may shorten the other.
func windows(parts []part, c Truncation, room int) (int, []Span, error) {
	cut, other := 0, 0
	if len(parts) == 2 {
		if c.Cut == LongestFirst {
			n, m := longestFirst(len(parts[0].ids), len(parts[1].ids), room)
			parts[1] = parts[1].slice(c.Side.keep(m, len(parts[1].ids)))
			return 0, []Span{c.Side.keep(n, len(parts[0].ids))}, nil
		}
		if c.Cut == OnlySecond {
			cut = 1
		}
		other = len(parts[1-cut].ids)
	}
	n, total := room-other, len(parts[cut].ids)
	if total <= n {
		return cut, []Span{{0, total}}, nil
	}
	if n <= 0 || c.Stride < 0 || c.Stride >= n {
		return 0, nil, fmt.Errorf("tokenizer: %w: windows of %d tokens with a stride of %d leave %d to the text that is cut",
			ErrTooLong, c.MaxTokens, c.Stride, max(0, n))
	}
	var spans []Span
	for start := 0; ; start += n - c.Stride {
		end := min(start+n, total)
		if spans = append(spans, Span{start, end}); c.Side == Left {
			spans[len(spans)-1] = Span{total - end, total - start}
		}
		if end == total {
			return cut, spans, nil
		}
	}
}

// keep returns the n tokens of total that are kept.
func (s Side) keep(n, total int) Span {
	if s == Left {
		return Span{total - n, total}
	}
	return Span{0, n}
}

// longestFirst returns how many of n and m tokens are kept so that at most room are in all.
func longestFirst(n, m, room int) (int, int) {
	if n+m <= room {
		return n, m
	}
	short := min(n, m)
	long := room - short
	if long < short {
		short = room / 2
		long = short + room%2
	}
	if n > m {
		return long, short
	}
	return short, long
}

// part is one text in tokens, without those around it.
type part struct {
	ids     []int
	offsets []Span
	words   []int
}

func (p part) slice(s Span) part {
	return part{p.ids[s.Start:s.End], p.offsets[s.Start:s.End], p.words[s.Start:s.End]}
}

func (t *Tokenizer) encodePart(p *part, text string, o Options) error {
	w := t.lend()
	defer t.giveBack(w)
	marks := &wordMarks{Model: t.model, w: w}
	w.marks = marks
	err := t.with(marks).encode(w, text, o, true)
	w.marks = nil
	if err != nil {
		return err
	}
	p.ids = slices.Clone(w.Ids)
	p.offsets = make([]Span, len(w.Spans))
	for k, s := range w.Spans {
		p.offsets[k] = Span{int(s.Start), int(s.End)}
	}
	if t.post.Trim {
		t.trimOffsets(text, p.offsets, w.Ids)
	}
	p.words = marks.words()
	return nil
}

// with returns the tokenizer with another model.
func (t *Tokenizer) with(m models.Model) *Tokenizer {
	c := *t
	c.model = m
	return &c
}

// wordMarks notes at which token each pre-token begins: as a model it is asked for each once, and tokens found before
// the model are told to it.
type wordMarks struct {
	models.Model
	w      *work
	starts []int
}

func (m *wordMarks) Direct(piece []byte) (uint32, bool) {
	m.begin()
	return m.Model.Direct(piece)
}

// begin notes that a pre-token begins with the next token.
func (m *wordMarks) begin() { m.starts = append(m.starts, len(m.w.Ids)) }

// words returns the word of each token. A pre-token without tokens counts as a word too.
func (m *wordMarks) words() []int {
	words, next := make([]int, len(m.w.Ids)), 0
	for i := range words {
		for next < len(m.starts) && m.starts[next] <= i {
			next++
		}
		words[i] = next - 1
	}
	return words
}

// assemble puts the special tokens around the parts.
func assemble(template []post.Item, parts []part, o Options) Window {
	var w Window
	var last []int
	for _, item := range template {
		if item.Sequence < 0 {
			if o.AddSpecial {
				ids := item.After(last)
				w.append(ids, make([]Span, len(ids)), item.TypeID, true)
				for range ids {
					w.Texts, w.Words = append(w.Texts, -1), append(w.Words, -1)
				}
			}
			continue
		}
		p := &parts[item.Sequence]
		last = p.ids
		w.append(p.ids, p.offsets, item.TypeID, false)
		w.Words = append(w.Words, p.words...)
		for range p.ids {
			w.Texts = append(w.Texts, item.Sequence)
		}
	}
	return w
}

// SubwordPrefix returns the mark of a token that continues a word: "##" for WordPiece. It returns "" for models that
// mark the beginning of a word, or nothing.
func (t *Tokenizer) SubwordPrefix() string {
	if m, ok := t.model.(*models.WordPiece); ok {
		return m.Prefix
	}
	return ""
}
