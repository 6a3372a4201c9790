package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Embeddings turn ids, segments and positions into rows: ProjectNormed(Norm(Project(ProjectWords(Scale·word)
// + position + segment))). Nil parts are skipped.
type Embeddings struct {
	Words         nn.Embedding
	Scale         float32 // multiplies word embeddings; 0 means 1
	ProjectWords  *nn.Linear
	Types         *nn.Embedding // segment embeddings
	Positions     PositionTable // nil where attention handles positions, as with RoPE
	Project       *nn.Linear
	Norm          nn.Norm
	ProjectNormed *nn.Linear

	// PositionOffset is the row of Positions for the first token.
	PositionOffset int

	// With Padded, tokens with the id PaddingIdx use row PaddingIdx of Positions and do not advance the
	// position. In a sequence with a cache they do advance it. (RoBERTa, M2M-100)
	Padded     bool
	PaddingIdx int
}

// RowID is the id of a token whose row is given instead of looked up: see [Sequence].
const RowID = -1

// Sequence holds the tokens of one sequence in a pass.
type Sequence struct {
	IDs   []int
	Types []int // segment of each token; nil means all 0

	// Keys, if not 0, is the number of tokens, the first ones, that all tokens of an [Encoder] attend to: the others are
	// padding with an attention mask.
	Keys int

	// Rows replace the scaled word embeddings of the tokens with the id RowID, in order: [number of such
	// tokens, width of the table]. Positions, segments, projections and norms still apply. (transformers:
	// inputs_embeds)
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
	for i, l := range []*nn.Linear{m.ProjectWords, m.Project, m.ProjectNormed} {
		if i == 1 && m.Types != nil && (m.Types.Weight == nil || m.Types.Weight.In != width) {
			return fmt.Errorf("Embeddings.Types has no table, or one of another width than the words, %d", width)
		}
		if l == nil {
			continue
		}
		if l.In() != width || i == 2 && l.Out() != dim {
			name := []string{"Embeddings.ProjectWords", "Embeddings.Project", "Embeddings.ProjectNormed"}[i]
			return fmt.Errorf("%s is [%d, %d], want [%d, %d]", name, l.Out(), l.In(), dim, width)
		}
		width = l.Out()
	}
	if width != dim {
		return fmt.Errorf("Embeddings give rows of %d; the stream has %d", width, dim)
	}
	return nil
}

// Embed returns the input of the first block, [T, Dim], in p.Scratch. batch holds the tokens of each sequence
// of the pass. If an Op reads [attention.Pass].Input, Embed sets that to a copy.
func (t *Trunk) Embed(p *attention.Pass, batch []Sequence) tensor.Tensor {
	m := &t.Embeddings
	x := p.Scratch.New(p.Rows(), m.Words.Weight.In)
	row := 0
	for i := range batch {
		row = m.lookUp(x, row, &batch[i])
	}
	x = project(p, m.ProjectWords, x)
	row = 0
	for i, seq := range p.Seqs {
		m.addTables(p, x.Slice(row, row+seq.Rows), &batch[i], seq)
		row += seq.Rows
	}
	x = project(p, m.Project, x)
	if m.Norm != nil {
		m.Norm.Forward(x, x)
	}
	x = project(p, m.ProjectNormed, x)
	t.enter(p, x)
	return x
}

// project returns what l makes of x, in memory of the pass, or x if l is nil.
func project(p *attention.Pass, l *nn.Linear, x tensor.Tensor) tensor.Tensor {
	if l == nil {
		return x
	}
	y := p.Scratch.New(x.Rows(), l.Out())
	l.Forward(y, x)
	return y
}

// lookUp sets the rows of x from row on to the words of a sequence, and returns the row after them.
func (m *Embeddings) lookUp(x tensor.Tensor, row int, in *Sequence) int {
	given := 0
	for _, id := range in.IDs {
		r := x.Row(row)
		row++
		if id == RowID {
			copy(r, in.Rows.Row(given))
			given++
			continue
		}
		m.Words.Weight.Row(r, id)
		if m.Scale != 0 {
			vec.Scale(r, r, m.Scale)
		}
	}
	return row
}

// addTables adds positions and segments to x, the rows of one sequence.
func (m *Embeddings) addTables(p *attention.Pass, x tensor.Tensor, in *Sequence, seq attention.Seq) {
	if m.Positions == nil && m.Types == nil {
		return
	}
	mark := p.Scratch.Mark()
	table := p.Scratch.Floats(x.Shape.Last())
	next := m.PositionOffset + seq.Pos
	for i, id := range in.IDs {
		r := x.Row(i)
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
	p.Scratch.Release(mark)
}
