// Package hugepages allocates large arrays so that the system may use huge pages for them. Reading weights is
// then more than twice as fast on machines where each small page costs a page walk: prefetching stops at the
// end of a page.
package hugepages

import (
	"unsafe"
)

// least is the size from which an array is worth a system call: two huge pages of the usual size.
const least = 4 << 20

// Float32s returns a zeroed array of n elements.
func Float32s(n int) []float32 {
	x := make([]float32, n)
	if 4*n >= least {
		advise(unsafe.Pointer(unsafe.SliceData(x)), 4*n)
	}
	return x
}

// Bytes returns a zeroed array of n bytes, aligned to 4.
func Bytes(n int) []byte { return bytesOf(Float32s((n+3)/4), n) }

// bytesOf returns the first n bytes of x.
func bytesOf(x []float32, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// Slab hands out arrays from large pieces of memory, one after the other, so that small arrays use huge pages
// too. A piece lives as long as one of its arrays is in use. The zero value is ready to use. One goroutine at
// a time may use a Slab.
type Slab struct {
	// Next is the size in bytes of the next piece, unless an array needs more. Set it to a guess of the
	// total.
	Next int64

	// Grow is the size in bytes of all later pieces; 0 means 32 MiB, or an eighth of all that there are.
	Grow int64

	free []float32
	all  int64 // bytes of all pieces
}

const (
	line   = 16 // elements of a cache line, on which arrays begin
	atMost = 8 << 30
	growth = 32 << 20
)

// Float32s returns a zeroed array of n elements.
func (s *Slab) Float32s(n int) []float32 {
	need := (n + line - 1) / line * line
	if need > len(s.free) {
		size := max(int64(need), min(s.Next, atMost)/4)
		s.free = Float32s(int(size))
		s.all += 4 * size
		s.Next = s.Grow
		if s.Grow == 0 {
			s.Next = max(growth, s.all/8)
		}
	}
	x := s.free[:n:n]
	s.free = s.free[need:]
	return x
}

// Uint16s returns a zeroed array of n elements.
func (s *Slab) Uint16s(n int) []uint16 {
	if n == 0 {
		return nil
	}
	x := s.Float32s((n + 1) / 2)
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// Int8s returns a zeroed array of n elements.
func (s *Slab) Int8s(n int) []int8 {
	if n == 0 {
		return nil
	}
	x := s.Float32s((n + 3) / 4)
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// Bytes returns a zeroed array of n bytes, aligned to 4.
func (s *Slab) Bytes(n int) []byte {
	if n == 0 {
		return nil
	}
	return bytesOf(s.Float32s((n+3)/4), n)
}
