package tensortest

import (
	"syscall"
	"testing"
	"unsafe"
)

// AtPageEnd returns a copy of x that ends where an unreadable page begins: reading past it stops the test with
// a fault.
func AtPageEnd[T byte | int8 | uint16 | float32](t testing.TB, x []T) []T {
	t.Helper()
	if len(x) == 0 {
		return x
	}
	page := syscall.Getpagesize()
	bytes := len(x) * int(unsafe.Sizeof(x[0]))
	size := (bytes + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("no guard page: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Skipf("no guard page: %v", err)
	}
	y := unsafe.Slice((*T)(unsafe.Pointer(&mem[size-bytes])), len(x))
	copy(y, x)
	return y
}
