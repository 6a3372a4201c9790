package hugepages

import (
	"testing"
	"unsafe"
)

// Arrays are zeroed, begin on cache lines of their piece, and do not overlap, whatever their sizes.
func TestSlab(t *testing.T) {
	s := Slab{Next: 1 << 20}
	type array struct{ first, last uintptr }
	var all []array
	for i, n := range []int{1, 16, 17, 1000, 300_000, 5, 2_000_000, 3} {
		var a array
		if i%2 == 0 {
			x := s.Float32s(n)
			for j := range x {
				if x[j] != 0 {
					t.Fatal("not zeroed")
				}
				x[j] = 1
			}
			a = array{uintptr(unsafe.Pointer(&x[0])), uintptr(unsafe.Pointer(&x[n-1])) + 4}
		} else {
			x := s.Uint16s(n)
			for j := range x {
				if x[j] != 0 {
					t.Fatal("not zeroed")
				}
				x[j] = 1
			}
			a = array{uintptr(unsafe.Pointer(&x[0])), uintptr(unsafe.Pointer(&x[n-1])) + 2}
		}
		for _, b := range all {
			if a.first < b.last && b.first < a.last {
				t.Fatalf("array %d overlaps another", i)
			}
		}
		all = append(all, a)
	}
	for n := range 9 {
		b := s.Bytes(n)
		if len(b) != n || n > 0 && uintptr(unsafe.Pointer(&b[0]))%4 != 0 || len(Bytes(n)) != n {
			t.Errorf("%d bytes: %d", n, len(b))
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatal("not zeroed")
			}
			b[i] = 1
		}
	}
	if s.Uint16s(0) != nil || s.Bytes(0) != nil {
		t.Error("an empty array takes memory")
	}
}

func TestFloat32s(t *testing.T) {
	for _, n := range []int{0, 1, 5 << 20} {
		if x := Float32s(n); len(x) != n {
			t.Errorf("%d elements, want %d", len(x), n)
		}
	}
}
