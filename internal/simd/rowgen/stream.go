package main

import (
	"fmt"
	"math"
	"strings"
)

// A kernel goes through some rows in step: it loads a vector from some, computes, and stores to some.
type kernel struct {
	name    string
	does    string // what it computes, as the end of a sentence
	rows    []row
	scalars []string // float32 arguments, passed as pointers, kept in the registers scalar(0), …
	unroll  int      // turns in the loop, one after the other; 0 is 1
	ways    int      // vectors in a turn of the loop, computed together; 0 is 1
	exp     bool     // the body uses exp or tanh
	wholeY  bool     // the AVX2 kernel leaves elements after the last whole vector to its caller
	// portable is the call of the same in Go, if that is not name+"Portable" with the kernel's own arguments.
	portable string
	body     func(g *gen)
}

// A row is an argument that points to float32 or, if it has a conversion, to uint16.
type row struct {
	name        string
	reg         int // loaded to and stored from
	load, store bool
	half        string // the instruction that loads or stores 16-bit elements
	ahead       bool   // prefetch it
}

// stepped are the general registers that walk the rows, in order.
var stepped = []string{"DI", "SI", "DX", "BX"}

const (
	maskReg   = stride // the mask of the last vector's elements, in AVX2
	maskTable = "masks"
)

// maskWords are such that a vector read n words before their middle has n elements set.
func maskWords() []uint32 {
	words := make([]uint32, 16)
	for i := range 8 {
		words[i] = math.MaxUint32
	}
	return words
}

// scalar returns the register of a kernel's scalar argument.
func (g *gen) scalar(i int) int {
	if g.z() {
		return 31 - i
	}
	return 15 - i
}

// stream writes a kernel.
func (g *gen) stream(k kernel) {
	g.kernel = k
	doc := fmt.Sprintf("%s%s %s, i < n.", k.name, g.suffix, k.does)
	if k.wholeY && !g.z() {
		doc = strings.TrimSuffix(doc, ".") + ", n a multiple of 8."
	}
	g.Func(k.name+g.suffix, doc, parameters(k.rows, k.scalars, "")...)
	g.describe(k.rows, k.scalars)
	g.loadScalars(k.scalars)
	if k.exp {
		g.newExp(false)
	}
	g.loop(func(_ int, masked bool, offset int) { g.turn(masked, offset) })
	g.Return()
}

// describe says in comments what registers hold, and loads the arguments that walk.
func (g *gen) describe(rows []row, scalars []string) {
	var pointers, vectors []string
	for i, r := range rows {
		pointers = append(pointers, stepped[i]+" "+r.name)
		if r.load {
			vectors = append(vectors, g.r(r.reg)+" "+r.name)
		}
	}
	for i, name := range scalars {
		vectors = append(vectors, g.r(g.scalar(i))+" "+name)
	}
	g.Comment("%s, CX elements left; %s.", strings.Join(pointers, ", "), strings.Join(vectors, ", "))
	for i, r := range rows {
		g.Arg(r.name, stepped[i])
	}
	g.Arg("n", "CX")
}

func (g *gen) loadScalars(names []string) {
	for i, s := range names {
		g.Arg(s, "AX")
		g.P("VBROADCASTSS (AX), %s", g.r(g.scalar(i)))
	}
}

// newExp keeps exp's constants in registers where there are enough.
func (g *gen) newExp(nonPositive bool) {
	first := -1
	if g.z() {
		first = 16
	}
	g.exp = g.NewExp(g.w, first)
	g.exp.NonPositive = nonPositive
	g.exp.Load()
}

// loop emits turns over CX elements, the rows of g.kernel: several vectors at a time, single ones, and
// one masked for what is left. The turn gets the number of its first vector and that as an offset in elements.
func (g *gen) loop(turn func(vector int, masked bool, offset int)) {
	lanes, ways := g.w.Lanes(), max(g.kernel.ways, 1)
	if all := max(g.kernel.unroll, 1) * ways; all > 1 {
		g.whole(all*lanes, func() {
			g.ways = ways
			for v := 0; v < all; v += ways {
				turn(v, false, v*lanes)
			}
			g.ways = 1
		})
	}
	g.whole(lanes, func() { turn(0, false, 0) })
	if g.kernel.wholeY && !g.z() {
		return
	}
	done := g.Label("done")
	g.Comment("What is left, masked.")
	g.P("TESTQ CX, CX")
	g.P("JZ %s", done)
	g.setMask()
	turn(0, true, 0)
	g.Mark(done)
}

// whole emits a loop over n elements at a time, leaving CX at what remains.
func (g *gen) whole(n int, turns func()) {
	loop, end := g.Label("loop"), g.Label("end")
	g.Comment("Loop over elements, %d at a time.", n)
	g.P("SUBQ $%d, CX", n)
	g.P("JLT %s", end)
	g.P("PCALIGN $32")
	g.Mark(loop)
	turns()
	for i, r := range g.kernel.rows {
		if r.ahead && n > g.w.Lanes() {
			g.P("PREFETCHT0 1024(%s)", stepped[i])
		}
		g.P("ADDQ $%d, %s", n*r.size(), stepped[i])
	}
	g.P("SUBQ $%d, CX", n)
	g.P("JGE %s", loop)
	g.Mark(end)
	g.P("ADDQ $%d, CX", n)
}

// setMask makes the mask of the first CX elements: K1 or maskReg.
func (g *gen) setMask() {
	if g.z() {
		g.P("MOVL $1, AX")
		g.P("SHLL CX, AX")
		g.P("DECL AX")
		g.P("KMOVW AX, K1")
		return
	}
	g.masks = true
	g.P("LEAQ %s<>+32(SB), AX", maskTable)
	g.P("SHLQ $2, CX")
	g.P("SUBQ CX, AX")
	g.P("VMOVUPS (AX), %s", g.r(maskReg))
}

func (r row) size() int {
	if r.half != "" {
		return 2
	}
	return 4
}

// turn emits the loads, body and stores of one vector.
func (g *gen) turn(masked bool, offset int) {
	for i, r := range g.kernel.rows {
		if r.load {
			g.load(r, stepped[i], masked, offset)
		}
	}
	g.kernel.body(g)
	for i, r := range g.kernel.rows {
		if r.store {
			g.store(r, stepped[i], masked, offset)
		}
	}
}

func (g *gen) load(r row, base string, masked bool, offset int) {
	op := "VMOVUPS"
	if r.half != "" {
		op = r.half
	}
	for v := range g.ways {
		at, reg := g.address(r, base, offset, v), g.r(way(r.reg, v))
		switch {
		case !masked:
			g.P("%s %s, %s", op, at, reg)
		case g.z():
			g.P("%s.Z %s, K1, %s", op, at, reg)
		default:
			g.P("VMASKMOVPS %s, %s, %s", at, g.r(maskReg), reg)
		}
	}
}

func (g *gen) store(r row, base string, masked bool, offset int) {
	op := "VMOVUPS"
	if r.half != "" {
		op = r.half
	}
	for v := range g.ways {
		at, reg := g.address(r, base, offset, v), g.r(way(r.reg, v))
		switch {
		case op == "VPMOVDW" && !g.z(): // the body has packed it
			g.P("VMOVDQU X%d, %s", way(r.reg, v), at)
		case !masked:
			g.P("%s %s, %s", op, reg, at)
		case g.z():
			g.P("%s %s, K1, %s", op, reg, at)
		default:
			g.P("VMASKMOVPS %s, %s, %s", reg, g.r(maskReg), at)
		}
	}
}

// address returns the operand of vector v of a turn.
func (g *gen) address(r row, base string, offset, v int) string {
	return fmt.Sprintf("%d(%s)", (offset+v*g.w.Lanes())*r.size(), base)
}
