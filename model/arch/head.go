package arch

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Task is what the heads of an encoder were made for.
type Task uint8

const (
	Features               Task = iota // hidden states, and what a pooler makes of the first
	MaskedLM                           // Tokens: a score for each entry of the vocabulary
	SequenceClassification             // Sequence: a score for each label
	TokenClassification                // Tokens: a score for each label
	QuestionAnswering                  // Tokens: scores for being the first and the last of an answer
	NextSentence                       // Sequence: scores for following, and for not following
	MultipleChoice                     // Sequence: one score, to be compared with that of other choices
	ReplacedToken                      // Tokens: one score for not being the original token (ELECTRA)
)

// String names the task.
func (t Task) String() string {
	names := [...]string{"features", "masked LM", "sequence classification", "token classification",
		"question answering", "next sentence", "multiple choice", "replaced token"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("Task(%d)", uint8(t))
}

// Pooling makes one row of a sequence's hidden states.
type Pooling uint8

const (
	FirstToken   Pooling = iota // the row of the first token
	MeanOfTokens                // the mean of all rows
	LastToken                   // the row of the last token that is none of Encoder.Pads
)

// Head turns each row of x into Out(Norm(Act(Dense(x)))). Parts that are nil are absent, and Act with
// Dense.
type Head struct {
	Dense *nn.Linear
	Act   nn.Activation
	Norm  nn.Norm
	Out   *nn.Linear
}

// Forward returns the head's output for each row of x, in memory of the arena, or in fresh memory if
// that is nil.
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
