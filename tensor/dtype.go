package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// DType is the type of a Weight's elements. Elements are stored in blocks of neighbours in a row; a block of
// F32, F16 or BF16 is a single element.
type DType uint8

const (
	F32  DType = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // the upper half of a binary32

	// MXFP4 is the 4-bit format of OCP Microscaling: a block is 32 neighbours in a row, in 17 bytes. The first
	// byte, s, scales them by 2^(s−127); 255 is NaN. The other bytes hold two elements each, the even one in the
	// lower four bits: a sign, then 0, 0.5, 1, 1.5, 2, 3, 4 or 6. All values are exact in BF16. Nothing is
	// converted to MXFP4: weights of this type come from files.
	MXFP4
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
	case MXFP4:
		return gemm.MXFP4.Format()
	}
	panic(fmt.Sprintf("tensor: no weights of type %v", d))
}

// Block returns the number of elements in a block, and its size in bytes.
func (d DType) Block() (elements, bytes int) {
	f := d.format()
	return f.Elements, f.Bytes
}

// Bytes returns the size of n elements in bytes. It panics if n elements are not a whole number of blocks.
func (d DType) Bytes(n int) int {
	elements, bytes := d.Block()
	if n%elements != 0 {
		panic(fmt.Sprintf("tensor: %d elements of %v, which has blocks of %d", n, d, elements))
	}
	return n / elements * bytes
}

// Decode sets dst to the values in b: little-endian blocks, as in tensor files. It panics if the length of b
// is not d.Bytes(len(dst)).
func (d DType) Decode(dst []float32, b []byte) {
	d.check(len(dst), b)
	d.format().Decode(dst, b)
}

// Encode writes src to b, in the format that [DType.Decode] reads. Values are rounded to the nearest, ties to
// even. It panics if the length of b is not d.Bytes(len(src)), or if [DType.Encodes] is false.
func (d DType) Encode(b []byte, src []float32) {
	d.check(len(src), b)
	if !d.Encodes() {
		panic(fmt.Sprintf("tensor: values are not converted to %v", d))
	}
	d.format().Encode(b, src)
}

// Encodes reports whether values can be converted to the type: to all but MXFP4.
func (d DType) Encodes() bool { return d.format().Encode != nil }

func (d DType) check(n int, b []byte) {
	if want := d.Bytes(n); len(b) != want {
		panic(fmt.Sprintf("tensor: %d bytes for %d elements of %v, want %d", len(b), n, d, want))
	}
}

// String returns the name that safetensors files use, "F32", "F16" or "BF16", or "MXFP4".
func (d DType) String() string {
	if d > MXFP4 {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return d.format().Name
}

// Precision says whether MatMul rounds activations before it multiplies them by a Weight.
type Precision uint8

const (
	// FullPrecision keeps activations in float32.
	FullPrecision Precision = iota

	// BF16Activations rounds activations to bfloat16 before they are multiplied by a BF16 Weight, as PyTorch
	// does in models of that type. Sums stay float32. Products with Weights of other types keep float32
	// activations.
	//
	// Processors with bfloat16 instructions multiply at twice the rate of float32 or more. On a processor with
	// AVX2 alone it is slower than FullPrecision: measured, a prompt at 250 against 311 tokens a second, and
	// generation with a 1B model at 6.5 against 9.4.
	BF16Activations

	// Int8Activations rounds activations to 8 bits before they are multiplied by a Weight of a block type: a block of
	// 32 neighbours in a row has a float32 scale, its largest magnitude / 127, and codes to the nearest, ties to even.
	// Products within a block are integers, with an exact sum; blocks are added in float32, in ascending order. So
	// the bits are those of any split, batch and neighbour here too. A row with a NaN or an infinity has NaN for all
	// its outputs, as have outputs of weights whose scale is not finite. A block with no magnitude of 2⁻¹⁰⁰ counts as
	// zeros. Products with Weights of other types keep float32 activations.
	Int8Activations
)

// format returns the entry of the table of formats for weights with rows of in elements.
func (p Precision) format(d DType, in int) *gemm.Format {
	if p == Int8Activations {
		return d.format().ByInt8()
	}
	if p != BF16Activations || d != BF16 {
		return d.format()
	}
	if pairs := gemm.BF16Pairs.Format(); in%pairs.Elements == 0 && pairs.Fast() {
		return pairs
	}
	return gemm.BF16Rounded.Format()
}
