package attention

import (
	"slices"

	"github.com/seed2010d43f/transformer/internal/fields"
	"github.com/seed2010d43f/transformer/tensor"
)

// Span is some tokens of one sequence that an Op computes in one pass.
type Span struct {
	Pos, Rows int // tokens Pos to Pos+Rows−1
	Out       int // the result is needed of the last Out of them alone; Rows is all
	Source    int // tokens of the encoder's output that the sequence attends to
}

// Work is what an Op computes for a [Span]: the parts that take nearly all of a model's time. Norms, rotations
// and sums are not in it.
type Work struct {
	Products []Product
	Mixtures []Mixture
	Pairs    []Pairs

	// Cross are the products that FillCross makes of an encoder's output, once for each source.
	Cross []Product

	Activations int64 // values of activation functions, without those of Mixtures
}

// Product is a matrix product of some rows by a Weight.
type Product struct {
	Weight *tensor.Weight
	Rows   int
}

// Mixture is a product of some rows by some of many experts.
type Mixture struct {
	Experts []tensor.Expert
	Active  int // experts that each row goes through
	Rows    int
}

// Pairs are the queries of a span and the keys that each of them sees.
type Pairs struct {
	Heads            int // of queries
	KeyDim, ValueDim int // values of a key and of a value that a head multiplies
	Queries          int
	Pairs            int64 // of a query and a key that it sees, in each head
	Keys             int   // that are read
	Width            int   // values that each such key takes in the cache: of all heads, keys and values
}

// WorkOf returns what op computes for s, and the Ops that it calls for theirs. op may be any Op: of one that does not
// say in its [Traits] what it computes, each row is taken to be multiplied once by every Weight in its fields.
func WorkOf(op Op, s Span) Work {
	t := Describe(op)
	var w Work
	for _, inner := range t.Inner {
		if inner != nil {
			w.Add(WorkOf(inner, s))
		}
	}
	if t.Work != nil {
		w.Add(t.Work(s))
		return w
	}
	counted := map[*tensor.Weight]bool{}
	for _, p := range w.Products {
		counted[p.Weight] = true
	}
	for _, m := range HeldWeights(op) {
		if !counted[m] {
			w.Products = append(w.Products, Product{m, s.Out})
		}
	}
	return w
}

// HeldWeights returns the Weights in the fields of x, a struct or a pointer to one, each once.
func HeldWeights(x any) []*tensor.Weight {
	var held []*tensor.Weight
	for _, f := range fields.All(x) {
		if m, ok := f.(*tensor.Weight); ok && !slices.Contains(held, m) {
			held = append(held, m)
		}
	}
	return held
}

// Add adds what x computes.
func (w *Work) Add(x Work) {
	w.Products = append(w.Products, x.Products...)
	w.Mixtures = append(w.Mixtures, x.Mixtures...)
	w.Pairs = append(w.Pairs, x.Pairs...)
	w.Cross = append(w.Cross, x.Cross...)
	w.Activations += x.Activations
}

// Weights returns the matrices of all products, and those of all experts, each once.
func (w *Work) Weights() []*tensor.Weight {
	var all []*tensor.Weight
	seen := map[*tensor.Weight]bool{nil: true}
	add := func(m *tensor.Weight) {
		if !seen[m] {
			seen[m] = true
			all = append(all, m)
		}
	}
	for _, p := range slices.Concat(w.Products, w.Cross) {
		add(p.Weight)
	}
	for _, mix := range w.Mixtures {
		for _, e := range mix.Experts {
			add(e.Gate)
			add(e.Up)
			add(e.Down)
		}
	}
	return all
}

// SelfPairs returns the pairs of a self-attention with this mask: the last s.Out tokens of the span look at all that
// they see of the s.Pos+s.Rows tokens so far.
func SelfPairs(m Mask, s Span, heads, kvHeads, keyDim, valueDim int) Pairs {
	end := s.Pos + s.Rows
	first, _ := m.Range(end - s.Out)
	return Pairs{Heads: heads, KeyDim: keyDim, ValueDim: valueDim, Queries: s.Out, Pairs: m.Pairs(end-s.Out, end, end),
		Keys: end - first, Width: kvHeads * (keyDim + valueDim)}
}

func (m *MultiHead) work(s Span) Work {
	return Work{
		Products: []Product{{m.QKV.Weight, s.Rows}, {m.Out.Weight, s.Out}},
		Pairs:    []Pairs{SelfPairs(m.Mask, s, m.Heads, m.KVHeads, m.HeadDim, m.HeadDim)},
	}
}

func (c *CrossAttention) work(s Span) Work {
	return Work{
		Products: []Product{{c.Query.Weight, s.Out}, {c.Out.Weight, s.Out}},
		Cross:    []Product{{c.KV.Weight, s.Source}},
		Pairs: []Pairs{{Heads: c.Heads, KeyDim: c.HeadDim, ValueDim: c.HeadDim, Queries: s.Out, Pairs: int64(s.Out) * int64(s.Source),
			Keys: s.Source, Width: 2 * c.Heads * c.HeadDim}},
	}
}

func (m *Disentangled) work(s Span) Work {
	w := m.content().work(s)
	for _, positions := range [][]*tensor.Weight{m.Keys, m.Queries} {
		for _, p := range positions {
			w.Products = append(w.Products, Product{p, s.Rows})
		}
	}
	return w
}

// Flops returns the floating-point operations; a multiply-add is two.
func (p Product) Flops() float64 {
	if p.Weight == nil {
		return 0
	}
	return 2 * float64(p.Rows) * float64(p.Weight.Out) * float64(p.Weight.In)
}

// Flops returns the floating-point operations of the experts; a multiply-add is two.
func (m Mixture) Flops() float64 {
	if len(m.Experts) == 0 {
		return 0
	}
	e, sum := m.Experts[0], 0.0
	for _, w := range []*tensor.Weight{e.Gate, e.Up, e.Down} {
		sum += Product{w, m.Rows}.Flops()
	}
	return sum * float64(min(m.Active, len(m.Experts)))
}

// Flops returns the floating-point operations of queries by keys, and of weights by values.
func (p Pairs) Flops() float64 {
	return 2 * float64(p.Pairs) * float64(p.Heads) * float64(p.KeyDim+p.ValueDim)
}

// work is that of the form that the number of new tokens asks for.
func (m *Latent) work(s Span) Work {
	w := Work{Products: []Product{{m.Down.Weight, s.Rows}, {m.Out.Weight, s.Out}}}
	if m.QueryUp.Weight != nil {
		w.Products = append(w.Products, Product{m.QueryUp.Weight, s.Rows})
	}
	mask, up, rows := Mask{Causal: true}, m.Up.KeysTransposed, s.Out
	pairs := SelfPairs(mask, s, m.Heads, 1, m.keyDim(), m.Rank)
	if s.Rows > m.MaxAbsorbed() {
		up, rows = m.Up.Keys, s.Pos+s.Rows
		pairs = SelfPairs(mask, s, m.Heads, m.Heads, m.queryDim(), m.ValueDim)
	}
	pairs.Width = m.keyDim() // of the latents that are read
	for _, matrices := range [][]*tensor.Weight{up, m.Up.Values} {
		for _, matrix := range matrices {
			w.Products = append(w.Products, Product{matrix, rows})
		}
	}
	w.Pairs = []Pairs{pairs}
	return w
}
