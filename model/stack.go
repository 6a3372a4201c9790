package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Stack is the trunk of every model: embeddings, blocks, and a norm after the last of them. It is
// read-only when it computes.
type Stack struct {
	Vocab  int // ids are below it
	Dim    int // width of the residual stream
	MaxLen int // tokens of the longest sequence; longer ones are refused

	Embeddings Embeddings
	Blocks     []block.Block
	Norm       nn.Norm // nil is none
}

// Embeddings turn ids, segments and positions into rows: After(Norm(Before(Scale·word + position +
// segment))). What is nil is absent.
type Embeddings struct {
	Words     nn.Embedding
	Scale     float32       // of the words; 0 is 1
	Types     *nn.Embedding // of segments
	Positions PositionTable // nil: positions are the business of attention
	Before    *nn.Linear
	Norm      nn.Norm
	After     *nn.Linear

	// Offset is the row of Positions that belongs to the first token.
	Offset int

	// Padded says that a token with the id Pad has the row Pad of Positions; where a sequence has no
	// cache, it does not count either: the next token has the position that it would have had.
	Padded bool
	Pad    int
}

// What models show to the observer of a pass.
const (
	StageEmbeddings attention.Stage = "embeddings" // [T, Dim]: what enters the first block
	StageFinalNorm  attention.Stage = "final norm" // [T, Dim]: after the final norm
	StageLogits     attention.Stage = "logits"     // [T, V]: of the rows whose logits were asked for
)

// Sequence is one input of a model.
type Sequence struct {
	IDs   []int
	Types []int // segment of each token; nil is all 0
}

// embed returns the rows that enter the first block, for the sequences of the pass; input returns the
// i-th of them. It keeps a copy where an Op reads them later.
func (s *Stack) embed(p *attention.Pass, input func(i int) Sequence) tensor.Tensor {
	m := &s.Embeddings
	dst := p.Scratch.New(p.Rows(), s.Dim)
	mark := p.Scratch.Mark()
	x := dst
	if m.Before != nil || m.After != nil {
		x = p.Scratch.New(dst.Rows(), m.Words.Weight.In)
	}
	table := p.Scratch.Floats(m.Words.Weight.In)
	row := 0
	for i, seq := range p.Seqs {
		m.sum(x.Slice(row, row+seq.Rows), table, input(i), seq)
		row += seq.Rows
	}
	if m.Before != nil {
		m.Before.Forward(dst, x)
		x = dst
	}
	if m.Norm != nil {
		m.Norm.Forward(x, x)
	}
	if m.After != nil {
		m.After.Forward(dst, x)
	}
	p.Scratch.Release(mark)
	if p.Plan.ReadsInput() {
		p.Input = p.Scratch.New(dst.Rows(), s.Dim)
		copy(p.Input.Data, dst.Data)
	}
	p.Observe(attention.Point{Stage: StageEmbeddings}, dst)
	return dst
}

// sum sets x, [T, Width], to the sums of the tables for one sequence. table has the size of a row.
func (m *Embeddings) sum(x tensor.Tensor, table []float32, in Sequence, seq attention.Seq) {
	next := m.Offset + seq.Pos
	for i, id := range in.IDs {
		r := x.Row(i)
		m.Words.Weight.Row(r, id)
		if m.Scale != 0 {
			vec.Scale(r, r, m.Scale)
		}
		pos := next
		if m.Padded && id == m.Pad {
			pos = m.Pad
		}
		if pos == next || seq.Cache != nil {
			next++
		}
		if m.Positions != nil {
			m.Positions.Row(table, pos)
			vec.Add(r, r, table)
		}
		if m.Types != nil {
			kind := 0
			if in.Types != nil {
				kind = in.Types[i]
			}
			m.Types.Weight.Row(table, kind)
			vec.Add(r, r, table)
		}
	}
}

// blocks takes x, [T, Dim], through the blocks and the norm, in place.
func (s *Stack) blocks(p *attention.Pass, x tensor.Tensor) {
	for i, b := range s.Blocks {
		b.Forward(p, i, x)
	}
	if s.Norm != nil {
		s.Norm.Forward(x, x)
	}
	p.Observe(attention.Point{Stage: StageFinalNorm}, x)
}

// rows is blocks for those rows only whose results are asked for; without an observer the last block
// does not compute the others. It returns them, [len(rows), Dim].
func (s *Stack) rows(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	last := len(s.Blocks) - 1
	if last < 0 || p.Observer != nil {
		s.blocks(p, x)
		return gather(p, x, rows)
	}
	for i, b := range s.Blocks[:last] {
		b.Forward(p, i, x)
	}
	x = s.Blocks[last].ForwardRows(p, last, x, rows)
	if s.Norm != nil && len(rows) > 0 {
		s.Norm.Forward(x, x)
	}
	return x
}

// gather returns some rows of x, in scratch memory.
func gather(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	y := p.Scratch.New(len(rows), x.Shape.Last())
	for i, r := range rows {
		copy(y.Row(i), x.Row(r))
	}
	return y
}

// check returns an error for the first id that is none of the model's.
func (s *Stack) check(ids []int) error {
	for i, id := range ids {
		if id < 0 || id >= s.Vocab {
			return fmt.Errorf("model: token %d has id %d; the model's ids are 0 to %d", i, id, s.Vocab-1)
		}
	}
	return nil
}

// Plan returns where the Ops of the blocks keep what they cache. An error names the first thing that does not
// fit: a weight that is missing, a width, an Op that hides another's cache.
func (s *Stack) Plan() (*attention.Plan, error) {
	if s.Dim < 1 || s.Vocab < 1 || s.MaxLen < 1 {
		return nil, fmt.Errorf("model: a trunk with Dim %d, Vocab %d and MaxLen %d; all have to be positive", s.Dim, s.Vocab, s.MaxLen)
	}
	if err := s.Embeddings.check(s.Vocab, s.Dim); err != nil {
		return nil, err
	}
	layers := make([][]attention.Op, len(s.Blocks))
	for i, b := range s.Blocks {
		if err := b.Check(s.Dim); err != nil {
			return nil, fmt.Errorf("model: block %d: %w", i, err)
		}
		layers[i] = b.Ops()
	}
	if w := nn.Width(s.Norm); w != 0 && w != s.Dim {
		return nil, fmt.Errorf("model: the final norm is of rows of %d; the stream has %d", w, s.Dim)
	}
	plan, err := attention.NewPlan(layers...)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return plan, nil
}

// check returns an error that names what does not fit ids below vocab and rows of dim.
func (m *Embeddings) check(vocab, dim int) error {
	if m.Words.Weight == nil {
		return errors.New("model: Embeddings.Words has no table")
	}
	if m.Words.Weight.Out < vocab {
		return fmt.Errorf("model: Embeddings.Words has %d rows for ids below %d", m.Words.Weight.Out, vocab)
	}
	width := m.Words.Weight.In
	if m.Types != nil && (m.Types.Weight == nil || m.Types.Weight.In != width) {
		return fmt.Errorf("model: Embeddings.Types and Embeddings.Words differ in width, or it has no table")
	}
	for _, l := range []*nn.Linear{m.Before, m.After} {
		if l != nil && (l.In() != width || l.Out() != dim) {
			return fmt.Errorf("model: a projection of the embeddings is [%d, %d], want [%d, %d]", l.Out(), l.In(), dim, width)
		} else if l != nil {
			width = dim
		}
	}
	if width != dim {
		return fmt.Errorf("model: Embeddings give rows of %d; the stream has %d", width, dim)
	}
	return nil
}
