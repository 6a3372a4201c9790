package tensor

import "fmt"

// DType is the type in which the elements of a Weight are stored.
type DType uint8

const (
	F32  DType = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // the upper half of a binary32
)

// Size returns the bytes an element takes.
func (d DType) Size() int {
	if d == F32 {
		return 4
	}
	return 2
}

// String returns the name that safetensors files use: "F32", "F16", "BF16".
func (d DType) String() string {
	switch d {
	case F32:
		return "F32"
	case F16:
		return "F16"
	case BF16:
		return "BF16"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}
