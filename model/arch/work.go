package arch

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Work returns what the trunk computes for s, without norms, sums and lookups: [Stack.Forward] if s.Out is
// s.Rows, and otherwise [Stack.ForwardRows] for the last s.Out rows.
func (t *Trunk) Work(s attention.Span) attention.Work {
	var w attention.Work
	m := &t.Embeddings
	for _, l := range []*nn.Linear{m.ProjectWords, m.Project, m.ProjectNormed} {
		addLinear(&w, l, s.Rows)
	}
	w.Add(t.Stack.Work(s))
	return w
}

// Work is [Trunk.Work] with the logits of the last s.Out rows.
func (d *Decoder) Work(s attention.Span) attention.Work {
	w := d.Trunk.Work(s)
	addLinear(&w, d.Project, s.Out)
	d.Transform.addTo(&w, s.Out)
	addLinear(&w, &d.Head, s.Out)
	return w
}

// Work returns what the encoder and its heads compute for a sequence of so many tokens.
func (e *Encoder) Work(tokens int) attention.Work {
	w := e.Trunk.Work(attention.Span{Rows: tokens, Out: tokens})
	e.Tokens.addTo(&w, tokens)
	e.Sequence.addTo(&w, 1)
	return w
}

func (h *Head) addTo(w *attention.Work, rows int) {
	if h != nil {
		addLinear(w, h.Dense, rows)
		addLinear(w, h.Out, rows)
	}
}

func addLinear(w *attention.Work, l *nn.Linear, rows int) {
	if l != nil && l.Weight != nil {
		w.Products = append(w.Products, attention.Product{Weight: l.Weight, Rows: rows})
	}
}

// Tables returns the tables that the embeddings look rows up in: words, then segments and positions, if there
// are any.
func (m *Embeddings) Tables() []*tensor.Weight {
	tables := []*tensor.Weight{m.Words.Weight}
	if m.Types != nil {
		tables = append(tables, m.Types.Weight)
	}
	if p, ok := m.Positions.(*tensor.Weight); ok && p != nil {
		tables = append(tables, p)
	}
	return tables
}
