package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/tensor"
)

// Files is a [Source] of one or more files, opened by [OpenFile] or [OpenIndex].
type Files struct {
	files    []*File
	tensors  map[string]location
	names    []string
	metadata map[string]string
	headers  int64 // bytes of the files' headers
	closed   bool
}

// location is where a tensor lies.
type location struct {
	Location
	file *File
	span int64 // bytes from the first element to the end of the last
}

// OpenFile opens a file of the given format. Packages of formats have their own functions for it, such as
// safetensors.Open.
//
// Files that are [os.File] values, such as those of [os.DirFS], are mapped into memory where the system can
// do that. If such a file is truncated while it is mapped, reading it ends the process, but for products with weights
// in place: see [tensor.ReadError]. Other files are read
// tensor by tensor if they implement [io.ReaderAt] or [io.Seeker], as those of an [embed.FS] do, and as a
// whole otherwise.
//
// A tensor whose elements are not stored in row-major order is copied into that order each time it is read.
// Tensors may share memory, but all tensors together must not have more than 16 times the bytes of the file.
func OpenFile(fsys fs.FS, name string, format Format) (*Files, error) {
	f := &Files{tensors: map[string]location{}}
	if err := f.add(fsys, name, format, nil); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// maxHeaders bounds the bytes that describe tensors, in all files together.
const maxHeaders = 100_000_000

// add opens a file and enters its tensors, or those in keep if it is not nil.
func (f *Files) add(fsys fs.FS, name string, format Format, keep map[string]bool) error {
	s, err := openStorage(fsys, name)
	if err != nil {
		return &Error{File: name, Kind: ErrReadFile, Cause: err}
	}
	file := &File{name, s}
	f.files = append(f.files, file)
	c, err := format(file)
	if err != nil {
		return file.explain(err)
	}
	if f.headers += c.Header; f.headers > maxHeaders { // shards may be links to one file, each under a name of its own
		return &Error{File: name, Kind: ErrHeaderTooLarge, Detail: fmt.Sprintf("with it, those of %d files have %d bytes", len(f.files), f.headers)}
	}
	file.drop(0, min(c.Header, file.Size()))
	if len(f.files) == 1 {
		f.metadata = c.Metadata
	}
	left := uint64(file.Size()) * maxShare
	for _, t := range c.Tensors {
		l, err := file.place(t, &left)
		if err != nil {
			return err
		}
		if keep != nil && !keep[l.Name] {
			continue
		}
		if _, twice := f.tensors[l.Name]; twice {
			return &Error{File: name, Tensor: l.Name, Kind: ErrDuplicate}
		}
		f.tensors[l.Name] = l
		f.names = append(f.names, l.Name)
	}
	return nil
}

// Metadata returns a copy of the file's [Contents.Metadata]. Of several files it is that of the first.
func (f *Files) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Names implements [Source].
func (f *Files) Names() iter.Seq[string] { return slices.Values(f.names) }

// Lookup implements [Source].
func (f *Files) Lookup(name string) (Info, bool) {
	l, ok := f.tensors[name]
	return l.Info, ok
}

func (f *Files) find(name string) (location, error) {
	if f.closed {
		return location{}, &Error{Tensor: name, Kind: ErrClosed}
	}
	l, ok := f.tensors[name]
	if !ok {
		return location{}, notFound(name)
	}
	return l, nil
}

// read returns n bytes of the file, from off bytes after the start of the first element on.
func (l location) read(buf []byte, off, n int64) ([]byte, error) {
	b, err := l.file.view(buf, l.Offset+off, n)
	if err != nil {
		return nil, &Error{File: l.file.name, Tensor: l.Name, Kind: ErrReadFile, Cause: err}
	}
	return b, nil
}

// view shows a tensor as a Source gives it.
func (l location) view() view {
	ordered := l.ordered()
	if l.Swap == nil {
		return ordered
	}
	return func(buf []byte, off, n int64) ([]byte, error) {
		dst := grow(buf, n)
		b, err := ordered(dst, off, n)
		if err != nil {
			return nil, err
		}
		copy(dst, b) // which may be dst already
		l.Swap(dst)
		return dst, nil
	}
}

// ordered shows a tensor in row-major order. One that is not stored so is copied as a whole at the first use.
func (l location) ordered() view {
	if l.Stride == nil {
		return func(buf []byte, off, n int64) ([]byte, error) { return l.read(buf, off, n) }
	}
	var whole []byte
	return func(_ []byte, off, n int64) ([]byte, error) {
		if whole == nil {
			b, err := l.read(nil, 0, l.span)
			if err != nil {
				return nil, err
			}
			_, element, _ := l.DType.Block()
			whole = gather(make([]byte, 0, l.Size), b, element, l.Shape, l.Stride)
			l.file.drop(l.Offset, l.span)
		}
		return whole[off : off+n : off+n], nil
	}
}

// gather appends the elements of a tensor that has some, in row-major order.
func gather(dst, src []byte, element int, shape []int, stride []int64) []byte {
	if len(shape) == 0 {
		return append(dst, src[:element]...)
	}
	step := int(stride[0]) * element
	for i := range shape[0] {
		if len(shape) == 1 {
			dst = append(dst, src[i*step:i*step+element]...)
		} else {
			dst = gather(dst, src[i*step:], element, shape[1:], stride[1:])
		}
	}
	return dst
}

// Bytes implements [Source].
func (f *Files) Bytes(name string) ([]byte, error) {
	l, err := f.find(name)
	if err != nil {
		return nil, err
	}
	return all(l.Info, l.view())
}

// InPlace implements [InPlace], for files that are mapped.
func (f *Files) InPlace(name string) (tensor.Stored, bool) {
	l, err := f.find(name)
	if err != nil || l.Stride != nil || l.Swap != nil {
		return tensor.Stored{}, false
	}
	return l.file.inPlace(l.Offset, l.Size)
}

// Check implements [InPlace].
func (f *Files) Check() error {
	for _, file := range f.files {
		if err := file.check(); err != nil {
			return &Error{File: file.name, Kind: ErrReadFile, Cause: err}
		}
	}
	return nil
}

// Chunks implements [Source].
func (f *Files) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	l, err := f.find(name)
	if err != nil {
		return failed(err)
	}
	if l.Stride == nil {
		return chunks(l.Info, size, l.view(), func(off, n int64) { l.file.drop(l.Offset+off, n) })
	}
	return func(yield func([]byte, error) bool) {
		chunks(l.Info, size, l.view(), func(off, n int64) {})(yield)
	}
}

// Release implements [Source].
func (f *Files) Release(name string) {
	if l, ok := f.tensors[name]; ok && !f.closed {
		l.file.drop(l.Offset, l.span)
	}
}

// Close closes the files. Bytes of mapped files must not be used afterwards: touching them faults. Closing
// again does nothing.
func (f *Files) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	var errs []error
	for _, file := range f.files {
		if err := file.close(); err != nil {
			errs = append(errs, &Error{File: file.name, Kind: ErrReadFile, Cause: err})
		}
	}
	return errors.Join(errs...)
}
