package task

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// ScoreFunc turns the outputs of a classifier into scores.
type ScoreFunc uint8

const (
	// Auto is Logits for regression, Sigmoid for a single label or for labels that may occur together, and
	// Softmax otherwise.
	Auto    ScoreFunc = iota
	Logits            // the outputs as they are: numbers of any size
	Sigmoid           // sigmoid of each output
	Softmax           // softmax over the outputs of a text: scores add up to 1
)

// Apply replaces each row of outputs, [N, labels], by its scores, in place. Auto counts as Logits.
func (f ScoreFunc) Apply(x tensor.Tensor) {
	for i := range x.Rows() {
		switch f {
		case Sigmoid:
			vec.Sigmoid(x.Row(i), x.Row(i))
		case Softmax:
			vec.Softmax(x.Row(i), x.Row(i))
		}
	}
}

// Classifier labels texts and pairs of texts, as the text-classification pipeline of transformers 5.24 does.
// It may be used from several goroutines.
type Classifier struct {
	Preprocessor
	ScoreFunc ScoreFunc
}

// Label is one of a classifier's labels, for one text.
type Label struct {
	Name  string
	ID    int
	Score float32
}

// OpenClassifier opens a checkpoint for sequence classification, as [model.OpenEncoder] does.
func OpenClassifier(fsys fs.FS, opt model.Options) (*Classifier, error) {
	e, limit, err := open(fsys, opt)
	if err != nil {
		return nil, err
	}
	c, err := NewClassifier(e)
	if err != nil {
		return nil, err
	}
	c.MaxTokens = limit
	return c, nil
}

// NewClassifier makes a Classifier from an open encoder. It returns an error if the encoder was made for
// another task.
func NewClassifier(e *model.Encoder) (*Classifier, error) {
	r, err := newPreprocessor(e, "Classifier", arch.SequenceClassification)
	if err != nil {
		return nil, err
	}
	if n := outputs(e.Sequence); n != len(e.Labels) {
		return nil, fmt.Errorf("task: the encoder has %d labels for %d outputs", len(e.Labels), n)
	}
	return &Classifier{Preprocessor: r}, nil
}

// Classify returns all labels of each text, the highest score first.
func (c *Classifier) Classify(texts ...string) ([][]Label, error) {
	batch, err := c.Read(texts...)
	if err != nil {
		return nil, err
	}
	return c.labels(batch)
}

// ClassifyPairs returns all labels of each pair, the highest score first.
func (c *Classifier) ClassifyPairs(pairs ...Pair) ([][]Label, error) {
	batch, err := c.ReadPairs(pairs...)
	if err != nil {
		return nil, err
	}
	return c.labels(batch)
}

func (c *Classifier) labels(batch []arch.Sequence) ([][]Label, error) {
	x, err := c.Scores(batch)
	if err != nil {
		return nil, err
	}
	out := make([][]Label, len(batch))
	for i := range out {
		for _, id := range largest(x.Row(i), len(x.Row(i))) {
			out[i] = append(out[i], Label{Name: c.Encoder.Labels[id], ID: id, Score: x.Row(i)[id]})
		}
	}
	return out, nil
}

// Scores returns the scores of each sequence, [N, labels], in the order of the labels.
func (c *Classifier) Scores(batch []arch.Sequence) (tensor.Tensor, error) {
	x, err := c.scores(batch)
	if err != nil {
		return x, err
	}
	c.function().Apply(x)
	return x, nil
}

func (c *Classifier) function() ScoreFunc {
	e := c.Encoder
	switch {
	case c.ScoreFunc != Auto:
		return c.ScoreFunc
	case e.Regression:
		return Logits
	case e.MultiLabel || len(e.Labels) == 1:
		return Sigmoid
	}
	return Softmax
}

// Reranker scores documents for a query with a cross-encoder: a classifier with a single output. It follows
// CrossEncoder of sentence-transformers 6.2. It may be used from several goroutines.
type Reranker struct {
	Preprocessor
	ScoreFunc ScoreFunc // Auto means Sigmoid
}

// Ranked is a document with its score.
type Ranked struct {
	Document int // index among the documents given
	Score    float32
}

// OpenReranker opens a checkpoint for sequence classification with one label, as [model.OpenEncoder] does.
// The ScoreFunc comes from config.json: sentence_transformers.activation_fn or, in older ones,
// sbert_ce_default_activation_function. It must be Sigmoid or Identity (Logits).
func OpenReranker(fsys fs.FS, opt model.Options) (*Reranker, error) {
	e, limit, err := open(fsys, opt)
	if err != nil {
		return nil, err
	}
	r, err := NewReranker(e)
	if err != nil {
		return nil, err
	}
	r.MaxTokens = limit
	var c struct {
		New struct {
			Function string `json:"activation_fn"`
		} `json:"sentence_transformers"`
		Old string `json:"sbert_ce_default_activation_function"`
	}
	if err := readJSON(fsys, "config.json", &c); err != nil {
		return nil, err
	}
	switch name := afterLastDot(cmp.Or(c.New.Function, c.Old)); name {
	case "", "Sigmoid":
	case "Identity":
		r.ScoreFunc = Logits
	default:
		return nil, fmt.Errorf("task: config.json: the activation function %.200q is not supported; Sigmoid and Identity are", name)
	}
	return r, nil
}

// NewReranker makes a Reranker from an open encoder. It returns an error if the encoder was made for another
// task or has several labels.
func NewReranker(e *model.Encoder) (*Reranker, error) {
	r, err := newPreprocessor(e, "Reranker", arch.SequenceClassification)
	if err != nil {
		return nil, err
	}
	if n := len(e.Labels); n != 1 {
		return nil, fmt.Errorf("task: the checkpoint has %d labels; Reranker needs one with 1, other classifiers are for Classifier", n)
	}
	return &Reranker{Preprocessor: r}, nil
}

// Rerank returns the documents sorted by their score for the query, the best first.
func (r *Reranker) Rerank(query string, documents ...string) ([]Ranked, error) {
	pairs := make([]Pair, len(documents))
	for i, d := range documents {
		pairs[i] = Pair{query, d}
	}
	scores, err := r.Score(pairs...)
	if err != nil {
		return nil, err
	}
	out := make([]Ranked, len(scores))
	for k, i := range largest(scores, len(scores)) {
		out[k] = Ranked{i, scores[i]}
	}
	return out, nil
}

// Score returns the score of each pair of a query and a document.
func (r *Reranker) Score(pairs ...Pair) ([]float32, error) {
	batch, err := r.ReadPairs(pairs...)
	if err != nil {
		return nil, err
	}
	x, err := r.scores(batch)
	if err != nil {
		return nil, err
	}
	if f := r.ScoreFunc; f == Auto {
		Sigmoid.Apply(x)
	} else {
		f.Apply(x)
	}
	return slices.Clone(x.Data), nil
}

// NextSentence tells whether one text follows another. It may be used from several goroutines.
type NextSentence struct{ Preprocessor }

// OpenNextSentence opens a checkpoint for next-sentence prediction, or for pre-training with that head.
func OpenNextSentence(fsys fs.FS, opt model.Options) (*NextSentence, error) {
	e, limit, err := open(fsys, opt)
	if err != nil {
		return nil, err
	}
	n, err := NewNextSentence(e)
	if err != nil {
		return nil, err
	}
	n.MaxTokens = limit
	return n, nil
}

// NewNextSentence makes a NextSentence from an open encoder. It returns an error if the encoder has no head
// for it.
func NewNextSentence(e *model.Encoder) (*NextSentence, error) {
	r, err := newPreprocessor(e, "NextSentence", arch.NextSentence, arch.MaskedLM)
	if err != nil {
		return nil, err
	}
	if e.Sequence == nil {
		return nil, errors.New("task: the checkpoint is for masked LM alone; NextSentence needs one for next sentence")
	}
	return &NextSentence{r}, nil
}

// Follows returns, for each pair, the probability that the second text follows the first.
func (n *NextSentence) Follows(pairs ...Pair) ([]float32, error) {
	batch, err := n.ReadPairs(pairs...)
	if err != nil {
		return nil, err
	}
	x, err := n.scores(batch)
	if err != nil {
		return nil, err
	}
	Softmax.Apply(x)
	out := make([]float32, len(pairs))
	for i := range out {
		out[i] = x.Row(i)[0]
	}
	return out, nil
}

// MultipleChoice scores several continuations of a text. It may be used from several goroutines.
type MultipleChoice struct{ Preprocessor }

// OpenMultipleChoice opens a checkpoint for multiple choice, as [model.OpenEncoder] does.
func OpenMultipleChoice(fsys fs.FS, opt model.Options) (*MultipleChoice, error) {
	e, limit, err := open(fsys, opt)
	if err != nil {
		return nil, err
	}
	m, err := NewMultipleChoice(e)
	if err != nil {
		return nil, err
	}
	m.MaxTokens = limit
	return m, nil
}

// NewMultipleChoice makes a MultipleChoice from an open encoder. It returns an error if the encoder was made
// for another task.
func NewMultipleChoice(e *model.Encoder) (*MultipleChoice, error) {
	r, err := newPreprocessor(e, "MultipleChoice", arch.MultipleChoice)
	if err != nil {
		return nil, err
	}
	return &MultipleChoice{r}, nil
}

// Choose returns the probability of each choice. The model reads each choice as a pair with the prompt.
func (m *MultipleChoice) Choose(prompt string, choices ...string) ([]float32, error) {
	pairs := make([]Pair, len(choices))
	for i, c := range choices {
		pairs[i] = Pair{prompt, c}
	}
	batch, err := m.ReadPairs(pairs...)
	if err != nil {
		return nil, err
	}
	x, err := m.scores(batch)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(x.Data)
	vec.Softmax(out, out)
	return out, nil
}
