//go:build unix

package mmap

import (
	"os"

	"golang.org/x/sys/unix"
)

func open(f *os.File, size int) ([]byte, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err == unix.ENODEV || err == unix.ENOMEM { // file system or address space
		return nil, unix.ENOTSUP
	}
	return data, err
}

func unmap(data []byte) error { return unix.Munmap(data) }

func drop(pages []byte) { _ = unix.Madvise(pages, unix.MADV_DONTNEED) }
