// Package mmap reads files through the page cache, without copies.
//
// A [Mapping] shows the bytes of a file as a read-only slice. Pages come into memory when they are
// first touched and leave it on [Mapping.Drop] or when the system needs the room.
//
// Known limit: a file that becomes shorter while it is mapped takes its last pages with it, and
// touching them ends the process (SIGBUS on Unix), which no error can report. A file that is
// overwritten in place changes under its readers. Replace such files by renaming a new one over
// them, which leaves the mapping as it was.
package mmap

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
)

// A Mapping is a file in memory. Its methods may be used by several goroutines at once, except for
// Close, which comes after all other uses.
type Mapping struct {
	data []byte
}

// Open maps the whole of f read-only. f may be closed afterwards. An error that matches
// [errors.ErrUnsupported] says that this system cannot map f, but might read it: the system has no
// mapping, f is not a regular file, or it exceeds the address space.
func Open(f *os.File) (*Mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > math.MaxInt {
		return nil, unsupported(info)
	}
	if info.Size() == 0 {
		return &Mapping{}, nil // no system maps nothing
	}
	data, err := open(f, int(info.Size()))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, unsupported(info)
	}
	if err != nil {
		return nil, fmt.Errorf("mmap: %s: %w", info.Name(), err)
	}
	return &Mapping{data}, nil
}

func unsupported(info fs.FileInfo) error {
	return fmt.Errorf("mmap: %s (%v, %d bytes) cannot be mapped: %w", info.Name(), info.Mode(), info.Size(), errors.ErrUnsupported)
}

// Bytes returns the file's contents. Writing to them faults, and so does any use after Close.
func (m *Mapping) Bytes() []byte { return m.data }

// Drop lets the pages that hold the n bytes from off leave resident memory. They come back, with
// the same contents, when they are touched again. It is a hint: systems may ignore it.
func (m *Mapping) Drop(off, n int) {
	if off < 0 || n < 0 || off > len(m.data)-n {
		panic(fmt.Sprintf("mmap: %d bytes from %d of %d", n, off, len(m.data)))
	}
	if n == 0 {
		return
	}
	// Whole pages: that harms no neighbour, as contents stay what they are.
	drop(m.data[off-off%os.Getpagesize() : off+n])
}

// Close ends the mapping. Closing again does nothing.
func (m *Mapping) Close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	if err := unmap(data); err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	return nil
}
