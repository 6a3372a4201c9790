package tensor

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// FromGeneral returns g as a [Rows, Cols] tensor that shares its memory. It panics if the rows of g are
// not adjacent (Stride ≠ Cols), which a Tensor cannot express.
func FromGeneral(g blas32.General) Tensor {
	if g.Stride != g.Cols && g.Rows > 1 {
		panic(fmt.Sprintf("tensor: rows of %d values %d apart are not dense", g.Cols, g.Stride))
	}
	return From(g.Data[:g.Rows*g.Cols], g.Rows, g.Cols)
}

// General returns t as a gonum matrix of [Tensor.Rows] rows that shares its memory.
func (t Tensor) General() blas32.General {
	n := t.Shape.Last()
	return blas32.General{Rows: t.Rows(), Cols: n, Stride: max(n, 1), Data: t.Data}
}

// Matrix returns t as a mat.Matrix of [Tensor.Rows] rows: a view through which gonum reads the present
// values of t, widened to float64.
func (t Tensor) Matrix() mat.Matrix { return view{t} }

type view struct{ t Tensor }

func (v view) Dims() (r, c int) { return v.t.Rows(), v.t.Shape.Last() }
func (v view) T() mat.Matrix    { return mat.Transpose{Matrix: v} }

func (v view) At(i, j int) float64 {
	if r, c := v.Dims(); i < 0 || i >= r || j < 0 || j >= c {
		panic(fmt.Sprintf("tensor: element (%d, %d) of a %d × %d matrix", i, j, r, c))
	}
	return float64(v.t.Row(i)[j])
}
