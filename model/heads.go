package model

import (
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/nn"
)

// heads builds the head that a checkpoint's architectures names. Families give the parts in which they
// differ as a headSet; the rest is the same for all.
type heads struct {
	c   config
	w   nn.Loader
	e   *Encoder
	dim int
}

// headSet makes the heads of a family; nil where it has none.
type headSet struct {
	features    func() *Head // the pooler of the bare model
	masked      func() *Head
	classify    func() *Head
	next        func() *Head
	choice      func() *Head
	tokens      func() *Head // nil: one linear layer, classifier
	answers     func() *Head // nil: one linear layer, qa_outputs
	preTraining func()       // sets the task and its heads
}

// set gives the encoder the head of its task.
func (h heads) set(s headSet) {
	e, class := h.e, h.architecture()
	missing := func() { h.c.fail("architecture %.200q is not supported for this family", class) }
	one := func(task Task, dst **Head, make func() *Head) {
		if e.Task = task; make == nil {
			missing()
			return
		}
		*dst = make()
	}
	linearHead := func(name string, out int) func() *Head {
		return func() *Head { return &Head{Out: linear(h.w, name, h.dim, out)} }
	}
	switch {
	case strings.HasSuffix(class, "ForMaskedLM"):
		one(MaskedLM, &e.Tokens, s.masked)
	case strings.HasSuffix(class, "ForSequenceClassification"):
		one(SequenceClassification, &e.Sequence, s.classify)
		h.readLabels()
	case strings.HasSuffix(class, "ForTokenClassification"):
		if s.tokens == nil {
			s.tokens = linearHead("classifier", h.labels())
		}
		one(TokenClassification, &e.Tokens, s.tokens)
		h.readLabels()
	case strings.HasSuffix(class, "ForQuestionAnswering"):
		if s.answers == nil {
			s.answers = linearHead("qa_outputs", 2)
		}
		one(QuestionAnswering, &e.Tokens, s.answers)
	case strings.HasSuffix(class, "ForNextSentencePrediction"):
		one(NextSentence, &e.Sequence, s.next)
	case strings.HasSuffix(class, "ForMultipleChoice"):
		one(MultipleChoice, &e.Sequence, s.choice)
	case strings.HasSuffix(class, "ForPreTraining") && s.preTraining != nil:
		s.preTraining()
	case strings.HasSuffix(class, "Model") || class == "":
		if s.features != nil {
			e.Sequence = s.features()
		}
	default:
		missing()
	}
	h.w.Ignore(isOtherHead)
}

// isOtherHead reports whether a tensor belongs to a head that the architecture does not have, or is a
// table that is computed: published checkpoints carry such along.
func isOtherHead(name string) bool {
	for _, part := range []string{"position_ids", "cls.", "lm_head.", "pooler.", "classifier.", "qa_outputs.", "predictions.",
		"sop_classifier.", "generator_", "discriminator_", "sequence_summary.", "vocab_", "pre_classifier.", "lm_predictions.",
		"mask_predictions.", "head.", "decoder."} {
		if strings.HasPrefix(name, part) || strings.Contains(name, "."+part) || strings.HasSuffix(name, "."+part) || name == part {
			return true
		}
	}
	return strings.HasSuffix(name, "position_ids")
}

func (h heads) architecture() string {
	var classes []string
	h.c.get("architectures", &classes, "a list of strings")
	if len(classes) == 0 {
		return ""
	}
	return classes[0]
}

// labels returns the number of labels of a classifier.
func (h heads) labels() int {
	var names map[string]string
	if h.c.get("id2label", &names, "an object of strings") && len(names) > 0 {
		return len(names)
	}
	return h.c.int("num_labels", 2, 1, maxVocab)
}

// readLabels reads what kind of classifier it is and, if it has an output for each, the labels' names.
func (h heads) readLabels() {
	e := h.e
	if h.w.Err(false) == nil {
		e.Labels = make([]string, h.labels())
	}
	var names map[string]string
	h.c.get("id2label", &names, "an object of strings")
	for i := range e.Labels {
		e.Labels[i] = "LABEL_" + strconv.Itoa(i)
		if name, ok := names[strconv.Itoa(i)]; ok {
			e.Labels[i] = name
		}
	}
	switch kind := h.c.string("problem_type", ""); kind {
	case "":
	case "single_label_classification":
	case "multi_label_classification":
		e.MultiLabel = true
	case "regression":
		e.Regression = true
	default:
		h.c.fail("problem_type %q is not supported", kind)
	}
}

// linear returns the layer name with its bias.
func linear(w nn.Loader, name string, in, out int) *nn.Linear {
	l := w.Linear(name, in, out, true)
	return &l
}

// pooler returns a function that makes the head Tanh(Dense(first token)), or nil if the checkpoint has
// no pooler, which the bare model need not have.
func (h heads) pooler(body nn.Loader, name string) func() *Head {
	return func() *Head {
		if h.e.Task == Features && !body.Has(name+".weight") {
			return nil
		}
		return &Head{Dense: linear(body, name, h.dim, h.dim), Act: nn.Tanh}
	}
}

// then returns the head with a projection after it.
func (h *Head) then(out *nn.Linear) *Head {
	h.Out = out
	return h
}

// denseTanhOut is RoBERTa's head over the first token.
func (h heads) denseTanhOut() *Head {
	return &Head{Dense: linear(h.w, "classifier.dense", h.dim, h.dim), Act: nn.Tanh, Out: linear(h.w, "classifier.out_proj", h.dim, h.labels())}
}

// robertaMasked is RoBERTa's head over the vocabulary.
func (h heads) robertaMasked(m *bert) *Head {
	l := h.w.At("lm_head")
	return &Head{Dense: linear(l, "dense", m.Dim, m.Dim), Act: nn.GELU, Norm: l.LayerNorm("layer_norm", m.Dim, m.Eps),
		Out: h.vocabulary("lm_head.decoder", "lm_head.bias", m.Tied)}
}

// vocabulary is the projection to the vocabulary: decoder, or the table of the words if it is tied and
// not stored, and a bias under a name of its own, unless the decoder is stored with one.
func (h heads) vocabulary(decoder, bias string, tied bool) *nn.Linear {
	out := h.w.Head(h.e.Embeddings.Words, decoder, tied)
	if h.w.Has(decoder + ".bias") {
		bias = decoder + ".bias"
	}
	out.Bias = h.w.Vector(bias, h.e.Vocab)
	return &out
}
