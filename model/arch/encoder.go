package arch

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Encoder is a model that reads whole sequences in both directions: a trunk whose attention sees every token,
// and the heads of its task. Computing does not change it: any number of passes may use it at once.
type Encoder struct {
	*Trunk
	Types int // number of segment ids; 0 means that the model has no segments

	// Tokens is the head over each token, Sequence the head over the whole sequence; nil where there is none.
	// Task says what their outputs mean.
	Tokens, Sequence *Head
	Pool             Pooling // the input of Sequence
	Pads             []int   // ids that LastToken passes over
	End              int     // the id that EndToken looks for
	Task             Task
	Labels           []string // names of a classifier's outputs, or nil
	MultiLabel       bool     // a text may have several labels at once
	Regression       bool     // the outputs are numbers, not scores of labels
}

// Forward computes one pass over a batch of sequences, packed without padding. It calls p.Begin itself. It
// returns the hidden states, [T, Dim] for T tokens in all, in p.Scratch. It panics where [Encoder.Check] or
// [Trunk.Plan] returns an error.
func (e *Encoder) Forward(p *attention.Pass, batch []Sequence) tensor.Tensor {
	plan, err := e.Plan()
	if err != nil {
		panic(err)
	}
	p.Seqs = p.Seqs[:0]
	for _, s := range batch {
		p.Seqs = append(p.Seqs, attention.Seq{Rows: len(s.IDs), Keys: s.Keys})
	}
	p.Begin(p.Seqs...)
	p.Plan = plan
	x := e.Embed(p, batch)
	e.Trunk.Forward(p, x)
	return x
}

// Check returns an error that names the first sequence that the encoder cannot read.
func (e *Encoder) Check(batch []Sequence) error {
	for i := range batch {
		s, name := &batch[i], fmt.Sprintf(" of sequence %d", i)
		switch {
		case len(s.IDs) == 0:
			return fmt.Errorf("model: sequence %d has no tokens", i)
		case len(s.IDs) > e.MaxLen:
			return fmt.Errorf("model: sequence %d has %d tokens; the model reads at most %d", i, len(s.IDs), e.MaxLen)
		case s.Keys < 0 || s.Keys > len(s.IDs):
			return fmt.Errorf("model: sequence %d has Keys %d for %d tokens", i, s.Keys, len(s.IDs))
		case s.Types != nil && len(s.Types) != len(s.IDs):
			return fmt.Errorf("model: sequence %d has %d segment ids for %d tokens", i, len(s.Types), len(s.IDs))
		}
		if err := e.Trunk.Check(s, name); err != nil {
			return err
		}
		for j, kind := range s.Types {
			if kind != 0 && (kind < 0 || kind >= e.Types) {
				return fmt.Errorf("model: token %d%s has segment %d; the model has %d segments", j, name, kind, e.Types)
			}
		}
	}
	return nil
}

// Pooled returns the input of the head Sequence: one row for each sequence of the batch, [N, Dim], computed
// from the hidden states x, [T, Dim]. The result is in memory of a.
func (e *Encoder) Pooled(a *tensor.Arena, batch []Sequence, x tensor.Tensor) tensor.Tensor {
	y := a.New(len(batch), x.Shape.Last())
	row := 0
	for i, s := range batch {
		copy(y.Row(i), x.Row(row+e.pooledRow(s.IDs)))
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

// pooledRow returns the row of a sequence from which pooling begins. Where the row that is looked for is missing it is
// the first.
func (e *Encoder) pooledRow(ids []int) int {
	switch e.Pool {
	case LastToken:
		for i := len(ids) - 1; i > 0; i-- {
			if !slices.Contains(e.Pads, ids[i]) {
				return i
			}
		}
	case EndToken:
		return max(0, slices.Index(ids, e.End))
	case LargestID:
		return slices.Index(ids, slices.Max(ids))
	}
	return 0
}
