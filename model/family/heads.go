package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// heads builds the head that the caller wants, if its weights are stored. Families give the parts in which they
// differ as a headSet; the rest is the same for all.
type heads struct {
	c   *hf.Config
	w   nn.Loader
	e   *arch.Encoder
	dim int

	generates bool // the checkpoint may be a decoder with its projection to the vocabulary
}

// head is one that checkpoints of a family may have.
type head struct {
	make func() *arch.Head

	// names are those of tensors, all of which are stored where the head is: the last layer's first. One that
	// ends in a dot is the beginning of a name.
	names []string
}

// headSet has the heads of a family; the zero head where it has none.
type headSet struct {
	features    func() *arch.Head // the pooler of the bare model
	masked      head
	classify    head
	next        head
	choice      head
	tokens      head // zero: one linear layer, classifier
	answers     head // zero: one linear layer, qa_outputs
	replaced    head
	preTraining []arch.Task // the heads of the class ForPreTraining
}

// taskHead is a head and what it is for.
type taskHead struct {
	head
	task arch.Task
}

// all returns the heads that there are.
func (s *headSet) all() []taskHead {
	every := []taskHead{{s.masked, arch.MaskedLM}, {s.classify, arch.SequenceClassification}, {s.tokens, arch.TokenClassification},
		{s.answers, arch.QuestionAnswering}, {s.next, arch.NextSentence}, {s.choice, arch.MultipleChoice}, {s.replaced, arch.ReplacedToken}}
	return slices.DeleteFunc(every, func(h taskHead) bool { return h.make == nil })
}

// set gives the encoder its head. Tensors of the family's other heads, below the names in others, may be left over:
// published checkpoints have them too.
func (h heads) set(s headSet, others ...string) {
	if s.tokens.make == nil {
		s.tokens = head{func() *arch.Head { return &arch.Head{Out: linear(h.w, "classifier", h.dim, h.labels())} }, []string{"classifier.weight"}}
	}
	if s.answers.make == nil {
		s.answers = head{func() *arch.Head { return &arch.Head{Out: linear(h.w, "qa_outputs", h.dim, 2)} }, []string{"qa_outputs.weight"}}
	}
	all := s.all()
	if strings.HasSuffix(h.c.Architecture(), "ForPreTraining") && h.c.Wanted() == nil && s.preTraining != nil {
		for _, task := range slices.Backward(s.preTraining) {
			h.give(all, task)
		}
	} else if task := h.choose(all); task != arch.Features {
		h.give(all, task)
	} else if s.features != nil {
		h.e.Sequence = s.features()
	}
	h.w.Ignore(isOneOf(others))
}

// give makes the encoder's head for a task.
func (h heads) give(all []taskHead, task arch.Task) {
	i := slices.IndexFunc(all, func(t taskHead) bool { return t.task == task })
	h.e.Task = task
	switch task {
	case arch.SequenceClassification, arch.NextSentence, arch.MultipleChoice:
		h.e.Sequence = all[i].make()
	default:
		h.e.Tokens = all[i].make()
	}
	if task == arch.SequenceClassification || task == arch.TokenClassification {
		h.readLabels()
	}
}

// choose returns the task whose head is to be made. The caller's wish and the stored tensors decide. The class that
// architectures names does where they leave it open: where nothing is wanted, and between heads whose last
// layers have the same name.
func (h heads) choose(all []taskHead) arch.Task {
	stored := slices.DeleteFunc(slices.Clone(all), func(t taskHead) bool { return !h.stored(t.head) })
	named, known := taskOf(h.c.Architecture())
	isNamed := slices.IndexFunc(stored, func(t taskHead) bool { return known && t.task == named })
	if isNamed >= 0 { // its tensors are none of another head's
		out := stored[isNamed].names[0]
		stored = slices.DeleteFunc(stored, func(t taskHead) bool { return t.task != named && t.names[0] == out })
	}
	if wanted := h.c.Wanted(); wanted != nil {
		for _, task := range wanted {
			if task == arch.Features || slices.ContainsFunc(stored, func(t taskHead) bool { return t.task == task }) {
				return task
			}
		}
		h.c.Fail("%s", h.missing(all, stored, wanted[0]))
		return arch.Features
	}
	switch {
	case isNamed >= 0:
		return named
	case !known:
		h.c.Fail("architecture %.200q is not supported for this family", h.c.Architecture())
		return arch.Features
	case named != arch.Features:
		h.c.Fail("%s, though architectures names it; Options.Heads can ask for what there is", h.missing(all, stored, named))
		return arch.Features
	case h.c.Architecture() != "":
		return arch.Features
	}
	return likeliest(stored)
}

// likeliest returns the task of the one head that is stored, or Features if there is none, or several. Of heads that
// may be stored under the same name, the one of more tensors is likelier.
func likeliest(stored []taskHead) arch.Task {
	if len(stored) == 0 {
		return arch.Features
	}
	best := stored[0]
	for _, t := range stored[1:] {
		if t.names[0] != best.names[0] {
			return arch.Features
		}
		if len(t.names) > len(best.names) {
			best = t
		}
	}
	return best.task
}

// stored reports whether the checkpoint has the head's tensors.
func (h heads) stored(t head) bool {
	for _, name := range t.names {
		if !h.w.HasBelow(name) {
			return false
		}
	}
	return true
}

// missing says what is missing, and what there is.
func (h heads) missing(all, stored []taskHead, want arch.Task) string {
	have := []string{"features, the bare model without a head"}
	if h.generates && (isCausalLM(h.c.Architecture()) || h.w.HasBelow("lm_head.")) {
		have[0] = "generation"
	}
	for i, t := range stored {
		if i == 0 {
			have = nil
		}
		have = append(have, fmt.Sprintf("%v (%s)", t.task, t.names[0]))
	}
	s := fmt.Sprintf("the checkpoint is for %s; it has no head for %v", strings.Join(have, ", and for "), want)
	if i := slices.IndexFunc(all, func(t taskHead) bool { return t.task == want }); i >= 0 {
		return s + ", which is stored as " + strings.Join(all[i].names, " and ")
	}
	return s + ", nor has its family"
}

// taskOf returns the task of a transformers class, and whether its name tells. No name stands for the bare model.
func taskOf(class string) (arch.Task, bool) {
	for _, e := range []struct {
		end  string
		task arch.Task
	}{
		{"ForMaskedLM", arch.MaskedLM}, {"ForSequenceClassification", arch.SequenceClassification},
		{"ForTokenClassification", arch.TokenClassification}, {"ForQuestionAnswering", arch.QuestionAnswering},
		{"ForNextSentencePrediction", arch.NextSentence}, {"ForMultipleChoice", arch.MultipleChoice},
		{"ForImageClassification", arch.ImageClassification}, {"ForImageClassificationWithTeacher", arch.ImageClassification}, {"ModelWithProjection", arch.Features}, {"Model", arch.Features},
	} {
		if strings.HasSuffix(class, e.end) {
			return e.task, true
		}
	}
	return arch.Features, class == "" || isCausalLM(class)
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
		if h.e.Task == arch.Features && !body.HasOptional(name+".weight") {
			return nil
		}
		return &arch.Head{Dense: linear(body, name, h.dim, h.dim), Act: nn.Tanh}
	}
}

// vocabulary returns the projection to the vocabulary: decoder, which may be tied to the word table. Its bias is
// stored as decoder.bias or under the name bias.
func (h heads) vocabulary(decoder, bias string) *nn.Linear {
	out := vocabulary(h.w, h.e.Embeddings.Words, h.e.Vocab, decoder, bias)
	return &out
}

func vocabulary(w nn.Loader, words nn.Embedding, vocab int, decoder, bias string) nn.Linear {
	out := w.Head(words, decoder)
	switch {
	case w.Has(decoder + ".bias"):
		bias = decoder + ".bias"
	case w.ShapesOnly() && out.Weight != words.Weight: // the class has both, and reads one
		w.Vector(decoder+".bias", vocab)
	}
	out.Bias = w.Vector(bias, vocab)
	return out
}
