//go:build !unix

package mmap

import "os"

// stat returns the size of an open file, and when it was written, in nanoseconds.
func stat(f *os.File) (size, written int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), info.ModTime().UnixNano(), nil
}
