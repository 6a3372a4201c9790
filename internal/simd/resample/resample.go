// Package resample computes weighted sums of bytes along the rows and the columns of pictures: the two passes of a
// separable resize in integer arithmetic.
//
// Every sum is taken modulo 2³², so its bits do not depend on the order of the taps and each kernel gives the same
// bytes as the portable code.
package resample

// A Table holds the taps of one axis: what each output adds up.
type Table struct {
	First []int   // of each output, the first input
	Count []int   // of each output, the number of inputs
	Taps  int     // weights kept for an output: a multiple of 4, those beyond Count are zero
	K     []int32 // [outputs][Taps] weights, in units of 2^-Shift
	Shift uint    // at least 1; a sum is rounded by 2^(Shift-1), shifted and clipped to a byte

	pairs []int16 // [outputs][Taps/4][low 4, high 4]: K = low + high·2¹⁵, as the kernels read it
}

// split is the number of bits of the lower part of a weight.
const split = 15

// Pack prepares the table for the kernels. Call it when the exported fields are complete.
func (t *Table) Pack() {
	t.pairs = make([]int16, 2*len(t.K))
	for i, k := range t.K {
		at := i/4*8 + i%4
		t.pairs[at] = int16(k & (1<<split - 1))
		t.pairs[at+4] = int16(k >> split)
	}
}

// Rows writes the sums along one row. src is a row of pixels with so many channels (1 to 4), interleaved, and dst the
// row of outputs in the same layout. Slack bytes must follow the row in src's capacity.
func Rows(dst, src []byte, channels int, t *Table) {
	rows(dst, src, channels, t)
}

// Slack is the number of bytes beyond the last pixel that Rows may read. Their values do not matter.
const Slack = 16

// Columns writes one row of sums along columns: dst[x] adds up src[x], src[x+stride] and so on, the rows that output i of
// the table names.
func Columns(dst, src []byte, stride int, t *Table, i int) {
	columns(dst, src[t.First[i]*stride:], stride, t, i)
}
