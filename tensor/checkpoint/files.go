package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// Files is a Source of one or more files: those of a folder that [Open] found, one in the safetensors
// format ([OpenFile]), or one that torch.save wrote ([OpenTorch]).
type Files struct {
	shards   []shard
	tensors  map[string]location
	names    []string
	metadata map[string]string
	headers  int64 // bytes of the files' headers
	closed   bool
}

type shard struct {
	file string
	storage
}

// location is where a tensor lies.
type location struct {
	Info
	shard  int
	offset int64   // in the file
	span   int64   // bytes from the first element to the end of the last
	stride []int64 // in elements; nil if the elements lie in order
}

// contents is what the start of a file, or a pickle in it, says: its tensors in the order of their data.
type contents struct {
	tensors  []location
	metadata map[string]string
	header   int64 // bytes that say this
}

// A format reads what a file contains.
type format func(file string, s storage) (contents, error)

// OpenFile opens one file in the safetensors format. See [Open] for how it is read.
//
// It is checked as strictly as the format's own reader does: tensors without holes, overlaps or bytes
// left over. Three things that it accepts are refused: a tensor's name given twice, a key of the
// metadata given twice, and, in tensors without elements, a dimension that exceeds an int. Any number
// of dimensions and every dtype of the format is accepted, and handed out as bytes; what a weight
// cannot be is refused by [DType.Tensor] and [Info.TensorShape].
// See https://github.com/huggingface/safetensors#format.
func OpenFile(fsys fs.FS, name string) (*Files, error) { return openOne(fsys, name, readHeader) }

func openOne(fsys fs.FS, name string, read format) (*Files, error) {
	f := &Files{tensors: map[string]location{}}
	if err := f.add(fsys, name, read, nil); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// add opens a file and enters its tensors, or those in keep if it is not nil.
func (f *Files) add(fsys fs.FS, file string, read format, keep map[string]bool) error {
	s, err := openStorage(fsys, file)
	if err != nil {
		return &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	f.shards = append(f.shards, shard{file, s})
	c, err := read(file, s)
	if err != nil {
		return explain(err, s)
	}
	if f.headers += c.header; f.headers > maxHeader { // shards may be links to one file, each under a name of its own
		return &Error{File: file, Kind: ErrHeaderTooLarge, Detail: fmt.Sprintf("with it, those of %d files have %d bytes", len(f.shards), f.headers)}
	}
	if len(f.shards) == 1 {
		f.metadata = c.metadata
	}
	for _, l := range c.tensors {
		if keep == nil || keep[l.Name] {
			l.shard = len(f.shards) - 1
			f.tensors[l.Name] = l
			f.names = append(f.names, l.Name)
		}
	}
	return nil
}

// explain adds to the error of a format what a newcomer needs to know: that the file is not the one that it stands for.
func explain(err error, s storage) error {
	const beginning = 64
	b, failed := s.view(nil, 0, min(s.size(), beginning))
	if e, ok := err.(*Error); ok && failed == nil && sidefile.IsPointer(b) {
		e.Detail = sidefile.NotFetched
	}
	return err
}

// Metadata returns a copy of the texts that a safetensors file holds beside its tensors; those written
// by PyTorch have "format": "pt". Of a sharded checkpoint it is that of the first shard.
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

// read gives n bytes of the file that has the tensor, from off bytes after its first element on.
func (f *Files) read(l location, buf []byte, off, n int64) ([]byte, error) {
	s := f.shards[l.shard]
	b, err := s.view(buf, l.offset+off, n)
	if err != nil {
		return nil, &Error{File: s.file, Tensor: l.Name, Kind: ErrReadFile, Cause: err}
	}
	return b, nil
}

// view shows a tensor in order. One that is not stored so is copied as a whole at the first use.
func (f *Files) view(l location) view {
	if l.stride == nil {
		return func(buf []byte, off, n int64) ([]byte, error) { return f.read(l, buf, off, n) }
	}
	var whole []byte
	return func(_ []byte, off, n int64) ([]byte, error) {
		if whole == nil {
			b, err := f.read(l, nil, 0, l.span)
			if err != nil {
				return nil, err
			}
			_, element, _ := l.DType.Block()
			whole = gather(make([]byte, 0, l.Size), b, element, l.Shape, l.stride)
			f.shards[l.shard].drop(l.offset, l.span)
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
	return all(l.Info, f.view(l))
}

// Chunks implements [Source].
func (f *Files) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	l, err := f.find(name)
	if err != nil {
		return failed(err)
	}
	if l.stride == nil {
		return chunks(l.Info, size, f.view(l), func(off, n int64) { f.shards[l.shard].drop(l.offset+off, n) })
	}
	return func(yield func([]byte, error) bool) {
		chunks(l.Info, size, f.view(l), func(off, n int64) {})(yield)
	}
}

// Release implements [Source].
func (f *Files) Release(name string) {
	if l, ok := f.tensors[name]; ok && !f.closed {
		f.shards[l.shard].drop(l.offset, l.span)
	}
}

// Close closes the files. Bytes of mapped files are gone after it: touching them faults. Closing
// again does nothing.
func (f *Files) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	var errs []error
	for _, s := range f.shards {
		if err := s.close(); err != nil {
			errs = append(errs, &Error{File: s.file, Kind: ErrReadFile, Cause: err})
		}
	}
	return errors.Join(errs...)
}
