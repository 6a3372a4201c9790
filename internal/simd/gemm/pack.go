package gemm

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/half"
)

// Pack packs rows row0, row0+1, … of the matrix from their blocks in row-major order, as a file has them: a tensor,
// or a part of one. The matrix may be packed in any number of parts, in any order, at any row; a concatenation of
// several weights is packed from its parts. Rows that are never packed are zero.
func (m Matrix) Pack(row0 int, src []byte) {
	rows, size := 0, m.Format.rowBytes(m.K)
	if m.Stored != nil {
		panic(fmt.Sprintf("gemm: packing into a [%d, %d] matrix that is read where it is stored", m.N, m.K))
	}
	if size > 0 {
		rows = len(src) / size
	}
	if row0 < 0 || rows*size != len(src) || rows > m.N-row0 {
		panic(fmt.Sprintf("gemm: %d bytes of %s from row %d of a [%d, %d] matrix", len(src), m.Format.Name, row0, m.N, m.K))
	}
	for n := 0; n < rows; {
		p, col := (row0+n)/PanelWidth, (row0+n)%PanelWidth
		part := min(rows-n, PanelWidth-col)
		m.Format.pack(m.panel(p), m.panelWidth(p), col, part, m.K/m.Format.Elements, src[n*size:], size)
		n += part
	}
}

// Row sets dst, K elements, to row i of the matrix.
func (m Matrix) Row(dst []float32, i int) {
	if uint(i) >= uint(m.N) || len(dst) != m.K {
		panic(fmt.Sprintf("gemm: row %d of a [%d, %d] matrix into %d elements", i, m.N, m.K, len(dst)))
	}
	if m.Stored != nil {
		m.storedRow(dst, i)
		return
	}
	p := i / PanelWidth
	m.Format.row(dst, m.panel(p), m.panelWidth(p), i%PanelWidth)
}

// pack sets columns of a panel from rows of blocks, stride bytes apart.
func (f *Format) pack(panel []byte, width, col, rows, blocks int, src []byte, stride int) {
	if f.layout.pack != nil {
		f.layout.pack(panel, width, col, rows, blocks, src, stride)
		return
	}
	for i := range blocks {
		unit := panel[i*width*f.Bytes:][:width*f.Bytes]
		for r := range rows {
			block := src[r*stride+i*f.Bytes:][:f.Bytes]
			if f.layout.units != nil {
				f.layout.units.pack(unit, width, col+r, block)
			} else {
				copy(unit[(col+r)*f.Bytes:], block)
			}
		}
	}
}

// row sets dst to a column of a panel.
func (f *Format) row(dst []float32, panel []byte, width, col int) {
	if f.layout.row != nil {
		f.layout.row(dst, panel, width, col)
		return
	}
	d := decodings.Get()
	size := width * f.Bytes
	for i := range len(dst) / f.Elements {
		f.decode(dst[i*f.Elements:][:f.Elements], panel[i*size:][:size], width, col, d)
	}
	decodings.Put(d, int(unsafe.Sizeof(*d)))
}

// decode sets dst to the block of column col in a part of a panel with one for each of its columns. d is memory.
func (f *Format) decode(dst []float32, unit []byte, width, col int, d *decoded) {
	block := unit[col*f.Bytes:][:f.Bytes]
	if f.layout.units != nil {
		block = d.bytes[:f.Bytes]
		f.layout.units.restore(block, unit, width, col)
	}
	f.Decode(dst, block)
}

// unpack sets dst, [n][width], to a part of a panel. d is memory.
func (f *Format) unpack(dst []float32, part []byte, width int, d *decoded) {
	if f.layout.unpack != nil {
		f.layout.unpack(dst, part)
		return
	}
	if f.unpackFast(dst, part, width, d) {
		return
	}
	size := width * f.Bytes
	for ; len(part) > 0; part = part[size:] {
		for col := range width {
			f.decode(d.block[:f.Elements], part[:size], width, col, d)
			for k, v := range d.block[:f.Elements] {
				dst[k*width+col] = v
			}
		}
		dst = dst[f.Elements*width:]
	}
}

// words returns the memory of a panel as its elements.
func words[T float32 | uint16](panel []byte) []T {
	var x T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(panel))), len(panel)/int(unsafe.Sizeof(x)))
}

func rowF32(dst []float32, panel []byte, width, col int) {
	w := words[float32](panel)
	for k := range dst {
		dst[k] = w[k*width+col]
	}
}

func rowF16(dst []float32, panel []byte, width, col int) {
	for k, w := 0, words[uint16](panel); k < len(dst); k++ {
		dst[k] = half.FromF16(w[k*width+col])
	}
}

func rowBF16(dst []float32, panel []byte, width, col int) {
	for k, w := 0, words[uint16](panel); k < len(dst); k++ {
		dst[k] = half.FromBF16(w[k*width+col])
	}
}

func rowBF16Pairs(dst []float32, panel []byte, width, col int) {
	for k, w := 0, words[float32](panel); k < len(dst)/2; k++ {
		dst[2*k], dst[2*k+1] = pair(w[k*width+col])
	}
}

// pair returns the two bfloat16 of a pair.
func pair(x float32) (first, second float32) {
	u := math.Float32bits(x)
	return half.FromBF16(uint16(u)), half.FromBF16(uint16(u >> 16))
}

func unpackF16(dst []float32, part []byte)  { half.WidenF16(dst, words[uint16](part)) }
func unpackBF16(dst []float32, part []byte) { half.WidenBF16(dst, words[uint16](part)) }
