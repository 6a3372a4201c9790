package model

import (
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

// Sequence is one input of a model.
type Sequence struct {
	IDs   []int
	Types []int // segment of each token; nil is all 0
}

// embed returns the rows that enter the first block, for the sequences of the pass; input returns the
// i-th of them.
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
	p.See(attention.Point{Stage: attention.Embedded}, dst)
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
	p.See(attention.Point{Stage: attention.Normed}, x)
}

// rows is blocks for those rows only whose results are asked for; without an observer the last block
// does not compute the others. It returns them, [len(rows), Dim].
func (s *Stack) rows(p *attention.Pass, x tensor.Tensor, rows []int) tensor.Tensor {
	last := len(s.Blocks) - 1
	if last < 0 || p.Observe != nil {
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

// cached is an Op that keeps something in a cache.
type cached interface {
	Cache() attention.CacheLayer
}

// newCache returns an empty cache for the stack's layers.
func (s *Stack) newCache(dt tensor.DType) *attention.Cache {
	var layers []attention.CacheLayer
	for _, b := range s.Blocks {
		for _, r := range b {
			if c, ok := r.Op.(cached); ok {
				layers = append(layers, c.Cache())
			}
		}
	}
	return attention.NewCache(dt, layers)
}
