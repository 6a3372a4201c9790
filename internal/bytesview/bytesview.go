// Package bytesview shows little-endian bytes, the form in which weights are stored, as numbers, and numbers
// as such bytes: without a copy where the host's byte order and the alignment allow it.
package bytesview

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// LittleEndian tells the host's byte order; the compiler knows the answer.
func LittleEndian() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}

// aligned reports whether b can be read as elements of size bytes where it lies.
func aligned(b []byte, size int) bool {
	return LittleEndian() && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(size) == 0
}

// Float32s returns the values that b holds. The result shares memory with b when b is aligned to 4
// bytes and the host is little-endian, and is a copy otherwise; treat it as read-only. It panics if
// the length is not a multiple of 4.
func Float32s(b []byte) []float32 {
	n := elements(b, 4)
	if n == 0 {
		return nil
	}
	if aligned(b, 4) {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), n)
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// Uint16s is Float32s for 16-bit elements: the bits of F16 and BF16 values.
func Uint16s(b []byte) []uint16 {
	n := elements(b, 2)
	if n == 0 {
		return nil
	}
	if aligned(b, 2) {
		return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(b))), n)
	}
	v := make([]uint16, n)
	for i := range v {
		v[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return v
}

// SharedUint16s is Uint16s where the result shares memory with b; ok is false where it would be a copy.
func SharedUint16s(b []byte) (v []uint16, ok bool) {
	if !aligned(b, 2) {
		return nil, false
	}
	return Uint16s(b), true
}

// Bytes returns v as it would be stored. The result shares memory with v on little-endian hosts and
// is a copy on others; treat it as read-only.
func Bytes(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	if LittleEndian() {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
	}
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// ReadFloat32s sets dst to the values that b holds, wherever it lies. It panics if the lengths do not fit.
func ReadFloat32s(dst []float32, b []byte) {
	if len(b) != 4*len(dst) {
		panic(fmt.Sprintf("bytesview: %d bytes for %d elements of 4 bytes", len(b), len(dst)))
	}
	if LittleEndian() {
		copy(Bytes(dst), b)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

func elements(b []byte, size int) int {
	if len(b)%size != 0 {
		panic(fmt.Sprintf("bytesview: %d bytes are not a whole number of elements of %d bytes", len(b), size))
	}
	return len(b) / size
}
