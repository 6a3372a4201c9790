package task

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Answerer finds the answer to a question in a text: extractive question answering, as in the pipeline of
// transformers 4.57. It may be used from several goroutines.
type Answerer struct {
	Preprocessor      // MaxTokens is the length of a window; NewAnswerer sets at most 384
	Stride       int  // overlap of two windows, in tokens; −1 means half a window, at most 128
	MaxAnswer    int  // length of the longest answer, in tokens; NewAnswerer sets 15
	Impossible   bool // allows "no answer", an Answer with empty Text
	WithinWords  bool // allows answers to begin and end inside words
}

// Answer is a part of the text that answers the question.
//
// If the question spells out the class token, such as "[CLS]", that token may begin or end an answer, as in
// transformers. It then stands for the word of the text at the same place, or, if there is none, for its own
// place in the question, counted in characters. Such an answer may end before it starts: Text is then empty
// and End is less than Start.
type Answer struct {
	Text       string
	Start, End int // byte offsets in the text
	// Score is the probability that the answer begins and ends there, within its window of the text. If
	// several spans have the same text, their probabilities are added; the sum may exceed 1.
	Score float32
}

// Question is a question and the text that is to answer it.
type Question struct{ Question, Context string }

// OpenAnswerer opens a checkpoint for question answering, as [model.OpenEncoder] does.
func OpenAnswerer(fsys fs.FS, opt model.Options) (*Answerer, error) {
	e, limit, err := open(fsys, opt, arch.QuestionAnswering)
	if err != nil {
		return nil, err
	}
	a, err := NewAnswerer(e)
	if err != nil {
		return nil, err
	}
	a.MaxTokens = min(limit, a.MaxTokens)
	return a, nil
}

const answerTokens, answerStride, answerLength = 384, 128, 15 // the reference's

// NewAnswerer makes an Answerer from an open encoder. It returns an error if the encoder was made for another
// task.
func NewAnswerer(e *model.Encoder) (*Answerer, error) {
	r, err := newPreprocessor(e, "Answerer", arch.QuestionAnswering)
	if err != nil {
		return nil, err
	}
	r.MaxTokens = min(r.MaxTokens, answerTokens)
	return &Answerer{Preprocessor: r, Stride: -1, MaxAnswer: answerLength}, nil
}

// Answer returns the n best answers found in the text, the best first. There may be fewer, or none. A text
// that is too long is read in windows, each with the whole question; with Strict it is an error. A question
// that leaves no room in a window is an error.
func (a *Answerer) Answer(question, text string, n int) ([]Answer, error) {
	all, err := a.AnswerAll([]Question{{question, text}}, n)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// AnswerAll is [Answerer.Answer] for many questions.
func (a *Answerer) AnswerAll(questions []Question, n int) ([][]Answer, error) {
	if n < 1 || a.MaxAnswer < 1 {
		return nil, fmt.Errorf("task: asked for %d answers of at most %d tokens; both must be at least 1", n, a.MaxAnswer)
	}
	w, err := a.readWindows(len(questions), func(i int) ([]tokenizer.Window, error) { return a.windows(questions[i]) })
	if err != nil {
		return nil, err
	}
	spans := make([][]windowSpans, len(questions))
	for i := range spans {
		spans[i] = make([]windowSpans, len(w.of[i]))
	}
	err = a.run(w.batch, func(s int, x tensor.Tensor, arena *tensor.Arena) error {
		i, k := w.places[s][0], w.places[s][1]
		y := a.Encoder.Tokens.Forward(arena, x)
		spans[i][k] = a.spans(&w.of[i][k], y, n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([][]Answer, len(questions))
	for i, q := range questions {
		out[i] = a.merge(q, w.of[i], spans[i], n)
	}
	return out, nil
}

func (a *Answerer) windows(q Question) ([]tokenizer.Window, error) {
	if strings.TrimSpace(q.Question) == "" || strings.TrimSpace(q.Context) == "" {
		return nil, errors.New("the question or the text is empty")
	}
	stride := a.Stride
	if stride < 0 {
		stride = min(a.MaxTokens/2, answerStride)
	}
	c := tokenizer.Truncation{MaxTokens: a.MaxTokens, Stride: stride, Cut: tokenizer.OnlySecond, Side: a.Side}
	w, err := a.tokenizer().Windows(whole(), c, q.Question, q.Context)
	if err == nil && a.Strict && len(w) > 1 {
		err = fmt.Errorf("%w: question and text take %d windows of %d tokens", ErrTooLong, len(w), a.MaxTokens)
	}
	return w, err
}

// windowSpans are the best spans of one window, in tokens, and the score of having no answer in it.
type windowSpans struct {
	spans []tokenSpan
	null  float32
}

type tokenSpan struct {
	first, last int
	score       float32
}

// spans returns the best spans of a window, given the scores for being first and last, [T, 2].
func (a *Answerer) spans(w *tokenizer.Window, y tensor.Tensor, n int) windowSpans {
	cls := a.Encoder.Tokenizer.Special().CLS
	allowed := make([]bool, len(w.IDs))
	for i, id := range w.IDs {
		allowed[i] = w.Texts[i] == 1 || cls >= 0 && id == cls
	}
	start, end := position(y, 0, allowed), position(y, 1, allowed)
	out := windowSpans{null: start[0] * end[0]}
	start[0], end[0] = 0, 0
	if !a.WithinWords {
		n = 2*n + 10 // spans of the same words become one
	}
	best := topk.NewTopFunc(n, betterSpan)
	for i, s := range start {
		if s == 0 {
			continue
		}
		for j := i; j < min(i+a.MaxAnswer, len(end)); j++ {
			if end[j] > 0 {
				best.Offer(tokenSpan{i, j, s * end[j]})
			}
		}
	}
	out.spans = best.Sorted()
	return out
}

// betterSpan orders spans by score, and those with equal scores by where they begin, then by where they end.
func betterSpan(a, b tokenSpan) int {
	return cmp.Or(cmp.Compare(b.score, a.score), a.first-b.first, a.last-b.last)
}

// position returns the softmax of column c over the tokens that are allowed; the others have 0.
func position(y tensor.Tensor, c int, allowed []bool) []float32 {
	x := make([]float32, y.Rows())
	largest := math.Inf(-1)
	for i := range x {
		if x[i] = y.Row(i)[c]; allowed[i] {
			largest = max(largest, float64(x[i]))
		}
	}
	sum := 0.0
	for i := range x {
		if e := math.Exp(float64(x[i]) - largest); allowed[i] {
			x[i] = float32(e)
			sum += e
		} else {
			x[i] = 0
		}
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / max(sum, math.SmallestNonzeroFloat64))
	}
	return x
}

// merge makes answers of the spans of all windows: those with the same text, but for case, are one.
func (a *Answerer) merge(q Question, windows []tokenizer.Window, all []windowSpans, n int) []Answer {
	var out []Answer
	var sums []float64 // the score of each
	at := map[string]int{}
	null := float32(math.Inf(1))
	for i, w := range all {
		null = min(null, w.null)
		for _, s := range w.spans {
			start, end := a.bytes(q, &windows[i], s)
			text := ""
			if start < end {
				text = q.Context[start:end]
			}
			key := strings.ToLower(text)
			k, ok := at[key]
			if !ok {
				k, at[key] = len(out), len(out)
				out, sums = append(out, Answer{Text: text, Start: start, End: end}), append(sums, 0)
			}
			sums[k] += float64(s.score)
		}
	}
	if a.Impossible {
		out, sums = append(out, Answer{}), append(sums, float64(null))
	}
	order := make([]int, len(out))
	for i := range order {
		order[i], out[i].Score = i, float32(sums[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sums[b], sums[a]) })
	best := make([]Answer, min(n, len(out)))
	for i := range best {
		best[i] = out[order[i]]
	}
	return best
}

// bytes returns the bytes of the text for a span, widened to whole words as far as the window has them. A span that
// begins or ends outside of the text, with a class token, is widened to the words of the text with the same places.
func (a *Answerer) bytes(q Question, w *tokenizer.Window, s tokenSpan) (start, end int) {
	if !a.WithinWords {
		first, last := -1, -1
		for i, word := range w.Words {
			if w.Texts[i] != 1 {
				continue
			}
			if word == w.Words[s.first] && first < 0 {
				first = i
			}
			if word == w.Words[s.last] {
				last = i
			}
		}
		if first >= 0 && last >= 0 {
			return w.Offsets[first].Start, w.Offsets[last].End
		}
	}
	return q.bytes(w.Texts[s.first], w.Offsets[s.first].Start), q.bytes(w.Texts[s.last], w.Offsets[s.last].End)
}

// bytes returns the byte of the context for a place in one of the two texts: of the question, that with as many
// characters before it. Tokens that were added have the place 0.
func (q Question) bytes(text, at int) int {
	if text != 0 {
		return at
	}
	skip := utf8.RuneCountInString(q.Question[:at])
	for i := range q.Context {
		if skip == 0 {
			return i
		}
		skip--
	}
	return len(q.Context)
}
