package mmap

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// fetch asks for pages unless the first of them is resident: that is an answer for all of them that is right nearly
// always, and takes a thirtieth of the time of asking for megabytes that are there.
func fetch(pages []byte) {
	var resident [1]byte
	_, _, err := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(pages))), 1, uintptr(unsafe.Pointer(&resident)))
	if err != 0 || resident[0]&1 == 0 {
		_ = unix.Madvise(pages, unix.MADV_WILLNEED)
	}
}
