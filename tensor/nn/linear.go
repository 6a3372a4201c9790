package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// Linear is y = x·Wᵀ + b. Several layers with the same input may be joined along Out, as queries, keys
// and values are: one product instead of three.
type Linear struct {
	Weight *tensor.Weight // [Out, In]
	Bias   []float32      // [Out], or nil
}

// Out returns the width of the output, 0 if there is no weight.
func (l Linear) Out() int {
	if l.Weight == nil {
		return 0
	}
	return l.Weight.Out
}

// In returns the width of the input, 0 if there is no weight.
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

// ForwardAdd sets dst to the layer's output and add, [T, Out], with the bits that Forward and then their sum
// have. dst must not overlap x or add.
func (l Linear) ForwardAdd(dst, x, add tensor.Tensor) {
	tensor.MatMulEpilogue(dst, x, l.Weight, tensor.Epilogue{Bias: l.Bias, Add: add})
}

// ForwardActivated sets dst to a of the layer's output. dst must not overlap x.
func (l Linear) ForwardActivated(dst, x tensor.Tensor, a Activation) {
	tensor.MatMulEpilogue(dst, x, l.Weight, tensor.Epilogue{Bias: l.Bias, F: a})
}

// FeedForward sets dst, [T, Dim], to down(a(up(x))) and, unless it is the zero Tensor, add, [T, Dim], with the
// bits that these steps have one after the other. dst must not overlap x or add.
func FeedForward(dst, x tensor.Tensor, up Linear, a Activation, down Linear, add tensor.Tensor) {
	tensor.FeedForward(dst, x, up.Weight, tensor.Epilogue{Bias: up.Bias, F: a}, down.Weight, tensor.Epilogue{Bias: down.Bias, Add: add})
}

// Embedding is a table of rows [V, Dim]. A head that is tied to it is a [Linear] with the same Weight.
type Embedding struct {
	Weight *tensor.Weight
}

// Forward sets row i of dst, [T, Dim], to the row of the table that ids[i] names. It panics for an id
// outside of the table: a model checks ids where they come in.
func (e Embedding) Forward(dst tensor.Tensor, ids []int) {
	if dst.Rows() != len(ids) {
		panic(fmt.Sprintf("nn: %d ids embedded into %v", len(ids), dst.Shape))
	}
	for i, id := range ids {
		e.Weight.Row(dst.Row(i), id)
	}
}
