package tensor

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/huge"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// MatMul sets dst to x·wᵀ: dst is [T, Out], x is [T, In], w is [Out, In]. More dimensions than two are
// taken as rows of the last. dst must not overlap x. It runs on all processors when that pays, may be
// called from several goroutines, and panics if the shapes do not fit.
//
// A Weight that rounds has the activations rounded to bfloat16 first. Each output is one chain of float32 multiply-adds with ascending index into In: its bits do not
// depend on T, on the other rows, on GOMAXPROCS, nor on the type of w if the values are the same.
func MatMul(dst, x Tensor, w *Weight) {
	rows := x.Rows()
	if x.Shape.Last() != w.In || dst.Shape.Last() != w.Out || dst.Rows() != rows {
		panic(fmt.Sprintf("tensor: MatMul of %v = %v · [%d, %d]ᵀ", dst.Shape, x.Shape, w.Out, w.In))
	}
	if rows == 0 || w.Out == 0 {
		return
	}
	p := products.Get()
	p.dst, p.x, p.w, p.rows = dst.Data, x.Data, w, rows
	p.run()
	p.dst, p.x, p.a, p.w = nil, nil, nil, nil
	products.Put(p)
}

var products parallel.Free[product]

// product is one MatMul under way, in two stages: the rows of x are packed, then multiplied.
type product struct {
	dst, x []float32
	w      *Weight
	rows   int

	packing   bool
	a         []float32 // packed rows: x itself if there is one row
	rowStep   int       // rows of a part, a multiple of gemm.RowTile
	panelStep int       // panels of a part
	colParts  int

	buf     []float32
	half    []uint16  // rows that are rounded
	rounded []float32 // the same, widened again
}

const (
	packStep = 32      // rows packed in a part
	rowStep  = 128     // rows multiplied in a part
	minWork  = 1 << 21 // multiply-adds below which threads do not pay; a row costs as much as eight, for its weights
)

func (p *product) run() {
	width := parallel.Width()
	if p.w.Out*p.w.In*(p.rows+8) < minWork {
		width = 1
	}
	if p.w.Rounds {
		if n := p.rows * p.w.In; cap(p.half) < n {
			p.half, p.rounded = make([]uint16, n), make([]float32, n)
		}
		p.half, p.rounded = p.half[:p.rows*p.w.In], p.rounded[:p.rows*p.w.In]
	}
	if p.rows == 1 && !p.w.Rounds {
		p.a = p.x
	} else {
		n := gemm.PackedRowsLen(p.rows, p.w.packed.K)
		if cap(p.buf) < n {
			p.buf = huge.Float32s(n)
		}
		p.a, p.packing = p.buf[:n], true
		parallel.Run(width, (p.rows+packStep-1)/packStep, p)
		p.packing = false
	}
	panels := p.w.packed.Panels()
	p.rowStep, p.panelStep = p.rows, panels
	if width > 1 {
		p.rowStep = min(p.rows, rowStep)
		rowParts := (p.rows + p.rowStep - 1) / p.rowStep
		p.panelStep = max(1, panels*rowParts/(8*width))
	}
	p.colParts = (panels + p.panelStep - 1) / p.panelStep
	parallel.Run(width, p.colParts*((p.rows+p.rowStep-1)/p.rowStep), p)
}

// pack packs n rows from row r on.
func (p *product) pack(r, n int) {
	in, k := p.w.In, p.w.packed.K
	x := p.x[r*in : (r+n)*in]
	switch {
	case p.w.packed.Type == gemm.Pairs:
		gemm.PackPairs(p.a[r*k:], x, p.half[r*in:], n, in, in)
		return
	case p.w.Rounds:
		half := p.half[r*in:][:n*in]
		vec.NarrowBF16(half, x)
		rounded := p.rounded[r*in:][:n*in]
		vec.WidenBF16(rounded, half)
		x = rounded
	}
	gemm.PackRows(p.a[r*k:], x, n, in, k)
}

// Do does one part of the stage under way.
func (p *product) Do(part, _ int) {
	k := p.w.packed.K
	if p.packing {
		p.pack(part*packStep, min(packStep, p.rows-part*packStep))
		return
	}
	r, panel := part/p.colParts*p.rowStep, part%p.colParts*p.panelStep
	p.w.packed.Multiply(p.dst[r*p.w.Out:], p.w.Out, p.a[r*k:], min(p.rowStep, p.rows-r),
		panel, min(panel+p.panelStep, p.w.packed.Panels()))
}
