// Package gemm multiplies rows of activations by packed weight matrices: C = A·Wᵀ, in float32.
//
// A weight matrix W is [N, K] ([Out, In]), held as float32, float16 or bfloat16 and packed once, into
// panels: panel p has outputs 48p…48p+47 as [K][48]. The last panel's width is the number of outputs
// left, rounded up to a multiple of 16. One layout serves every number of rows, from one (decoding,
// where reading W at the speed of memory is all there is to do) to thousands (prompts, where the
// floating-point units are the bound), and the rows of W can be read back from it.
//
// Activations are packed too, into tiles of 8 rows held as [K][8]; see [PackRows]. One row is its own
// packed form.
//
// Each output is one chain of multiply-adds, k ascending: fused in the vector tiers, rounded twice in
// plain Go. So an output's bits depend on its row of A, its row of W and the tier, but neither on the
// other rows or columns, nor on how rows and panels are divided between calls, nor on the type of W as
// long as its values are the same. NaN and infinities propagate as IEEE 754 says.
//
// Nothing here starts a goroutine. Any number may read a [Matrix], and may pack different rows of one.
package gemm

import "fmt"

const (
	PanelWidth = 48 // outputs of a panel, except the last
	RowTile    = 8  // rows of a tile of activations, except the last
)

// Type is the type of a Matrix's elements.
type Type uint8

const (
	F32   Type = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // the upper half of a binary32
	Pairs             // two BF16 with adjacent k, as one element: see PackPairs
)

// Size returns the bytes an element takes.
func (t Type) Size() int {
	if t == F32 || t == Pairs {
		return 4
	}
	return 2
}

// Matrix is a packed [N, K] matrix of weights. Its fields are for reading.
type Matrix struct {
	N, K int
	Type Type
	F32  []float32 // the panels, PackedLen(N, K) elements, when Type is F32 or Pairs
	U16  []uint16  // the panels otherwise
}

// New returns a packed matrix of zeros. It panics if n or k is negative.
func New(t Type, n, k int) Matrix {
	if n < 0 || k < 0 || t > Pairs {
		panic(fmt.Sprintf("gemm: New(Type(%d), %d, %d)", t, n, k))
	}
	m := Matrix{N: n, K: k, Type: t}
	if t.Size() == 4 {
		m.F32 = make([]float32, PackedLen(n, k))
	} else {
		m.U16 = make([]uint16, PackedLen(n, k))
	}
	return m
}

// PackedLen returns the elements of a packed [n, k] matrix.
func PackedLen(n, k int) int { return (n + 15) / 16 * 16 * k }

// Panels returns the number of panels, ⌈N/48⌉.
func (m Matrix) Panels() int { return (m.N + PanelWidth - 1) / PanelWidth }

// panelWidth returns the width of panel p.
func (m Matrix) panelWidth(p int) int {
	return min(PanelWidth, (m.N-p*PanelWidth+15)/16*16)
}

// Then is what is added to outputs when their sums are complete, in this order. nil adds nothing.
type Then struct {
	Bias []float32 // [N]
	Add  []float32 // [rows, N], with rows as far apart as the destination's, which it does not overlap
}

// Multiply computes, for every row of a, the outputs of panels panel0…panel1-1: of dst, which is
// [rows, N] with rows ldd apart, it sets columns 48·panel0 up to 48·panel1 or N and leaves the others.
// a is what [PackRows] makes of the rows; a worker's share of the rows is a's part from a multiple of 8
// rows (r·K elements in). dst must not overlap a or the matrix.
func (m Matrix) Multiply(dst []float32, ldd int, a []float32, rows, panel0, panel1 int) {
	m.MultiplyThen(dst, ldd, a, rows, panel0, panel1, Then{})
}

// MultiplyThen is [Matrix.Multiply], and adds to its outputs.
func (m Matrix) MultiplyThen(dst []float32, ldd int, a []float32, rows, panel0, panel1 int, then Then) {
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
	m.check(dst, ldd, a, rows, end, then)
	m.multiply(dst[col:], ldd, a, rows, panel0, panel1, Then{then.Bias, from(then.Add, col)})
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
	then := Then{Bias: bias}
	m.check(dst, ldd, a, rows, cols, then)
	m.multiply(dst, ldd, a, rows, panel, panel+1, then)
}

// check panics unless everything is long enough for rows of outputs up to column end.
func (m Matrix) check(dst []float32, ldd int, a []float32, rows, end int, then Then) {
	last := (rows-1)*ldd + end
	if len(dst) < last {
		panic(fmt.Sprintf("gemm: destination [%d, %d] needs %d elements, has %d", rows, ldd, last, len(dst)))
	}
	if then.Add != nil && len(then.Add) < last {
		panic(fmt.Sprintf("gemm: adding to destination [%d, %d] needs %d elements, has %d", rows, ldd, last, len(then.Add)))
	}
	if then.Bias != nil && len(then.Bias) != m.N {
		panic(fmt.Sprintf("gemm: bias of %d elements for a [%d, %d] matrix", len(then.Bias), m.N, m.K))
	}
	if need := PackedRowsLen(rows, m.K); len(a) < need {
		panic(fmt.Sprintf("gemm: %d packed rows of %d need %d elements, have %d", rows, m.K, need, len(a)))
	}
	have := len(m.U16)
	if m.Type.Size() == 4 {
		have = len(m.F32)
	}
	if have != PackedLen(m.N, m.K) {
		panic(fmt.Sprintf("gemm: packed matrix [%d, %d] has %d elements, needs %d", m.N, m.K, have, PackedLen(m.N, m.K)))
	}
}
