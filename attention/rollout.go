package attention

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// Rollout follows attention from the outputs of a stack of layers back to its inputs, after Abnar and Zuidema,
// "Quantifying Attention Flow in Transformers" (2020). layers are the weights of each layer, the first one first, [H, T, T] as an
// Observer gets them. output says how much each token of the output counts, T numbers: 1 for a class token and 0 for
// the others, say. The result, T numbers, says how much of it comes from each token of the input, and has output's sum.
//
// Each layer is taken for the mean of its heads, and its residual connection for an equal share: (A + I) / 2. Values
// and feed-forward networks are left out, so the result is a sketch, not a proof. It panics if shapes do not fit.
func Rollout(layers []tensor.Tensor, output []float32) []float32 {
	t := len(output)
	flow, next := make([]float64, t), make([]float64, t)
	for i, v := range output {
		flow[i] = float64(v)
	}
	for l := len(layers) - 1; l >= 0; l-- {
		w := layers[l]
		if w.Shape.Rank() != 3 || w.Shape[0] < 1 || w.Shape[1] != t || w.Shape[2] != t {
			panic(fmt.Sprintf("attention: Rollout: layer %d has weights %v, want [H, %d, %d]", l, w.Shape, t, t))
		}
		heads := w.Shape[0]
		for j, v := range flow {
			next[j] = v / 2
		}
		for h := range heads {
			for i, v := range flow {
				share := v / float64(2*heads)
				for j, a := range w.Row(h*t + i) {
					next[j] += float64(share * float64(a))
				}
			}
		}
		flow, next = next, flow
	}
	from := make([]float32, t)
	for i, v := range flow {
		from[i] = float32(v)
	}
	return from
}
