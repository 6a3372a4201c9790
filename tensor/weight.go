package tensor

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/mmap"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// Weight is a matrix [Out, In] of a linear layer or an embedding. It is stored in its DType, in an order that
// suits products with one row and with many, or read where a file has it (see [InPlace]), or made of parts (see [Join]);
// [Weight.Row] reads a row back. Once packed it does not change,
// and several goroutines may use it.
type Weight struct {
	Out, In   int
	DType     DType
	Precision Precision

	packed gemm.Matrix // for products; Data is nil in a table
	// rows holds one row after the other, as a file does, for lookups. A Weight does not own its memory: it is the
	// slab's, and could as well be the file's.
	rows  []byte
	table bool // rows, not packed
	shape bool // without memory
	both  bool // a shape of a table that is for products, too

	parts []*Weight // of a joined Weight, in the place of all this
}

// NewWeight returns a Weight of zeros, to be filled with [Weight.Pack]. It panics if a dimension is negative.
func NewWeight(dt DType, out, in int) *Weight {
	return new(Slab).NewWeight(dt, FullPrecision, out, in)
}

// Slab holds the weights of one model side by side in a few large allocations, which is faster to read than
// many small ones. The memory is freed when no Weight in it is in use any more. The zero value is ready to
// use. One goroutine at a time may use a Slab.
type Slab struct {
	memory hugepages.Slab
}

// NewSlab returns a Slab with room for about the given number of bytes. It grows if weights need more.
func NewSlab(bytes int64) *Slab { return &Slab{hugepages.Slab{Next: bytes + bytes/64 + 1<<16}} }

// NewWeight returns a Weight of zeros in s, to be filled with [Weight.Pack]. It panics if a dimension is
// negative, or if in is not a whole number of the type's blocks.
func (s *Slab) NewWeight(dt DType, p Precision, out, in int) *Weight {
	w := describe(dt, p, out, in)
	w.packed.Data = s.memory.Bytes(w.packed.Format.PackedLen(out, in))
	return w
}

// NewTable returns a Weight of zeros for lookups only. Its rows are stored one after the other, so a lookup
// reads memory in one place. [MatMul] does not take it; see [Slab.ForProducts].
func (s *Slab) NewTable(dt DType, out, in int) *Weight {
	w := describe(dt, FullPrecision, out, in)
	w.table, w.rows = true, s.memory.Bytes(out*dt.Bytes(in))
	return w
}

// Describe returns a Weight without memory: a shape, a type and what it would take. It reads as zeros, filling
// it does nothing, and [MatMul] does not take it. Models are made of such Weights to count what they compute.
// It panics as [Slab.NewWeight] does.
func Describe(dt DType, p Precision, out, in int) *Weight {
	w := describe(dt, p, out, in)
	w.shape = true
	return w
}

// DescribeTable is [Describe] for a Weight as [Slab.NewTable] makes it. [Slab.ForProducts] returns it as it is, and
// its Bytes are then those of both.
func DescribeTable(dt DType, out, in int) *Weight {
	w := Describe(dt, FullPrecision, out, in)
	w.table = true
	return w
}

// describe returns a Weight whose memory is to come.
func describe(dt DType, p Precision, out, in int) *Weight {
	if out < 0 || in < 0 {
		panic(fmt.Sprintf("tensor: weight of shape [%d, %d]; dimensions must be 0 or more", out, in))
	}
	f := p.format(dt, in)
	if f.Activations == gemm.AsFloat32 {
		p = FullPrecision
	}
	return &Weight{Out: out, In: in, DType: dt, Precision: p, packed: gemm.Matrix{N: out, K: in, Format: f}}
}

// Stored is where a matrix lies in the memory of a file. Its fields are
//
//	Data     []byte // from the first element on
//	Mapping         // of the file; nil is memory that stays
//	Row, Col int    // bytes from one row to the next, and from one element of a row to the next
//
// Col is 0 for rows as most files have them: blocks side by side. A file with the transposed matrix, [In, Out], has
// the Row of one element, and the Col of Out elements. Nothing has to be aligned.
type Stored = gemm.Stored

// ReadError is the value of a panic of products with a Weight from [InPlace] whose file cannot be read any more: its
// mapping is closed, or it has become shorter. It may be the Value of a [Panic]; errors.As finds it there.
type ReadError = mmap.Error

// InPlace returns a Weight that is read where it lies, whenever it is multiplied. Nothing is copied: memory that no
// product asks for need not be resident. The bits are those of a packed Weight of the same type and Precision. A
// product with few rows takes up to twice as long, as it packs what it multiplies; with Col it takes longer still.
//
// It panics if the matrix does not lie within s.Data.
func InPlace(dt DType, p Precision, out, in int, s Stored) *Weight {
	w := describe(dt, p, out, in)
	w.packed = gemm.InPlace(w.format(), out, in, s)
	return w
}

// fetch has the system begin to read the expert's matrices, if they are in place and not in memory: all that are chosen
// are then on their way when the first is multiplied.
func (e *Expert) fetch() {
	for _, w := range []*Weight{e.Gate, e.Up, e.Down} {
		w.packed.Fetch()
	}
}

// ForProducts returns a Weight that [MatMul] takes: w itself, or a copy in s if w is a table from
// [Slab.NewTable]. p is the Precision of the copy.
func (s *Slab) ForProducts(w *Weight, p Precision) *Weight {
	if !w.table {
		return w
	}
	if w.shape {
		w.both = true
		return w
	}
	c := s.NewWeight(w.DType, p, w.Out, w.In)
	c.Pack(0, w.rows)
	return c
}

// WeightFrom returns a float32 Weight with a copy of the values of t, [Out, In].
func WeightFrom(t Tensor) *Weight {
	if t.Shape.Rank() != 2 {
		panic(fmt.Sprintf("tensor: a weight is [Out, In], not %v", t.Shape))
	}
	w := NewWeight(F32, t.Shape[0], t.Shape[1])
	w.PackFloat32(0, t.Data)
	return w
}

// Pack fills rows row, row+1, … from b: whole rows of the Weight's type, row-major and little-endian, as in
// tensor files. Rows may be packed in any number of calls and in any order; to join several matrices, pack
// one after the other. It panics if b is not a whole number of rows, or has more rows than fit.
func (w *Weight) Pack(row int, b []byte) {
	if w.shape {
		return
	}
	w.single("Pack")
	if !w.table {
		w.packed.Pack(row, b)
		return
	}
	size := w.rowBytes()
	if row < 0 || size > 0 && len(b)%size != 0 || len(b) > (w.Out-row)*size {
		panic(fmt.Sprintf("tensor: %d bytes of %s from row %d of a [%d, %d] weight", len(b), w.format().Name, row, w.Out, w.In))
	}
	copy(w.rows[row*size:], b)
}

// PackFloat32 is [Weight.Pack] from floats, which are rounded to the Weight's type. It allocates if that type
// is not F32, and panics for one to which nothing is converted: see [DType.Encodes].
func (w *Weight) PackFloat32(row int, x []float32) {
	w.single("PackFloat32")
	f := w.format()
	if f == gemm.F32.Format() {
		w.Pack(row, bytesview.Bytes(x))
		return
	}
	if f.Encode == nil {
		panic(fmt.Sprintf("tensor: values are not converted to %s", f.Name))
	}
	if len(x)%f.Elements != 0 {
		panic(fmt.Sprintf("tensor: %d elements from row %d of a [%d, %d] weight", len(x), row, w.Out, w.In))
	}
	size := w.rowBytes()
	if !w.DType.PerRow() {
		b := make([]byte, len(x)/f.Elements*f.Bytes)
		f.Encode(b, x)
		w.Pack(row, b)
		return
	}
	if w.In == 0 || len(x)%w.In != 0 {
		panic(fmt.Sprintf("tensor: %d elements from row %d of a [%d, %d] weight", len(x), row, w.Out, w.In))
	}
	b := make([]byte, len(x)/w.In*size)
	for i := range len(x) / w.In {
		f.Encode(b[i*size:][:size], x[i*w.In:][:w.In])
	}
	w.Pack(row, b)
}

// With returns a Weight that has the elements of w, in the same memory, and another Precision. Only block types have
// that: for others, and where the Precision makes no difference, it returns w.
func (w *Weight) With(p Precision) *Weight {
	if w.parts != nil {
		parts := make([]*Weight, len(w.parts))
		for i, part := range w.parts {
			parts[i] = part.With(p)
		}
		if slices.Equal(parts, w.parts) {
			return w
		}
		return Join(parts...)
	}
	if elements, _ := w.DType.Block(); elements == 1 || w.table {
		return w
	}
	f := p.format(w.DType, w.In)
	if f == w.format() {
		return w
	}
	other := *w
	other.packed.Format, other.Precision = f, p
	if f.Activations == gemm.AsFloat32 {
		other.Precision = FullPrecision
	}
	return &other
}

// Row sets dst, [In], to row i, widened to float32. This is the lookup of an embedding.
func (w *Weight) Row(dst []float32, i int) {
	if w.parts != nil {
		w, i = w.part(i)
	}
	if w.shape {
		clear(dst)
		return
	}
	if !w.table {
		w.packed.Row(dst, i)
		return
	}
	if uint(i) >= uint(w.Out) || len(dst) != w.In {
		panic(fmt.Sprintf("tensor: row %d of a [%d, %d] weight into %d elements", i, w.Out, w.In, len(dst)))
	}
	size := w.rowBytes()
	w.format().Decode(dst, w.rows[i*size:(i+1)*size])
}

// Bytes returns the memory of the elements in bytes: of a Weight from [Describe], what they would take; of
// [InPlace], the file's.
func (w *Weight) Bytes() int64 {
	if w.parts != nil {
		n := int64(0)
		for _, p := range w.parts {
			n += p.Bytes()
		}
		return n
	}
	if w.shape {
		return w.described()
	}
	if w.packed.Stored != nil {
		return int64(w.Out) * int64(w.rowBytes())
	}
	return int64(len(w.packed.Data)) + int64(len(w.rows))
}

// described returns the bytes that a shape would take.
func (w *Weight) described() int64 {
	n := int64(0)
	if w.table {
		n = int64(w.Out) * int64(w.rowBytes())
	}
	if !w.table || w.both {
		n += int64(w.format().PackedLen(w.Out, w.In))
	}
	return n
}

func (w *Weight) format() *gemm.Format { return w.packed.Format }

// rowBytes returns the bytes of a row in a file.
func (w *Weight) rowBytes() int {
	return w.In/w.format().Elements*w.format().Bytes + w.format().RowBytes
}
