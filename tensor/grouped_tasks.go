package tensor

import "github.com/seed2010d43f/transformer/internal/simd/gemm"

// packGroups packs tiles of rows of x.
type packGroups groupedProduct

func (t *packGroups) Do(part, worker int) {
	p, w := (*groupedProduct)(t), &t.workers[worker]
	b, from, to := p.part(part)
	for row := from * gemm.RowTile; row < min(to*gemm.RowTile, b.rows); row += gemm.RowTile {
		p.packTile(b, w, row, min(gemm.RowTile, b.rows-row))
	}
}

// packTile packs rows of a block, some columns at a time, by way of memory where they lie side by side.
func (p *groupedProduct) packTile(b *groupBlock, w *groupBuffers, row, rows int) {
	gate, up := b.expert.Gate.packed, b.expert.Up.packed
	in := gate.K
	for col := 0; col < in; col += gatherCols {
		cols := min(gatherCols, in-col)
		for i, r := range p.groups.Rows[b.row+row:][:rows] {
			copy(w.rows[i*cols:][:cols], p.x.Data[r*in+col:])
		}
		gate.Format.PackColumns(p.packed[b.gate+row*gate.Format.RowLen(in):], w.rows, w.scratch, rows, cols, in, col, cols)
		if b.up != b.gate {
			up.Format.PackColumns(p.packed[b.up+row*up.Format.RowLen(in):], w.rows, w.scratch, rows, cols, in, col, cols)
		}
	}
}

// gateGroups computes some panels of gate and up, in groups that are packed together, applies the activation while the
// outputs are in a near cache, and packs what it gives for down.
type gateGroups groupedProduct

func (t *gateGroups) Do(part, worker int) {
	p, w := (*groupedProduct)(t), &t.workers[worker]
	b, from, to := p.part(part)
	e := b.expert
	hidden := e.Down.In
	whole := e.Down.format().Activations.PanelStep()
	from, to = from*whole, min(to*whole, e.Up.packed.Panels())
	step := max(1, gateLen/(max(b.rows, gemm.RowTile)*gemm.PanelWidth*whole)) * whole
	for panel := from; panel < to; panel += step {
		last := min(panel+step, to)
		col := panel * gemm.PanelWidth
		cols := min(last*gemm.PanelWidth, hidden) - col
		gate, up := w.gate[:b.rows*cols], w.up[:b.rows*cols]
		e.Gate.packed.MultiplyPanels(gate, cols, p.packed[b.gate:], b.rows, panel, last, e.GateBias)
		e.Up.packed.MultiplyPanels(up, cols, p.packed[b.up:], b.rows, panel, last, e.UpBias)
		p.act.ApplyGate(gate, gate, up)
		e.Down.format().PackColumns(p.hidden[b.hidden:], gate, w.scratch, b.rows, cols, hidden, col, cols)
	}
}

// downGroups computes some panels of down.
type downGroups groupedProduct

func (t *downGroups) Do(part, _ int) {
	p := (*groupedProduct)(t)
	b, from, to := p.part(part)
	out := b.expert.Down.Out
	e := gemm.Epilogue{Bias: b.expert.DownBias}
	b.expert.Down.packed.Multiply(p.dst.Data[b.row*out:][:b.rows*out], out, p.hidden[b.hidden:], b.rows, from, to, e)
}
