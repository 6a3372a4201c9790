// Package resample computes weighted sums of bytes along the rows and the columns of pictures: the two passes of a
// separable resize in integer arithmetic.
//
// Every sum is taken modulo 2³², so its bits do not depend on the order of the taps and each kernel gives the same
// bytes as the portable code.
package resample

import "slices"

//go:generate go run ./gen

// A Table holds the taps of one axis: what each output adds up.
type Table struct {
	First []int   // of each output, the first input
	Count []int   // of each output, the number of inputs, at least 1
	Taps  int     // weights kept for an output: a multiple of 4, those beyond Count are zero
	K     []int32 // [outputs][Taps] weights, in units of 2^-Shift, below 2³⁰
	Shift uint    // at least 1; a sum is rounded by 2^(Shift-1), shifted and clipped to a byte

	pairs []int16 // [outputs][Taps/4][low 4, high 4]: K = low + high·2¹⁵, as the kernels read it
}

// split is the number of bits of the lower part of a weight.
const split = 15

// Pack prepares the table for the kernels. Call it when the exported fields are complete; it keeps the
// memory of an earlier call.
func (t *Table) Pack() {
	t.pairs = slices.Grow(t.pairs[:0], 2*len(t.K))[:2*len(t.K)]
	for i, k := range t.K {
		at := i/4*8 + i%4
		t.pairs[at] = int16(k & (1<<split - 1))
		t.pairs[at+4] = int16(k >> split)
	}
}

// Slack is the number of bytes beyond the last pixel that Rows may read. Their values do not matter.
const Slack = 16

// Rows writes the sums along some rows. A row of src has stride bytes: pixels with so many channels (1 to 4),
// interleaved. dst has the outputs in the same layout without gaps between rows. Slack bytes must follow the last pixel in
// src's capacity.
func Rows(dst, src []byte, stride, n, channels int, t *Table) {
	if n > 0 {
		rows(dst[:n*len(t.First)*channels], src, stride, n, channels, t)
	}
}

// Columns writes one row of sums along columns: dst[x] adds up src[x], src[x+stride] and so on, in the rows that output i
// of the table names.
func Columns(dst, src []byte, stride int, t *Table, i int) {
	src = src[t.First[i]*stride:]
	_ = src[(t.Count[i]-1)*stride+len(dst)-1]
	columns(dst, src, stride, t, i)
}
