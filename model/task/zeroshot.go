package task

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// ZeroShot gives texts labels that are chosen at the call, with a classifier for natural language inference: the
// likelier it is that a text entails "This example is politics.", the higher is the score of "politics". It does as
// the zero-shot-classification pipeline of transformers 5.24 (Yin et al., 2019), and may be used from several goroutines.
type ZeroShot struct {
	Classifier *Classifier

	// Template is the sentence of a label, which stands for {}; NewZeroShot sets "This example is {}.".
	Template string

	// MultiLabel scores each label by itself: entailment against contradiction. Otherwise the scores of the labels of
	// a text add up to 1.
	MultiLabel bool

	// Entailment and Contradiction are the outputs of the classifier. NewZeroShot takes the first label whose name
	// begins with "entail" for the one, and as the pipeline does the first output for the other, or the last if the
	// first is that of entailment.
	Entailment, Contradiction int
}

// OpenZeroShot opens a checkpoint for natural language inference, as [OpenClassifier] does.
func OpenZeroShot(fsys fs.FS, opt model.Options) (*ZeroShot, error) {
	c, err := OpenClassifier(fsys, opt)
	if err != nil {
		return nil, err
	}
	return NewZeroShot(c)
}

// NewZeroShot uses a classifier. It fails unless one of its labels is for entailment. For a classifier whose labels are
// called otherwise, fill a ZeroShot by hand.
func NewZeroShot(c *Classifier) (*ZeroShot, error) {
	z := &ZeroShot{Classifier: c, Template: "This example is {}.", Entailment: -1}
	for i, name := range c.Labels {
		if strings.HasPrefix(strings.ToLower(name), "entail") {
			z.Entailment = i
			break
		}
	}
	if z.Entailment < 0 {
		return nil, fmt.Errorf("task: ZeroShot needs a classifier with a label for entailment; the labels are %.500q", c.Labels)
	}
	if z.Entailment == 0 {
		z.Contradiction = len(c.Labels) - 1
	}
	return z, nil
}

// Classify returns the labels of a text, the highest score first; ID is the label's place among those given.
func (z *ZeroShot) Classify(text string, labels ...string) ([]Label, error) {
	all, err := z.ClassifyAll([]string{text}, labels)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ClassifyAll is [ZeroShot.Classify] for many texts.
func (z *ZeroShot) ClassifyAll(texts, labels []string) ([][]Label, error) {
	switch n := len(z.Classifier.Labels); {
	case len(labels) == 0:
		return nil, errors.New("task: no labels to choose from")
	case !strings.Contains(z.Template, "{}"):
		return nil, fmt.Errorf("task: the template %q has no {}, where the label goes", z.Template)
	case z.Entailment < 0 || z.Entailment >= n || z.Contradiction < 0 || z.Contradiction >= n:
		return nil, fmt.Errorf("task: entailment is output %d and contradiction %d; the classifier has %d outputs", z.Entailment, z.Contradiction, n)
	}
	x, err := z.logits(texts, labels)
	if err != nil {
		return nil, err
	}
	out := make([][]Label, len(texts))
	scores := make([]float32, len(labels))
	for i := range texts {
		for k := range labels {
			row := x.Row(i*len(labels) + k)
			if scores[k] = row[z.Entailment]; z.MultiLabel || len(labels) == 1 {
				two := []float32{row[z.Contradiction], row[z.Entailment]}
				vec.Softmax(two, two)
				scores[k] = two[1]
			}
		}
		if !z.MultiLabel && len(labels) > 1 {
			vec.Softmax(scores, scores)
		}
		for _, k := range largest(scores, len(scores)) {
			out[i] = append(out[i], Label{Name: labels[k], ID: k, Score: scores[k]})
		}
	}
	return out, nil
}

// logits returns the outputs for each text with each label, [texts · labels, outputs]. Of a pair that is too long the
// text is cut.
func (z *ZeroShot) logits(texts, labels []string) (tensor.Tensor, error) {
	c, n := z.Classifier, len(labels)
	batch, err := c.readAll(len(texts)*n, func(i int) (s arch.Sequence, err error) {
		text, sentence := texts[i/n], strings.ReplaceAll(z.Template, "{}", labels[i%n])
		w, err := c.cut(tokenizer.OnlyFirst, text, sentence)
		return c.sequence(w), err
	})
	if err != nil {
		return tensor.Tensor{}, err
	}
	return c.scores(batch)
}
