package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/huge"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
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
}

// NewWeight returns a Weight of zeros, for [Weight.Pack] to fill. It panics if a dimension is negative.
func NewWeight(dt DType, out, in int) *Weight { return new(Memory).NewWeight(dt, out, in) }

// Memory is where the weights of one model lie: side by side in few large pieces, which the processor
// reads faster than many small ones. It lives as long as any of its weights. The zero value is ready; it
// is for one goroutine.
type Memory struct {
	slab huge.Slab
}

// NewMemory returns a Memory for about so many bytes of weights. More find room too.
func NewMemory(bytes int64) *Memory { return &Memory{huge.Slab{Next: bytes + bytes/64 + 1<<16}} }

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
func (w *Weight) Pack(row int, b []byte) { w.packed.Pack(row, b) }

// PackFloat32 is [Weight.Pack] for a float32 Weight, from floats.
func (w *Weight) PackFloat32(row int, x []float32) { w.packed.PackFloat32(row, x) }

// Row sets dst, [In], to row i, widened to float32: the lookup of an embedding.
func (w *Weight) Row(dst []float32, i int) {
	if w.packed.Type == gemm.Pairs {
		w.packed.RowPairs(dst, i)
		return
	}
	w.packed.Row(dst, i)
}

// Bytes returns the memory that the elements take.
func (w *Weight) Bytes() int64 { return int64(gemm.PackedLen(w.Out, w.In)) * int64(w.DType.Size()) }
