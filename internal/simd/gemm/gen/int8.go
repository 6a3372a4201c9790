package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of 8-bit activations, with VPDPBUSD: unsigned codes of weights, four k of an output in a lane, by the signed
// codes of four activations in all lanes. Integer sums of a block start from minus the bias of the codes times the sum
// of activations.

// A block of activations in bytes, and in it the scale, minus the sums of its halves, and minus the sum of all.
const (
	int8Block  = 44
	int8Scale  = 32
	int8Halves = 36
	int8Sum    = 40
)

// weights is what a tile reads: codes of 8 bits, and for each 32 of them rows of float32, a scale and beside it
// minus 1.5·2²³ times that; then minima, or the same of the last 16 codes. Q8_0 is a panel as it is, with float16 scales.
type weights string

const (
	plain  weights = "Plain"
	minima weights = "Minima"
	halves weights = "Halves"
	q8     weights = "Q8_0"
)

// bytes returns the bytes of 32 k of an output.
func (w weights) bytes() int {
	switch w {
	case plain:
		return 32 + 8
	case q8:
		return 32 + 2
	case minima:
		return 32 + 12
	}
	return 32 + 16
}

// int8Tile is a tile of 8, 4 or 1 rows. That of 8 rows has its float32 sums in the outputs, not in registers; but with
// halves, which would go there twice as often, it is done as 4 rows and 4 more.
type int8Tile struct {
	w           weights
	rows, width int
	packed      int // rows of the tile of activations
}

func (t int8Tile) name() string {
	return fmt.Sprintf("int8Tile%dx%d%sAVX512VNNI", t.rows, t.width, t.w)
}

// Registers: integer sums, float32 sums, then weights and what else there is.
func (t int8Tile) vectors() int     { return t.width / 16 }
func (t int8Tile) sum(i, j int) int { return i*t.vectors() + j }
func (t int8Tile) integer(i, j int) string {
	return asmgen.Z.Reg(t.sum(i, j))
}
func (t int8Tile) float(i, j int) string {
	return asmgen.Z.Reg(t.rows*t.vectors() + t.sum(i, j))
}
func (t int8Tile) weight(j int) string  { return asmgen.Z.Reg(24 + j) }
func (t int8Tile) minimum(j int) string { return asmgen.Z.Reg(27 + j) }

const (
	biasLast = "Z29" // of the last 16 codes, where they are apart
	bias     = "Z31"
	operand  = "Z30"
)

// int8Kernels writes everything for 8-bit activations.
func int8Kernels(f *asmgen.File) {
	quantize512(f)
	int8Tiles(f)
	unitKernels(f, avx512)
}

// int8Tiles writes the tiles.
func int8Tiles(f *asmgen.File) {
	int8Tile{q8, 1, 48, 1}.write(f)
	for _, w := range []weights{plain, minima, halves} {
		for _, rows := range sumRows {
			for _, width := range []int{48, 32, 16} {
				sumTile{w, rows, width}.write(f)
			}
		}
	}
}

func (t int8Tile) write(f *asmgen.File) {
	doc := fmt.Sprintf("%s computes %d × %d outputs from blocks of 32 k.", t.name(), t.rows, t.width)
	f.Func(t.name(), doc, "blocks int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "next uintptr", "step, offset int")
	f.Comment("CX blocks left, SI activations, BX panel, DI outputs, DX bytes between their rows and R13 between three, R8 the fifth row,")
	f.Comment("R11 what to fetch and R12 how far apart; %s integer sums.", asmgen.Z.Regs(0, t.rows*t.vectors()))
	f.Arg("blocks", "CX")
	f.Arg("a", "SI")
	f.Arg("b", "BX")
	f.Arg("c", "DI")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (DX)(DX*2), R13")
	f.P("LEAQ (DI)(DX*4), R8")
	f.Arg("next", "R11")
	f.Arg("step", "R12")
	f.Arg("offset", "R9")
	f.Comment("The bias, a word for each half of a block.")
	switch t.w {
	case halves:
		f.P("VPBROADCASTD R9, %s", bias)
		f.P("SHLL $16, R9")
		f.P("VPBROADCASTD R9, %s", biasLast)
	case plain, q8:
		f.P("VPBROADCASTW R9, %s", bias)
	}
	twice := t.rows == 8 && t.w == halves
	if twice {
		t.rows = 4
		f.Comment("Loop over 4 rows, counted in R14.")
		f.P("MOVQ $2, R14")
		f.Mark("rows")
	}
	t.start(f)
	f.Mark("loop")
	t.block(f)
	f.P("ADDQ $%d, BX", t.width*t.w.bytes())
	f.P("ADDQ $%d, SI", t.packed*int8Block)
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f, twice)
	if twice {
		f.P("DECQ R14")
		f.P("JZ done")
		f.Arg("blocks", "CX")
		f.Arg("a", "SI")
		f.P("ADDQ $%d, SI", 4*int8Block)
		f.Arg("b", "BX")
		f.P("LEAQ (DI)(DX*4), DI")
		f.P("JMP rows")
		f.Mark("done")
	}
	f.Return()
}

// output addresses 16 outputs.
func (t int8Tile) output(i, j int) string { return t.at("DI", "R8", i, j) }

// at addresses 16 elements of row i, if the first row begins at base and the fifth at fifth.
func (t int8Tile) at(base, fifth string, i, j int) string {
	if i >= 4 {
		base = fifth
	}
	return fmt.Sprintf("%d(%s)%s", j*64, base, []string{"", "(DX*1)", "(DX*2)", "(R13*1)"}[i%4])
}

// memory tells whether float32 sums are in memory.
func (t int8Tile) memory() bool { return t.rows == 8 }

// each calls do for each row and vector.
func (t int8Tile) each(do func(i, j int)) {
	for i := range t.rows {
		for j := range t.vectors() {
			do(i, j)
		}
	}
}

// start sets the float32 sums to zero or, to continue chains, to the outputs.
func (t int8Tile) start(f *asmgen.File) {
	f.Comment("Sums start at zero or, to continue chains, at the outputs.")
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	if t.memory() {
		f.P("JNE start")
		f.P("VPXORD Z0, Z0, Z0")
		t.each(func(i, j int) { f.P("VMOVUPS Z0, %s", t.output(i, j)) })
		f.Mark("start")
		return
	}
	f.P("JNE chain")
	t.each(func(i, j int) {
		f.P("PREFETCHT0 %s", t.output(i, j))
		f.P("VPXORD %s, %s, %s", t.float(i, j), t.float(i, j), t.float(i, j))
	})
	f.P("JMP start")
	f.Mark("chain")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.output(i, j), t.float(i, j)) })
	f.Mark("start")
}

// block adds a block.
func (t int8Tile) block(f *asmgen.File) {
	if t.w == halves {
		t.integers(f, bias)
		t.dots(f, 0, 4)
		t.scales(f, t.width*32)
		t.fold(f)
		t.integers(f, biasLast)
		t.dots(f, 4, 8)
		t.scales(f, t.width*36)
		t.fold(f)
		return
	}
	t.integers(f, bias)
	t.dots(f, 0, 8)
	t.scales(f, t.width*32)
	t.fold(f)
}

// integers starts the integer sums.
func (t int8Tile) integers(f *asmgen.File, bias string) {
	for i := range t.rows {
		first := t.integer(i, 0)
		if t.w != minima {
			f.P("VPBROADCASTD %d(SI), %s", i*int8Block+int8Halves, first)
			f.P("VPMADDWD %s, %s, %s", bias, first, first)
		}
		for j := range t.vectors() {
			switch {
			case t.w == minima:
				f.P("VPXORD %s, %s, %s", t.integer(i, j), t.integer(i, j), t.integer(i, j))
			case j > 0:
				f.P("VMOVDQA64 %s, %s", first, t.integer(i, j))
			}
		}
	}
}

// ahead is how far ahead of what it reads, in bytes, a tile fetches a panel.
const ahead = 1024

// dots adds the products of codes 4·from…4·to-1.
func (t int8Tile) dots(f *asmgen.File, from, to int) {
	for k := from; k < to; k++ {
		for j := range t.vectors() {
			at := (k*t.vectors() + j) * 64
			switch {
			case t.w == q8 && t.rows == 1:
				fetchTwice(f, at)
			case t.w == q8:
				f.P("PREFETCHT0 %d(BX)", at+ahead)
			}
			f.P("VMOVDQU64 %d(BX), %s", at, t.weight(j))
		}
		if t.packed == 8 && k%2 == 1 {
			f.P("PREFETCHT1 (R11)")
			f.P("ADDQ R12, R11")
		}
		for i := range t.rows {
			x := fmt.Sprintf("%d(SI)", i*int8Block+4*k)
			if t.vectors() == 1 {
				f.P("VPDPBUSD.BCST %s, %s, %s", x, t.weight(0), t.integer(i, 0))
				continue
			}
			f.P("VPBROADCASTD %s, %s", x, operand)
			for j := range t.vectors() {
				f.P("VPDPBUSD %s, %s, %s", operand, t.weight(j), t.integer(i, j))
			}
		}
	}
}

// scales loads the scales of a block, and its minima.
func (t int8Tile) scales(f *asmgen.File, at int) {
	if t.w == q8 && t.rows == 1 {
		for line := at; line < at+2*t.width; line += 64 {
			fetchTwice(f, line)
		}
	}
	for j := range t.vectors() {
		if t.w == q8 {
			f.P("VCVTPH2PS %d(BX), %s", at+j*32, t.weight(j))
			continue
		}
		f.P("VMOVUPS %d(BX), %s", at+j*64, t.weight(j))
		if t.w == minima {
			f.P("VMOVUPS %d(BX), %s", at+t.width*4+j*64, t.minimum(j))
		}
	}
}

// fold adds the integer sums, scaled, to the float32 sums.
func (t int8Tile) fold(f *asmgen.File) {
	for i := range t.rows {
		if t.memory() {
			f.P("VBROADCASTSS %d(SI), %s", i*int8Block+int8Scale, operand)
		}
		for j := range t.vectors() {
			u := t.integer(i, j)
			f.P("VCVTDQ2PS %s, %s", u, u)
			f.P("VMULPS %s, %s, %s", t.weight(j), u, u)
			if t.w == minima {
				f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Sum, t.minimum(j), u)
			}
			if t.memory() {
				f.P("VFMADD213PS %s, %s, %s", t.output(i, j), operand, u)
				f.P("VMOVUPS %s, %s", u, t.output(i, j))
			} else {
				f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Scale, u, t.float(i, j))
			}
		}
	}
}

// end adds the bias and then what else is to be added, where there is any, and stores the outputs.
func (t int8Tile) end(f *asmgen.File, twice bool) {
	f.Comment("The bias and what else is added, if there is any; then the outputs.")
	sum := t.float
	f.Arg("bias", "R9")
	f.Arg("add", "R10")
	if t.memory() {
		sum = t.integer
		f.P("MOVQ R9, CX")
		f.P("ORQ R10, CX")
		f.P("JZ done")
		t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.output(i, j), sum(i, j)) })
	}
	f.P("TESTQ R9, R9")
	f.P("JZ plain")
	t.each(func(i, j int) { f.P("VADDPS %d(R9), %s, %s", j*64, sum(i, j), sum(i, j)) })
	f.Mark("plain")
	f.P("TESTQ R10, R10")
	f.P("JZ added")
	if twice {
		f.P("ADDQ DI, R10")
		f.P("SUBQ %s, R10", f.ArgAt("c"))
	}
	f.P("LEAQ (R10)(DX*4), R9")
	t.each(func(i, j int) { f.P("VADDPS %s, %s, %s", t.at("R10", "R9", i, j), sum(i, j), sum(i, j)) })
	f.Mark("added")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", sum(i, j), t.output(i, j)) })
	if t.memory() {
		f.Mark("done")
	}
}
