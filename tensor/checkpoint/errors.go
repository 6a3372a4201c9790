package checkpoint

import (
	"fmt"
	"strings"
)

// Kind is the cause of an error, to be tested with [errors.Is].
type Kind string

// Error returns the cause, without file and tensor.
func (k Kind) Error() string { return string(k) }

// Errors of any file. Packages of formats add Kinds of their own.
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

// Errors when a Source is used.
const (
	ErrNotFound    Kind = "there is no such tensor"
	ErrUnsupported Kind = "the dtype cannot be read as a floating-point weight"
	ErrShape       Kind = "the shape is not supported"
	ErrClosed      Kind = "the checkpoint is closed"
	ErrScale       Kind = "the scales of quantised weights do not fit them"
	ErrPacked      Kind = "the codes of quantised weights are not stored as they should be"
)

// Error says what failed, where, and why. It matches its Kind and its Cause with [errors.Is].
type Error struct {
	File   string // "" if no file is concerned
	Tensor string // "" if no tensor is concerned
	Kind   Kind
	Detail string // the wrong values, and what would be right
	Cause  error  // the error of a lower layer, or nil
}

// Error says what failed, where, and why. Long names from files are cut.
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
