package checkpoint

import (
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// Source gives tensors by name.
//
// All methods may be called from several goroutines at once, except for Close: call it after all other uses
// of the Source and of the bytes that it returned.
type Source interface {
	// Names yields each name once, in the order in which tensors are stored. Reading in this order reads
	// files from front to back.
	Names() iter.Seq[string]

	// Lookup describes the tensor with this name, and reports whether there is one. It reads no data.
	Lookup(name string) (Info, bool)

	// Bytes returns the whole tensor, Info.Size bytes: row-major, little-endian. The bytes may be a read-only
	// mapping that Close ends: do not write to them, and copy what must live longer.
	Bytes(name string) ([]byte, error)

	// Chunks yields the tensor in order, in pieces of size bytes; the last may be shorter. The size is
	// rounded down to whole blocks of the tensor's DType, but to at least one block. A multiple of a row's
	// bytes gives whole rows. A piece is read-only and valid until the next one. The sequence ends after the
	// first error. It panics if size is not positive.
	Chunks(name string, size int) iter.Seq2[[]byte, error]

	// Release tells the Source that the tensor is no longer needed, so that its memory can be freed. Bytes
	// returned earlier stay valid; reading them loads the memory again.
	Release(name string)

	io.Closer
}

// InPlace is a [Source] of which tensors lie in memory as they are, such as those of mapped files. A Source that
// shows another in some other way has them in place only where it passes on what the other has.
type InPlace interface {
	Source

	// InPlace returns where the tensor lies, row-major and little-endian, until Close. ok is false if it has to be
	// read or computed.
	InPlace(name string) (s tensor.Stored, ok bool)

	// Check returns an error if a file has changed since it was opened, and what was read in place may be wrong.
	Check() error
}

// Maker is a [Source] without a fixed set of tensors: it makes the tensors it is asked for.
type Maker interface {
	Source

	// Make adds a tensor of this shape; Lookup finds it from then on. Making it again does nothing, and
	// making it with another shape panics.
	Make(name string, shape tensor.Shape)
}

// Info describes a stored tensor.
type Info struct {
	Name  string
	DType DType
	Shape []int // outermost first; empty for a scalar. It may be shared: do not change it.
	Size  int64 // bytes
}

// TensorShape returns the shape as a [tensor.Shape]. It returns [ErrShape] for a shape of more than four
// dimensions, or with a dimension of 0.
func (i Info) TensorShape() (tensor.Shape, error) {
	var s tensor.Shape
	if len(i.Shape) > len(s) {
		return s, &Error{Tensor: i.Name, Kind: ErrShape, Detail: fmt.Sprintf("%d dimensions, at most %d are supported", len(i.Shape), len(s))}
	}
	for k, d := range i.Shape {
		if d == 0 {
			return tensor.Shape{}, &Error{Tensor: i.Name, Kind: ErrShape, Detail: fmt.Sprintf("%v has a dimension of 0", i.Shape)}
		}
		s[k] = d
	}
	return s, nil
}

// NewInfo describes a tensor, with the Size that follows from type and shape. It keeps the slice shape. ok is
// false if the type is unknown, a dimension is negative, the size exceeds an int64, or the elements are not a
// whole number of blocks.
func NewInfo(name string, d DType, shape []int) (info Info, ok bool) {
	n := int64(1)
	for _, dim := range shape {
		if dim < 0 || dim > 0 && n > math.MaxInt64/int64(dim) {
			return Info{}, false
		}
		n *= int64(dim)
	}
	size, ok := d.Size(n)
	return Info{name, d, shape, size}, ok
}

// notFound is the error of Bytes and Chunks for a name without a tensor.
func notFound(name string) error { return &Error{Tensor: name, Kind: ErrNotFound} }

// A view gives n bytes of a tensor, starting off bytes into it, in buf if it needs memory and buf
// has room.
type view func(buf []byte, off, n int64) ([]byte, error)

// all is Source.Bytes in terms of a view.
func all(info Info, v view) ([]byte, error) {
	if info.Size > math.MaxInt {
		return nil, &Error{Tensor: info.Name, Kind: ErrOverflow, Detail: fmt.Sprintf("%d bytes exceed the address space", info.Size)}
	}
	return v(nil, 0, info.Size)
}

// chunks is Source.Chunks in terms of a view and of what lets a range go again.
func chunks(info Info, size int, v view, drop func(off, n int64)) iter.Seq2[[]byte, error] {
	if size <= 0 {
		panic(fmt.Sprintf("checkpoint: chunks of %d bytes of %s", size, info.Name))
	}
	if _, block, ok := info.DType.Block(); ok {
		size = max(size-size%block, block)
	}
	return func(yield func([]byte, error) bool) {
		var b []byte
		var err error
		for off := int64(0); off < info.Size; {
			n := min(int64(size), info.Size-off)
			if b, err = v(b, off, n); err != nil {
				yield(nil, err)
				return
			}
			more := yield(b, nil)
			drop(off, n)
			if !more {
				return
			}
			off += n
		}
	}
}

// failed is a sequence that holds an error alone.
func failed(err error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) { yield(nil, err) }
}

// grow returns n bytes, those of buf if it has room.
func grow(buf []byte, n int64) []byte {
	if int64(cap(buf)) >= n {
		return buf[:n]
	}
	return make([]byte, n)
}
