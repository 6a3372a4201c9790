package family

import (
	"strings"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// heads builds the head that the checkpoint's architectures names. A family passes its own heads as a
// headSet; the others are the same for all.
type heads struct {
	c   *hf.Config
	w   nn.Loader
	e   *arch.Encoder
	dim int
}

// headSet holds functions that make the heads of a family; nil where the family has none.
type headSet struct {
	features    func() *arch.Head // the pooler of the bare model
	masked      func() *arch.Head
	classify    func() *arch.Head
	next        func() *arch.Head
	choice      func() *arch.Head
	tokens      func() *arch.Head // nil: one linear layer, classifier
	answers     func() *arch.Head // nil: one linear layer, qa_outputs
	preTraining func()            // sets the task and its heads
}

// set gives the encoder the head of its task. Tensors of the family's other heads, below the names in others,
// may be left over: published checkpoints have them too.
func (h heads) set(s headSet, others ...string) {
	e, class := h.e, h.c.Architecture()
	missing := func() { h.c.Fail("architecture %.200q is not supported for this family", class) }
	one := func(task arch.Task, dst **arch.Head, make func() *arch.Head) {
		if e.Task = task; make == nil {
			missing()
			return
		}
		*dst = make()
	}
	linearHead := func(name string, out int) func() *arch.Head {
		return func() *arch.Head { return &arch.Head{Out: linear(h.w, name, h.dim, out)} }
	}
	switch {
	case strings.HasSuffix(class, "ForMaskedLM"):
		one(arch.MaskedLM, &e.Tokens, s.masked)
	case strings.HasSuffix(class, "ForSequenceClassification"):
		one(arch.SequenceClassification, &e.Sequence, s.classify)
		h.readLabels()
	case strings.HasSuffix(class, "ForTokenClassification"):
		if s.tokens == nil {
			s.tokens = linearHead("classifier", h.labels())
		}
		one(arch.TokenClassification, &e.Tokens, s.tokens)
		h.readLabels()
	case strings.HasSuffix(class, "ForQuestionAnswering"):
		if s.answers == nil {
			s.answers = linearHead("qa_outputs", 2)
		}
		one(arch.QuestionAnswering, &e.Tokens, s.answers)
	case strings.HasSuffix(class, "ForNextSentencePrediction"):
		one(arch.NextSentence, &e.Sequence, s.next)
	case strings.HasSuffix(class, "ForMultipleChoice"):
		one(arch.MultipleChoice, &e.Sequence, s.choice)
	case strings.HasSuffix(class, "ForPreTraining") && s.preTraining != nil:
		s.preTraining()
	case strings.HasSuffix(class, "Model") || class == "":
		if s.features != nil {
			e.Sequence = s.features()
		}
	default:
		missing()
	}
	h.w.Ignore(isOneOf(others))
}

// isOneOf returns a function that reports whether a tensor is below one of the names, with any prefix, or is
// the table of positions 0, 1, … in old checkpoints.
func isOneOf(names []string) func(name string) bool {
	return func(name string) bool {
		for _, n := range names {
			if strings.HasPrefix(name, n) || strings.Contains(name, "."+n) {
				return true
			}
		}
		return name == "position_ids" || strings.HasSuffix(name, ".position_ids")
	}
}

// labels returns the number of labels of a classifier.
func (h heads) labels() int { return h.c.NumLabels() }

// readLabels reads the kind of classifier and the names of its labels.
func (h heads) readLabels() {
	h.e.Labels, h.e.MultiLabel, h.e.Regression = readLabels(h.c, h.w)
}

// readLabels returns the kind of classifier and the names of its labels. There are no names if the loader has
// an error.
func readLabels(c *hf.Config, w nn.Loader) (labels []string, multiLabel, regression bool) {
	if w.Err(false) == nil {
		labels = c.Labels()
	}
	switch kind := c.String("problem_type", ""); kind {
	case "", "single_label_classification":
	case "multi_label_classification":
		multiLabel = true
	case "regression":
		regression = true
	default:
		c.Fail("problem_type %q is not supported", kind)
	}
	return labels, multiLabel, regression
}

// pooler returns a function that makes the head Tanh(Dense(first token)), or nil for a bare model without a
// pooler.
func (h heads) pooler(body nn.Loader, name string) func() *arch.Head {
	return func() *arch.Head {
		if h.e.Task == arch.Features && !body.Has(name+".weight") {
			return nil
		}
		return &arch.Head{Dense: linear(body, name, h.dim, h.dim), Act: nn.Tanh}
	}
}

// vocabulary returns the projection to the vocabulary: decoder, which may be tied to the word table. Its bias is
// stored as decoder.bias or under the name bias.
func (h heads) vocabulary(decoder, bias string) *nn.Linear {
	out := h.w.Head(h.e.Embeddings.Words, decoder)
	if h.w.Has(decoder + ".bias") {
		bias = decoder + ".bias"
	}
	out.Bias = h.w.Vector(bias, h.e.Vocab)
	return &out
}
