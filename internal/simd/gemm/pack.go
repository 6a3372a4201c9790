package gemm

import "fmt"

// Pack packs rows row0, row0+1, … of the matrix from their elements in row-major order, as
// little-endian bytes of the matrix's type: a tensor in a file, or a part of one. The matrix may be
// packed in any number of parts, in any order, at any row; a concatenation of several weights is packed
// from its parts. Rows that are never packed are zero.
func (m Matrix) Pack(row0 int, src []byte) {
	size := m.Type.Size()
	rows := m.checkPart(row0, len(src)/size)
	if len(src) != rows*m.K*size {
		panic(fmt.Sprintf("gemm: %d bytes are no rows of a [%d, %d] matrix of %d-byte elements", len(src), m.N, m.K, size))
	}
	for n := 0; n < rows; {
		p := m.part(row0+n, rows-n)
		s := src[n*m.K*size:]
		if size == 4 {
			packBytes32(m.F32[p.start:], p.width, p.rows, m.K, s)
		} else {
			packBytes16(m.U16[p.start:], p.width, p.rows, m.K, s)
		}
		n += p.rows
	}
}

// PackFloat32 is Pack for a matrix of F32, from float32 elements.
func (m Matrix) PackFloat32(row0 int, src []float32) {
	if m.Type != F32 {
		panic("gemm: PackFloat32 into a matrix of 16-bit elements")
	}
	rows := m.checkPart(row0, len(src))
	for n := 0; n < rows; {
		p := m.part(row0+n, rows-n)
		packFloats(m.F32[p.start:], p.width, p.rows, m.K, src[n*m.K:])
		n += p.rows
	}
}

// PackUint16 is Pack for a matrix of F16 or BF16, from the elements' bits.
func (m Matrix) PackUint16(row0 int, src []uint16) {
	if m.Type.Size() == 4 {
		panic("gemm: PackUint16 into a matrix of 32-bit elements")
	}
	rows := m.checkPart(row0, len(src))
	for n := 0; n < rows; {
		p := m.part(row0+n, rows-n)
		packHalves(m.U16[p.start:], p.width, p.rows, m.K, src[n*m.K:])
		n += p.rows
	}
}

// checkPart returns how many rows n elements are, to be packed from row row0.
func (m Matrix) checkPart(row0, n int) (rows int) {
	if m.K > 0 {
		rows = n / m.K
	}
	if row0 < 0 || rows*m.K != n || rows > m.N-row0 {
		panic(fmt.Sprintf("gemm: %d elements from row %d of a [%d, %d] matrix", n, row0, m.N, m.K))
	}
	return rows
}

// part is some columns of a panel, which are rows of the matrix.
type part struct{ start, width, rows int }

// part returns the part of the panel that row is in from that row on, at most rows.
func (m Matrix) part(row, rows int) part {
	p, col := row/PanelWidth, row%PanelWidth
	return part{p*PanelWidth*m.K + col, m.panelWidth(p), min(rows, PanelWidth-col)}
}

// Row sets dst, K elements, to row i of the matrix.
func (m Matrix) Row(dst []float32, i int) {
	if uint(i) >= uint(m.N) || len(dst) != m.K {
		panic(fmt.Sprintf("gemm: row %d of a [%d, %d] matrix into %d elements", i, m.N, m.K, len(dst)))
	}
	p := m.part(i, 1)
	if m.Type == F32 {
		for k := range dst {
			dst[k] = m.F32[p.start+k*p.width]
		}
		return
	}
	var u [64]uint16
	for k := 0; k < len(dst); k += len(u) {
		n := min(len(u), len(dst)-k)
		for j := range n {
			u[j] = m.U16[p.start+(k+j)*p.width]
		}
		widenGeneric(dst[k:], u[:n], m.Type)
	}
}

// PackedRowsLen returns the elements that [PackRows] sets.
func PackedRowsLen(rows, k int) int {
	full := rows / RowTile * RowTile
	if left := rows - full; left > 0 {
		return (full + tileRows(left)) * k
	}
	return full * k
}

// PackRows packs activations x, [rows, k] with rows ldx apart, for [Matrix.Multiply]: tiles of 8 rows as
// [k][8], the last of at most 4 rows as [k][4], of one row as it is. A tile's missing rows are
// copies of its last. dst must not overlap x.
func PackRows(dst, x []float32, rows, ldx, k int) { PackColumns(dst, x, rows, ldx, k, 0, k) }

// PackColumns packs columns k0…k0+n-1 of activations that have k: x, [rows, n] with rows ldx apart, is
// those columns, dst what [PackRows] would make of all, and its other columns stay as they are.
func PackColumns(dst, x []float32, rows, ldx, k, k0, n int) {
	if rows < 0 || n < 0 || k0 < 0 || k-k0 < n || ldx < n {
		panic(fmt.Sprintf("gemm: rows [%d, %d], %d apart, as columns from %d on of %d", rows, n, ldx, k0, k))
	}
	if rows == 0 {
		return
	}
	if len(x) < (rows-1)*ldx+n || len(dst) < PackedRowsLen(rows, k) {
		panic(fmt.Sprintf("gemm: packing [%d, %d], %d apart, of %d elements into %d", rows, n, ldx, len(x), len(dst)))
	}
	for r := 0; r < rows; {
		t := tileRows(rows - r)
		packTile(dst[r*k+k0*t:][:n*t], t, x[r*ldx:], min(t, rows-r), ldx, n)
		r += t
	}
}
