package hugepages

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// advise asks for huge pages behind the whole pages of an array. Where that is refused nothing is lost.
func advise(p unsafe.Pointer, bytes int) {
	page := unix.Getpagesize()
	skip := -int(uintptr(p)) & (page - 1)
	if n := (bytes - skip) &^ (page - 1); n > 0 {
		_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), n), unix.MADV_HUGEPAGE)
	}
}
