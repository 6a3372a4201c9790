package cost

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Operations are floating-point operations; a multiply-add is two. Norms, activation functions, rotations and
// sums are not in them: they are below one in a hundred in models of published sizes.
type Operations struct {
	Products  float64 // by matrices that every token is multiplied by, without the head
	Experts   float64 // by the experts that tokens go through
	Head      float64 // logits
	Attention float64 // of queries and keys, and of weights and values: the part that grows with the length squared
}

// Total returns all operations.
func (o Operations) Total() float64 { return o.Products + o.Experts + o.Head + o.Attention }

// AttentionShare returns attention's share of all operations, from 0 to 1.
func (o Operations) AttentionShare() float64 { return o.Attention / o.Total() }

// Plus returns the sum of o and x.
func (o Operations) Plus(x Operations) Operations {
	return Operations{o.Products + x.Products, o.Experts + x.Experts, o.Head + x.Head, o.Attention + x.Attention}
}

// Prompt returns the operations of a text of n tokens that is read at once, with the logits after the last
// token. Of an encoder it is one pass with its heads; of an encoder–decoder, reading a source of n tokens.
//
// All layers count for all tokens. The library leaves out what nobody sees: of the last layer it computes only
// the rows whose logits are asked for.
func (m *Model) Prompt(n int) Operations {
	n = max(n, 0)
	if m.encoder == nil {
		return m.span(attention.Span{Rows: n, Out: n}, min(n, 1))
	}
	o := m.sum(m.encoder.Work(n))
	if m.decoder != nil {
		o = o.Plus(m.sum(attention.Work{Products: m.decoder.Trunk.Work(attention.Span{Rows: 1, Out: 1, Source: n}).Cross}))
	}
	return o
}

// Token returns the operations of one more token at position pos: it attends to pos tokens before it, and to
// itself. Of an encoder–decoder it is a token of the target; see [Model.WithSource]. Of an encoder, which
// cannot continue a text, it is zero.
func (m *Model) Token(pos int) Operations {
	if m.decoder == nil {
		return Operations{}
	}
	return m.span(attention.Span{Pos: max(pos, 0), Rows: 1, Out: 1, Source: m.source}, 1)
}

// Generate returns the operations of n tokens that are written one after the other from position pos on. It
// takes time in proportion to n.
func (m *Model) Generate(pos, n int) Operations {
	var o Operations
	for i := range n {
		o = o.Plus(m.Token(pos + i))
	}
	return o
}

// span returns the operations of a decoder for some tokens, and for the logits of some of them.
func (m *Model) span(s attention.Span, logits int) Operations {
	w := m.decoder.Trunk.Work(s)
	w.Cross = nil
	o := m.sum(w)
	for _, p := range m.logits(logits) {
		o.Head += p.Flops()
	}
	return o
}

// logits returns the products behind the last layer.
func (m *Model) logits(rows int) []attention.Product {
	var p []attention.Product
	if l := m.decoder.Project; l != nil {
		p = append(p, attention.Product{Weight: l.Weight, Rows: rows})
	}
	if w := m.decoder.Head.Weight; w != nil {
		p = append(p, attention.Product{Weight: w, Rows: rows})
	}
	return p
}

// sum adds up work.
func (m *Model) sum(w attention.Work) Operations {
	var o Operations
	head := m.encoderHead()
	for _, p := range w.Products {
		if head[p.Weight] {
			o.Head += p.Flops()
		} else {
			o.Products += p.Flops()
		}
	}
	for _, mix := range w.Mixtures {
		o.Experts += mix.Flops()
	}
	for _, p := range w.Pairs {
		o.Attention += p.Flops()
	}
	return o
}

// encoderHead returns the matrices of an encoder's heads.
func (m *Model) encoderHead() map[*tensor.Weight]bool {
	head := map[*tensor.Weight]bool{}
	if m.encoder != nil {
		for _, h := range []*arch.Head{m.encoder.Tokens, m.encoder.Sequence} {
			if h == nil {
				continue
			}
			for _, l := range []*nn.Linear{h.Dense, h.Out} {
				if l != nil {
					head[l.Weight] = true
				}
			}
		}
	}
	return head
}

// Work lists what the library computes for some tokens: of a decoder with the logits of the last s.Out, of an
// encoder for a text of s.Rows tokens.
func (m *Model) Work(s attention.Span) attention.Work {
	if m.encoder != nil {
		return m.encoder.Work(s.Rows)
	}
	if m.decoder == nil {
		return attention.Work{}
	}
	if s.Source == 0 {
		s.Source = m.source
	}
	w := m.decoder.Work(s)
	w.Cross = nil
	return w
}

// Encodes reports whether the model reads prompts with an encoder.
func (m *Model) Encodes() bool { return m.encoder != nil }

// Decoding returns a Model of the decoder alone, whose Work is that of tokens that are written. Where there is
// no decoder, Work is empty.
func (m *Model) Decoding() *Model {
	n := *m
	n.encoder = nil
	return &n
}

// Stream returns the number of values that norms, rotations and sums go through for each token: the width of
// the residual stream for each sublayer, and queries, keys and values.
func (m *Model) Stream() int64 {
	if m.encoder == nil && m.decoder == nil {
		return 0
	}
	n := int64(0)
	t := m.trunk()
	for _, b := range t.Blocks {
		n += int64(len(b)) * int64(t.Dim)
	}
	for _, p := range m.Work(attention.Span{Rows: 1, Out: 1}).Pairs {
		n += int64(p.Heads)*int64(p.KeyDim) + int64(p.Width)
	}
	return n
}
