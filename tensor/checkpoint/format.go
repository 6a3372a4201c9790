package checkpoint

import (
	"fmt"
	"io"
	"math"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// Format reads the description of the tensors in a file: names, types, shapes and places. This is all that a
// file format needs; [OpenFile] and [OpenIndex] do the rest.
//
// Files need not be trusted, so a Format checks what it follows. [File.Read] refuses ranges outside the file,
// and OpenFile refuses tensors outside it. An error need not name the file: OpenFile adds the name. An error
// that is not an [*Error] becomes the Cause of one with the Kind [ErrFormat].
//
// A Format that is a closure can keep for its caller what a file holds beside tensors and texts.
type Format func(f *File) (Contents, error)

// Contents describes the tensors of a file.
type Contents struct {
	// Tensors are in the order of their data, which is the order of [Source.Names].
	Tensors []Location

	// Metadata are the texts that the file holds beside its tensors, or nil.
	Metadata map[string]string

	// Header is the size of the description in bytes. The files of a checkpoint may have 100 MB of it
	// together, because what is read from it stays in memory.
	Header int64
}

// Location is a tensor in a file.
type Location struct {
	// Info has the Size that DType and Shape ask for, as [NewInfo] computes it. For a DType that this package does
	// not know, it is the number of bytes that the tensor takes in the file.
	Info

	// Offset is the position of the first element in the file, in bytes. It need not be aligned.
	Offset int64

	// Stride is the distance from one element to the next along each dimension, in elements, 0 or more. nil
	// means row-major order without gaps.
	Stride []int64

	// Swap brings whole blocks of the DType into the byte order that a Source gives, little-endian, where they lie. It may
	// be called from several goroutines at once. nil means that the file has that order.
	Swap func(blocks []byte)
}

// File is an open file that a [Format] reads.
type File struct {
	name string
	storage
}

// Name returns the name by which the file was opened.
func (f *File) Name() string { return f.name }

// Size returns the length of the file in bytes.
func (f *File) Size() int64 { return f.storage.size() }

// Read returns n bytes from offset off. They are read-only; copy what must live longer than the call of the
// Format. It returns [ErrReadFile] if it fails.
func (f *File) Read(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > f.Size() || n > f.Size()-off {
		return nil, &Error{File: f.name, Kind: ErrReadFile, Detail: fmt.Sprintf("%d bytes from byte %d on of %d", n, off, f.Size())}
	}
	b, err := f.view(nil, off, n)
	if err != nil {
		return nil, &Error{File: f.name, Kind: ErrReadFile, Cause: err}
	}
	return b, nil
}

// ReadAt implements [io.ReaderAt].
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, &Error{File: f.name, Kind: ErrReadFile, Detail: fmt.Sprintf("from byte %d on", off)}
	case len(b) == 0:
		return 0, nil
	case off >= f.Size():
		return 0, io.EOF
	}
	n := min(int64(len(b)), f.Size()-off)
	got, err := f.view(b[:n:n], off, n)
	if err != nil {
		return 0, err
	}
	if copy(b, got) < len(b) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// place returns a tensor as it is kept, or what is wrong with where it lies. left is what all tensors of the file may
// still take.
func (f *File) place(l Location, left *uint64) (location, *Error) {
	if _, _, known := l.DType.Block(); known {
		if info, ok := NewInfo(l.Name, l.DType, l.Shape); !ok || info.Size != l.Size {
			return location{}, l.wrong(ErrTensorInfo, f)
		}
	} else if l.Swap != nil { // pieces of such a type end anywhere
		return location{}, l.wrong(ErrUnsupported, f)
	}
	span, kind := l.Size, Kind("")
	if l.Stride != nil {
		span, kind = l.strided(f.Size())
	}
	switch {
	case kind != "":
		return location{}, l.wrong(kind, f)
	case l.Offset < 0 || span < 0 || span > f.Size()-l.Offset:
		return location{}, l.wrong(ErrStorage, f)
	case uint64(l.Size) > *left:
		return location{}, &Error{File: f.name, Tensor: l.Name, Kind: ErrOverflow,
			Detail: fmt.Sprintf("with it, tensors that share memory take more than %d times the file's %d bytes", maxShare, f.Size())}
	}
	*left -= uint64(l.Size)
	return location{Location: l, file: f, span: span}, nil
}

// maxShare bounds the bytes of all tensors, as a multiple of those of the file. Encoder–decoders with one
// embedding everywhere store it under four or five names.
const maxShare = 16

// strided returns the bytes from the first element to the end of the last, or what is wrong with the strides in a file
// of so many bytes. It takes strides away that say nothing: those of row-major order.
func (l *Location) strided(size int64) (span int64, wrong Kind) {
	elements, bytes, known := l.DType.Block()
	if !known || elements != 1 || len(l.Stride) != len(l.Shape) {
		return 0, ErrTensorInfo
	}
	last, next, inOrder := int64(0), int64(1), true
	for k := len(l.Shape) - 1; l.Size > 0 && k >= 0; k-- {
		d, step := int64(l.Shape[k]), l.Stride[k]
		if d == 1 {
			continue
		}
		if step < 0 || step > 0 && d-1 > (size/int64(bytes)-last)/step {
			return 0, ErrStorage
		}
		last += (d - 1) * step
		inOrder = inOrder && step == next
		next *= d
	}
	if inOrder {
		l.Stride = nil
		return l.Size, ""
	}
	span = (last + 1) * int64(bytes)
	if max(l.Size, span) > math.MaxInt {
		return 0, ErrOverflow
	}
	return span, ""
}

// wrong is an error about where a tensor lies.
func (l *Location) wrong(kind Kind, f *File) *Error {
	detail := fmt.Sprintf("%s %.200s, %d bytes from byte %d on of %d", l.DType, fmt.Sprint(l.Shape), l.Size, l.Offset, f.Size())
	if l.Stride != nil {
		detail += fmt.Sprintf(", with strides %.200s", fmt.Sprint(l.Stride))
	}
	return &Error{File: f.name, Tensor: l.Name, Kind: kind, Detail: detail}
}

// explain names the file in an error of a format. If it is not the file that it stands for, it says so.
func (f *File) explain(err error) *Error {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Kind: ErrFormat, Cause: err}
	}
	if e.File == "" {
		e.File = f.name
	}
	const beginning = 64
	if b, failed := f.view(nil, 0, min(f.Size(), beginning)); failed == nil && sidefile.IsPointer(b) {
		e.Detail = sidefile.NotFetched
	}
	return e
}
