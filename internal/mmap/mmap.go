// Package mmap reads files through the page cache, without copies.
//
// A [Mapping] shows the bytes of a file as a read-only slice. Pages come into memory when they are
// first touched and leave it on [Mapping.Drop] or when the system needs the room.
//
// A file that becomes shorter while it is mapped takes its last pages with it. Touching them is a
// fault, SIGBUS on Unix, which ends the process unless the reader stands between [Mapping.Acquire] and
// [Mapping.Release]: it is a panic with an [Error] then. A file that is overwritten in place changes
// under its readers; [Mapping.Check] tells. Replace such files by renaming a new one over them, which
// leaves the mapping as it was.
package mmap

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"unsafe"
)

// A Mapping is a file in memory. Its methods may be used by several goroutines at once. Close waits for
// those between Acquire and Release; other uses of the bytes must have ended.
type Mapping struct {
	readers sync.RWMutex // held by them for reading
	data    []byte
	closed  bool
	name    string
	file    *os.File
	written int64 // when, in nanoseconds
}

// Open maps the whole of f read-only. The mapping closes f when it is closed. An error that matches
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
	m := &Mapping{name: f.Name(), file: f, written: info.ModTime().UnixNano()}
	if info.Size() == 0 {
		return m, nil // no system maps nothing
	}
	m.data, err = open(f, int(info.Size()))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, unsupported(info)
	}
	if err != nil {
		return nil, fmt.Errorf("mmap: %s: %w", info.Name(), err)
	}
	return m, nil
}

func unsupported(info fs.FileInfo) error {
	return fmt.Errorf("mmap: %s (%v, %d bytes) cannot be mapped: %w", info.Name(), info.Mode(), info.Size(), errors.ErrUnsupported)
}

// Bytes returns the file's contents. Writing to them faults, and so does any use after Close.
func (m *Mapping) Bytes() []byte { return m.data }

// faultAround is how many bytes Linux maps, aligned to as many, where a page is touched that the page cache has.
const faultAround = 64 << 10

// Drop lets the pages that hold the n bytes from off leave resident memory. They come back, with
// the same contents, when they are touched again. It is a hint: systems may ignore it.
func (m *Mapping) Drop(off, n int) {
	if off < 0 || n < 0 || off > len(m.data)-n {
		panic(fmt.Sprintf("mmap: %d bytes from %d of %d", n, off, len(m.data)))
	}
	if n == 0 {
		return
	}
	// Whole pages, and those before that a fault in the first has brought along: that harms no neighbour, as contents stay
	// what they are.
	drop(m.data[off-off%max(faultAround, os.Getpagesize()) : off+n])
}

// Fetch has the system begin to read the bytes b of the mapping from the disk, if they are not in memory. It does not
// wait, and it is a hint: systems may ignore it. One request for all of b is faster than a fault for each page, of which
// the system guesses what else will be needed.
func (m *Mapping) Fetch(b []byte) {
	if m == nil || len(b) == 0 {
		return
	}
	m.readers.RLock()
	defer m.readers.RUnlock()
	if m.closed {
		return
	}
	before := uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	fetch(m.data[int(before)&^(os.Getpagesize()-1) : int(before)+len(b)])
}

// Check returns an error if the file has another length than when it was mapped, or has been written to:
// what was read of it since may be wrong.
func (m *Mapping) Check() error {
	m.readers.RLock()
	defer m.readers.RUnlock()
	if m.closed {
		return &Error{m.name, true}
	}
	size, written, err := stat(m.file)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	if size != int64(len(m.data)) {
		return fmt.Errorf("mmap: %s has %d bytes, it had %d when it was mapped; open it again", m.name, size, len(m.data))
	}
	if written != m.written {
		return fmt.Errorf("mmap: %s has been written to while it was mapped; open it again", m.name)
	}
	return nil
}

// holds reports whether the address is one of the mapping's.
func (m *Mapping) holds(addr uintptr) bool {
	return addr-uintptr(unsafe.Pointer(unsafe.SliceData(m.data))) < uintptr(len(m.data))
}

// Close ends the mapping and closes its file. Closing again does nothing.
func (m *Mapping) Close() error {
	m.readers.Lock()
	defer m.readers.Unlock()
	if m.closed {
		return nil
	}
	data := m.data
	m.data, m.closed = nil, true
	err := m.file.Close()
	if data != nil {
		err = errors.Join(unmap(data), err)
	}
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	return nil
}
