package moe

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// SparseMixer is the Router of Phi-3.5-MoE: two experts for each token (Liu et al., "GRIN: GRadient-INformed
// MoE", 2024). It picks the expert with the highest logit, and then the highest of the others. The weight of a
// pick is its share in the softmax of the logits that are close to it:
//
//	(max − logit) / max(|logit|, max) ≤ 2·Jitter
//
// The first pick does not take part in the second. The weights of the two do not add up to 1. Scores are the
// softmax of all logits.
type SparseMixer struct {
	Gate   nn.Linear // [Experts, Dim]
	Jitter float32   // router_jitter_noise
}

// Size implements [Router].
func (s *SparseMixer) Size() (experts, active int) { return s.Gate.Out(), 2 }

// In implements [Router].
func (s *SparseMixer) In() int { return s.Gate.In() }

// Check implements [Router].
func (s *SparseMixer) Check() error {
	if s.Gate.Weight == nil {
		return fmt.Errorf("moe: SparseMixer.Gate has no weight")
	}
	if s.Gate.Out() < 2 {
		return fmt.Errorf("moe: SparseMixer chooses 2 of %d experts", s.Gate.Out())
	}
	return nil
}

// Route implements [Router].
func (s *SparseMixer) Route(p *attention.Pass, r *Routing, x tensor.Tensor) {
	s.Gate.Forward(r.Logits, x)
	mark := p.Scratch.Mark()
	m := mixings.Get()
	m.s, m.r, m.left = s, r, p.Scratch.New(x.Rows(), r.Experts)
	parallel.Run(width(x.Rows()), parts(x.Rows()), m)
	*m = mixing{}
	mixings.Put(m, 0)
	p.Scratch.Release(mark)
}

var mixings parallel.Free[mixing]

// mixing is a running choice.
type mixing struct {
	s    *SparseMixer
	r    *Routing
	left tensor.Tensor // logits that take part, [T, Experts]
}

// Do chooses for some rows.
func (m *mixing) Do(part, _ int) {
	for row := part * rowsPerPart; row < min((part+1)*rowsPerPart, m.r.Rows()); row++ {
		logits, left := m.r.Logits.Row(row), m.left.Row(row)
		chosen, w := m.r.Row(row)
		best(chosen, logits)
		for i, e := range chosen {
			m.s.close(left, logits, logits[e])
			if i > 0 {
				left[chosen[0]] = negInf
			}
			vec.Softmax(left, left)
			w[i] = left[e]
		}
		vec.Softmax(m.r.Scores.Row(row), logits)
	}
}

// close sets dst to the logits that are close to the highest, and to −∞ elsewhere.
func (s *SparseMixer) close(dst, logits []float32, highest float32) {
	for i, x := range logits {
		dst[i] = x
		if (highest-x)/max(x, -x, highest) > 2*s.Jitter {
			dst[i] = negInf
		}
	}
}
