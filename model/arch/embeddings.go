package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Embeddings turn ids, segments and positions into rows:
// ProjectNormed(Norm(Project(Scale·word + position + segment))). What is nil is absent.
type Embeddings struct {
	Words         nn.Embedding
	Scale         float32       // of the words; 0 is 1
	Types         *nn.Embedding // of segments
	Positions     PositionTable // nil: positions are the business of attention
	Project       *nn.Linear
	Norm          nn.Norm
	ProjectNormed *nn.Linear

	// PositionOffset is the row of Positions that belongs to the first token.
	PositionOffset int

	// With Padded, padding tokens, whose id is PaddingIdx, use row PaddingIdx of Positions, and do not
	// advance the position; in a sequence with a cache they do advance it. (RoBERTa; M2M-100.)
	Padded     bool
	PaddingIdx int
}

// RowID is the id of a token whose row is given instead of looked up: see [Sequence].
const RowID = -1

// Sequence is the tokens of one sequence in a pass.
type Sequence struct {
	IDs   []int
	Types []int // segment of each token; nil is all 0

	// Rows are given in the place of the looked-up and scaled embeddings of words, for the tokens whose id
	// is RowID, in order: [number of those, width of the table]. Positions, segments, projections and norms
	// are still added. (The reference calls them inputs_embeds.)
	Rows tensor.Tensor
}

// rowsGiven returns the number of tokens whose rows are given.
func (s *Sequence) rowsGiven() int {
	n := 0
	for _, id := range s.IDs {
		if id == RowID {
			n++
		}
	}
	return n
}

// checkSequence returns an error that names what the embeddings cannot read. name is what errors call the
// sequence.
func (m *Embeddings) checkSequence(s *Sequence, name string, vocab int) error {
	for i, id := range s.IDs {
		if (id < 0 || id >= vocab) && !(id == RowID && s.Rows.Data != nil) {
			return fmt.Errorf("model: token %d%s has id %d; the model's ids are 0 to %d", i, name, id, vocab-1)
		}
	}
	if s.Rows.Data != nil {
		n := s.rowsGiven()
		if width := m.Words.Weight.In; s.Rows.Rows() != n || s.Rows.Shape.Last() != width {
			return fmt.Errorf("model: rows %v given for %d tokens%s; [%d, %d] is needed", s.Rows.Shape, n, name, n, width)
		}
	}
	return nil
}

// check returns an error that names what does not fit ids below vocab and rows of dim.
func (m *Embeddings) check(vocab, dim int) error {
	if m.Words.Weight == nil {
		return errors.New("Embeddings.Words has no table")
	}
	if m.Words.Weight.Out < vocab {
		return fmt.Errorf("Embeddings.Words has %d rows for ids below %d", m.Words.Weight.Out, vocab)
	}
	width := m.Words.Weight.In
	if m.Types != nil && (m.Types.Weight == nil || m.Types.Weight.In != width) {
		return fmt.Errorf("Embeddings.Types has no table, or not the width of Embeddings.Words, %d", width)
	}
	for i, l := range []*nn.Linear{m.Project, m.ProjectNormed} {
		if l == nil {
			continue
		}
		if l.In() != width || i == 1 && l.Out() != dim {
			return fmt.Errorf("Embeddings.%s is [%d, %d], want [%d, %d]", []string{"Project", "ProjectNormed"}[i], l.Out(), l.In(), dim, width)
		}
		width = l.Out()
	}
	if width != dim {
		return fmt.Errorf("Embeddings give rows of %d; the stream has %d", width, dim)
	}
	return nil
}

// Embed returns the rows that enter the first block, [T, Dim], in memory of the pass: those of the batch, whose
// i-th sequence has the tokens of the pass's i-th. It keeps a copy in the pass where an Op reads them later.
func (t *Trunk) Embed(p *attention.Pass, batch []Sequence) tensor.Tensor {
	m := &t.Embeddings
	dst := p.Scratch.New(p.Rows(), t.Dim)
	mark := p.Scratch.Mark()
	width := m.Words.Weight.In
	x := dst
	if m.Project != nil || m.ProjectNormed != nil {
		x = p.Scratch.New(dst.Rows(), width)
	}
	table := p.Scratch.Floats(width)
	row := 0
	for i, seq := range p.Seqs {
		m.sum(x.Slice(row, row+seq.Rows), table, &batch[i], seq)
		row += seq.Rows
	}
	if m.Project != nil {
		y := dst
		if m.ProjectNormed != nil {
			y = p.Scratch.New(dst.Rows(), m.Project.Out())
		}
		m.Project.Forward(y, x)
		x = y
	}
	if m.Norm != nil {
		m.Norm.Forward(x, x)
	}
	if m.ProjectNormed != nil {
		m.ProjectNormed.Forward(dst, x)
	}
	p.Scratch.Release(mark)
	if p.Plan.ReadsInput() {
		p.Input = p.Scratch.New(dst.Rows(), t.Dim)
		copy(p.Input.Data, dst.Data)
	}
	p.Observe(attention.Point{Stage: StageEmbeddings}, dst)
	return dst
}

// sum sets x, [T, Width], to the sums of the tables for one sequence. table has the size of a row.
func (m *Embeddings) sum(x tensor.Tensor, table []float32, in *Sequence, seq attention.Seq) {
	next, given := m.PositionOffset+seq.Pos, 0
	for i, id := range in.IDs {
		r := x.Row(i)
		if id == RowID {
			copy(r, in.Rows.Row(given))
			given++
		} else {
			m.Words.Weight.Row(r, id)
			if m.Scale != 0 {
				vec.Scale(r, r, m.Scale)
			}
		}
		pos := next
		if m.Padded && id == m.PaddingIdx {
			pos = m.PaddingIdx
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
