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
	// byte, s, scales them by 2^(s−127); 255 is NaN. The other bytes hold two elements each, as GGUF has them:
	// byte i elements i, in the lower four bits, and i+16; a sign, then 0, 0.5, 1, 1.5, 2, 3, 4 or 6. All values
	// are exact in BF16.
	MXFP4

	// The block formats of GGUF files follow, as ggml defines them. First those of 32 elements: Q and the bits of
	// an element, _0 with an F16 scale, _1 with a scale and a minimum.

	Q4_0 // 18 bytes for 32 elements
	Q4_1 // 20 bytes
	Q5_0 // 22 bytes
	Q5_1 // 24 bytes
	Q8_0 // 34 bytes

	// Blocks of 256 elements, in which each 16 or 32 have a scale of a few bits, and in Q2_K, Q4_K and Q5_K a minimum.

	Q2_K // 84 bytes for 256 elements
	Q3_K // 110 bytes
	Q4_K // 144 bytes
	Q5_K // 176 bytes
	Q6_K // 210 bytes

	// Four bits that stand for 16 values, which are closer to each other near zero.

	IQ4_NL // 18 bytes for 32 elements
	IQ4_XS // 136 bytes for 256

	// One to three bits an element: groups of four or eight elements are points of a grid.

	IQ1_S   // 50 bytes for 256 elements
	IQ1_M   // 56 bytes
	IQ2_XXS // 66 bytes
	IQ2_XS  // 74 bytes
	IQ2_S   // 82 bytes
	IQ3_XXS // 98 bytes
	IQ3_S   // 110 bytes

	TQ1_0 // −1, 0 or 1 times the scale: 54 bytes for 256 elements
	TQ2_0 // the same in 66 bytes

	// NVFP4 has elements as MXFP4 and a scale of 8 bits, a float, for each 16: 36 bytes for 64 elements. Products
	// are to be multiplied by one more scale, which files have as a tensor of its own.
	NVFP4

	Q1_0 // minus or plus the scale: 18 bytes for 128 elements
	Q2_0 // −1, 0, 1 or 2 times the scale: 18 bytes for 64

	// Types for encoders, which no file has: a row is codes, integers of 8 bits, times one float32 scale. A row of n
	// elements takes n + 8 bytes, and n is a multiple of 4 of at most 65536. With [Int8Activations] products with them are
	// integers over all of a row. [FeedForwardGrouped] and [InPlace] do not take them.

	W8 // codes of ±127
	W7 // codes of ±63: faster with AVX2 alone, where products of 8 bits by 8 have no instruction of their own
)

// formats are the entries of the table of formats.
var formats = [...]gemm.Name{
	F32: gemm.F32, F16: gemm.F16, BF16: gemm.BF16, MXFP4: gemm.MXFP4,
	Q4_0: gemm.Q4_0, Q4_1: gemm.Q4_1, Q5_0: gemm.Q5_0, Q5_1: gemm.Q5_1, Q8_0: gemm.Q8_0,
	Q2_K: gemm.Q2_K, Q3_K: gemm.Q3_K, Q4_K: gemm.Q4_K, Q5_K: gemm.Q5_K, Q6_K: gemm.Q6_K,
	IQ4_NL: gemm.IQ4_NL, IQ4_XS: gemm.IQ4_XS, IQ1_S: gemm.IQ1_S, IQ1_M: gemm.IQ1_M,
	IQ2_XXS: gemm.IQ2_XXS, IQ2_XS: gemm.IQ2_XS, IQ2_S: gemm.IQ2_S, IQ3_XXS: gemm.IQ3_XXS, IQ3_S: gemm.IQ3_S,
	TQ1_0: gemm.TQ1_0, TQ2_0: gemm.TQ2_0, NVFP4: gemm.NVFP4, Q1_0: gemm.Q1_0, Q2_0: gemm.Q2_0, W8: gemm.W8, W7: gemm.W7,
}

// DTypeOf returns the type with a name that files use: see [DType.String].
func DTypeOf(name string) (d DType, ok bool) {
	for d, entry := range formats {
		if entry.Format().Name == name && !DType(d).PerRow() {
			return DType(d), true
		}
	}
	return 0, false
}

// format returns the entry of the table of formats for weights of this type.
func (d DType) format() *gemm.Format {
	if int(d) >= len(formats) {
		panic(fmt.Sprintf("tensor: no weights of type %v", d))
	}
	return formats[d].Format()
}

// Block returns the number of elements in a block, and its size in bytes.
func (d DType) Block() (elements, bytes int) {
	f := d.format()
	return f.Elements, f.Bytes
}

// PerRow reports whether a row of the type has one scale, as [W8] and [W7] have: what is encoded, decoded or counted at a
// time is a row then.
func (d DType) PerRow() bool { return d.format().RowBytes > 0 }

// Bytes returns the size of n elements in bytes; of a row of them where [DType.PerRow] is true. It panics if n elements are
// not a whole number of blocks.
func (d DType) Bytes(n int) int {
	elements, bytes := d.Block()
	if n%elements != 0 {
		panic(fmt.Sprintf("tensor: %d elements of %v, which has blocks of %d", n, d, elements))
	}
	return n/elements*bytes + d.format().RowBytes
}

// Decode sets dst to the values in b: little-endian blocks, as in tensor files, or one row where [DType.PerRow] is true. It
// panics if the length of b
// is not d.Bytes(len(dst)).
func (d DType) Decode(dst []float32, b []byte) {
	d.check(len(dst), b)
	d.format().Decode(dst, b)
}

// Encode writes src to b, in the format that [DType.Decode] reads. Values are rounded to the nearest F16 or BF16, ties
// to even; blocks have the bytes that ggml writes without an importance matrix, on every platform, and one with an
// element that is not finite decodes to NaN. It panics if the length of b is not d.Bytes(len(src)), or if
// [DType.Encodes] is false.
func (d DType) Encode(b []byte, src []float32) {
	d.check(len(src), b)
	if !d.Encodes() {
		panic(fmt.Sprintf("tensor: values are not converted to %v", d))
	}
	d.format().Encode(b, src)
}

// Encodes reports whether values can be converted to the type: to F32, F16, BF16, MXFP4, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0,
// Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, W8 and W7.
func (d DType) Encodes() bool { return d.format().Encode != nil }

// Fit returns the type itself if rows of in elements are whole blocks of it. Otherwise it is the type of smaller blocks
// that llama.cpp takes then, or F16: Q5_0 for Q4_K, Q8_0 for Q6_K. For W8 and W7 it is Q8_0.
func (d DType) Fit(in int) DType {
	for {
		elements, _ := d.Block()
		if in%elements == 0 && !(d.PerRow() && in > gemm.RowInputs) {
			return d
		}
		switch d {
		case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_XS:
			d = IQ4_NL
		case Q2_K, Q3_K, TQ1_0, TQ2_0, Q2_0:
			d = Q4_0
		case Q4_K:
			d = Q5_0
		case Q5_K:
			d = Q5_1
		case Q6_K, W8, W7:
			d = Q8_0
		default:
			return F16
		}
	}
}

func (d DType) check(n int, b []byte) {
	if want := d.Bytes(n); len(b) != want {
		panic(fmt.Sprintf("tensor: %d bytes for %d elements of %v, want %d", len(b), n, d, want))
	}
}

// String returns the name that safetensors or GGUF files use: "F32", "BF16", "Q4_K"; or "W8".
func (d DType) String() string {
	if int(d) >= len(formats) {
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

	// Int8Activations rounds activations to 8 bits before they are multiplied by a Weight of Q4_0, Q4_1, Q5_0, Q5_1,
	// Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS or MXFP4: a block of 32 neighbours in a row has a float32 scale, its
	// largest magnitude / 127, and codes to the nearest, ties to even. Products within a block are integers, with an
	// exact sum; blocks are added in float32, in ascending order. So the bits are those of any split, batch and neighbour here too. A row with a NaN or an infinity has NaN for all
	// its outputs, as have outputs of weights whose scale is not finite, or 2¹⁰⁶ or more. A block with no magnitude of 2⁻¹⁰⁰ counts as
	// zeros. Products with Weights of other types keep float32 activations.
	//
	// Beside [W8] and [W7] a row has one scale, and a zero point: with lo the least of it and 0, and hi the most, the scale s
	// is (hi − lo)/254, the zero point z is −127 − round(lo/s), and a code is round(x/s) + z, at most 127. An output is the exact sum of
	// products of codes, less z in the row, rounded to float32 and multiplied by the scales of the output and of the row:
	// the same bits on every machine. A row of which s is below 2⁻¹⁰⁰ counts as zeros.
	Int8Activations
)

// format returns the entry of the table of formats for weights with rows of in elements.
func (p Precision) format(d DType, in int) *gemm.Format {
	if p == Int8Activations {
		return formats[d].Int8()
	}
	if p != BF16Activations || d != BF16 {
		return d.format()
	}
	if pairs := gemm.BF16Pairs.Format(); in%pairs.Elements == 0 && pairs.Fast() {
		return pairs
	}
	return gemm.BF16Rounded.Format()
}
