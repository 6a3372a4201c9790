// Package gemm multiplies rows of activations by packed weight matrices: C = A·Wᵀ, in float32.
//
// A weight matrix W is [N, K] ([Out, In]). It is held in a [Format] and packed once, into panels: panel p has
// outputs 48p…48p+47. The blocks of a panel lie as [K/Elements][48]; for float32 that is [K][48]. The last
// panel is as wide as the outputs left, rounded up to a multiple of 16. One layout serves any number of rows:
// one row (generation, bound by reading W from memory) and thousands (prompts, bound by the floating-point
// units). Rows of W can be read back from it.
//
// Activations are packed too, into tiles of 8 rows, in the form that the format needs; see [Format.PackRows].
// One row of float32 needs no packing.
//
// Each output is one chain of multiply-adds with ascending k: fused in assembly, rounded twice in portable
// Go. So its bits depend on its row of A, its row of W and the instruction set. They do not depend on other
// rows or columns, on how rows and panels are divided between calls, or on the format of W if values and
// activations are the same. NaN and infinities propagate as IEEE 754 says.
//
// # Integers
//
// By activations of 8 bits ([AsInt8Blocks]) products of block formats are integers, with exact sums for each 32 of k,
// and only the sums of blocks are float32: again one chain, whose bits depend on nothing else; see int8.go. Integer
// sums are equal on all instruction sets: none uses fewer bits, and nothing saturates. Panels serve both kinds of
// products (units.go).
//
// # Formats
//
// A new format is an entry of the table in format.go. It works with the size of its blocks and a function
// that decodes them: panels are then decoded part by part and multiplied by the float32 tiles. Faster tiles
// can be added one by one; each is an entry in the format's list of tiles for an instruction set
// (tiles_amd64.go) and a kernel of the generator.
//
// Nothing here starts a goroutine. Any number of goroutines may read a [Matrix], or pack different rows of
// one.
package gemm

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/hugepages"
)

const (
	PanelWidth = 48 // outputs of a panel, except the last
	RowTile    = 8  // rows of a tile of activations, except the last
)

// Matrix is a packed [N, K] matrix of weights. Its fields are for reading.
type Matrix struct {
	N, K   int
	Format *Format
	Data   []byte // the panels, Format.PackedLen(N, K) bytes, aligned to 4

	// Stored, if not nil, are the weights as a file has them, instead of Data: see [InPlace].
	Stored *Stored
}

// New returns a packed matrix of zeros. It panics if n or k is negative, or k is not a whole number of blocks.
func New(f *Format, n, k int) Matrix {
	return Matrix{N: n, K: k, Format: f, Data: hugepages.Bytes(f.PackedLen(n, k))}
}

// Panels returns the number of panels, ⌈N/48⌉.
func (m Matrix) Panels() int { return (m.N + PanelWidth - 1) / PanelWidth }

// panelWidth returns the width of panel p.
func (m Matrix) panelWidth(p int) int {
	return min(PanelWidth, (m.N-p*PanelWidth+15)/16*16)
}

// panel returns panel p.
func (m Matrix) panel(p int) []byte {
	at := p * PanelWidth * m.Format.rowBytes(m.K)
	return m.Data[at : at+m.panelWidth(p)*m.Format.rowBytes(m.K)]
}

// Epilogue is what is added to outputs when their sums are complete, in this order. nil adds nothing.
type Epilogue struct {
	Bias []float32 // [N]
	Add  []float32 // [rows, N], with rows as far apart as the destination's, which it does not overlap
}

// Multiply computes, for every row of a, the outputs of panels panel0…panel1-1: of dst, which is [rows, N] with
// rows ldd apart, it sets columns 48·panel0 up to 48·panel1 or N and leaves the others. a is what
// [Format.PackRows] makes of the rows; a worker's share of the rows is a's part from a multiple of 8 rows
// (r·[Format.RowLen] elements in). dst must not overlap a or the matrix.
func (m Matrix) Multiply(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, e Epilogue) {
	if panel0 < 0 || panel1 < panel0 || panel1 > m.Panels() {
		panic(fmt.Sprintf("gemm: panels %d to %d of a [%d, %d] matrix with %d", panel0, panel1, m.N, m.K, m.Panels()))
	}
	if rows < 0 || ldd < m.N {
		panic(fmt.Sprintf("gemm: destination [%d, %d] for a [%d, %d] matrix", rows, ldd, m.N, m.K))
	}
	if rows == 0 || panel0 == panel1 {
		return
	}
	col, end := panel0*PanelWidth, min(m.N, panel1*PanelWidth)
	m.check(dst, ldd, a, rows, end, e)
	m.multiply(dst[col:], ldd, a, rows, panel0, panel1, Epilogue{e.Bias, from(e.Add, col)})
}

// MultiplyPanels computes the outputs of panels panel0…panel1-1, like [Matrix.Multiply], but dst has no other
// columns: its first is the first of panel0.
func (m Matrix) MultiplyPanels(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, bias []float32) {
	if panel0 < 0 || panel1 < panel0 || panel1 > m.Panels() {
		panic(fmt.Sprintf("gemm: panels %d to %d of a [%d, %d] matrix with %d", panel0, panel1, m.N, m.K, m.Panels()))
	}
	cols := min(m.N, panel1*PanelWidth) - panel0*PanelWidth
	if rows < 0 || ldd < cols {
		panic(fmt.Sprintf("gemm: destination [%d, %d] for panels of %d columns", rows, ldd, cols))
	}
	if rows == 0 || panel0 == panel1 {
		return
	}
	e := Epilogue{Bias: bias}
	m.check(dst, ldd, a, rows, cols, e)
	m.multiply(dst, ldd, a, rows, panel0, panel1, e)
}

// check panics unless everything is long enough for rows of outputs up to column end.
func (m Matrix) check(dst []float32, ldd int, a []float32, rows, end int, e Epilogue) {
	last := (rows-1)*ldd + end
	if len(dst) < last {
		panic(fmt.Sprintf("gemm: destination [%d, %d] needs %d elements, has %d", rows, ldd, last, len(dst)))
	}
	if e.Add != nil && len(e.Add) < last {
		panic(fmt.Sprintf("gemm: adding to destination [%d, %d] needs %d elements, has %d", rows, ldd, last, len(e.Add)))
	}
	if e.Bias != nil && len(e.Bias) != m.N {
		panic(fmt.Sprintf("gemm: bias of %d elements for a [%d, %d] matrix", len(e.Bias), m.N, m.K))
	}
	if need := m.Format.PackedRowsLen(rows, m.K); len(a) < need {
		panic(fmt.Sprintf("gemm: %d packed rows of %d need %d elements, have %d", rows, m.K, need, len(a)))
	}
	if need := m.Format.PackedLen(m.N, m.K); m.Stored == nil && len(m.Data) != need {
		panic(fmt.Sprintf("gemm: packed matrix [%d, %d] has %d bytes, needs %d", m.N, m.K, len(m.Data), need))
	}
}
