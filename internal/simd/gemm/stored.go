package gemm

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/mmap"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

// Stored is where the weights of a matrix lie in a file. Row n starts at byte n·Row of Data. Nothing has to be aligned.
type Stored struct {
	Data    []byte
	Mapping *mmap.Mapping // of which Data is a part; nil is memory that stays
	Row     int           // bytes from one row to the next
	Col     int           // bytes from one element of a row to the next; 0 is a row of whole blocks, one after the other
}

// InPlace returns a matrix that is never packed as a whole: each product packs the parts of panels that it is about to
// multiply, into memory that the nearest caches hold. So the bits are those of a packed matrix, whatever the rows,
// and what nobody multiplies is never read. It panics if the matrix does not lie within the data.
//
// Products and [Matrix.Row] panic with a *[mmap.Error] if the mapping is closed, or if the file has become shorter.
func InPlace(f *Format, n, k int, s Stored) Matrix {
	m := Matrix{N: n, K: k, Format: f, Stored: &s}
	f.PackedLen(n, k) // checks the shape
	if f.RowBytes > 0 {
		panic(fmt.Sprintf("gemm: %s is never stored", f.Name))
	}
	if n == 0 || k == 0 {
		return m
	}
	col := s.Col
	if col == 0 {
		k, col = k/f.Elements, f.Bytes
	} else if f.Elements > 1 && f.Activations != AsBF16Pairs {
		panic(fmt.Sprintf("gemm: %s is stored in blocks of %d; its elements cannot be %d bytes apart", f.Name, f.Elements, s.Col))
	}
	room := len(s.Data) - f.Bytes
	if s.Col > 0 {
		room = len(s.Data) - f.Bytes/f.Elements
	}
	if s.Row < 0 || col < 0 || room < 0 || n > 1 && s.Row > room/(n-1) || k > 1 && col > (room-(n-1)*s.Row)/(k-1) {
		panic(fmt.Sprintf("gemm: a [%d, %d] matrix of %s, rows %d and elements %d bytes apart, in %d bytes", m.N, m.K, f.Name, s.Row, col, len(s.Data)))
	}
	return m
}

// Fetch has the system begin to read the matrix into memory, where it is stored in a mapped file that is not there.
func (m Matrix) Fetch() {
	if m.Stored != nil {
		m.Stored.Mapping.Fetch(m.Stored.Data)
	}
}

// storedK is how many elements of each row one row of activations is multiplied by at a time, where panels are gathered
// or decoded for it: the nearest cache holds that part of one.
const storedK = 256

// gathered is memory for a part of a panel, packed.
type gathered [maxK * PanelWidth]float32

var gatherings parallel.Free[gathered]

func (g *gathered) bytes(n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(g)), int(unsafe.Sizeof(*g)))[:n]
}

// gather packs the part of panel p, w wide, from the matrix as it is stored.
func (b *block) gather(part []byte, p, w int) {
	s, f := b.m.Stored, b.m.Format
	cols := min(PanelWidth, b.m.N-p*PanelWidth)
	if cols < w {
		clear(part)
	}
	block0, blocks := b.i0*b.unit.bytes/f.Bytes, (b.i1-b.i0)*b.unit.bytes/f.Bytes
	src := s.Data[p*PanelWidth*s.Row:]
	if s.Col == 0 {
		f.pack(part, w, 0, cols, blocks, src[block0*f.Bytes:], s.Row)
		return
	}
	src = src[block0*f.Elements*s.Col:]
	switch {
	case f.Elements == 2:
		pairs := words[float32](part)
		for i := range blocks {
			first, second := src[2*i*s.Col:], src[(2*i+1)*s.Col:]
			for r := range cols {
				at := r * s.Row
				pairs[i*w+r] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(first[at:])) | uint32(binary.LittleEndian.Uint16(second[at:]))<<16)
			}
		}
	case s.Row == f.Bytes && bytesview.LittleEndian():
		for i := range blocks {
			copy(part[i*w*f.Bytes:][:cols*f.Bytes], src[i*s.Col:])
		}
	default:
		for i := range blocks {
			f.pack(part[i*w*f.Bytes:], w, 0, cols, 1, src[i*s.Col:], s.Row)
		}
	}
}

// storedRow sets dst to row i.
func (m Matrix) storedRow(dst []float32, i int) {
	s, f := m.Stored, m.Format
	defer s.Mapping.Release(s.Mapping.Acquire())
	row := s.Data[i*s.Row:]
	if s.Col == 0 {
		f.Decode(dst, row[:f.rowBytes(m.K)])
		return
	}
	var block [4]byte
	size := f.Bytes / f.Elements
	for j := range dst {
		copy(block[:size], row[j*s.Col:])
		f.Decode(dst[j:j+1], block[:size])
	}
}
