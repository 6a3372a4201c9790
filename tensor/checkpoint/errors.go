package checkpoint

import (
	"fmt"
	"strings"
)

// A Kind is a cause of failure, to be tested for with [errors.Is].
type Kind string

// Error returns the cause in words, without the file and the tensor it concerns.
func (k Kind) Error() string { return string(k) }

// What can be wrong with files. Those of a safetensors file come first, in the order of the checks: they
// are those of the format's own reader, whose name for each is given.
const (
	ErrHeaderTooSmall Kind = "the file is shorter than the 8 bytes of the header's length"             // HeaderTooSmall
	ErrHeaderTooLarge Kind = "the header is longer than the 100 MB that are allowed"                   // HeaderTooLarge
	ErrHeaderLength   Kind = "the header is longer than the file"                                      // InvalidHeaderLength
	ErrHeaderUTF8     Kind = "the header is not UTF-8"                                                 // InvalidHeader
	ErrHeaderJSON     Kind = "the header is not the JSON that is expected"                             // InvalidHeaderDeserialization
	ErrDuplicate      Kind = "the name is given twice"                                                 // (a later one wins)
	ErrUnknownDType   Kind = "the dtype is not one of the format"                                      // InvalidHeaderDeserialization
	ErrOffset         Kind = "the tensor does not start where the one before it ends, or ends earlier" // InvalidOffset
	ErrOverflow       Kind = "the size overflows"                                                      // ValidationOverflow
	ErrMisaligned     Kind = "the elements fill no whole number of bytes"                              // MisalignedSlice
	ErrTensorInfo     Kind = "the offsets do not fit dtype and shape"                                  // TensorInvalidInfo
	ErrIncompleteFile Kind = "the file does not end where its last tensor ends"                        // MetadataIncompleteBuffer
	ErrIndexJSON      Kind = "the index is not the JSON that is expected"
	ErrShardPath      Kind = "a shard must be a file beside or below the index"
	ErrShardMissing   Kind = "a shard that the index names is missing"
	ErrNotInShard     Kind = "the tensor is not in the shard that the index names"
	ErrNoCheckpoint   Kind = "no weights"
	ErrPickle         Kind = "the file is not a pickle of named tensors as torch.save writes it"
	ErrStorage        Kind = "the tensor does not lie within what is stored"
	ErrNotFound       Kind = "there is no such tensor"
	ErrUnsupported    Kind = "the dtype cannot be read as a floating-point weight"
	ErrShape          Kind = "the shape is not supported"
	ErrName           Kind = "the name is not allowed"
	ErrClosed         Kind = "the checkpoint is closed"
	ErrReadFile       Kind = "reading the file failed"
)

// Error says what failed, where, and why. It matches its Kind and its Cause with [errors.Is].
type Error struct {
	File   string // "" if it concerns none
	Tensor string // "" if it concerns none
	Kind   Kind
	Detail string // the values that are wrong, and what would be right
	Cause  error  // of a lower layer, or nil
}

// Error says what failed, where, and why. Of names from files it gives the beginning, if they are long.
func (e *Error) Error() string {
	parts := []string{"checkpoint"}
	if e.File != "" {
		parts = append(parts, fmt.Sprintf("%.500s", e.File))
	}
	if e.Tensor != "" {
		parts = append(parts, fmt.Sprintf("tensor %.500q", e.Tensor))
	}
	parts = append(parts, string(e.Kind))
	if e.Detail != "" {
		parts = append(parts, fmt.Sprintf("%.1000s", e.Detail))
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the Kind, and the Cause if there is one.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}
