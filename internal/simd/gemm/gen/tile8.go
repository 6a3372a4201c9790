package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of 8-bit activations with VPDPBUSD of 512 bits, on expanded panels. Integer sums are made in the mantissa of a
// float32: they start from the bits of 1.5·2²³, so that of u·scale, where u is a sum, is one fused operation: (1.5·2²³ + u)·scale −
// 1.5·2²³·scale. All of that is exact but for its last rounding. Panels have the second product beside the scale.

// sumTile is a tile of 4 rows, done as often as there are, or of 1. Float32 sums are in registers.
type sumTile struct {
	w           weights
	rows, width int
}

var sumRows = []int{4, 1}

func (t sumTile) name() string { return fmt.Sprintf("int8Tile%dx%d%sAVX512VNNI", t.rows, t.width, t.w) }

// Registers: integer sums, float32 sums, scales or codes, minima, then what else there is.
func (t sumTile) vectors() int            { return t.width / 16 }
func (t sumTile) integer(i, j int) string { return asmgen.Z.Reg(i*t.vectors() + j) }
func (t sumTile) float(i, j int) string   { return asmgen.Z.Reg((t.rows+i)*t.vectors() + j) }
func (t sumTile) weight(j int) string     { return asmgen.Z.Reg(24 + j) }
func (t sumTile) minimum(j int) string    { return asmgen.Z.Reg(27 + j) }
func (t sumTile) output(base string, i, j int) string {
	return fmt.Sprintf("%d(%s)%s", j*64, base, []string{"", "(DX*1)", "(DX*2)", "(R13*1)"}[i])
}

const (
	sumOperand  = "Z30"
	sumMagic    = "Z31"
	sumBias     = "Z29"
	sumBiasLast = "Z28"
)

// biased tells whether codes have a bias, which those with minima do not.
func (w weights) biased() bool { return w == plain || w == halves }

func (t sumTile) each(do func(i, j int)) {
	for i := range t.rows {
		for j := range t.vectors() {
			do(i, j)
		}
	}
}

func (t sumTile) write(f *asmgen.File) {
	f.Func(t.name(), fmt.Sprintf("%s computes times %d × %d outputs from blocks of 32 k.", t.name(), t.rows, t.width),
		"blocks int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "next uintptr", "step, offset, times int")
	f.Comment("CX blocks left, SI activations and R8 bytes between their blocks, BX panel, DI outputs, DX bytes between their rows and R13 between")
	f.Comment("three, R14 rows left, R11 what to fetch and R12 how far apart; %s integer sums.", asmgen.Z.Regs(0, t.rows*t.vectors()))
	f.Arg("c", "DI")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (DX)(DX*2), R13")
	f.Arg("next", "R11")
	f.Arg("step", "R12")
	f.Arg("times", "R14")
	f.P("IMUL3Q $%d, R14, R8", t.rows*int8Block)
	f.P("MOVL $0x4b400000, R9")
	f.P("VPBROADCASTD R9, %s", sumMagic)
	if t.w.biased() {
		f.Comment("The bias, a word for each half of a block.")
		f.Arg("offset", "R9")
		if t.w == plain {
			f.P("VPBROADCASTW R9, %s", sumBias)
		} else {
			f.P("VPBROADCASTD R9, %s", sumBias)
			f.P("SHLL $16, R9")
			f.P("VPBROADCASTD R9, %s", sumBiasLast)
		}
	}
	f.Arg("a", "R15")
	f.Mark("rows")
	f.P("MOVQ R15, SI")
	f.Arg("b", "BX")
	f.Arg("blocks", "CX")
	t.start(f)
	f.Mark("loop")
	if t.w.inHalves() {
		t.block(f, 0, 4, 32, sumBias)
		t.block(f, 4, 8, 32+(t.w.bytes()-32)/2, sumBiasLast)
	} else {
		t.block(f, 0, 8, 32, sumBias)
	}
	f.P("ADDQ $%d, BX", t.width*t.w.bytes())
	f.P("ADDQ R8, SI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f)
	f.P("LEAQ (DI)(DX*%d), DI", t.rows)
	f.P("ADDQ $%d, R15", t.rows*int8Block)
	f.P("DECQ R14")
	f.P("JNZ rows")
	f.Return()
}

// start sets the float32 sums to zero or, to continue chains, to the outputs.
func (t sumTile) start(f *asmgen.File) {
	f.Comment("Sums start at zero or, to continue chains, at the outputs.")
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE chain")
	t.each(func(i, j int) {
		f.P("PREFETCHT0 %s", t.output("DI", i, j))
		f.P("VPXORD %s, %s, %s", t.float(i, j), t.float(i, j), t.float(i, j))
	})
	f.P("JMP loop")
	f.Mark("chain")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.output("DI", i, j), t.float(i, j)) })
}

// block adds the products of codes 4·from…4·to-1, which the rows from byte at of an output on scale.
func (t sumTile) block(f *asmgen.File, from, to, at int, bias string) {
	for i := range t.rows {
		first := t.integer(i, 0)
		f.P("VMOVDQA64 %s, %s", sumMagic, first)
		if t.w.biased() {
			f.P("VPDPWSSD.BCST %d(SI), %s, %s", i*int8Block+int8Halves, bias, first)
		}
		for j := 1; j < t.vectors(); j++ {
			f.P("VMOVDQA64 %s, %s", first, t.integer(i, j))
		}
	}
	for k := from; k < to; k++ {
		for j := range t.vectors() {
			f.P("VMOVDQU64 %d(BX), %s", (k*t.vectors()+j)*64, t.weight(j))
		}
		if t.rows == 4 && k%4 == 3 {
			f.P("PREFETCHT1 (R11)")
			f.P("ADDQ R12, R11")
		}
		for i := range t.rows {
			x := fmt.Sprintf("%d(SI)", i*int8Block+4*k)
			if t.vectors() == 1 {
				f.P("VPDPBUSD.BCST %s, %s, %s", x, t.weight(0), t.integer(i, 0))
				continue
			}
			f.P("VPBROADCASTD %s, %s", x, sumOperand)
			for j := range t.vectors() {
				f.P("VPDPBUSD %s, %s, %s", sumOperand, t.weight(j), t.integer(i, j))
			}
		}
	}
	t.fold(f, from, at)
}

// fold adds the integer sums, scaled, to the float32 sums.
func (t sumTile) fold(f *asmgen.File, from, at int) {
	row := func(n, j int) string { return fmt.Sprintf("%d(BX)", (at+4*n)*t.width+j*64) }
	for j := range t.vectors() {
		f.P("VMOVUPS %s, %s", row(0, j), t.weight(j))
		if t.w.withMinima() {
			f.P("VMOVUPS %s, %s", row(2, j), t.minimum(j))
		}
	}
	for i := range t.rows {
		if t.w == quarters {
			f.P("VPBROADCASTD %d(SI), %s", i*int8Block+int8Halves, sumOperand)
			halfSum(f, from, sumOperand)
		}
		for j := range t.vectors() {
			u := t.integer(i, j)
			f.P("VFMADD213PS %s, %s, %s", row(1, j), t.weight(j), u)
			switch t.w {
			case minima:
				f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Sum, t.minimum(j), u)
			case quarters:
				f.P("VFMADD231PS %s, %s, %s", sumOperand, t.minimum(j), u)
			}
			f.P("VFMADD231PS.BCST %d(SI), %s, %s", i*int8Block+int8Scale, u, t.float(i, j))
		}
	}
}

// halfSum makes float32 of a half of words, the lower or, if from is not 0, the upper.
func halfSum(f *asmgen.File, from int, reg string) {
	if from == 0 {
		f.P("VPSLLD $16, %s, %s", reg, reg)
	}
	f.P("VPSRAD $16, %s, %s", reg, reg)
	f.P("VCVTDQ2PS %s, %s", reg, reg)
}

// end adds the bias and then what else is to be added, where there is any, and stores the outputs.
func (t sumTile) end(f *asmgen.File) {
	f.Comment("The bias and what else is added, if there is any; then the outputs.")
	f.Arg("bias", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ plain")
	t.each(func(i, j int) { f.P("VADDPS %d(R9), %s, %s", j*64, t.float(i, j), t.float(i, j)) })
	f.Mark("plain")
	f.Arg("add", "R10")
	f.P("TESTQ R10, R10")
	f.P("JZ added")
	f.P("ADDQ DI, R10")
	f.P("SUBQ %s, R10", f.ArgAt("c"))
	t.each(func(i, j int) { f.P("VADDPS %s, %s, %s", t.output("R10", i, j), t.float(i, j), t.float(i, j)) })
	f.Mark("added")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.float(i, j), t.output("DI", i, j)) })
}
