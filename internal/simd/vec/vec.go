// Package vec has the operations on rows of float32 that a transformer needs between its matrix
// products: sums and products, activations, softmax, norms and rotary embedding.
//
// Everywhere the destination comes first and may be the very slice a source is, but must not overlap
// one otherwise. Lengths must agree; an operation panics with both where they do not. Empty rows are
// fine. Nothing is allocated, and any number of goroutines may call at once on their own destinations.
//
// An element's result depends on its operands alone: not on its place in the row nor on the row's
// length, so that a batch gives the bits its members give alone. A reduction (Softmax, the norms)
// depends on its row alone. Instruction sets differ from each other by rounding.
//
// NaN gives NaN. At ±Inf the activations give their limits. What is below the normal range of float32
// (about 1e-38) may come out as zero, except from Exp.
package vec

import "fmt"

//go:generate go run ../rowgen vec

// sameLen panics unless a source of length got fits a destination of length want.
func sameLen(op, source string, want, got int) {
	if want != got {
		panicLen(op, source, want, got)
	}
}

func panicLen(op, source string, want, got int) {
	panic(fmt.Sprintf("vec: %s: dst has length %d, %s has %d", op, want, source, got))
}

// Add sets dst[i] = x[i] + y[i].
func Add(dst, x, y []float32) {
	sameLen("Add", "x", len(dst), len(x))
	sameLen("Add", "y", len(dst), len(y))
	if len(dst) > 0 {
		add(dst, x, y)
	}
}

// Mul sets dst[i] = x[i] · y[i].
func Mul(dst, x, y []float32) {
	sameLen("Mul", "x", len(dst), len(x))
	sameLen("Mul", "y", len(dst), len(y))
	if len(dst) > 0 {
		mul(dst, x, y)
	}
}

// Scale sets dst[i] = x[i] · s.
func Scale(dst, x []float32, s float32) {
	sameLen("Scale", "x", len(dst), len(x))
	if len(dst) > 0 {
		scale(dst, x, s)
	}
}

// AXPY adds a·x[i] to dst[i], rounding once in assembly and twice in portable Go.
func AXPY(dst []float32, a float32, x []float32) {
	sameLen("AXPY", "x", len(dst), len(x))
	if len(dst) > 0 {
		axpy(dst, x, a)
	}
}
