package moe

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// Load returns the share of each expert in all choices. The shares add up to 1. Without tokens they are 0.
func Load(r *Routing) []float64 {
	load := make([]float64, r.Experts)
	for _, e := range r.Chosen {
		load[e] += 1 / float64(len(r.Chosen))
	}
	return load
}

// Entropy returns the entropy of a distribution in bits, such as that of [Load] or of a token's probabilities:
// −Σ p·log₂ p. It is log₂ n for n equal shares, and 0 if one has all.
func Entropy(p []float64) float64 {
	h := 0.0
	for _, x := range p {
		if x > 0 {
			h -= x * math.Log2(x)
		}
	}
	return h
}

// BalanceLoss returns the loss that training adds to spread tokens over experts (Fedus, Zoph and Shazeer,
// "Switch Transformers", 2021, equations 4 to 6): Experts · Σ f·P, with the number f of choices of an expert
// for each token and its mean probability P. It is Active if the load is even, and more otherwise.
//
// It follows load_balancing_loss_func of transformers: probabilities are the softmax of the logits, choices are
// the highest of them, whatever the router makes of its logits, and the layers count together. keep, if not
// nil, has true for each token that counts; the others are padding. All layers have the same tokens, experts and
// active experts.
func BalanceLoss(layers []*Routing, keep []bool) float64 {
	if len(layers) == 0 {
		return 0
	}
	experts, rows := layers[0].Experts, 0.0
	chosen, share := make([]float64, experts), make([]float64, experts)
	p, top := make([]float32, experts), make([]int, layers[0].Active)
	for _, r := range layers {
		for t := range r.Rows() {
			if keep != nil && !keep[t] {
				continue
			}
			rows++
			vec.Softmax(p, r.Logits.Row(t))
			best(top, p)
			for _, e := range top {
				chosen[e]++
			}
			for e, x := range p {
				share[e] += float64(x)
			}
		}
	}
	loss := 0.0
	for e := range experts {
		loss += chosen[e] / rows * share[e] / rows
	}
	return loss * float64(experts)
}

// ZLoss returns the loss that keeps a router's logits small: the mean over tokens of (log Σ e^logit)² (Zoph et
// al., "ST-MoE", 2022, equation 5), as router_z_loss_func of transformers' Switch Transformers. Without tokens it
// is 0.
func ZLoss(r *Routing) float64 {
	loss := 0.0
	for t := range r.Rows() {
		z := float64(vec.LogSumExp(r.Logits.Row(t)))
		loss += z * z / float64(r.Rows())
	}
	return loss
}
