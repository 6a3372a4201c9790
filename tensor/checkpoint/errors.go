package checkpoint

import (
	"fmt"
	"strings"
)

// A Kind is a cause of failure, to be tested for with [errors.Is].
type Kind string

// Error returns the cause in words, without the file and the tensor it concerns.
func (k Kind) Error() string { return string(k) }

// What can be wrong with any file. Packages of formats have Kinds of their own beside these.
const (
	ErrReadFile       Kind = "reading the file failed"
	ErrFormat         Kind = "the file is not of the format that is expected"
	ErrHeaderTooLarge Kind = "the header is longer than the 100 MB that are allowed"
	ErrDuplicate      Kind = "the name is given twice"
	ErrUnknownDType   Kind = "the dtype is not one of the format"
	ErrOverflow       Kind = "the size overflows"
	ErrTensorInfo     Kind = "the offsets do not fit dtype and shape"
	ErrStorage        Kind = "the tensor does not lie within what is stored"
	ErrIndexJSON      Kind = "the index is not the JSON that is expected"
	ErrShardPath      Kind = "a shard must be a file beside or below the index"
	ErrShardMissing   Kind = "a shard that the index names is missing"
	ErrNotInShard     Kind = "the tensor is not in the shard that the index names"
)

// What can be wrong with a use of a Source.
const (
	ErrNotFound    Kind = "there is no such tensor"
	ErrUnsupported Kind = "the dtype cannot be read as a floating-point weight"
	ErrShape       Kind = "the shape is not supported"
	ErrClosed      Kind = "the checkpoint is closed"
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
