package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Norm normalises each row. dst and x have the same shape; they may be the same tensor but must not overlap
// otherwise.
type Norm interface {
	Forward(dst, x tensor.Tensor)
}

// RMSNorm is x / √(mean(x²) + Eps) · Weight (Zhang and Sennrich, "Root Mean Square Layer Normalization",
// 2019).
type RMSNorm struct {
	Weight []float32 // [Dim]; nil means all ones
	Eps    float32
}

// Forward implements [Norm].
func (n *RMSNorm) Forward(dst, x tensor.Tensor) {
	alias.SameOrDisjoint("nn: RMSNorm", "dst", dst.Data, "x", x.Data)
	forRows(n, dst, x)
}

func (n *RMSNorm) rows(dst, x tensor.Tensor) {
	for i := range x.Rows() {
		vec.RMSNorm(dst.Row(i), x.Row(i), n.Weight, n.Eps)
	}
}

// LayerNorm is (x − mean(x)) / √(var(x) + Eps) · Weight + Bias (Ba, Kiros and Hinton, "Layer
// Normalization", 2016).
type LayerNorm struct {
	Weight, Bias []float32 // [Dim]; a nil Weight means all ones, a nil Bias all zeros
	Eps          float32
}

// Forward implements [Norm].
func (n *LayerNorm) Forward(dst, x tensor.Tensor) {
	alias.SameOrDisjoint("nn: LayerNorm", "dst", dst.Data, "x", x.Data)
	forRows(n, dst, x)
}

func (n *LayerNorm) rows(dst, x tensor.Tensor) {
	for i := range x.Rows() {
		vec.LayerNorm(dst.Row(i), x.Row(i), n.Weight, n.Bias, n.Eps)
	}
}

// Scale multiplies each column by a number of its own: [Dim]. It stands where a norm would, after an operation (layer
// scale: Touvron et al., "Going deeper with Image Transformers", 2021).
type Scale []float32

// Forward implements [Norm].
func (s Scale) Forward(dst, x tensor.Tensor) {
	alias.SameOrDisjoint("nn: Scale", "dst", dst.Data, "x", x.Data)
	for i := range x.Rows() {
		vec.Mul(dst.Row(i), x.Row(i), s)
	}
}

// Width returns the width of the rows that a norm of this package takes, or 0 if it takes any width.
func Width(n Norm) int {
	switch n := n.(type) {
	case *RMSNorm:
		return len(n.Weight)
	case *LayerNorm:
		return max(len(n.Weight), len(n.Bias))
	case Scale:
		return len(n)
	case PerRow:
		if len(n) > 0 {
			return Width(n[0])
		}
	}
	return 0
}

// PerRow normalises row i with norm i: each head has its own weights (StableLM 2, Command R+).
type PerRow []Norm

// Forward implements [Norm]. It panics if the number of rows differs from the number of norms.
func (n PerRow) Forward(dst, x tensor.Tensor) {
	if x.Rows() != len(n) {
		panic(fmt.Sprintf("nn: PerRow: x is %v for norms of %d rows", x.Shape, len(n)))
	}
	alias.SameOrDisjoint("nn: PerRow", "dst", dst.Data, "x", x.Data)
	for i, norm := range n {
		norm.Forward(dst.Slice(i, i+1), x.Slice(i, i+1))
	}
}

// rowOp works on rows that do not depend on each other.
type rowOp interface {
	rows(dst, x tensor.Tensor)
}

const (
	rowWork = 1 << 15 // elements of a part; fewer are not worth a thread
)

// forRows applies op to all rows, on all processors if there are many.
func forRows(op rowOp, dst, x tensor.Tensor) {
	rows, dim := x.Rows(), max(x.Shape.Last(), 1)
	if rows*dim <= rowWork {
		op.rows(dst, x)
		return
	}
	t := rowTasks.Get()
	t.op, t.step = op, max(1, rowWork/dim)
	t.dst, t.x = dst.Reshape(rows, dst.Shape.Last()), x.Reshape(rows, dim)
	parallel.Run(parallel.Width(), (rows+t.step-1)/t.step, t)
	*t = rowTask{}
	rowTasks.Put(t, 0)
}

var rowTasks parallel.Free[rowTask]

type rowTask struct {
	op     rowOp
	dst, x tensor.Tensor
	step   int
}

func (t *rowTask) Do(part, _ int) {
	i := part * t.step
	j := min(i+t.step, t.x.Rows())
	t.op.rows(t.dst.Slice(i, j), t.x.Slice(i, j))
}
