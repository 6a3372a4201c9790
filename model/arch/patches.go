package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"

	"github.com/seed2010d43f/transformer/attention"
)

// Patches turn pictures into rows: they cut a picture into squares, project each to the width of the stream, and add
// a row by its place (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021).
type Patches struct {
	Channels      int // of a picture: 3
	Height, Width int // of a patch, in pixels

	// Project multiplies the pixels of a patch, [Dim, Channels·Height·Width]: all rows of the first channel, then those
	// of the next. The weight of a convolution whose stride is its kernel is this matrix.
	Project nn.Linear

	// First are the rows before those of the patches, [N, Dim], with what belongs to their positions added: the class
	// token, a distillation token, registers. Empty means none.
	First tensor.Tensor

	// Positions are the rows to add to the patches of a picture of GridHeight by GridWidth patches, from left to right
	// and from the top down: [GridHeight·GridWidth, Dim]. They are interpolated for pictures of other sizes. Empty means
	// none.
	Positions             tensor.Tensor
	GridHeight, GridWidth int
	Interpolation         Interpolation

	Norm nn.Norm // of all rows, before the first block; nil means no norm
}

// Grid returns the number of patches of a picture [Channels, Height, Width], from the top down and from left to right.
// Pixels beyond the last whole patch do not count.
func (m *Patches) Grid(picture tensor.Tensor) (rows, columns int) {
	return picture.Shape[1] / m.Height, picture.Shape[2] / m.Width
}

// Rows returns the number of rows that a picture becomes.
func (m *Patches) Rows(picture tensor.Tensor) int {
	rows, columns := m.Grid(picture)
	return m.before() + rows*columns
}

// before returns the number of rows before those of the patches.
func (m *Patches) before() int {
	if m.First.Data == nil {
		return 0
	}
	return m.First.Rows()
}

// check returns an error that names what does not fit a stream of width dim.
func (m *Patches) check(dim int) error {
	if m.Channels < 1 || m.Height < 1 || m.Width < 1 {
		return fmt.Errorf("Patches of %d channels and %d×%d pixels: all must be positive", m.Channels, m.Height, m.Width)
	}
	if m.Project.Weight == nil {
		return errors.New("Patches.Project has no weight")
	}
	if in := m.Channels * m.Height * m.Width; m.Project.In() != in || m.Project.Out() != dim {
		return fmt.Errorf("Patches.Project is [%d, %d], want [%d, %d]", m.Project.Out(), m.Project.In(), dim, in)
	}
	if m.First.Data != nil && m.First.Shape != tensor.Of(m.First.Rows(), dim) {
		return fmt.Errorf("Patches.First is %v, want rows of %d", m.First.Shape, dim)
	}
	if m.Positions.Data != nil && (m.GridHeight < 1 || m.GridWidth < 1 || m.Positions.Shape != tensor.Of(m.GridHeight*m.GridWidth, dim)) {
		return fmt.Errorf("Patches.Positions is %v, want [%d·%d, %d]", m.Positions.Shape, m.GridHeight, m.GridWidth, dim)
	}
	if w := nn.Width(m.Norm); w != 0 && w != dim {
		return fmt.Errorf("Patches.Norm is for rows of %d; the stream has %d", w, dim)
	}
	return nil
}

// checkPicture returns an error that says why a picture cannot be read.
func (m *Patches) checkPicture(x tensor.Tensor) error {
	rows, columns := m.Grid(x)
	switch {
	case x.Shape.Rank() != 3 || x.Shape[0] != m.Channels:
		return fmt.Errorf("is %v; [%d, height, width] is needed", x.Shape, m.Channels)
	case len(x.Data) != x.Shape.Len():
		return fmt.Errorf("is %v, with %d values", x.Shape, len(x.Data))
	case rows < 1 || columns < 1:
		return fmt.Errorf("has %d×%d pixels (height×width), less than one patch of %d×%d", x.Shape[1], x.Shape[2], m.Height, m.Width)
	}
	return nil
}

// embed returns the rows of all pictures, [T, Dim], in memory of a.
func (m *Patches) embed(p *attention.Pass, pictures []tensor.Tensor) tensor.Tensor {
	dim, n := m.Project.Out(), 0
	for _, x := range pictures {
		rows, columns := m.Grid(x)
		n += rows * columns
	}
	out := p.Scratch.New(n+len(pictures)*m.before(), dim)
	mark := p.Scratch.Mark()
	pixels, projected := p.Scratch.New(n, m.Project.In()), p.Scratch.New(n, dim)
	row := 0
	for _, x := range pictures {
		row = m.cut(pixels, row, x)
	}
	m.Project.Forward(projected, pixels)
	var positions tensor.Tensor
	from, to, of := 0, 0, [2]int{}
	for _, x := range pictures {
		rows, columns := m.Grid(x)
		if grid := [2]int{rows, columns}; m.Positions.Data != nil && grid != of {
			positions, of = m.positions(&p.Scratch, rows, columns), grid
		}
		to += copy(out.Data[to*dim:], m.First.Data) / dim
		patches := out.Slice(to, to+rows*columns).Data
		if these := projected.Slice(from, from+rows*columns).Data; positions.Data != nil {
			vec.Add(patches, these, positions.Data)
		} else {
			copy(patches, these)
		}
		from, to = from+rows*columns, to+rows*columns
	}
	p.Scratch.Release(mark)
	if m.Norm != nil {
		m.Norm.Forward(out, out)
	}
	return out
}

// cut sets rows of pixels, from row on, to the patches of a picture, and returns the row after them.
func (m *Patches) cut(pixels tensor.Tensor, row int, picture tensor.Tensor) int {
	rows, columns := m.Grid(picture)
	height, width := picture.Shape[1], picture.Shape[2]
	for i := range rows {
		for j := range columns {
			dst := pixels.Row(row)
			row++
			for c := range m.Channels {
				for y := range m.Height {
					line := picture.Data[(c*height+i*m.Height+y)*width+j*m.Width:]
					dst = dst[copy(dst[:m.Width], line):]
				}
			}
		}
	}
	return row
}

// positions returns the rows to add to a grid of patches, [rows·columns, Dim].
func (m *Patches) positions(a *tensor.Arena, rows, columns int) tensor.Tensor {
	if rows == m.GridHeight && columns == m.GridWidth {
		return m.Positions
	}
	grid := m.Positions.Reshape(m.GridHeight, m.GridWidth, m.Positions.Shape.Last())
	return m.Interpolation.resize(a, grid, rows, columns)
}
