// Package alias finds out whether slices share memory, and panics where a function does not allow that. A check
// costs a few comparisons of addresses and allocates nothing: make it once a call, not once a row.
package alias

import "unsafe"

// Overlap reports whether x and y share an element.
func Overlap(x, y []float32) bool {
	return len(x) > 0 && len(y) > 0 &&
		uintptr(unsafe.Pointer(&x[0])) <= uintptr(unsafe.Pointer(&y[len(y)-1])) &&
		uintptr(unsafe.Pointer(&y[0])) <= uintptr(unsafe.Pointer(&x[len(x)-1]))
}

// Disjoint panics if the arguments a and b of op overlap. op is the name of a package and a function:
// "tensor: MatMul".
func Disjoint(op, a string, x []float32, b string, y []float32) {
	if Overlap(x, y) {
		panic(op + ": " + a + " overlaps " + b + ": " + a + " needs memory of its own")
	}
}

// SameOrDisjoint panics if the arguments a and b of op overlap and do not begin at the same element.
func SameOrDisjoint(op, a string, x []float32, b string, y []float32) {
	if Overlap(x, y) && &x[0] != &y[0] {
		panic(op + ": " + a + " overlaps " + b + ": " + a + " must be " + b + " itself or memory of its own")
	}
}
