package tensor

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// Weight is a matrix [Out, In] of a linear layer or an embedding. It is stored in its DType, in an
// order that serves one row of activations and many; [Weight.Row] reads rows back. Once packed it is
// read-only and may be used from several goroutines.
type Weight struct {
	Out, In int
	DType   DType

	// Rounds says that products round activations to bfloat16: see [Memory.NewRoundingWeight].
	Rounds bool

	packed gemm.Matrix
	rows   bool // for lookups only: packed's memory holds one row after the other
}

// NewWeight returns a Weight of zeros, for [Weight.Pack] to fill. It panics if a dimension is negative.
func NewWeight(dt DType, out, in int) *Weight { return new(Memory).NewWeight(dt, out, in) }

// Memory is where the weights of one model lie: side by side in few large pieces, which the processor
// reads faster than many small ones. It lives as long as any of its weights. The zero value is ready; it
// is for one goroutine.
type Memory struct {
	slab hugepages.Slab
}

// NewMemory returns a Memory for about so many bytes of weights. More find room too.
func NewMemory(bytes int64) *Memory { return &Memory{hugepages.Slab{Next: bytes + bytes/64 + 1<<16}} }

// NewWeight is the function of that name, with memory from m.
func (m *Memory) NewWeight(dt DType, out, in int) *Weight {
	if out < 0 || in < 0 {
		panic(fmt.Sprintf("tensor: weight of shape [%d, %d]", out, in))
	}
	w := &Weight{Out: out, In: in, DType: dt, packed: gemm.Matrix{N: out, K: in, Type: gemmType(dt)}}
	if n := gemm.PackedLen(out, in); dt == F32 {
		w.packed.F32 = m.slab.Float32s(n)
	} else {
		w.packed.U16 = m.slab.Uint16s(n)
	}
	return w
}

// NewTable returns a Weight of zeros for lookups only, which read one place of memory and not one for each
// element. [MatMul] does not take it; see [Memory.ForProducts].
func (m *Memory) NewTable(dt DType, out, in int) *Weight {
	w := m.NewWeight(dt, out, in)
	w.rows = true
	return w
}

// ForProducts returns w itself or, of a Weight for lookups only, a copy that [MatMul] takes. rounds is for BF16:
// see [Memory.NewRoundingWeight].
func (m *Memory) ForProducts(w *Weight, rounds bool) *Weight {
	if !w.rows {
		return w
	}
	var p *Weight
	if rounds && w.DType == BF16 {
		p = m.NewRoundingWeight(w.Out, w.In)
	} else {
		p = m.NewWeight(w.DType, w.Out, w.In)
	}
	var b []byte
	for row := 0; row < w.Out; row += gemm.PanelWidth {
		at, end := row*w.In, min(row+gemm.PanelWidth, w.Out)*w.In
		b = b[:0]
		if w.DType == F32 {
			for _, v := range w.packed.F32[at:end] {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
		} else {
			for _, v := range w.packed.U16[at:end] {
				b = binary.LittleEndian.AppendUint16(b, v)
			}
		}
		p.Pack(row, b)
	}
	return p
}

func gemmType(dt DType) gemm.Type {
	switch dt {
	case F32:
		return gemm.F32
	case F16:
		return gemm.F16
	case BF16:
		return gemm.BF16
	}
	panic(fmt.Sprintf("tensor: no weights of type %v", dt))
}

// NewRoundingWeight returns a BF16 Weight of zeros whose products round the activations to bfloat16 too, as
// PyTorch computes models of that type. Some processors do that at twice the rate of float32 or more; on
// others it is as fast as without rounding, or a little slower. Sums are float32.
func (m *Memory) NewRoundingWeight(out, in int) *Weight {
	if in%2 != 0 || !gemm.FastPairs() {
		w := m.NewWeight(BF16, out, in)
		w.Rounds = true
		return w
	}
	w := &Weight{Out: out, In: in, DType: BF16, Rounds: true, packed: gemm.Matrix{N: out, K: in / 2, Type: gemm.Pairs}}
	w.packed.F32 = m.slab.Float32s(gemm.PackedLen(out, in/2))
	return w
}

// WeightFrom returns a float32 Weight with the values of t, [Out, In], which it copies.
func WeightFrom(t Tensor) *Weight {
	if t.Shape.Rank() != 2 {
		panic(fmt.Sprintf("tensor: a weight is [Out, In], not %v", t.Shape))
	}
	w := NewWeight(F32, t.Shape[0], t.Shape[1])
	w.packed.PackFloat32(0, t.Data)
	return w
}

// Pack sets rows row, row+1, … from their elements in row-major order: little-endian bytes of the
// Weight's type, as a tensor file holds them. A Weight may be packed in any number of parts, in any
// order; several weights are joined by packing one after the other. It panics if b holds no whole
// number of rows or more than are left.
func (w *Weight) Pack(row int, b []byte) {
	if !w.rows {
		w.packed.Pack(row, b)
		return
	}
	at, n := w.part(row, len(b)/w.DType.Size())
	if n*w.DType.Size() != len(b) {
		panic(fmt.Sprintf("tensor: %d bytes are no rows of a [%d, %d] weight of %v", len(b), w.Out, w.In, w.DType))
	}
	if w.DType == F32 {
		for i := range n {
			w.packed.F32[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return
	}
	for i := range n {
		w.packed.U16[at+i] = binary.LittleEndian.Uint16(b[2*i:])
	}
}

// part returns where row begins in a table, and n, which have to be elements of whole rows.
func (w *Weight) part(row, n int) (at, elements int) {
	if row < 0 || w.In > 0 && n%w.In != 0 || n > (w.Out-row)*w.In {
		panic(fmt.Sprintf("tensor: %d elements from row %d of a [%d, %d] weight", n, row, w.Out, w.In))
	}
	return row * w.In, n
}

// PackFloat32 is [Weight.Pack] for a float32 Weight, from floats.
func (w *Weight) PackFloat32(row int, x []float32) {
	if !w.rows || w.DType != F32 {
		w.packed.PackFloat32(row, x)
		return
	}
	at, n := w.part(row, len(x))
	copy(w.packed.F32[at:at+n], x)
}

// Row sets dst, [In], to row i, widened to float32: the lookup of an embedding.
func (w *Weight) Row(dst []float32, i int) {
	switch {
	case w.rows:
		w.tableRow(dst, i)
	case w.packed.Type == gemm.Pairs:
		w.packed.RowPairs(dst, i)
	default:
		w.packed.Row(dst, i)
	}
}

func (w *Weight) tableRow(dst []float32, i int) {
	if uint(i) >= uint(w.Out) || len(dst) != w.In {
		panic(fmt.Sprintf("tensor: row %d of a [%d, %d] weight into %d elements", i, w.Out, w.In, len(dst)))
	}
	at, end := i*w.In, (i+1)*w.In
	switch w.DType {
	case F32:
		copy(dst, w.packed.F32[at:end])
	case F16:
		vec.WidenF16(dst, w.packed.U16[at:end])
	default:
		vec.WidenBF16(dst, w.packed.U16[at:end])
	}
}

// Bytes returns the memory that the elements take.
func (w *Weight) Bytes() int64 { return int64(gemm.PackedLen(w.Out, w.In)) * int64(w.DType.Size()) }
