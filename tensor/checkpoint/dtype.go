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

	// MXFP4 is [tensor.MXFP4]. Files store it in two tensors, which [JoinMXFP4] shows as one of this type.
	MXFP4 DType = "MXFP4"
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
	case "I16", "U16", F16, BF16:
		return 1, 2, true
	case "I32", "U32", F32:
		return 1, 4, true
	case "C64", "F64", "I64", "U64":
		return 1, 8, true
	case MXFP4:
		return 32, 17, true
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
	switch d {
	case F32:
		return tensor.F32, nil
	case F16:
		return tensor.F16, nil
	case BF16:
		return tensor.BF16, nil
	case MXFP4:
		return tensor.MXFP4, nil
	}
	return 0, &Error{Kind: ErrUnsupported, Detail: string(d) + ", expected F32, F16 or BF16"}
}
