package model

import (
	"fmt"
	"sync"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Encoder is a model that reads whole texts in both directions: embeddings, blocks whose attention sees
// every token, and the heads of its task. [OpenEncoder] makes one from a checkpoint; a program may also
// fill the fields itself. It is read-only when it computes and may be used from several goroutines.
type Encoder struct {
	Family string // model_type: "bert"
	Types  int    // segment ids are below it; 0: the model has no segments
	Stack

	// Tokens is the head over each token's hidden state, Sequence the one over the whole sequence's;
	// nil where the checkpoint has none. Task says what their outputs mean.
	Tokens, Sequence *Head
	Pool             Pooling // what Sequence reads
	Task             Task
	Labels           []string // of the outputs of a classifier, or nil
	MultiLabel       bool     // the labels of a text are independent of each other
	Regression       bool     // the outputs are numbers, not scores of labels

	Tokenizer *tokenizer.Tokenizer

	passes  parallel.Free[attention.Pass]
	once    sync.Once
	plan    *attention.Plan
	planErr error
}

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

// Forward computes one pass over a packed batch of sequences, without padding. It returns the hidden
// states, [T, Dim] for T tokens in all, in memory of the pass that lasts until the caller releases it.
// It panics for ids outside of the tables; [Encoder.Run] checks them.
func (e *Encoder) Forward(p *attention.Pass, batch []Sequence) tensor.Tensor {
	p.Seqs = p.Seqs[:0]
	for _, s := range batch {
		p.Seqs = append(p.Seqs, attention.Seq{Rows: len(s.IDs)})
	}
	p.Begin(p.Seqs...)
	if err := e.Validate(); err != nil {
		panic(err)
	}
	p.Plan = e.plan
	x := e.embed(p, func(i int) Sequence { return batch[i] })
	e.blocks(p, x)
	return x
}

// Validate returns an error that names what is wrong with an Encoder that a program has assembled. It is
// looked for once, when the Encoder is first used.
func (e *Encoder) Validate() error {
	e.once.Do(func() { e.plan, e.planErr = e.Plan() })
	return e.planErr
}

// check returns an error that names the first input the encoder cannot read.
func (e *Encoder) checkBatch(batch []Sequence) error {
	for i, s := range batch {
		switch {
		case len(s.IDs) == 0:
			return fmt.Errorf("model: sequence %d has no tokens", i)
		case len(s.IDs) > e.MaxLen:
			return fmt.Errorf("model: sequence %d has %d tokens; the model reads at most %d", i, len(s.IDs), e.MaxLen)
		case s.Types != nil && len(s.Types) != len(s.IDs):
			return fmt.Errorf("model: sequence %d has %d segment ids for %d tokens", i, len(s.Types), len(s.IDs))
		}
		for j, id := range s.IDs {
			if id < 0 || id >= e.Vocab {
				return fmt.Errorf("model: token %d of sequence %d has id %d; the model's ids are 0 to %d", j, i, id, e.Vocab-1)
			}
		}
		for j, kind := range s.Types {
			if kind != 0 && (kind < 0 || kind >= e.Types) {
				return fmt.Errorf("model: token %d of sequence %d has segment %d; the model has %d segments", j, i, kind, e.Types)
			}
		}
	}
	return nil
}

// runRows is the number of tokens that are computed together: enough for matrix products to run at full
// speed, few enough for activations to stay in the caches.
const runRows = 1024

// Run computes the hidden states of any number of sequences, some at a time. It calls see for each
// group, with the index of its first sequence and the packed hidden states, [T, Dim], which see must
// not keep; a is scratch memory for what it computes from them. It stops at the first error of see.
func (e *Encoder) Run(batch []Sequence, see func(first int, group []Sequence, x tensor.Tensor, a *tensor.Arena) error) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if err := e.checkBatch(batch); err != nil {
		return err
	}
	p := e.passes.Get()
	err := e.run(p, batch, see)
	e.passes.Put(p, p.Bytes()) // not after a panic, which leaves it in the middle of something
	return err
}

func (e *Encoder) run(p *attention.Pass, batch []Sequence, see func(first int, group []Sequence, x tensor.Tensor, a *tensor.Arena) error) error {
	for first := 0; first < len(batch); {
		last, rows := first, 0
		for last < len(batch) && (last == first || rows+len(batch[last].IDs) <= runRows) {
			rows += len(batch[last].IDs)
			last++
		}
		group := batch[first:last]
		mark := p.Scratch.Mark()
		err := see(first, group, e.Forward(p, group), &p.Scratch)
		p.Scratch.Release(mark)
		if err != nil {
			return err
		}
		first = last
	}
	return nil
}

// Hidden returns the hidden states of each sequence, [T, Dim].
func (e *Encoder) Hidden(batch []Sequence) ([]tensor.Tensor, error) {
	return e.perToken(batch, nil)
}

// TokenScores returns the output of the head Tokens for each sequence, [T, Out].
func (e *Encoder) TokenScores(batch []Sequence) ([]tensor.Tensor, error) {
	if e.Tokens == nil {
		return nil, fmt.Errorf("model: the checkpoint is for %v; it has no head over tokens", e.Task)
	}
	return e.perToken(batch, e.Tokens)
}

func (e *Encoder) perToken(batch []Sequence, h *Head) ([]tensor.Tensor, error) {
	out := make([]tensor.Tensor, len(batch))
	err := e.Run(batch, func(first int, group []Sequence, x tensor.Tensor, a *tensor.Arena) error {
		if h != nil {
			x = h.Forward(a, x)
		}
		row := 0
		for i, s := range group {
			out[first+i] = tensor.New(len(s.IDs), x.Shape.Last())
			copy(out[first+i].Data, x.Slice(row, row+len(s.IDs)).Data)
			row += len(s.IDs)
		}
		return nil
	})
	return out, err
}

// SequenceScores returns the output of the head Sequence, [N, Out] for N sequences.
func (e *Encoder) SequenceScores(batch []Sequence) (tensor.Tensor, error) {
	if e.Sequence == nil {
		return tensor.Tensor{}, fmt.Errorf("model: the checkpoint is for %v; it has no head over sequences", e.Task)
	}
	var out tensor.Tensor
	err := e.Run(batch, func(first int, group []Sequence, x tensor.Tensor, a *tensor.Arena) error {
		y := e.Sequence.Forward(a, e.pool(a, group, x))
		if out.Data == nil {
			out = tensor.New(len(batch), y.Shape.Last())
		}
		copy(out.Slice(first, first+len(group)).Data, y.Data)
		return nil
	})
	return out, err
}

// pool returns one row for each sequence of the group.
func (e *Encoder) pool(a *tensor.Arena, group []Sequence, x tensor.Tensor) tensor.Tensor {
	y := a.New(len(group), x.Shape.Last())
	row := 0
	for i, s := range group {
		copy(y.Row(i), x.Row(row))
		if e.Pool == MeanOfTokens {
			for j := 1; j < len(s.IDs); j++ {
				vec.Add(y.Row(i), y.Row(i), x.Row(row+j))
			}
			vec.Scale(y.Row(i), y.Row(i), 1/float32(len(s.IDs)))
		}
		row += len(s.IDs)
	}
	return y
}
