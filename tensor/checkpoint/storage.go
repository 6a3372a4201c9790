package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/seed2010d43f/transformer/internal/mmap"
	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor"
)

// storage is the contents of a file, however they are reached.
type storage interface {
	size() int64
	view(buf []byte, off, n int64) ([]byte, error) // in buf if it needs memory and buf has room
	inPlace(off, n int64) (s tensor.Stored, ok bool)
	check() error // whether the file has changed since it was opened
	drop(off, n int64)
	close() error
}

// openStorage maps the file if it can, and reads it otherwise.
func openStorage(fsys fs.FS, name string) (storage, error) {
	f, size, err := sidefile.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	if osFile, ok := f.(*os.File); ok {
		m, err := mmap.Open(osFile)
		if err == nil {
			return mapped{m}, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			f.Close()
			return nil, err
		}
	}
	s, err := openReader(f, name, size)
	if err != nil {
		f.Close()
	}
	return s, err
}

// openReader reads ranges of a file where it allows them, and all of it at once otherwise. size is what the
// file says it has: it counts once the last byte has been read, for memory is allocated by it.
func openReader(f fs.File, name string, size int64) (storage, error) {
	s := &reader{length: size, c: f}
	switch r := f.(type) {
	case io.ReaderAt:
		s.r = r
	case io.ReadSeeker:
		s.r = &seeker{r: r}
	default:
		data, err := sidefile.ReadAll(f, name, size)
		s.r = bytes.NewReader(data)
		return s, err
	}
	if size == 0 {
		return s, nil
	}
	if _, err := s.view(nil, size-1, 1); err != nil {
		return nil, fmt.Errorf("it says that it has %d bytes, and the last cannot be read: %w", size, err)
	}
	return s, nil
}

type mapped struct{ m *mmap.Mapping }

func (s mapped) size() int64 { return int64(len(s.m.Bytes())) }

func (s mapped) view(_ []byte, off, n int64) ([]byte, error) {
	b := s.m.Bytes()[off : off+n : off+n]
	s.m.Fetch(b)
	return b, nil
}

func (s mapped) inPlace(off, n int64) (tensor.Stored, bool) {
	return tensor.Stored{Data: s.m.Bytes()[off : off+n : off+n], Mapping: s.m}, true
}

func (s mapped) check() error { return s.m.Check() }

func (s mapped) drop(off, n int64) { s.m.Drop(int(off), int(n)) }

func (s mapped) close() error { return s.m.Close() }

type reader struct {
	r      io.ReaderAt
	length int64
	c      io.Closer
}

func (s *reader) size() int64 { return s.length }

func (s *reader) view(buf []byte, off, n int64) ([]byte, error) {
	b := grow(buf, n)
	if got, err := s.r.ReadAt(b, off); got < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

func (s *reader) inPlace(off, n int64) (tensor.Stored, bool) { return tensor.Stored{}, false }

func (s *reader) check() error { return nil }

func (s *reader) drop(off, n int64) {}

func (s *reader) close() error { return s.c.Close() }

// seeker reads ranges of a file that has one position.
type seeker struct {
	mu sync.Mutex
	r  io.ReadSeeker
}

func (s *seeker) ReadAt(b []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.r.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s.r, b)
}
