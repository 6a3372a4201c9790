package tensor

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/internal/hugepages"
)

// Shape holds up to four dimensions, outermost first; unused dimensions are 0.
//
// All shapes in this library use the same letters: T tokens, S keys, H heads, Hkv key/value heads, D width of
// a head, Dim width of the residual stream, V vocabulary.
type Shape [4]int

// Of returns the shape with the given dimensions. It panics if there are more than four, or if one is
// negative.
func Of(dims ...int) Shape {
	var s Shape
	if len(dims) > len(s) {
		panic(fmt.Sprintf("tensor: %d dimensions, at most %d are supported", len(dims), len(s)))
	}
	for i, d := range dims {
		if d < 0 {
			panic(fmt.Sprintf("tensor: dimension %d is %d, which is negative", i, d)) // not dims: that would move every caller's to the heap
		}
		s[i] = d
	}
	return s
}

// Rank returns the number of dimensions in use. Trailing zeros are not counted.
func (s Shape) Rank() int {
	n := len(s)
	for n > 0 && s[n-1] == 0 {
		n--
	}
	return n
}

// Len returns the number of elements.
func (s Shape) Len() int {
	n := 1
	for _, d := range s[:s.Rank()] {
		n *= d
	}
	return n
}

// Last returns the innermost dimension: the length of a row.
func (s Shape) Last() int {
	if r := s.Rank(); r > 0 {
		return s[r-1]
	}
	return 0
}

// String formats the shape like "[12, 64]".
func (s Shape) String() string {
	parts := make([]string, s.Rank())
	for i := range parts {
		parts[i] = fmt.Sprint(s[i])
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// Tensor is a dense, row-major array of float32. It is a view of Data, never strided: copying a Tensor does
// not copy its values. The zero value is an empty tensor.
type Tensor struct {
	Shape Shape
	Data  []float32
}

// New returns a zeroed tensor.
func New(dims ...int) Tensor {
	s := Of(dims...)
	return Tensor{s, hugepages.Float32s(s.Len())}
}

// From returns a tensor that uses data as its memory. It panics if the length does not fit the dimensions.
func From(data []float32, dims ...int) Tensor {
	s := Of(dims...)
	if len(data) != s.Len() {
		panic(fmt.Sprintf("tensor: %d values do not fill shape %v", len(data), s))
	}
	return Tensor{s, data}
}

// Rows returns the number of rows: the product of all dimensions but the last.
func (t Tensor) Rows() int {
	n := 1
	for _, d := range t.Shape[:max(t.Shape.Rank()-1, 0)] {
		n *= d
	}
	return n
}

// Row returns row i, which shares the memory of t.
func (t Tensor) Row(i int) []float32 {
	n := t.Shape.Last()
	return t.Data[i*n : (i+1)*n : (i+1)*n]
}

// Slice returns rows i to j−1 along the first dimension, as a view of the same memory.
func (t Tensor) Slice(i, j int) Tensor {
	if i < 0 || j < i || j > t.Shape[0] {
		panic(fmt.Sprintf("tensor: Slice from row %d to %d is out of range of shape %v", i, j, t.Shape))
	}
	stride := 0
	if t.Shape[0] > 0 {
		stride = len(t.Data) / t.Shape[0]
	}
	s := t.Shape
	s[0] = j - i
	return Tensor{s, t.Data[i*stride : j*stride : j*stride]}
}

// Reshape returns a view of the same memory with another shape. It panics if the number of elements differs.
func (t Tensor) Reshape(dims ...int) Tensor { return From(t.Data, dims...) }
