package checkpoint

import (
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// DType is the type of stored elements, as written in the file. It need not be a type that weights can have:
// files also hold integers, masks and formats of other programs. A Source lists these too and returns them as
// bytes.
type DType string

// The types that weights can have. Further ones are known by their safetensors names: "BOOL", "U8",
// "I64", "F64", "F8_E4M3", …
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"

	// MXFP4 is [tensor.MXFP4]. GGUF files have it as it is; others store it in two tensors, which [JoinMXFP4] shows
	// as one of this type.
	MXFP4 DType = "MXFP4"

	// The block formats of GGUF: see [tensor.Q4_0] and those that follow it.
	Q4_0    DType = "Q4_0"
	Q4_1    DType = "Q4_1"
	Q5_0    DType = "Q5_0"
	Q5_1    DType = "Q5_1"
	Q8_0    DType = "Q8_0"
	Q2_K    DType = "Q2_K"
	Q3_K    DType = "Q3_K"
	Q4_K    DType = "Q4_K"
	Q5_K    DType = "Q5_K"
	Q6_K    DType = "Q6_K"
	IQ4_NL  DType = "IQ4_NL"
	IQ4_XS  DType = "IQ4_XS"
	IQ1_S   DType = "IQ1_S"
	IQ1_M   DType = "IQ1_M"
	IQ2_XXS DType = "IQ2_XXS"
	IQ2_XS  DType = "IQ2_XS"
	IQ2_S   DType = "IQ2_S"
	IQ3_XXS DType = "IQ3_XXS"
	IQ3_S   DType = "IQ3_S"
	TQ1_0   DType = "TQ1_0"
	TQ2_0   DType = "TQ2_0"
	NVFP4   DType = "NVFP4"
	Q1_0    DType = "Q1_0"
	Q2_0    DType = "Q2_0"
)

// Block returns the number of elements in the smallest unit that can be stored, and its size in bytes: 1 and
// 4 for F32, 2 and 1 for F4. ok is false for an unknown type.
func (d DType) Block() (elements, bytes int, ok bool) {
	switch d {
	case "F4":
		return 2, 1, true
	case "F6_E2M3", "F6_E3M2":
		return 4, 3, true
	case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
		return 1, 1, true
	case "I16", "U16":
		return 1, 2, true
	case "I32", "U32":
		return 1, 4, true
	case "C64", "F64", "I64", "U64":
		return 1, 8, true
	case "Q8_1": // which ggml has for activations
		return 32, 36, true
	case "Q8_K":
		return 256, 292, true
	}
	if t, ok := tensor.DTypeOf(string(d)); ok {
		elements, bytes = t.Block()
		return elements, bytes, true
	}
	return 0, 0, false
}

// Size returns the size of n elements in bytes. ok is false if the type is unknown, n is not a whole number
// of blocks, or the size exceeds an int64.
func (d DType) Size(n int64) (size int64, ok bool) {
	elements, bytes, ok := d.Block()
	if !ok || n < 0 || n%int64(elements) != 0 || n/int64(elements) > math.MaxInt64/int64(bytes) {
		return 0, false
	}
	return n / int64(elements) * int64(bytes), true
}

// Tensor returns the type as a [tensor.DType], or [ErrUnsupported] with the name of a type that weights
// cannot have.
func (d DType) Tensor() (tensor.DType, error) {
	if t, ok := tensor.DTypeOf(string(d)); ok {
		return t, nil
	}
	return 0, &Error{Kind: ErrUnsupported, Detail: string(d) + ", expected F32, F16, BF16 or a block format of GGUF"}
}
