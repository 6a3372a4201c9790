package gemm

import (
	"fmt"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/half"
)

// Activations is the form in which tiles take the rows that they multiply by weights.
type Activations uint8

const (
	AsFloat32    Activations = iota
	AsBF16                   // rounded to bfloat16, in float32
	AsBF16Pairs              // rounded to bfloat16, two in an element
	AsInt8Blocks             // 8-bit codes in blocks of 32; see quantize.go
	AsInt8Rows               // 8-bit codes with a scale and a zero point for the row; see rows8_quantize.go
)

// block returns how many inputs are packed together, and the elements that they take.
func (a Activations) block() (inputs, elements int) {
	switch a {
	case AsBF16Pairs:
		return 2, 1
	case AsInt8Blocks:
		return int8Inputs, int8Len
	case AsInt8Rows:
		return 4, 1
	}
	return 1, 1
}

// WholeRows reports whether columns of a row cannot be packed apart: its scale is that of all.
func (a Activations) WholeRows() bool { return a == AsInt8Rows }

// PanelStep returns how many panels of another product's outputs, side by side, are whole blocks of activations: what
// [Format.PackColumns] packs at a time begins at a multiple of so many.
func (a Activations) PanelStep() int {
	inputs, _ := a.block()
	if PanelWidth%inputs != 0 {
		return 2
	}
	return 1
}

// RowLen returns the elements of a packed row of k inputs.
func (f *Format) RowLen(k int) int {
	inputs, elements := f.Activations.block()
	n := k / inputs * elements
	if f.Activations == AsInt8Rows {
		n += rowsLen
	}
	return n
}

// PackedRowsLen returns the elements that [Format.PackRows] sets.
func (f *Format) PackedRowsLen(rows, k int) int { return wholeTiles(rows) * f.RowLen(k) }

// wholeTiles returns how many rows the tiles of rows have.
func wholeTiles(rows int) int {
	full := rows / RowTile * RowTile
	if left := rows - full; left > 0 {
		full += tileRows(left)
	}
	return full
}

// ScratchLen returns the memory that packing n columns needs.
func (f *Format) ScratchLen(n int) int {
	switch f.Activations {
	case AsBF16:
		return RowTile*n + RowTile*n/2
	case AsBF16Pairs:
		return RowTile * n / 2
	}
	return 0
}

// PackRows packs activations x, [rows, k] with rows ldx apart, for [Matrix.Multiply]: tiles of 8 rows as
// [k][8], the last of at most 4 rows as [k][4], of one row as it is; with blocks of activations in the place of k. A
// tile's missing rows are copies of its last.
// dst must not overlap x. scratch is memory, ScratchLen(k) elements.
func (f *Format) PackRows(dst, x, scratch []float32, rows, ldx, k int) {
	f.PackColumns(dst, x, scratch, rows, ldx, k, 0, k)
}

// PackColumns packs columns k0…k0+n-1 of activations that have k: x, [rows, n] with rows ldx apart, is
// those columns, dst what [Format.PackRows] would make of all, and its other columns stay as they are. It panics for a part
// of the columns where [Activations.WholeRows] is true.
func (f *Format) PackColumns(dst, x, scratch []float32, rows, ldx, k, k0, n int) {
	inputs, _ := f.Activations.block()
	if rows < 0 || n < 0 || k0 < 0 || k-k0 < n || ldx < n || k%inputs+k0%inputs+n%inputs != 0 {
		panic(fmt.Sprintf("gemm: rows [%d, %d], %d apart, as columns from %d on of %d", rows, n, ldx, k0, k))
	}
	if rows == 0 {
		return
	}
	if len(x) < (rows-1)*ldx+n || len(dst) < f.PackedRowsLen(rows, k) {
		panic(fmt.Sprintf("gemm: packing [%d, %d], %d apart, of %d elements into %d", rows, n, ldx, len(x), len(dst)))
	}
	if need := f.ScratchLen(n); len(scratch) < need {
		panic(fmt.Sprintf("gemm: packing %d columns with %d elements of memory, needs %d", n, len(scratch), need))
	}
	if f.Activations.WholeRows() {
		if n != k {
			panic(fmt.Sprintf("gemm: packing %d columns of %d, whose rows are packed whole", n, k))
		}
		packRows8(dst, x, rows, ldx, k)
		return
	}
	row, before, cols := f.RowLen(k), f.RowLen(k0), f.RowLen(n)
	for r := 0; r < rows; {
		t := tileRows(rows - r)
		tile := dst[r*row+before*t:][:cols*t]
		f.Activations.packTile(tile, t, x[r*ldx:], scratch, min(t, rows-r), ldx, n)
		r += t
	}
}

// packTile packs a tile of t rows of n columns, of which the first have exist.
func (a Activations) packTile(dst []float32, t int, x, scratch []float32, have, ldx, n int) {
	if a == AsInt8Blocks {
		for r := 0; r < t && n > 0; r++ {
			quantizeInt8(dst[r*int8Len:], t*int8Len, x[min(r, have-1)*ldx:][:n])
		}
		return
	}
	runs, run := have, n
	if ldx == n { // the rows are one run
		runs, run = 1, have*n
	}
	switch {
	case a == AsBF16Pairs && t == 1:
		half.NarrowBF16(halves(dst, n), x[:n])
	case a == AsBF16Pairs:
		for r := range runs {
			half.NarrowBF16(halves(scratch[r*n/2:], run), x[r*ldx:][:run])
		}
		packTile(dst, t, scratch, have, n/2, n/2)
	case a == AsBF16:
		bits := halves(scratch[RowTile*n:], run)
		for r := range runs {
			half.NarrowBF16(bits, x[r*ldx:][:run])
			half.WidenBF16(scratch[r*n:][:run], bits)
		}
		packTile(dst, t, scratch, have, n, n)
	default:
		packTile(dst, t, x, have, ldx, n)
	}
}

// halves returns the memory of x as n 16-bit elements.
func halves(x []float32, n int) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), n)
}
