package bytesview

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestEveryAlignment(t *testing.T) {
	values := []float32{1, -2.5, 0, float32(math.Inf(1)), 1e-40, math.MaxFloat32}
	var stored []byte
	for _, v := range values {
		stored = binary.LittleEndian.AppendUint32(stored, math.Float32bits(v))
	}
	var halves []uint16
	for i := 0; i < len(stored); i += 2 {
		halves = append(halves, binary.LittleEndian.Uint16(stored[i:]))
	}
	buf := make([]byte, len(stored)+8)
	for off := range 8 {
		b := buf[off : off+len(stored)]
		copy(b, stored)
		f, h := Float32s(b), Uint16s(b)
		if !slices.Equal(f, values) || !slices.Equal(h, halves) {
			t.Errorf("offset %d: %v and %v, expected %v and %v", off, f, h, values, halves)
		}
		read := make([]float32, len(values))
		ReadFloat32s(read, b)
		if !slices.Equal(read, values) {
			t.Errorf("offset %d: read %v, expected %v", off, read, values)
		}
		start := unsafe.Pointer(&b[0])
		if shared := unsafe.Pointer(&f[0]) == start; shared != (LittleEndian() && uintptr(start)%4 == 0) {
			t.Errorf("offset %d: float32 share memory: %v", off, shared)
		}
		if v, ok := SharedUint16s(b); ok != (unsafe.Pointer(&h[0]) == start) || ok && !slices.Equal(v, halves) {
			t.Errorf("offset %d: shared %v, %v", off, v, ok)
		}
		if shared := unsafe.Pointer(&h[0]) == start; shared != (LittleEndian() && uintptr(start)%2 == 0) {
			t.Errorf("offset %d: uint16 share memory: %v", off, shared)
		}
	}
	if !bytes.Equal(Bytes(values), stored) {
		t.Errorf("bytes %v, expected %v", Bytes(values), stored)
	}
}

func TestEmpty(t *testing.T) {
	if Float32s(nil) != nil || Uint16s([]byte{}) != nil || Bytes(nil) != nil {
		t.Error("something from nothing")
	}
}

func TestOddLengthsPanic(t *testing.T) {
	for n, f := range map[int]func([]byte){6: func(b []byte) { Float32s(b) }, 3: func(b []byte) { Uint16s(b) }, 8: func(b []byte) { ReadFloat32s(make([]float32, 1), b) }} {
		tensortest.Panics(t, fmt.Sprint(n, " bytes"), func() { f(make([]byte, n)) })
	}
}
