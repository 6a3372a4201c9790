package machine

import (
	"math"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// Times are those of the parts of a computation.
type Times struct {
	Products  time.Duration // by matrices that every token is multiplied by, and the head
	Experts   time.Duration
	Attention time.Duration // queries, keys and values
	Rest      time.Duration // norms, sums, rotations and activation functions
}

// Total returns the sum of the parts: they run one after the other.
func (t Times) Total() time.Duration { return t.Products + t.Experts + t.Attention + t.Rest }

func (t Times) plus(x Times) Times {
	return Times{t.Products + x.Products, t.Experts + x.Experts, t.Attention + x.Attention, t.Rest + x.Rest}
}

// Prompt returns how long the library takes to read n tokens into an empty session, with the logits after the
// last one: part by part, without what nobody sees of the last layer. Of a model with an encoder it is the
// encoder's pass.
//
// The limits must have been measured for the model.
func (l *Limits) Prompt(m *cost.Model, n int) Times {
	if m.Encodes() {
		return l.Of(m, attention.Span{Rows: n, Out: n})
	}
	var t Times
	for pos := 0; pos < n; pos += model.PassRows {
		s := attention.Span{Pos: pos, Rows: min(model.PassRows, n-pos)}
		if pos+s.Rows == n {
			s.Out = 1
		}
		t = t.plus(l.Of(m, s))
	}
	return t
}

// Token returns how long one more token takes at position pos of a text. Of an encoder it is zero.
func (l *Limits) Token(m *cost.Model, pos int) Times {
	return l.Of(m.Decoding(), attention.Span{Pos: pos, Rows: 1, Out: 1})
}

// Of returns how long one pass over a span takes.
func (l *Limits) Of(m *cost.Model, s attention.Span) Times {
	var products, experts, attend float64
	w := m.Work(s)
	for _, p := range w.Products {
		if p.Rows == 0 {
			continue
		}
		for _, part := range p.Weight.Parts() {
			products += attention.Product{Weight: part, Rows: p.Rows}.Flops() / l.products(kindOf(part)).At(float64(p.Rows))
		}
	}
	for _, mix := range w.Mixtures {
		experts += l.mixture(mix)
	}
	for _, p := range w.Pairs {
		attend += l.pairs(p)
	}
	rest := float64(s.Rows)*float64(m.Stream())/l.Norms + float64(w.Activations)/l.Activations
	return Times{seconds(products), seconds(experts), seconds(attend), seconds(rest)}
}

// mixture returns the seconds of experts whose choice is as even as chance makes it.
func (l *Limits) mixture(m attention.Mixture) float64 {
	n := float64(len(m.Experts))
	chosen := n * (1 - math.Pow(1-float64(m.Active)/n, float64(m.Rows)))
	if m.Rows == 0 || chosen == 0 {
		return 0
	}
	each := float64(m.Rows) * float64(m.Active) / chosen
	return m.Flops() / l.Experts[kindOf(m.Experts[0].Up)].At(each)
}

// pairs returns the seconds of attention: few queries wait for keys and values, many for the arithmetic.
func (l *Limits) pairs(p attention.Pairs) float64 {
	if p.Queries == 0 {
		return 0
	}
	arithmetic := p.Flops() / l.Attention[p.KeyDim].At(float64(p.Keys))
	return max(arithmetic, float64(tensor.F32.Bytes(p.Width))*float64(p.Keys)/l.KeyBytes)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
