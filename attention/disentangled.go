package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Disentangled is DeBERTa's self-attention (He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled
// Attention", 2021). A score is the sum of three terms:
//
//	query content · key content
//	query content · embedding of the distance, as a key (Keys)
//	key content   · embedding of the distance, as a query (Queries)
//
// It caches nothing, so it is for encoders only. Forward does not change it: any number of passes may use it
// at once.
type Disentangled struct {
	Heads   int
	HeadDim int

	QKV   nn.Linear // queries, keys and values, one after the other: [3·H·D, Dim]
	Out   nn.Linear // [Dim, H·D]
	Scale float32   // multiplies all three terms

	// Keys and Queries are the projected embeddings of distances: one matrix [Positions, D] for each head.
	// nil leaves the term out.
	Keys, Queries []*tensor.Weight

	// Distances gives the row of Keys and Queries for each distance. The distance is the query's position
	// minus the key's.
	Distances Buckets
}

// Traits implements [Describer].
func (m *Disentangled) Traits() Traits {
	return Traits{Of: m, Err: m.check(), In: m.QKV.In(), Out: m.Out.Out(), ForwardAdd: m.forwardAdd, Work: m.work}
}

// content is the attention without positions.
func (m *Disentangled) content() *MultiHead {
	return &MultiHead{Heads: m.Heads, KVHeads: m.Heads, HeadDim: m.HeadDim, QKV: m.QKV, Out: m.Out, Scale: m.Scale}
}

func (m *Disentangled) check() error {
	for _, terms := range [][]*tensor.Weight{m.Keys, m.Queries} {
		if terms != nil && len(terms) != m.Heads {
			return fmt.Errorf("attention: Disentangled has position embeddings for %d heads, want %d", len(terms), m.Heads)
		}
	}
	if (m.Keys != nil || m.Queries != nil) && (len(m.Distances.Starts) == 0 || len(m.Distances.Of) != len(m.Distances.Starts)) {
		return fmt.Errorf("attention: Disentangled.Distances has %d runs and buckets for %d; both must be equal and not 0", len(m.Distances.Starts), len(m.Distances.Of))
	}
	return m.content().check()
}

// Forward sets dst, [T, Dim], from x, [T, Dim]: each row attends to the rows of its own sequence. dst must
// not overlap x.
func (m *Disentangled) Forward(p *Pass, dst, x tensor.Tensor) {
	m.forwardAdd(p, dst, x, tensor.Tensor{})
}

// forwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *Disentangled) forwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	must(m.check())
	alias.Disjoint("attention: Disentangled", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	c, width := m.content(), m.Heads*m.HeadDim
	qkv := c.prepared(p, x)
	heads := p.Scratch.New(x.Rows(), width)
	c.attend(p, heads, qkv, &positionBias{m: m,
		fromQuery: m.product(p, qkv, 0, m.Keys), fromKey: m.product(p, qkv, width, m.Queries)})
	c.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}

// product returns, for each head and each row of qkv, the products of the part of qkv that begins at
// column start with the head's positions: [H][T][Positions].
func (m *Disentangled) product(p *Pass, qkv tensor.Tensor, start int, positions []*tensor.Weight) []tensor.Tensor {
	if positions == nil {
		return nil
	}
	dim := m.HeadDim
	out := make([]tensor.Tensor, len(positions))
	for h, w := range positions {
		out[h] = p.Scratch.New(qkv.Rows(), w.Out)
		mark := p.Scratch.Mark()
		part := p.Scratch.New(qkv.Rows(), dim)
		for i := range qkv.Rows() {
			copy(part.Row(i), qkv.Row(i)[start+h*dim:])
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
