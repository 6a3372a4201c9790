package arch

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
)

// Trunk is the common part of all models of text: embeddings of words before a [Stack] of blocks and a final norm.
// Computing does not change it.
type Trunk struct {
	Stack
	Vocab  int // number of token ids
	MaxLen int // longest sequence in tokens; longer ones give an error

	Embeddings Embeddings
}

// Plan returns the places of the Ops in the caches. It checks the model at the first call. The error names
// the first thing that does not fit: a missing weight, a width, an Op that hides the cache of another.
func (t *Trunk) Plan() (*attention.Plan, error) { return t.planned(t.newPlan) }

// Validate checks the model as Plan does. The model may still be changed afterwards.
func (t *Trunk) Validate() error {
	_, err := t.newPlan()
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (t *Trunk) newPlan() (*attention.Plan, error) {
	if t.Dim < 1 || t.Vocab < 1 || t.MaxLen < 1 {
		return nil, fmt.Errorf("a trunk with Dim %d, Vocab %d and MaxLen %d: all must be positive", t.Dim, t.Vocab, t.MaxLen)
	}
	if err := t.Embeddings.check(t.Vocab, t.Dim); err != nil {
		return nil, err
	}
	return t.Stack.newPlan()
}

// Check returns an error that names the first thing in s that the model cannot read. name, if not empty,
// follows "token 3" in the error, such as " of sequence 2".
func (t *Trunk) Check(s *Sequence, name string) error {
	return t.Embeddings.checkSequence(s, name, t.Vocab)
}
