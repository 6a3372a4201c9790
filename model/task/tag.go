package task

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Tagger finds entities in texts: token classification, as in the pipeline of transformers 5.24. It may be
// used from several goroutines.
type Tagger struct {
	Preprocessor
	Strategy AggregationStrategy // NewTagger sets Simple

	// Ignore lists labels to leave out of the result, compared after grouping; NewTagger sets "O".
	Ignore []string

	// Stride, if above 0, reads a text that is too long in windows that overlap by Stride tokens, instead of
	// cutting it. Of overlapping entities from two windows the longer one is kept, or of equally long ones
	// the one with the higher score. It needs a Strategy other than None.
	Stride int
}

// Entity is a labelled part of a text.
type Entity struct {
	Label      string  // groups have no "B-" or "I-" in front
	Score      float32 // mean over the grouped words or tokens
	Start, End int     // byte offsets in the text
	Text       string  // the text from Start to End; transformers joins the tokens instead
}

// OpenTagger opens a checkpoint for token classification, as [model.OpenEncoder] does.
func OpenTagger(fsys fs.FS, opt model.Options) (*Tagger, error) {
	e, limit, err := open(fsys, opt, arch.TokenClassification)
	if err != nil {
		return nil, err
	}
	t, err := NewTagger(e)
	if err != nil {
		return nil, err
	}
	t.MaxTokens = limit
	return t, nil
}

// NewTagger makes a Tagger from an open encoder. It returns an error if the encoder was made for another
// task.
func NewTagger(e *model.Encoder) (*Tagger, error) {
	r, err := newPreprocessor(e, "Tagger", arch.TokenClassification)
	if err != nil {
		return nil, err
	}
	if n := outputs(e.Tokens); n != len(e.Labels) {
		return nil, fmt.Errorf("task: the encoder has %d labels for %d outputs", len(e.Labels), n)
	}
	return &Tagger{Preprocessor: r, Strategy: Simple, Ignore: []string{"O"}}, nil
}

// Tag returns the entities of each text, in order.
func (t *Tagger) Tag(texts ...string) ([][]Entity, error) {
	scored, err := t.Tokens(texts...)
	if err != nil {
		return nil, err
	}
	out := make([][]Entity, len(texts))
	for i, windows := range scored {
		for _, w := range windows {
			found := Aggregate(w, t.Encoder.Labels, t.Strategy)
			out[i] = append(out[i], slices.DeleteFunc(found, func(e Entity) bool { return slices.Contains(t.Ignore, e.Label) })...)
		}
		if len(windows) > 1 {
			out[i] = withoutOverlaps(out[i])
		}
		for k := range out[i] {
			out[i][k].Text = texts[i][out[i][k].Start:out[i][k].End]
		}
	}
	return out, nil
}

// Tokens returns the tokens of each text with their scores, one slice for each window. Special tokens added
// around the text are left out.
func (t *Tagger) Tokens(texts ...string) ([][][]TokenScores, error) {
	if t.Stride > 0 && t.Strategy == None {
		return nil, errors.New("task: Stride needs a Strategy other than None: windows overlap and are merged")
	}
	w, err := t.readWindows(len(texts), func(i int) ([]tokenizer.Window, error) { return t.windows(texts[i]) })
	if err != nil {
		return nil, err
	}
	out := make([][][]TokenScores, len(texts))
	for i := range out {
		out[i] = make([][]TokenScores, len(w.of[i]))
	}
	err = t.run(w.batch, func(n int, x tensor.Tensor, a *tensor.Arena) error {
		i, k := w.places[n][0], w.places[n][1]
		y := t.Encoder.Tokens.Forward(a, x)
		w := &w.of[i][k]
		for row, special := range w.Special {
			if special {
				continue
			}
			s := TokenScores{Span: w.Offsets[row], Scores: make([]float32, y.Shape.Last()), Subword: t.subword(texts[i], w, row)}
			vec.Softmax(s.Scores, y.Row(row))
			out[i][k] = append(out[i][k], s)
		}
		return nil
	})
	return out, err
}

func (t *Tagger) windows(text string) ([]tokenizer.Window, error) {
	if t.Stride > 0 {
		return t.tokenizer().Windows(whole(), tokenizer.Truncation{MaxTokens: t.MaxTokens, Stride: t.Stride, Side: t.Side}, text)
	}
	w, err := t.window(text)
	if err != nil {
		return nil, err
	}
	return []tokenizer.Window{*w}, nil
}

// subword reports whether a token goes on with the word before it, as the reference has it. If the tokenizer marks such
// tokens, every token counts whose text is not as long as what it stands for: "##s", and the spaces with a mask token.
// Otherwise it is one without a space before it.
func (t *Tagger) subword(text string, w *tokenizer.Window, row int) bool {
	id, at := w.IDs[row], w.Offsets[row]
	if id == t.Encoder.Tokenizer.Special().UNK {
		return false
	}
	if t.continues != "" {
		s, _ := t.Encoder.Tokenizer.Token(id)
		return utf8.RuneCountInString(s) != utf8.RuneCountInString(text[at.Start:at.End])
	}
	return at.Start > 0 && text[at.Start-1] != ' ' && (at.Start == len(text) || text[at.Start] != ' ')
}
