package retrieval

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// Ranges are the smallest and the largest value of each column of some vectors, which stand for all: the buckets of
// [Ranges.Uint8] and [Ranges.Int8] lie between them.
type Ranges struct{ Min, Max []float32 }

// NewRanges returns those of the rows of x, [N, Dim]. It panics if there are none.
func NewRanges(x tensor.Tensor) Ranges {
	if x.Rows() == 0 {
		panic("retrieval: the ranges of no vectors")
	}
	r := Ranges{append([]float32(nil), x.Row(0)...), append([]float32(nil), x.Row(0)...)}
	for i := 1; i < x.Rows(); i++ {
		for j, v := range x.Row(i) {
			r.Min[j], r.Max[j] = min(r.Min[j], v), max(r.Max[j], v)
		}
	}
	return r
}

// Uint8 returns each number of x, [N, Dim], as one of 256 buckets of its column, as quantize_embeddings of
// sentence-transformers 6.2 does: numbers beyond the ranges take the outermost bucket. It panics if the width is
// another.
func (r Ranges) Uint8(x tensor.Tensor) [][]uint8 {
	out := make([][]uint8, x.Rows())
	for i := range out {
		row := x.Row(i)
		if len(row) != len(r.Min) {
			panic(fmt.Sprintf("retrieval: ranges of %d columns for vectors of %d numbers", len(r.Min), len(row)))
		}
		out[i] = make([]uint8, len(row))
		for j, v := range row {
			step := (r.Max[j] - r.Min[j]) / 255
			if step == 0 {
				step = 1
			}
			q := math.Floor(float64((v - r.Min[j]) / step))
			out[i][j] = uint8(min(max(q, 0), 255))
		}
	}
	return out
}

// Int8 is [Ranges.Uint8] less 128.
func (r Ranges) Int8(x tensor.Tensor) [][]int8 {
	out := make([][]int8, x.Rows())
	for i, row := range r.Uint8(x) {
		out[i] = make([]int8, len(row))
		for j, q := range row {
			out[i][j] = int8(int(q) - 128)
		}
	}
	return out
}

// Ubinary returns one bit for each number of x, [N, Dim], 1 where it is above 0: eight to a byte, the first in the
// highest bit, and zeros after the last. Vectors like each other have bits in common.
func Ubinary(x tensor.Tensor) [][]uint8 {
	out := make([][]uint8, x.Rows())
	for i := range out {
		row := x.Row(i)
		out[i] = make([]uint8, (len(row)+7)/8)
		for j, v := range row {
			if v > 0 {
				out[i][j/8] |= 0x80 >> (j % 8)
			}
		}
	}
	return out
}

// Binary is [Ubinary] with each byte less 128.
func Binary(x tensor.Tensor) [][]int8 {
	out := make([][]int8, x.Rows())
	for i, row := range Ubinary(x) {
		out[i] = make([]int8, len(row))
		for j, q := range row {
			out[i][j] = int8(int(q) - 128)
		}
	}
	return out
}
