package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// Linear is y = x·Wᵀ + b. Layers with the same input can be joined along Out: queries, keys and values then
// take one product instead of three.
type Linear struct {
	Weight *tensor.Weight // [Out, In]
	Bias   []float32      // [Out]; nil means no bias
}

// Out returns the width of the output, or 0 if there is no weight.
func (l Linear) Out() int {
	if l.Weight == nil {
		return 0
	}
	return l.Weight.Out
}

// In returns the width of the input, or 0 if there is no weight.
func (l Linear) In() int {
	if l.Weight == nil {
		return 0
	}
	return l.Weight.In
}

// Forward sets dst, [T, Out], from x, [T, In]. dst must not overlap x.
func (l Linear) Forward(dst, x tensor.Tensor) {
	tensor.MatMulEpilogue(dst, x, l.Weight, tensor.Epilogue{Bias: l.Bias})
}

// ForwardAdd sets dst to Forward(x) + add, with add [T, Out] and the bits of the two steps. dst must not
// overlap x or add.
func (l Linear) ForwardAdd(dst, x, add tensor.Tensor) {
	tensor.MatMulEpilogue(dst, x, l.Weight, tensor.Epilogue{Bias: l.Bias, Add: add})
}

// ForwardActivated sets dst to a(Forward(x)). dst must not overlap x.
func (l Linear) ForwardActivated(dst, x tensor.Tensor, a Activation) {
	tensor.MatMulEpilogue(dst, x, l.Weight, tensor.Epilogue{Bias: l.Bias, F: a})
}

// FeedForward sets dst, [T, Dim], to down(a(up(x))) + add, with the bits of separate steps. add is [T, Dim];
// the zero Tensor adds nothing. dst must not overlap x or add.
func FeedForward(dst, x tensor.Tensor, up Linear, a Activation, down Linear, add tensor.Tensor) {
	tensor.FeedForward(dst, x, up.Weight, tensor.Epilogue{Bias: up.Bias, F: a}, down.Weight, tensor.Epilogue{Bias: down.Bias, Add: add})
}

// Embedding is a table of rows, [V, Dim]. An output head that is tied to the table is a [Linear] with the
// same Weight.
type Embedding struct {
	Weight *tensor.Weight
}

// Forward sets row i of dst, [T, Dim], to row ids[i] of the table. It panics for an id outside the table;
// models check ids before they get here.
func (e Embedding) Forward(dst tensor.Tensor, ids []int) {
	if dst.Rows() != len(ids) {
		panic(fmt.Sprintf("nn: Embedding: dst is %v for %d ids", dst.Shape, len(ids)))
	}
	for i, id := range ids {
		e.Weight.Row(dst.Row(i), id)
	}
}
