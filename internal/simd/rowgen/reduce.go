package main

import (
	"fmt"
	"math"
)

// A reduction folds rows into one float32, through four accumulators that take vectors in turn, and
// writes it where the last argument points.
type reduction struct {
	name    string
	does    string // what it computes, as the end of a sentence
	rows    []row
	scalars []string
	exp     bool
	start   float64
	// turn folds the vector loaded to register 0, and with exp that of the other way, into accumulators;
	// with masked, elements that are not there are 0.
	turn func(g *gen, acc []int, masked bool)
	fold string // the instruction that combines accumulators
}

const add = "VADDPS"

// accs are the accumulators, which no turn uses for anything else.
var accs = [4]int{5, 6, 8, 9}

var reductions = []reduction{
	{name: "expSum", does: "sets dst[i] = e^(x[i]−m) and result to their sum", rows: unary, scalars: []string{"m"}, exp: true, fold: add, turn: (*gen).expTurn},
	{name: "sumExp", does: "sets result = Σ e^(x[i]−m)", rows: []row{x}, scalars: []string{"m"}, exp: true, fold: add, turn: (*gen).expTurn},
	{name: "sum", does: "sets result = Σ x[i]", rows: []row{x}, fold: add, turn: func(g *gen, acc []int, _ bool) { g.op(add, 0, acc[0], acc[0]) }},
	{name: "sumSquares", does: "sets result = Σ (x[i]−m)²", rows: []row{x}, scalars: []string{"m"}, fold: add, turn: func(g *gen, acc []int, masked bool) {
		g.centre()
		if masked {
			g.zeroRest(0)
		}
		g.op("VFMADD231PS", 0, 0, acc[0])
	}},
	{name: "addSumSquares", does: "adds y to x and sets result = Σ x[i]²", rows: []row{{name: "x", load: true, store: true}, y}, fold: add, turn: func(g *gen, acc []int, _ bool) {
		g.op(add, 1, 0, 0)
		g.op("VFMADD231PS", 0, 0, acc[0])
	}},
	{name: "maximum", does: "sets result to the largest x[i], NaN if one is NaN", rows: []row{x}, start: math.Inf(-1), fold: "VMAXPS", turn: (*gen).maxTurn},
}

func (g *gen) reduction(r reduction) {
	g.kernel = kernel{name: r.name, rows: r.rows, unroll: 4}
	if r.exp {
		g.kernel.unroll, g.kernel.ways = 2, 2
	}
	g.Func(r.name+g.suffix, fmt.Sprintf("%s%s %s, i < n.", r.name, g.suffix, r.does), parameters(r.rows, r.scalars, "float32")...)
	g.describe(r.rows, r.scalars)
	g.Comment("%s, %s, %s and %s accumulators, which vectors take in turn.", g.r(accs[0]), g.r(accs[1]), g.r(accs[2]), g.r(accs[3]))
	g.loadScalars(r.scalars)
	if r.exp {
		g.newExp(true)
	}
	for _, acc := range accs {
		g.setF(r.start, acc)
	}
	if r.fold == "VMAXPS" {
		g.op("VXORPS", nanReg, nanReg, nanReg)
	}
	g.loop(func(vector int, masked bool, offset int) {
		g.kernel.body = func(g *gen) { r.turn(g, accs[vector:], masked) }
		g.turn(masked, offset)
	})
	g.Comment("The accumulators are folded into one, and that across its lanes.")
	g.op(r.fold, accs[1], accs[0], accs[0])
	g.op(r.fold, accs[3], accs[2], accs[2])
	g.op(r.fold, accs[2], accs[0], accs[0])
	g.acrossLanes(r.fold, accs[0], 0)
	if r.fold == "VMAXPS" {
		g.acrossLanes("VORPS", nanReg, 0)
		g.P("VORPS X%d, X%d, X%d", nanReg, accs[0], accs[0])
	}
	g.Arg("result", "AX")
	g.P("VMOVSS X%d, (AX)", accs[0])
	g.Return()
}

// acrossLanes folds a register into its lowest lane, halves first.
func (g *gen) acrossLanes(fold string, reg, scratch int) {
	if g.z() {
		g.P("VEXTRACTF64X4 $1, Z%d, Y%d", reg, scratch)
		g.P("%s Y%d, Y%d, Y%d", fold, scratch, reg, reg)
	}
	g.P("VEXTRACTF128 $1, Y%d, X%d", reg, scratch)
	g.P("%s X%d, X%d, X%d", fold, scratch, reg, reg)
	for _, order := range []int{0x0E, 0x01} {
		g.P("VPERMILPS $%d, X%d, X%d", order, reg, scratch)
		g.P("%s X%d, X%d, X%d", fold, scratch, reg, reg)
	}
}

// zeroRest clears the elements that are not there.
func (g *gen) zeroRest(reg int) {
	if g.z() {
		g.P("VMOVAPS.Z Z%d, K1, Z%d", reg, reg)
	} else {
		g.op("VANDPS", maskReg, reg, reg)
	}
}

func (g *gen) expTurn(acc []int, masked bool) {
	g.centre()
	g.expOf(0)
	if masked {
		g.zeroRest(0)
	}
	for v := range g.ways {
		g.P("VADDPS %s, %s, %s", g.r(way(0, v)), g.r(acc[v]), g.r(acc[v]))
	}
}

// nanReg collects all-ones where an element was NaN: VMAXPS forgets a NaN when the next number comes.
const nanReg = 12

func (g *gen) maxTurn(all []int, masked bool) {
	acc := all[0]
	switch {
	case g.z() && masked:
		g.P("VMAXPS Z0, Z%d, K1, Z%d", acc, acc)
	case masked:
		g.setF(math.Inf(-1), 1)
		g.P("VBLENDVPS Y%d, Y0, Y1, Y0", maskReg)
		g.op("VMAXPS", 0, acc, acc)
	default:
		g.op("VMAXPS", 0, acc, acc)
	}
	if g.z() {
		g.P("VCMPPS $3, Z0, Z0, K2")
		g.P("VMOVAPS Z0, K2, Z%d", nanReg)
		return
	}
	g.P("VCMPPS $3, Y0, Y0, Y1")
	g.op("VORPS", 1, nanReg, nanReg)
}

// index writes the number of the first element that equals a value, or −1.
func (g *gen) index() {
	g.kernel = kernel{rows: []row{x}}
	g.Func("index"+g.suffix, "index"+g.suffix+" sets result to the first i < n with x[i] = v, −1 if there is none.", parameters(g.kernel.rows, []string{"v"}, "int")...)
	g.Arg("x", stepped[0])
	g.Arg("n", "CX")
	g.Arg("v", "AX")
	g.P("VBROADCASTSS (AX), %s", g.r(1))
	g.P("MOVQ %s, R8", stepped[0])
	g.P("MOVQ $-1, R9")
	found, done := g.Label("found"), g.Label("done")
	g.loop(func(_ int, masked bool, _ int) {
		if masked {
			g.load(x, stepped[0], true, 0)
			g.equal(masked)
		} else {
			g.load(x, stepped[0], false, 0)
			g.equal(false)
		}
		g.P("TESTL AX, AX")
		g.P("JNZ %s", found)
	})
	g.P("JMP %s", done)
	g.Mark(found)
	g.P("BSFL AX, AX")
	g.P("SUBQ R8, %s", stepped[0])
	g.P("SHRQ $2, %s", stepped[0])
	g.P("LEAQ (AX)(%s*1), R9", stepped[0])
	g.Mark(done)
	g.Arg("result", "AX")
	g.P("MOVQ R9, (AX)")
	g.Return()
}

// equal leaves in AX the bits of the elements of register 0 that equal those of register 1.
func (g *gen) equal(masked bool) {
	switch {
	case g.z() && masked:
		g.P("VCMPPS $0, Z1, Z0, K1, K2")
		g.P("KMOVW K2, AX")
	case g.z():
		g.P("VCMPPS $0, Z1, Z0, K2")
		g.P("KMOVW K2, AX")
	default:
		g.P("VCMPPS $0, Y1, Y0, Y2")
		if masked {
			g.op("VANDPS", maskReg, 2, 2)
		}
		g.P("VMOVMSKPS Y2, AX")
	}
}

// rotatePairs turns n pairs, a multiple of 4. It is there in AVX2 only.
func (g *gen) rotatePairs() {
	if g.z() {
		return
	}
	g.Func("rotatePairs"+g.suffix, "rotatePairs"+g.suffix+" rotates the pairs (x[2i], x[2i+1]) by their angles, i < n, n a multiple of 4.", "x, cos, sin *float32", "n int")
	g.Arg("x", "DI")
	g.Arg("cos", "SI")
	g.Arg("sin", "DX")
	g.Arg("n", "CX")
	twice := g.Table("twice", 0, 0, 1, 1, 2, 2, 3, 3)
	g.P("VMOVDQU %s(SB), Y5", twice)
	loop := g.Label("loop")
	g.P("PCALIGN $32")
	g.Mark(loop)
	for i, base := range []string{"SI", "DX"} {
		g.P("VMOVUPS (%s), X%d", base, i)
		g.P("VPERMPS Y%d, Y5, Y%d", i, i)
	}
	g.P("VMOVUPS (DI), Y2")
	g.P("VPERMILPS $%d, Y2, Y3", 0xB1) // neighbours exchanged
	g.P("VMULPS Y0, Y2, Y2")
	g.P("VMULPS Y1, Y3, Y3")
	g.P("VADDSUBPS Y3, Y2, Y2")
	g.P("VMOVUPS Y2, (DI)")
	g.P("ADDQ $32, DI")
	g.P("ADDQ $16, SI")
	g.P("ADDQ $16, DX")
	g.P("SUBQ $4, CX")
	g.P("JNZ %s", loop)
	g.Return()
}
