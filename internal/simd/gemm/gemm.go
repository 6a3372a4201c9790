// Package gemm multiplies rows of activations by packed weight matrices: C = A·Wᵀ, in float32.
//
// A weight matrix W is [N, K] ([Out, In]), held in a [Format] and packed once, into panels: panel p has outputs
// 48p…48p+47. Its blocks lie as [K/Elements][48], so for float32 it is [K][48]. The last panel's width is the
// number of outputs left, rounded up to a multiple of 16. One layout serves every number of rows, from one
// (decoding, where reading W at the speed of memory is all there is to do) to thousands (prompts, where the
// floating-point units are the bound), and the rows of W can be read back from it.
//
// Activations are packed too, into tiles of 8 rows, in the form that the format asks for; see
// [Format.PackRows]. One row of float32 is its own packed form.
//
// Each output is one chain of multiply-adds, k ascending: fused in assembly, rounded twice in portable Go. So an
// output's bits depend on its row of A, its row of W and the instruction set, but neither on the other rows or
// columns, nor on how rows and panels are divided between calls, nor on the format of W as long as its values and
// its activations are the same. NaN and infinities propagate as IEEE 754 says.
//
// # Formats
//
// A new format is an entry of the table in format.go: with the size of its blocks and a function that decodes them
// it works. Panels are decoded part by part, and the tiles of float32 do the rest. Tiles of its own come one by one,
// each an entry of its list of tiles for an instruction set (tiles_amd64.go) and a kernel of the generator.
//
// Nothing here starts a goroutine. Any number may read a [Matrix], and may pack different rows of one.
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
}

// New returns a packed matrix of zeros. It panics if n or k is negative, or k is no whole number of blocks.
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

// MultiplyPanel computes the outputs of one panel: of dst, whose rows are ldd apart, it sets the first 48
// columns, or those that the last panel has.
func (m Matrix) MultiplyPanel(dst []float32, ldd int, a []float32, rows, panel int, bias []float32) {
	if panel < 0 || panel >= m.Panels() {
		panic(fmt.Sprintf("gemm: panel %d of a [%d, %d] matrix with %d", panel, m.N, m.K, m.Panels()))
	}
	cols := min(m.N-panel*PanelWidth, PanelWidth)
	if rows < 0 || ldd < cols {
		panic(fmt.Sprintf("gemm: destination [%d, %d] for a panel of %d columns", rows, ldd, cols))
	}
	if rows == 0 {
		return
	}
	e := Epilogue{Bias: bias}
	m.check(dst, ldd, a, rows, cols, e)
	m.multiply(dst, ldd, a, rows, panel, panel+1, e)
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
	if need := m.Format.PackedLen(m.N, m.K); len(m.Data) != need {
		panic(fmt.Sprintf("gemm: packed matrix [%d, %d] has %d bytes, needs %d", m.N, m.K, len(m.Data), need))
	}
}
