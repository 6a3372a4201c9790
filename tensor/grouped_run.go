package tensor

import (
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// groupedProduct is a running FeedForwardGrouped. It is pooled to reuse its buffers.
//
// The rows of each expert are cut into blocks. As many blocks as fit the buffers are a wave, in which all workers
// share one stage after the other: packing rows of x, gate and up with the activation, down.
type groupedProduct struct {
	dst, x  Tensor
	groups  Groups
	experts []Expert
	act     Gating

	blocks         []groupBlock // of the wave
	parts          []groupPart  // of the stage
	packed, hidden []float32    // rows of the wave, packed for gate and up, and for down
	workers        []groupBuffers
}

// groupBlock is some rows of an expert, which go through its products together.
type groupBlock struct {
	expert    *Expert
	row, rows int // of Groups.Rows and dst
	gate, up  int // where its rows begin in packed, for each weight; they are the same in most formats
	hidden    int // where they begin in hidden

	units, cost int // what the stage has to do with it, and multiply-adds for each unit
}

// groupPart is work of a stage: units of a block.
type groupPart struct{ block, from, to int }

// groupBuffers are what one worker needs.
type groupBuffers struct {
	rows     []float32 // a tile's rows, side by side
	gate, up []float32 // some outputs of a block
	scratch  []float32 // for packing
}

const (
	waveLen    = 1 << 21 // elements of packed rows, for each worker, that the last cache holds
	gatherCols = 512     // columns of a tile's rows that the nearest cache holds
	gateLen    = 1 << 15 // elements of gate, and of up, that the nearer caches hold
	minPart    = 1 << 18 // multiply-adds of a part that pays
	packCost   = 16      // multiply-adds in the time that it takes to pack an element
)

var groupedProducts parallel.Free[groupedProduct]

// put gives the product back, without the caller's memory.
func (p *groupedProduct) put() {
	p.dst, p.x, p.groups, p.experts, p.act = Tensor{}, Tensor{}, Groups{}, nil, nil
	clear(p.blocks[:cap(p.blocks)])
	n := cap(p.packed) + cap(p.hidden)
	for _, b := range p.workers {
		n += cap(b.rows) + cap(b.gate) + cap(b.up) + cap(b.scratch)
	}
	groupedProducts.Put(p, 4*n)
}

// run does everything, in waves of about this many elements.
func (p *groupedProduct) run(wave int) {
	for len(p.workers) < parallel.Width() {
		p.workers = append(p.workers, groupBuffers{})
	}
	for e, row := 0, 0; row < len(p.groups.Rows); {
		e, row = p.fill(e, row, wave)
		for i := range p.blocks {
			b := &p.blocks[i]
			b.units, b.cost = (b.rows+gemm.RowTile-1)/gemm.RowTile, packCost*min(b.rows, gemm.RowTile)*b.expert.Up.In
		}
		p.share((*packGroups)(p))
		for i := range p.blocks {
			b := &p.blocks[i]
			whole := b.expert.Down.format().Activations.PanelStep()
			b.units, b.cost = (b.expert.Up.packed.Panels()+whole-1)/whole, whole*b.panelCost(2*b.expert.Up.In)
		}
		p.share((*gateGroups)(p))
		for i := range p.blocks {
			b := &p.blocks[i]
			b.units, b.cost = b.expert.Down.packed.Panels(), b.panelCost(b.expert.Down.In)
		}
		p.share((*downGroups)(p))
	}
}

// panelCost returns the work of a panel of weights with rows of so many elements. They cost as much as eight more
// rows.
func (b *groupBlock) panelCost(in int) int { return (b.rows + 8) * in * gemm.PanelWidth }

// fill makes a wave of the blocks from row on, which is of expert e or a later one. It returns those of the next
// wave.
func (p *groupedProduct) fill(e, row, wave int) (int, int) {
	p.blocks = p.blocks[:0]
	packed, hidden, gated, scratch := 0, 0, 0, 0
	for row < len(p.groups.Rows) && packed+hidden < wave {
		from, to := p.groups.of(e)
		if row == to {
			e++
			continue
		}
		b := groupBlock{expert: &p.experts[e], row: row, rows: min(blockRows(to-from), to-row), gate: packed, up: packed, hidden: hidden}
		gate, up, down := b.expert.Gate.packed, b.expert.Up.packed, b.expert.Down.packed
		packed += gate.Format.PackedRowsLen(b.rows, gate.K)
		if up.Format.Activations != gate.Format.Activations {
			b.up = packed
			packed += up.Format.PackedRowsLen(b.rows, up.K)
		}
		hidden += down.Format.PackedRowsLen(b.rows, down.K)
		gated = max(gated, min(b.rows*gate.N, gateLen))
		scratch = max(scratch, gate.Format.ScratchLen(gatherCols), up.Format.ScratchLen(gatherCols), down.Format.ScratchLen(gateLen/gemm.RowTile))
		p.blocks = append(p.blocks, b)
		row += b.rows
	}
	grow(&p.packed, packed)
	grow(&p.hidden, hidden)
	for i := range p.workers {
		w := &p.workers[i]
		grow(&w.rows, gemm.RowTile*gatherCols)
		grow(&w.gate, gated)
		grow(&w.up, gated)
		grow(&w.scratch, scratch)
	}
	return e, row
}

// blockRows returns into how many rows at a time an expert's rows are cut: evenly, and in whole tiles.
func blockRows(rows int) int {
	blocks := (rows + maxRowStep - 1) / maxRowStep
	each := (rows + blocks - 1) / blocks
	return (each + gemm.RowTile - 1) / gemm.RowTile * gemm.RowTile
}

// share runs a stage.
func (p *groupedProduct) share(task parallel.Task) {
	work := 0
	for i := range p.blocks {
		work += p.blocks[i].units * p.blocks[i].cost
	}
	width := min(parallel.Width(), len(p.workers))
	if work < minWork {
		width = 1
	}
	p.divide(work, width)
	parallel.Run(width, len(p.parts), task)
}

// divide makes the parts of a stage. They become smaller towards the end, so that all workers end at about the same
// time, whatever the blocks are.
func (p *groupedProduct) divide(work, width int) {
	p.parts = p.parts[:0]
	for i := range p.blocks {
		b := &p.blocks[i]
		for unit := 0; unit < b.units; {
			n := max(work/(partsPerWorker*width), minPart) / max(b.cost, 1)
			n = min(max(n, 1), b.units-unit)
			p.parts = append(p.parts, groupPart{i, unit, unit + n})
			unit += n
			work -= n * b.cost
		}
	}
}

// part returns the block of a part of a stage, and its units.
func (p *groupedProduct) part(i int) (b *groupBlock, from, to int) {
	part := p.parts[i]
	return &p.blocks[part.block], part.from, part.to
}
