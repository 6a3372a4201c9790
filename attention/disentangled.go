package attention

import (
	"github.com/seed2010d43f/transformer/tensor"
)

// Disentangled is DeBERTa's self-attention (He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled
// Attention", 2021): beside the score of content with content stand that of the query's content with
// the position of the key relative to it, and that of the key's content with the position of the query.
type Disentangled struct {
	MultiHead

	// Keys and Queries are what relative positions look like as keys and as queries, one matrix
	// [Positions, D] for each head; nil leaves the term out.
	Keys, Queries []*tensor.Weight

	// Distances says which row of Keys and Queries belongs to a distance: the query's position less the
	// key's.
	Distances Buckets
}

// Forward sets dst, [T, Dim], to the attention of the rows of x, [T, Dim], to their own sequence.
func (m *Disentangled) Forward(p *Pass, dst, x tensor.Tensor) {
	m.ForwardAdd(p, dst, x, tensor.Tensor{})
}

// ForwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *Disentangled) ForwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	mark := p.Scratch.Mark()
	rows, width := x.Rows(), m.Heads*m.HeadDim
	qkv := p.Scratch.New(rows, 3*width) // queries, keys, values
	heads := p.Scratch.New(rows, width)
	m.QKV.Forward(qkv, x)
	bias := &positionBias{m: m,
		fromQuery: m.product(p, qkv, 0, m.Keys),
		fromKey:   m.product(p, qkv, width, m.Queries)}
	plain := m.MultiHead
	plain.Bias = bias
	plain.attend(p, heads, qkv)
	m.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}

// product returns, for each head and each row of qkv, the products of the part of qkv that begins at
// column start with the head's positions: [H][T][Positions].
func (m *Disentangled) product(p *Pass, qkv tensor.Tensor, start int, positions []*tensor.Weight) []tensor.Tensor {
	if positions == nil {
		return nil
	}
	out := make([]tensor.Tensor, m.Heads)
	for h, w := range positions {
		out[h] = p.Scratch.New(qkv.Rows(), w.Out)
		mark := p.Scratch.Mark()
		part := p.Scratch.New(qkv.Rows(), m.HeadDim)
		for i := range qkv.Rows() {
			copy(part.Row(i), qkv.Row(i)[start+h*m.HeadDim:])
		}
		tensor.MatMul(out[h], part, w)
		p.Scratch.Release(mark)
	}
	return out
}

// positionBias adds the two terms with positions to the scores of one pass.
type positionBias struct {
	m                  *Disentangled
	fromQuery, fromKey []tensor.Tensor
}

// AddTo implements [Bias].
func (b *positionBias) AddTo(s *Scores) {
	starts := b.m.Distances.Starts
	for i, h := range s.Heads {
		var query, keys []float32
		width := 0 // of a row of keys
		if b.fromQuery != nil {
			query = b.fromQuery[h].Row(s.Rows[i])
		}
		if b.fromKey != nil {
			width = b.fromKey[h].Shape.Last()
			keys = b.fromKey[h].Data[s.KeyRow*width:]
		}
		largest := s.Pos[i] - s.Key
		for j, run := 0, runOf(starts, largest); j < s.Keys; run-- {
			end := s.Keys
			if run > 0 {
				end = min(end, largest-starts[run]+1)
			}
			at, fromQuery := b.m.Distances.Of[run], float32(0)
			if query != nil {
				fromQuery = query[at]
			}
			for ; j < end; j++ {
				x := fromQuery
				if keys != nil {
					x += keys[j*width+at]
				}
				s.Tile[j*s.Lanes+i] += x * b.m.Scale
			}
		}
	}
}
