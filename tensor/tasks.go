package tensor

import (
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// matMulRows multiplies some rows of x, from packing to outputs.
type matMulRows product

func (t *matMulRows) Do(part, worker int) {
	p, b := (*product)(t), &t.workers[worker]
	row := part * p.rowStep
	rows := min(p.rowStep, p.rows-row)
	packed := packedRows{data: b.packed, all: rows}
	p.pack(packed, b, row, rows)
	p.multiply(packed, row, rows, 0, p.out.panels)
}

// feedForwardRows takes some rows of x through both products.
type feedForwardRows product

func (t *feedForwardRows) Do(part, worker int) {
	p, b := (*product)(t), &t.workers[worker]
	row := part * p.rowStep
	rows := min(p.rowStep, p.rows-row)
	packed, hidden := packedRows{data: b.packed, all: rows}, packedRows{data: b.hidden, all: rows}
	p.pack(packed, b, row, rows)
	if p.out.wholeRows() {
		c := b.panel[:rows*p.in.w.Out]
		p.in.multiply(c, packed, rows, 0, p.in.panels, nil)
		p.packHidden(hidden, c, b, rows)
	} else {
		p.multiplyUp(hidden, packed, b, rows, 0, p.in.panels)
	}
	p.multiply(hidden, row, rows, 0, p.out.panels)
}

// packTask packs some rows of x.
type packTask product

func (t *packTask) Do(part, worker int) {
	p := (*product)(t)
	row := part * p.packStep
	p.pack(packedRows{p.packed, p.rows, row}, &p.workers[worker], row, min(p.packStep, p.rows-row))
}

// upPanels computes some outputs of the first of two products, for some rows.
type upPanels product

func (t *upPanels) Do(part, worker int) {
	p := (*product)(t)
	row, rows, panel0, panel1 := p.part(part)
	p.multiplyUp(packedRows{p.hidden, p.rows, row}, packedRows{p.packed, p.rows, row}, &p.workers[worker], rows, panel0, panel1)
}

// upWhole computes some outputs of the first of two products, for some rows, to be packed whole.
type upWhole product

func (t *upWhole) Do(part, _ int) {
	p := (*product)(t)
	row, rows, panel0, panel1 := p.part(part)
	p.in.multiply(p.whole[row*p.in.w.Out:][:rows*p.in.w.Out], packedRows{p.packed, p.rows, row}, rows, panel0, panel1, nil)
}

// packWhole applies the epilogue of the first of two products to some rows of its outputs, and packs them.
type packWhole product

func (t *packWhole) Do(part, worker int) {
	p := (*product)(t)
	row, out := part*p.packStep, p.in.w.Out
	rows := min(p.packStep, p.rows-row)
	p.packHidden(packedRows{p.hidden, p.rows, row}, p.whole[row*out:][:rows*out], &p.workers[worker], rows)
}

// outPanels computes some outputs of the last product, for some rows.
type outPanels product

func (t *outPanels) Do(part, _ int) {
	p := (*product)(t)
	row, rows, panel0, panel1 := p.part(part)
	p.multiply(packedRows{p.input, p.rows, row}, row, rows, panel0, panel1)
}

// pack packs rows of x.
func (p *product) pack(dst packedRows, b *buffers, row, rows int) {
	in := p.in.w.In
	p.in.pack(dst, p.x[row*in:][:rows*in], b.scratch, rows, 0, in)
}

// multiplyUp multiplies packed rows by panels of the first of two weights, applies its epilogue, and packs the
// outputs for the second.
func (p *product) multiplyUp(hidden, packed packedRows, b *buffers, rows, panel0, panel1 int) {
	l, step := p.in, p.out.panelStep()
	for panel := panel0; panel < panel1; panel += step {
		last := min(panel+step, panel1)
		col := panel * gemm.PanelWidth
		cols := min(last*gemm.PanelWidth, l.w.Out) - col
		c := b.panel[:rows*cols]
		l.w.packed.MultiplyPanels(c, cols, l.form(packed, 0), rows, panel, last, l.Bias)
		if l.F != nil {
			l.F.Apply(c)
		}
		p.out.pack(hidden, c, b.scratch, rows, col, cols)
	}
}

// packHidden applies the epilogue of the first of two products to rows of its outputs, and packs them, while a tile of them
// is in a near cache.
func (p *product) packHidden(hidden packedRows, c []float32, b *buffers, rows int) {
	out := p.in.w.Out
	for r := 0; r < rows; r += gemm.RowTile {
		n := min(gemm.RowTile, rows-r)
		tile := c[r*out:][:n*out]
		if p.in.F != nil {
			p.in.F.Apply(tile)
		}
		p.out.pack(packedRows{hidden.data, hidden.all, hidden.row + r}, tile, b.scratch, n, 0, out)
	}
}

// multiply multiplies packed rows, the first of which is row of dst, by panels of the last weight, and applies its
// epilogue.
func (p *product) multiply(packed packedRows, row, rows, panel0, panel1 int) {
	l, out := p.out, p.out.w.Out
	dst, add := p.dst[row*out:][:rows*out], l.Add.Data
	if add != nil {
		add = add[row*out:][:rows*out]
	}
	if l.F == nil {
		l.multiply(dst, packed, rows, panel0, panel1, add)
		return
	}
	l.multiply(dst, packed, rows, panel0, panel1, nil)
	col0, col1 := l.col(panel0), l.col(panel1)
	for i := range rows {
		from, to := i*out+col0, i*out+col1
		l.F.Apply(dst[from:to])
		if add != nil {
			vec.Add(dst[from:to], dst[from:to], add[from:to])
		}
	}
}
