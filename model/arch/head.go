package arch

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Task says what the heads of an encoder compute.
type Task uint8

const (
	Features               Task = iota // hidden states; Sequence is a pooler over the first token, if there is one
	MaskedLM                           // Tokens: a score for each entry of the vocabulary
	SequenceClassification             // Sequence: a score for each label
	TokenClassification                // Tokens: a score for each label
	QuestionAnswering                  // Tokens: scores for being the first and the last token of an answer
	NextSentence                       // Sequence: scores for "follows" and for "does not follow"
	MultipleChoice                     // Sequence: one score, to compare with the scores of the other choices
	ReplacedToken                      // Tokens: one score for "is not the original token" (ELECTRA)
	ImageClassification                // ImageEncoder.Head: a score for each label
)

// String returns the name of the task.
func (t Task) String() string {
	names := [...]string{"features", "masked LM", "sequence classification", "token classification",
		"question answering", "next sentence", "multiple choice", "replaced token", "image classification"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("Task(%d)", uint8(t))
}

// Pooling says how one row is made from the hidden states of a sequence.
type Pooling uint8

const (
	FirstToken   Pooling = iota // the row of the first token
	MeanOfTokens                // the mean of all rows
	LastToken                   // the row of the last token that is none of Encoder.Pads
	EndToken                    // the row of the first token Encoder.End
	LargestID                   // the row of the first of the tokens with the largest id, as in old configs of CLIP
)

// Head computes Out(Norm(Act(Dense(x)))) for each row of x. Nil parts are skipped; Act is skipped if Dense is
// nil.
type Head struct {
	Dense *nn.Linear
	Act   nn.Activation
	Norm  nn.Norm
	Out   *nn.Linear
}

// Forward returns the head's output for each row of x, in memory of a, or in new memory if a is nil.
func (h *Head) Forward(a *tensor.Arena, x tensor.Tensor) tensor.Tensor {
	if h.Dense != nil {
		y := a.New(x.Rows(), h.Dense.Out())
		h.Dense.ForwardActivated(y, x, h.Act)
		x = y
	}
	if h.Norm != nil {
		y := a.New(x.Rows(), x.Shape.Last())
		h.Norm.Forward(y, x)
		x = y
	}
	if h.Out != nil {
		y := a.New(x.Rows(), h.Out.Out())
		h.Out.Forward(y, x)
		x = y
	}
	return x
}
