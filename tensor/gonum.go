package tensor

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// FromGeneral returns g as a [Rows, Cols] tensor that shares its memory. It panics if Stride differs from
// Cols, because a Tensor cannot skip memory between rows.
func FromGeneral(g blas32.General) Tensor {
	if g.Stride != g.Cols && g.Rows > 1 {
		panic(fmt.Sprintf("tensor: rows of %d values with Stride %d are not adjacent", g.Cols, g.Stride))
	}
	return From(g.Data[:g.Rows*g.Cols], g.Rows, g.Cols)
}

// General returns t as a gonum matrix of [Tensor.Rows] rows that shares its memory.
func (t Tensor) General() blas32.General {
	n := t.Shape.Last()
	return blas32.General{Rows: t.Rows(), Cols: n, Stride: max(n, 1), Data: t.Data}
}

// FromMatrix returns a copy of any gonum matrix as a [rows, columns] tensor. Each float64 is rounded to the
// nearest float32; values too large for float32 become infinite. A matrix without elements gives the zero
// Tensor.
func FromMatrix(m mat.Matrix) Tensor {
	rows, cols := m.Dims()
	if rows == 0 || cols == 0 {
		return Tensor{}
	}
	t := New(rows, cols)
	for i := range rows {
		row := t.Row(i)
		if d, ok := m.(*mat.Dense); ok {
			for j, v := range d.RawRowView(i) {
				row[j] = float32(v)
			}
			continue
		}
		for j := range row {
			row[j] = float32(m.At(i, j))
		}
	}
	return t
}

// Dense returns a copy of t as a gonum matrix of [Tensor.Rows] rows. Widening to float64 is exact, so
// [FromMatrix] gives back the same values. A tensor without elements gives an empty matrix.
func (t Tensor) Dense() *mat.Dense {
	if len(t.Data) == 0 {
		return new(mat.Dense)
	}
	return mat.DenseCopyOf(t.Matrix())
}

// Matrix returns a read-only view of t as a [mat.Matrix] of [Tensor.Rows] rows. Values are widened to float64
// when gonum reads them, so later changes to t show. Use [Tensor.Dense] for a copy that gonum may change.
func (t Tensor) Matrix() mat.Matrix { return view{t} }

type view struct{ t Tensor }

func (v view) Dims() (r, c int) { return v.t.Rows(), v.t.Shape.Last() }
func (v view) T() mat.Matrix    { return mat.Transpose{Matrix: v} }

func (v view) At(i, j int) float64 {
	if r, c := v.Dims(); i < 0 || i >= r || j < 0 || j >= c {
		panic(fmt.Sprintf("tensor: element (%d, %d) is out of range of a %d × %d matrix", i, j, r, c))
	}
	return float64(v.t.Row(i)[j])
}
