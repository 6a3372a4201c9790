package checkpoint

import (
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"
)

// Safetensors is a Source of one or more files in the safetensors format.
//
// The files are checked as strictly as the format's own reader does: tensors without holes, overlaps
// or bytes left over. Three things that it accepts are refused: a tensor's name given twice, a key of
// the metadata given twice, and, in tensors without elements, a dimension that exceeds an int. Any
// number of dimensions and every dtype of the format is accepted, and handed out as bytes; what a
// weight cannot be is refused by [DType.Tensor] and [Info.TensorShape].
// See https://github.com/huggingface/safetensors#format.
type Safetensors struct {
	shards   []shard
	tensors  map[string]location
	names    []string
	metadata map[string]string
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
	offset int64 // in the file
}

// OpenFile opens one safetensors file. See [Open] for how it is read.
func OpenFile(fsys fs.FS, name string) (*Safetensors, error) {
	s := &Safetensors{tensors: map[string]location{}}
	if err := s.add(fsys, name, nil); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// add opens a file and enters its tensors, or those in keep if it is not nil.
func (s *Safetensors) add(fsys fs.FS, file string, keep map[string]bool) error {
	st, err := openStorage(fsys, file)
	if err != nil {
		return &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	s.shards = append(s.shards, shard{file, st})
	h, err := readHeader(file, st)
	if err != nil {
		return err
	}
	if len(s.shards) == 1 {
		s.metadata = h.metadata
	}
	for i, info := range h.infos {
		if keep == nil || keep[info.Name] {
			s.tensors[info.Name] = location{info, len(s.shards) - 1, h.offsets[i]}
			s.names = append(s.names, info.Name)
		}
	}
	return nil
}

// Metadata returns a copy of the texts that the file holds beside its tensors; files written by
// PyTorch have "format": "pt". Of a sharded checkpoint it is that of the first shard.
func (s *Safetensors) Metadata() map[string]string { return maps.Clone(s.metadata) }

// Names implements [Source].
func (s *Safetensors) Names() iter.Seq[string] { return slices.Values(s.names) }

// Lookup implements [Source].
func (s *Safetensors) Lookup(name string) (Info, bool) {
	l, ok := s.tensors[name]
	return l.Info, ok
}

// find returns where a tensor is and how to read it.
func (s *Safetensors) find(name string) (location, view, error) {
	if s.closed {
		return location{}, nil, &Error{Tensor: name, Kind: ErrClosed}
	}
	l, ok := s.tensors[name]
	if !ok {
		return location{}, nil, notFound(name)
	}
	sh := s.shards[l.shard]
	return l, func(buf []byte, off, n int64) ([]byte, error) {
		b, err := sh.view(buf, l.offset+off, n)
		if err != nil {
			err = &Error{File: sh.file, Tensor: name, Kind: ErrReadFile, Cause: err}
		}
		return b, err
	}, nil
}

// Bytes implements [Source].
func (s *Safetensors) Bytes(name string) ([]byte, error) {
	l, v, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return all(l.Info, v)
}

// Chunks implements [Source].
func (s *Safetensors) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	l, v, err := s.find(name)
	if err != nil {
		return failed(err)
	}
	return chunks(l.Info, size, v, func(off, n int64) { s.shards[l.shard].drop(l.offset+off, n) })
}

// Release implements [Source].
func (s *Safetensors) Release(name string) {
	if l, ok := s.tensors[name]; ok && !s.closed {
		s.shards[l.shard].drop(l.offset, l.Size)
	}
}

// Close closes the files. Bytes of mapped files are gone after it: touching them faults. Closing
// again does nothing.
func (s *Safetensors) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, sh := range s.shards {
		if err := sh.close(); err != nil {
			errs = append(errs, &Error{File: sh.file, Kind: ErrReadFile, Cause: err})
		}
	}
	return errors.Join(errs...)
}
