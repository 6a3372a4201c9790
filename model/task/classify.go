package task

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
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
	Tanh              // hyperbolic tangent of each output
)

// Apply replaces each row of outputs, [N, labels], by its scores, in place. Auto counts as Logits.
func (f ScoreFunc) Apply(x tensor.Tensor) {
	for i := range x.Rows() {
		switch f {
		case Sigmoid:
			vec.Sigmoid(x.Row(i), x.Row(i))
		case Softmax:
			vec.Softmax(x.Row(i), x.Row(i))
		case Tanh:
			nn.Tanh.Forward(x.Slice(i, i+1), x.Slice(i, i+1))
		}
	}
}

// Classifier labels texts and pairs of texts, as the text-classification pipeline of transformers 5.24 does.
// It may be used from several goroutines.
type Classifier struct {
	Preprocessor
	ScoreFunc ScoreFunc
	Labels    []string // of the outputs

	multiLabel bool // the labels of a text are independent of each other
	regression bool // the outputs are numbers
}

// Label is one of a classifier's labels, for one text.
type Label struct {
	Name  string
	ID    int
	Score float32
}

// OpenClassifier opens a checkpoint for sequence classification: of an encoder or a decoder, as
// [model.OpenEncoder] does, or of an encoder–decoder, as [model.OpenEncoderDecoder] does.
func OpenClassifier(fsys fs.FS, opt model.Options) (*Classifier, error) {
	two, err := twoSided(fsys, opt)
	if err != nil {
		return nil, err
	}
	if two {
		return openSourceClassifier(fsys, opt)
	}
	e, limit, err := open(fsys, opt, arch.SequenceClassification)
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

// twoSided reports whether the folder's model is an encoder–decoder that cannot be opened as an encoder.
func twoSided(fsys fs.FS, opt model.Options) (bool, error) {
	var c struct {
		Type string `json:"model_type"`
	}
	if err := readJSON(fsys, "config.json", &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	r, ok := opt.Recipe(c.Type)
	return ok && r.Encoder == nil && r.Decoder == nil, nil
}

func openSourceClassifier(fsys fs.FS, opt model.Options) (*Classifier, error) {
	opt.Heads = []arch.Task{arch.SequenceClassification}
	m, err := model.OpenEncoderDecoder(fsys, opt)
	if err != nil {
		return nil, err
	}
	c, err := NewSourceClassifier(m)
	if err != nil {
		return nil, err
	}
	limit, err := tokenLimit(fsys, m.Encoder)
	c.MaxTokens = min(limit, c.MaxTokens)
	return c, err
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
	return &Classifier{Preprocessor: r, Labels: e.Labels, multiLabel: e.MultiLabel, regression: e.Regression}, nil
}

// NewSourceClassifier uses an encoder–decoder that is open: BART for natural language inference, for instance. It fails
// if that has no classifier.
func NewSourceClassifier(m *model.EncoderDecoder) (*Classifier, error) {
	r, err := newPreprocessor(m.Encoder, "Classifier")
	if err != nil {
		return nil, err
	}
	s := m.Classifier
	if s == nil {
		return nil, errors.New("task: the checkpoint is for generation; Classifier needs one for sequence classification")
	}
	if n := outputs(s.Head); n != len(s.Labels) {
		return nil, fmt.Errorf("task: the classifier has %d labels for %d outputs", len(s.Labels), n)
	}
	r.source = m
	r.MaxTokens = min(r.MaxTokens, m.Decoder.MaxLen)
	return &Classifier{Preprocessor: r, Labels: s.Labels, multiLabel: s.MultiLabel, regression: s.Regression}, nil
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
			out[i] = append(out[i], Label{Name: c.Labels[id], ID: id, Score: x.Row(i)[id]})
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
	switch {
	case c.ScoreFunc != Auto:
		return c.ScoreFunc
	case c.regression:
		return Logits
	case c.multiLabel || len(c.Labels) == 1:
		return Sigmoid
	}
	return Softmax
}

// NextSentence tells whether one text follows another. It may be used from several goroutines.
type NextSentence struct{ Preprocessor }

// OpenNextSentence opens a checkpoint for next-sentence prediction, or for pre-training with that head.
func OpenNextSentence(fsys fs.FS, opt model.Options) (*NextSentence, error) {
	e, limit, err := open(fsys, opt, arch.NextSentence)
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
	e, limit, err := open(fsys, opt, arch.MultipleChoice)
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
