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
)

// storage is the contents of a file, however they are reached.
type storage interface {
	size() int64
	view(buf []byte, off, n int64) ([]byte, error) // in buf if it needs memory and buf has room
	drop(off, n int64)
	close() error
}

// openStorage maps the file if it can, and reads it otherwise.
func openStorage(fsys fs.FS, name string) (storage, error) {
	// Before opening: opening a pipe can wait for ever.
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file: %v", info.Mode())
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if osFile, ok := f.(*os.File); ok {
		m, err := mmap.Open(osFile)
		if err == nil {
			return mapped{m}, f.Close()
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			f.Close()
			return nil, err
		}
	}
	s, err := openReader(f)
	if err != nil {
		f.Close()
	}
	return s, err
}

// openReader reads ranges of the file where it allows them, and all of it at once otherwise.
func openReader(f fs.File) (storage, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch r := f.(type) {
	case io.ReaderAt:
		return &reader{r, info.Size(), f}, nil
	case io.ReadSeeker:
		return &reader{&seeker{r: r}, info.Size(), f}, nil
	}
	// The file's own word on its size is not trusted with memory: reading grows as bytes arrive.
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &reader{bytes.NewReader(data), int64(len(data)), f}, nil
}

type mapped struct{ m *mmap.Mapping }

func (s mapped) size() int64 { return int64(len(s.m.Bytes())) }

func (s mapped) view(_ []byte, off, n int64) ([]byte, error) {
	return s.m.Bytes()[off : off+n : off+n], nil
}

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
