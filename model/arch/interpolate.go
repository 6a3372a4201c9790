package arch

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Interpolation says how position rows are made for pictures of other sizes. Both ways are PyTorch's interpolate with
// align_corners false.
type Interpolation uint8

const (
	// Bicubic weighs four neighbours on each side by Keys' kernel with a = −0.75.
	Bicubic Interpolation = iota

	// BicubicAntialias has a = −0.5, and widens the kernel where a table becomes smaller, so that every row counts.
	BicubicAntialias
)

// taps are the neighbours that make one row: weights of the rows from first on.
type taps struct {
	first   int
	weights []float32
}

// resize returns a grid of rows, [height, width, Dim], as one of rows by columns: [rows·columns, Dim], in memory of a.
func (way Interpolation) resize(a *tensor.Arena, grid tensor.Tensor, rows, columns int) tensor.Tensor {
	height, width, dim := grid.Shape[0], grid.Shape[1], grid.Shape[2]
	down, across := way.taps(height, rows), way.taps(width, columns)
	out := a.New(rows*columns, dim)
	line := a.New(height, columns, dim) // resized across, of every row of the grid
	for y := range height {
		for j, t := range across {
			weigh(line.Row(y*columns+j), t, grid.Data[y*width*dim:], dim)
		}
	}
	for i, t := range down {
		for j := range columns {
			weigh(out.Row(i*columns+j), t, line.Data[j*dim:], columns*dim)
		}
	}
	return out
}

// weigh sets dst to the weighted sum of rows that begin every stride values.
func weigh(dst []float32, t taps, rows []float32, stride int) {
	clear(dst)
	for k, w := range t.weights {
		if w != 0 {
			at := (t.first + k) * stride
			vec.AXPY(dst, w, rows[at:at+len(dst)])
		}
	}
}

// taps returns the neighbours of each of out rows among in rows.
func (way Interpolation) taps(in, out int) []taps {
	all := make([]taps, out)
	scale := float32(in) / float32(out)
	for i := range all {
		if way == BicubicAntialias {
			all[i] = wideTaps(scale, i, in)
		} else {
			all[i] = fourTaps(scale*(float32(i)+0.5)-0.5, in)
		}
	}
	return all
}

// fourTaps are those of plain bicubic interpolation at a place; neighbours beyond an end are the row at that end.
func fourTaps(at float32, in int) taps {
	floor := int(math.Floor(float64(at)))
	t := at - float32(floor)
	first := min(max(floor-1, 0), in-1)
	last := min(max(floor+2, 0), in-1)
	weights := make([]float32, last-first+1)
	for k := -1; k <= 2; k++ {
		at := min(max(floor+k, 0), in-1)
		weights[at-first] += cubic(float32(k)-t, -0.75)
	}
	return taps{first, weights}
}

// wideTaps are those of antialiased interpolation for row i of the result.
func wideTaps(scale float32, i, in int) taps {
	wide := max(scale, 1)
	center, support := scale*(float32(i)+0.5), 2*wide
	first := max(int(center-support+0.5), 0)
	last := min(int(center+support+0.5), in)
	weights, sum := make([]float32, last-first), float32(0)
	for k := range weights {
		weights[k] = cubic((float32(k+first)-center+0.5)/wide, -0.5)
		sum += weights[k]
	}
	for k := range weights {
		weights[k] /= sum
	}
	return taps{first, weights}
}

// cubic is the kernel of Keys ("Cubic Convolution Interpolation for Digital Image Processing", 1981).
func cubic(x, a float32) float32 {
	x = max(x, -x)
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}
