package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// DType is the type in which the elements of a Weight are stored. Elements that follow each other in a row are
// stored in blocks; a block of F32, F16 or BF16 is one element.
type DType uint8

const (
	F32  DType = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // the upper half of a binary32
)

// format returns the entry of the table of formats for weights of this type.
func (d DType) format() *gemm.Format {
	switch d {
	case F32:
		return gemm.F32.Format()
	case F16:
		return gemm.F16.Format()
	case BF16:
		return gemm.BF16.Format()
	}
	panic(fmt.Sprintf("tensor: no weights of type %v", d))
}

// Block returns the elements of a block, and the bytes that it takes.
func (d DType) Block() (elements, bytes int) {
	f := d.format()
	return f.Elements, f.Bytes
}

// Bytes returns the bytes that n elements take. It panics if they are no whole number of blocks.
func (d DType) Bytes(n int) int {
	elements, bytes := d.Block()
	if n%elements != 0 {
		panic(fmt.Sprintf("tensor: %d elements of %v, which has blocks of %d", n, d, elements))
	}
	return n / elements * bytes
}

// Decode sets dst to the values that b holds, little-endian blocks as tensor files have them. It panics if b is not
// d.Bytes(len(dst)) long.
func (d DType) Decode(dst []float32, b []byte) {
	d.check(len(dst), b)
	d.format().Decode(dst, b)
}

// Encode sets b to the values nearest to src, ties to even, as [DType.Decode] takes them. It panics if b is not
// d.Bytes(len(src)) long.
func (d DType) Encode(b []byte, src []float32) {
	d.check(len(src), b)
	d.format().Encode(b, src)
}

func (d DType) check(n int, b []byte) {
	if want := d.Bytes(n); len(b) != want {
		panic(fmt.Sprintf("tensor: %d bytes for %d elements of %v, want %d", len(b), n, d, want))
	}
}

// String returns the name that safetensors files use: "F32", "F16", "BF16".
func (d DType) String() string {
	if d > BF16 {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return d.format().Name
}

// Precision is what products round activations to.
type Precision uint8

const (
	// FullPrecision leaves activations as they are, in float32.
	FullPrecision Precision = iota

	// BF16Activations rounds the activations that BF16 weights are multiplied by to bfloat16 too, as PyTorch computes
	// models of that type. Some processors do that at twice the rate of float32 or more; on others it is as fast as
	// without rounding, or a little slower. Sums are float32. Weights of other types are multiplied in full precision.
	BF16Activations
)

// format returns the entry of the table of formats for weights with rows of in elements.
func (p Precision) format(d DType, in int) *gemm.Format {
	if p != BF16Activations || d != BF16 {
		return d.format()
	}
	if pairs := gemm.BF16Pairs.Format(); in%pairs.Elements == 0 && pairs.Fast() {
		return pairs
	}
	return gemm.BF16Rounded.Format()
}
