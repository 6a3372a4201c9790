package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Linear is y = x·Wᵀ + b. Several layers with the same input may be joined along Out, as queries, keys
// and values are: one product instead of three.
type Linear struct {
	Weight *tensor.Weight // [Out, In]
	Bias   []float32      // [Out], or nil
}

// Out returns the width of the output.
func (l Linear) Out() int { return l.Weight.Out }

// Forward sets dst, [T, Out], from x, [T, In]. dst must not overlap x.
func (l Linear) Forward(dst, x tensor.Tensor) {
	tensor.MatMul(dst, x, l.Weight)
	if l.Bias != nil {
		for i := range dst.Rows() {
			row := dst.Row(i)
			vec.Add(row, row, l.Bias)
		}
	}
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
