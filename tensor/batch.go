package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// Batch is several matrices with the same number of rows in one piece of memory, such as the heads of an
// attention: row t of matrix b begins at Data[b·Matrix + t·Row]. The matrices of a source may be the same one,
// with Matrix 0.
type Batch struct {
	Data        []float32
	Matrix, Row int // elements from one matrix to the next, and from one row to the next
}

// MatMulBatch sets each matrix b of dst, [rows, Out], to matrix b of x, [rows, In], times w[b]ᵀ, with the bits of
// as many calls of [MatMul]. All weights have the same shape and type. Elements of dst between the rows stay as
// they are. It panics if shapes do not fit or dst overlaps x. It uses all processors where that pays, and may be
// called from several goroutines.
func MatMulBatch(dst, x Batch, rows int, w []*Weight) {
	if len(w) == 0 || rows == 0 {
		return
	}
	for i, m := range w {
		m.single("MatMulBatch")
		if m.Out != w[0].Out || m.In != w[0].In || m.format() != w[0].format() {
			panic(fmt.Sprintf("tensor: MatMulBatch: weight %d is [%d, %d] of %v, the first is [%d, %d] of %v", i, m.Out, m.In, m.DType, w[0].Out, w[0].In, w[0].DType))
		}
		Epilogue{}.check(rows, m)
	}
	dst.check("dst", len(w), rows, w[0].Out)
	x.check("x", len(w), rows, w[0].In)
	if dst.Matrix < w[0].Out && len(w) > 1 {
		panic(fmt.Sprintf("tensor: MatMulBatch: matrices of dst, of rows of %d, are %d apart", w[0].Out, dst.Matrix))
	}
	alias.Disjoint("tensor: MatMulBatch", "dst", dst.Data, "x", x.Data)
	p := batches.Get()
	p.dst, p.x, p.rows, p.w = dst, x, rows, w
	p.run()
	p.dst, p.x, p.w = Batch{}, Batch{}, nil
	batches.Put(p, p.bytes())
}

// check panics unless n matrices of these rows lie in b.
func (b Batch) check(name string, n, rows, cols int) {
	if b.Matrix < 0 || b.Row < cols && rows > 1 || len(b.Data) < (n-1)*b.Matrix+(rows-1)*b.Row+cols {
		panic(fmt.Sprintf("tensor: MatMulBatch: %s has %d elements for %d matrices [%d, %d], %d apart with rows %d apart", name, len(b.Data), n, rows, cols, b.Matrix, b.Row))
	}
}

// batch is a running MatMulBatch. It is pooled to reuse its buffers.
type batch struct {
	dst, x Batch
	rows   int
	w      []*Weight

	rowStep, step int // rows and matrices of a part
	rowParts      int
	workers       []buffers
}

var batches parallel.Free[batch]

func (p *batch) bytes() int {
	n := 0
	for _, b := range p.workers {
		n += cap(b.packed) + cap(b.scratch)
	}
	return 4 * n
}

func (p *batch) run() {
	width := parallel.Width()
	if len(p.w)*p.w[0].Out*p.w[0].In*(p.rows+8) < minWork {
		width = 1
	}
	for len(p.workers) < width {
		p.workers = append(p.workers, buffers{})
	}
	p.rowStep = min(p.rows, maxRowStep)
	p.rowParts = (p.rows + p.rowStep - 1) / p.rowStep
	p.step = max(1, len(p.w)*p.rowParts/(partsPerWorker*width))
	f, in := p.w[0].format(), p.w[0].In
	for i := range p.workers[:width] {
		b := &p.workers[i]
		grow(&b.packed, f.PackedRowsLen(p.rowStep, in))
		grow(&b.scratch, f.ScratchLen(in))
	}
	parallel.Run(width, p.rowParts*((len(p.w)+p.step-1)/p.step), p)
}

// Do multiplies some rows of some matrices.
func (p *batch) Do(part, worker int) {
	b := &p.workers[worker]
	row, first := part%p.rowParts*p.rowStep, part/p.rowParts*p.step
	rows := min(p.rowStep, p.rows-row)
	for i := first; i < min(first+p.step, len(p.w)); i++ {
		w := p.w[i]
		if i == first || p.x.Matrix != 0 {
			w.format().PackRows(b.packed, p.x.Data[i*p.x.Matrix+row*p.x.Row:], b.scratch, rows, max(p.x.Row, w.In), w.In)
		}
		w.packed.Multiply(p.dst.Data[i*p.dst.Matrix+row*p.dst.Row:], max(p.dst.Row, w.Out), b.packed, rows, 0, w.packed.Panels(), gemm.Epilogue{})
	}
}
