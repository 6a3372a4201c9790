package tensor

import (
	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// product is a running MatMul or FeedForward. It is pooled to reuse its buffers.
//
// With many rows, each worker takes some and does all that is to be done with them. With few, all workers share one
// stage after the other: packing the rows of x, then the outputs of each product. Each such piece of work is a task,
// a type of its own over the same memory: see tasks.go.
type product struct {
	dst, x  []float32
	rows    int
	in, out *layer // what multiplies x, and what gives dst; they are the same in a MatMul

	packStep int   // rows that are packed in a part, a multiple of gemm.RowTile
	rowStep  int   // rows of a part, a multiple of gemm.RowTile
	cuts     []int // panels of parts for the same rows: from one to the next

	packed, hidden []float32 // packed rows of x, and between two products, where workers share stages
	whole          []float32 // the outputs of the first of two, if rows of them are packed whole
	input          []float32 // that of the two which p.out multiplies
	workers        []buffers

	layers [2]layer // behind in and out
}

// buffers are what one worker needs.
type buffers struct {
	packed, hidden []float32 // of the rows that it does everything with
	panel          []float32 // the outputs of a panel of the first of two products, or of as many as are packed together: of all, if rows are packed whole
	scratch        []float32 // for packing
}

const (
	maxRowStep     = 128     // rows multiplied in a part
	minRowStep     = 32      // rows of the smallest part in which they are packed, or go through two products
	hiddenLen      = 3 << 15 // elements between two products that the nearer caches hold
	cachedWeights  = 1 << 23 // elements of weights that may go by again and again
	nearWeights    = 1 << 21 // elements of 8 bits that the nearer caches hold
	minWork        = 1 << 21 // multiply-adds below which threads do not pay; a row costs as much as eight, for its weights
	partsPerWorker = 8       // so that all workers end at about the same time
)

var products parallel.Free[product]

// put gives the product back, without the caller's memory.
func (p *product) put() {
	p.dst, p.x, p.in, p.out, p.input = nil, nil, nil, nil, nil
	for i := range p.layers {
		p.layers[i].drop()
	}
	products.Put(p, p.bytes())
}

// bytes returns the memory that the product keeps for the next one.
func (p *product) bytes() int {
	n := cap(p.packed) + cap(p.hidden) + cap(p.whole)
	for _, b := range p.workers {
		n += cap(b.packed) + cap(b.hidden) + cap(b.panel) + cap(b.scratch)
	}
	return 4 * n
}

func (p *product) matMul() {
	size := p.out.size()
	width := p.width(size)
	if step := p.share(size, maxRowStep, width); step > 0 {
		p.rowStep = min(step, p.rows)
		for i := range p.workers[:width] {
			p.workers[i].grow(p.in, p.rowStep)
		}
		parallel.Run(width, (p.rows+step-1)/step, (*matMulRows)(p))
		return
	}
	p.packRows(width)
	p.input = p.packed
	p.runPanels(p.out, width, (*outPanels)(p))
}

// feedForward needs a first weight of one part: its outputs are packed for the second in whole blocks.
func (p *product) feedForward() {
	size := p.in.size() + p.out.size()
	width := p.width(size)
	if step := p.share(size, p.hiddenRows(size), width); step > 0 {
		p.rowStep = min(step, p.rows)
		for i := range p.workers[:width] {
			b := &p.workers[i]
			b.grow(p.in, p.rowStep)
			b.growHidden(p, p.rowStep)
			grow(&b.hidden, p.out.packedLen(p.rowStep))
		}
		parallel.Run(width, (p.rows+step-1)/step, (*feedForwardRows)(p))
		return
	}
	p.packRows(width)
	grow(&p.hidden, p.out.packedLen(p.rows))
	if p.out.wholeRows() {
		grow(&p.whole, p.rows*p.in.w.Out)
		p.runPanels(p.in, width, (*upWhole)(p))
		parallel.Run(width, (p.rows+p.packStep-1)/p.packStep, (*packWhole)(p))
	} else {
		for i := range p.workers[:width] {
			p.workers[i].growHidden(p, min(p.rows, maxRowStep))
		}
		p.runPanels(p.in, width, (*upPanels)(p))
	}
	p.input = p.hidden
	p.runPanels(p.out, width, (*outPanels)(p))
}

// hiddenRows returns how many rows go through both products at a time, at most.
func (p *product) hiddenRows(size int) int {
	if p.out.wholeRows() && size > nearWeights {
		return maxRowStep // weights go by less often
	}
	return min(maxRowStep, max(hiddenLen/max(p.in.w.Out, 1), minRowStep))
}

// width returns how many workers pay for products by size weights.
func (p *product) width(size int) int {
	width := parallel.Width()
	if size*(p.rows+8) < minWork {
		width = 1
	}
	for len(p.workers) < width {
		p.workers = append(p.workers, buffers{})
	}
	return width
}

// share returns how many rows, most of them at most, a worker takes at a time to do all that is to be done with
// them, or 0 if there are too few rows for that.
func (p *product) share(size, most, width int) int {
	if size > cachedWeights { // from memory, which is slow: for many rows at a time
		if width > 1 && p.rows < partsPerWorker*width*maxRowStep {
			return 0
		}
		return maxRowStep
	}
	if width > 1 {
		if p.rows < partsPerWorker*width*minRowStep/2 {
			return 0
		}
		most = min(most, max(p.rows/(partsPerWorker*width), minRowStep))
	}
	return (most + gemm.RowTile - 1) / gemm.RowTile * gemm.RowTile
}

// packRows packs all rows of x, in parts.
func (p *product) packRows(width int) {
	grow(&p.packed, p.in.packedLen(p.rows))
	for i := range p.workers[:width] {
		grow(&p.workers[i].scratch, max(p.in.scratchLen(p.in.w.In), len(p.workers[i].scratch)))
	}
	each := (p.rows + width - 1) / width
	p.packStep = min(minRowStep, (each+gemm.RowTile-1)/gemm.RowTile*gemm.RowTile)
	parallel.Run(width, (p.rows+p.packStep-1)/p.packStep, (*packTask)(p))
}

// runPanels runs a product by l, in parts by rows and panels.
func (p *product) runPanels(l *layer, width int, task parallel.Task) {
	p.rowStep = min(p.rows, maxRowStep)
	rowParts := (p.rows + p.rowStep - 1) / p.rowStep
	p.cut(l.panels, rowParts, width)
	parallel.Run(width, (len(p.cuts)-1)*rowParts, task)
}

// cut divides panels into parts. With few rows they become smaller towards the end: each part starts to read weights
// somewhere else, which takes time, and all workers should end at about the same time.
func (p *product) cut(panels, rowParts, width int) {
	whole := p.out.panelStep()
	p.cuts = append(p.cuts[:0], 0)
	for at := 0; at < panels; {
		n := panels * rowParts / (partsPerWorker * width)
		if p.rows <= gemm.RowTile {
			n = (panels - at) / (2 * width)
		}
		at = min(at+(max(n, 1)+whole-1)/whole*whole, panels)
		p.cuts = append(p.cuts, at)
	}
}

// part returns the rows and panels of a part of a product.
func (p *product) part(part int) (row, rows, panel0, panel1 int) {
	colParts := len(p.cuts) - 1
	row, part = part/colParts*p.rowStep, part%colParts
	return row, min(p.rowStep, p.rows-row), p.cuts[part], p.cuts[part+1]
}

// grow makes room for packing rows that l multiplies.
func (b *buffers) grow(l *layer, rows int) {
	grow(&b.packed, l.packedLen(rows))
	grow(&b.scratch, l.scratchLen(l.w.In))
}

// growHidden makes room for the outputs of p.in's product with rows, panel by panel, and for packing them.
func (b *buffers) growHidden(p *product, rows int) {
	cols := p.out.panelStep() * gemm.PanelWidth
	if p.out.wholeRows() {
		cols = p.in.w.Out
	}
	grow(&b.panel, rows*cols)
	grow(&b.scratch, max(p.out.scratchLen(cols), len(b.scratch)))
}

// grow makes x n elements long, which are arbitrary.
func grow(x *[]float32, n int) {
	if cap(*x) < n {
		*x = hugepages.Float32s(n)
	}
	*x = (*x)[:n]
}
