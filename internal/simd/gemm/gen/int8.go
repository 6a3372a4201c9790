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

// weights is what a tile reads: codes of 8 bits, and float32 scales, with minima or with scales of the last 16 of 32
// codes. Q8_0 is a panel as it is, with float16 scales.
type weights string

const (
	plain  weights = "Plain"
	minima weights = "Minima"
	halves weights = "Halves"
	q8     weights = "Q8_0"
)

var allWeights = []weights{plain, minima, halves, q8}

// bytes returns the bytes of 32 k of an output.
func (w weights) bytes() int {
	switch w {
	case plain:
		return 32 + 4
	case q8:
		return 32 + 2
	}
	return 32 + 8
}

// int8Tile is a tile of one row, or of 4 rows done as often as there are rows.
type int8Tile struct {
	w           weights
	rows, width int
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
	unitKernels(f)
}

// int8Tiles writes the tiles.
func int8Tiles(f *asmgen.File) {
	for _, w := range allWeights {
		for _, rows := range []int{4, 1} {
			for _, width := range []int{48, 32, 16} {
				int8Tile{w, rows, width}.write(f)
			}
		}
	}
}

func (t int8Tile) write(f *asmgen.File) {
	doc := fmt.Sprintf("%s computes %d × %d outputs from blocks of 32 k.", t.name(), t.rows, t.width)
	params := []string{"blocks int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "next uintptr", "step, offset int"}
	if t.rows > 1 {
		doc = fmt.Sprintf("%s computes times %d × %d outputs from blocks of 32 k.", t.name(), t.rows, t.width)
		params = append(params, "times int")
	}
	f.Func(t.name(), doc, params...)
	f.Comment("R8 blocks, SI activations and R10 bytes between their blocks, BX panel, DI outputs, DX bytes between their rows,")
	f.Comment("R11 what to fetch and R12 how far apart; %s integer sums, %s float32 sums.", asmgen.Z.Regs(0, t.rows*t.vectors()), asmgen.Z.Regs(t.rows*t.vectors(), t.rows*t.vectors()))
	f.Arg("blocks", "R8")
	f.Arg("a", "SI")
	f.Arg("b", "BX")
	f.Arg("c", "DI")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
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
	if t.rows > 1 {
		f.Comment("Loop over 4 rows, counted in R13.")
		f.Arg("times", "R13")
		f.P("IMUL3Q $%d, R13, R10", t.rows*int8Block)
		f.P("MOVQ SI, R14")
		f.P("MOVQ BX, R15")
		f.Mark("rows")
	}
	t.start(f)
	f.P("MOVQ R8, CX")
	f.Mark("loop")
	t.block(f)
	f.P("ADDQ $%d, BX", t.width*t.w.bytes())
	if t.rows > 1 {
		f.P("ADDQ R10, SI")
	} else {
		f.P("ADDQ $%d, SI", int8Block)
	}
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f)
	if t.rows > 1 {
		f.P("ADDQ $%d, R14", t.rows*int8Block)
		f.P("MOVQ R14, SI")
		f.P("MOVQ R15, BX")
		f.P("DECQ R13")
		f.P("JNZ rows")
	}
	f.Return()
}

// start sets the float32 sums to zero or, to continue chains, to the outputs.
func (t int8Tile) start(f *asmgen.File) {
	f.Comment("Sums start at zero or, to continue chains, at the outputs.")
	f.P("MOVQ DI, R9")
	for i := range t.rows {
		for j := range t.vectors() {
			f.P("PREFETCHT0 %d(R9)", j*64)
			f.P("VPXORD %s, %s, %s", t.float(i, j), t.float(i, j), t.float(i, j))
		}
		f.P("ADDQ DX, R9")
	}
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JE start")
	f.P("MOVQ DI, R9")
	for i := range t.rows {
		for j := range t.vectors() {
			f.P("VMOVUPS %d(R9), %s", j*64, t.float(i, j))
		}
		f.P("ADDQ DX, R9")
	}
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
			if t.w == q8 {
				f.P("PREFETCHT0 %d(BX)", at+ahead*max(1, 4/t.rows))
			}
			f.P("VMOVDQU64 %d(BX), %s", at, t.weight(j))
		}
		if t.rows > 1 && k%2 == 1 {
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
		for j := range t.vectors() {
			u := t.integer(i, j)
			f.P("VCVTDQ2PS %s, %s", u, u)
			f.P("VMULPS %s, %s, %s", t.weight(j), u, u)
			if t.w == minima {
				f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Sum, t.minimum(j), u)
			}
			f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Scale, u, t.float(i, j))
		}
	}
}

// end adds the bias and then what else is to be added, where there is any, and stores the outputs.
func (t int8Tile) end(f *asmgen.File) {
	f.Comment("The bias and what else is added, if there is any; then the outputs.")
	f.Arg("bias", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ plain")
	for i := range t.rows {
		for j := range t.vectors() {
			f.P("VADDPS %d(R9), %s, %s", j*64, t.float(i, j), t.float(i, j))
		}
	}
	f.Mark("plain")
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ added")
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	for i := range t.rows {
		for j := range t.vectors() {
			f.P("VADDPS %d(R9), %s, %s", j*64, t.float(i, j), t.float(i, j))
		}
		f.P("ADDQ DX, R9")
	}
	f.Mark("added")
	for i := range t.rows {
		for j := range t.vectors() {
			f.P("VMOVUPS %s, %d(DI)", t.float(i, j), j*64)
		}
		f.P("ADDQ DX, DI")
	}
}
