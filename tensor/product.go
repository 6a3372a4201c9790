package tensor

import (
	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// product is one product, or two in a row, under way. It is kept for the next one, with its memory.
//
// If there are many rows, each processor takes some and does all that is to be done with them. If there are
// few, all take some outputs of one stage after the other: the rows of x are packed, then multiplied by the
// first weight, if there are two, then by the last.
type product struct {
	dst, x []float32
	rows   int
	first  layer // without a weight if there is one product only
	last   layer

	stage     stage
	rowStep   int // rows of a part, a multiple of gemm.RowTile
	panelStep int // panels of a part
	colParts  int
	whole     memory   // of all rows, where stages follow each other
	workers   []memory // of the rows that a processor has in hand
}

type stage uint8

const (
	wholeRows stage = iota
	packing
	multiplyingFirst
	multiplyingLast
)

const (
	rowStep  = 128     // rows multiplied in a part
	minStep  = 32      // rows of the smallest part in which they are packed, or go through two products
	between  = 3 << 15 // elements between two products that the nearer caches hold
	maxSize  = 1 << 23 // elements of weights that may go by again and again
	minWork  = 1 << 21 // multiply-adds below which threads do not pay; a row costs as much as eight, for its weights
	perWidth = 8       // parts for each processor, so that they end at about the same time
)

var products parallel.Free[product]

// put gives the product back, without the caller's memory.
func (p *product) put() {
	p.dst, p.x, p.first, p.last = nil, nil, layer{}, layer{}
	products.Put(p)
}

func (p *product) run() {
	size := p.first.size() + p.last.size()
	width := parallel.Width()
	if size*(p.rows+8) < minWork {
		width = 1
	}
	for len(p.workers) < width {
		p.workers = append(p.workers, memory{})
	}
	if step := p.share(size, width); step > 0 {
		p.stage, p.rowStep = wholeRows, min(step, p.rows)
		for i := range p.workers[:width] {
			p.workers[i].resize(p, p.rowStep)
			p.workers[i].resizeParts(p, p.rowStep)
		}
		parallel.Run(width, (p.rows+step-1)/step, p)
		return
	}
	p.whole.resize(p, p.rows)
	for i := range p.workers[:width] {
		p.workers[i].resizeParts(p, min(p.rows, rowStep))
	}
	p.stage = packing
	parallel.Run(width, (p.rows+minStep-1)/minStep, p)
	if p.first.w != nil {
		p.runStage(multiplyingFirst, p.first.w, width)
	}
	p.runStage(multiplyingLast, p.last.w, width)
}

// share returns how many rows a processor takes at a time to do all that is to be done with them, or 0 if
// there are too few rows for that.
func (p *product) share(size, width int) int {
	step := rowStep
	if size > maxSize { // from memory, which is slow: for many rows at a time
		if width > 1 && p.rows < perWidth*width*rowStep {
			return 0
		}
		return step
	}
	if p.first.w != nil {
		step = min(step, max(between/p.first.w.Out, minStep))
	}
	if width > 1 {
		if p.rows < perWidth*width*minStep/2 {
			return 0
		}
		step = min(step, max(p.rows/(perWidth*width), minStep))
	}
	return (step + gemm.RowTile - 1) / gemm.RowTile * gemm.RowTile
}

// runStage runs a stage of a product by w, in parts by rows and panels.
func (p *product) runStage(s stage, w *Weight, width int) {
	p.stage, p.rowStep = s, min(p.rows, rowStep)
	panels, rowParts := w.packed.Panels(), (p.rows+p.rowStep-1)/p.rowStep
	p.panelStep = max(1, panels*rowParts/(perWidth*width))
	p.colParts = (panels + p.panelStep - 1) / p.panelStep
	parallel.Run(width, p.colParts*rowParts, p)
}

// Do does one part of the stage under way.
func (p *product) Do(part, worker int) {
	own := &p.workers[worker]
	if p.stage == packing || p.stage == wholeRows {
		step := p.rowStep
		if p.stage == packing {
			step = minStep
		}
		row := part * step
		p.begin(own, row, min(step, p.rows-row))
		return
	}
	row, panel := part/p.colParts*p.rowStep, part%p.colParts*p.panelStep
	rows := min(p.rowStep, p.rows-row)
	if p.stage == multiplyingFirst {
		end := min(panel+p.panelStep, p.first.w.packed.Panels())
		p.multiplyFirst(own, p.whole.h[row*p.last.k():], p.whole.a[row*p.first.k():], rows, panel, end)
		return
	}
	a := p.whole.a
	if p.first.w != nil {
		a = p.whole.h
	}
	p.multiplyLast(a[row*p.last.k():], row, rows, panel, min(panel+p.panelStep, p.last.w.packed.Panels()))
}

// begin packs rows of x and, unless that is a stage of its own, does what follows.
func (p *product) begin(own *memory, row, rows int) {
	l := p.last
	if p.first.w != nil {
		l = p.first
	}
	x := p.x[row*l.w.In:][:rows*l.w.In]
	if p.stage == packing {
		l.pack(own, p.whole.a[row*l.k():], x, rows, 0, l.w.In)
		return
	}
	l.pack(own, own.a, x, rows, 0, l.w.In)
	a := own.a
	if p.first.w != nil {
		p.multiplyFirst(own, own.h, own.a, rows, 0, p.first.w.packed.Panels())
		a = own.h
	}
	p.multiplyLast(a, row, rows, 0, p.last.w.packed.Panels())
}

// multiplyFirst multiplies packed rows a by panels of the first weight and packs what becomes of the
// outputs, columns of h.
func (p *product) multiplyFirst(own *memory, h, a []float32, rows, panel0, panel1 int) {
	l := p.first
	for panel := panel0; panel < panel1; panel++ {
		col := panel * gemm.PanelWidth
		cols := min(gemm.PanelWidth, l.w.Out-col)
		c := own.c[:rows*cols]
		l.w.packed.MultiplyPanel(c, cols, a, rows, panel, l.Bias)
		if l.F != nil {
			l.F.Apply(c)
		}
		p.last.pack(own, h, c, rows, col, cols)
	}
}

// multiplyLast multiplies packed rows a, the first of which is row, by panels of the last weight.
func (p *product) multiplyLast(a []float32, row, rows, panel0, panel1 int) {
	l, out := p.last, p.last.w.Out
	dst, then := p.dst[row*out:][:rows*out], gemm.Then{Bias: l.Bias}
	add := l.Add.Data
	if add != nil {
		add = add[row*out:][:rows*out]
	}
	if l.F == nil {
		then.Add = add
	}
	l.w.packed.MultiplyThen(dst, out, a, rows, panel0, panel1, then)
	if l.F == nil {
		return
	}
	for i := range rows {
		from, to := i*out+panel0*gemm.PanelWidth, i*out+min(panel1*gemm.PanelWidth, out)
		l.F.Apply(dst[from:to])
		if add != nil {
			vec.Add(dst[from:to], dst[from:to], add[from:to])
		}
	}
}

// layer is a weight and what follows its product.
type layer struct {
	w *Weight
	Then
}

func (l layer) k() int { return l.w.packed.K }

func (l layer) size() int {
	if l.w == nil {
		return 0
	}
	return l.w.Out * l.w.In
}

// pack packs rows × cols of activations, columns from col on of those that l multiplies.
func (l layer) pack(own *memory, dst, x []float32, rows, col, cols int) {
	switch {
	case l.w.packed.Type == gemm.Pairs:
		gemm.PackPairs(dst, x, own.half, rows, cols, l.w.In, col, cols)
		return
	case l.w.Rounds:
		half, rounded := own.half[:len(x)], own.rounded[:len(x)]
		vec.NarrowBF16(half, x)
		vec.WidenBF16(rounded, half)
		x = rounded
	}
	gemm.PackColumns(dst, x, rows, cols, l.w.In, col, cols)
}

// memory is what rows need on their way.
type memory struct {
	a []float32 // packed rows of x
	h []float32 // packed rows between two products

	c       []float32 // a panel's outputs of the first product
	half    []uint16  // rows or outputs that are rounded
	rounded []float32 // the same, widened again
}

// resize makes room for rows.
func (m *memory) resize(p *product, rows int) {
	l := p.last
	if p.first.w != nil {
		l = p.first
		grow(&m.h, gemm.PackedRowsLen(rows, p.last.k()))
	}
	grow(&m.a, gemm.PackedRowsLen(rows, l.k()))
}

// resizeParts makes room for what a processor needs of its own for rows.
func (m *memory) resizeParts(p *product, rows int) {
	n := 0
	if p.last.w.Rounds {
		n = rows * p.last.w.In
	}
	if p.first.w != nil {
		grow(&m.c, rows*gemm.PanelWidth)
		n = min(n, len(m.c))
		if p.first.w.Rounds {
			n = max(n, rows*p.first.w.In)
		}
	}
	grow(&m.rounded, n)
	if cap(m.half) < n {
		m.half = make([]uint16, n)
	}
	m.half = m.half[:n]
}

// grow makes x n elements long, which are arbitrary.
func grow(x *[]float32, n int) {
	if cap(*x) < n {
		*x = hugepages.Float32s(n)
	}
	*x = (*x)[:n]
}
