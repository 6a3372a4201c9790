package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of 8-bit rows with vectors of 256 bits, 16 outputs at a time.

// rowsDots is how products of codes are added.
type rowsDot string

const (
	rowsVNNI  rowsDot = "AVXVNNI"   // VPDPBUSD
	rowsSeven rowsDot = "SevenAVX2" // unsigned codes of 7 bits: two products fit in 16 bits
	rowsWide  rowsDot = "WideAVX2"  // codes and activations as 16 bits, two k of 16 outputs and then the next two
)

var rowsDots = []rowsDot{rowsVNNI, rowsSeven, rowsWide}

func (d rowsDot) set() string { return "rows" + string(d) }

type rowsTile256 struct {
	d    rowsDot
	rows int // 4, done as often as there are rows, or 1
}

func (t rowsTile256) name() string { return fmt.Sprintf("rowsTile%d%s", t.rows, t.d) }

func (t rowsTile256) sum(i, j int) string { return asmgen.Y.Reg(2*i + j) }

func (t rowsTile256) each(do func(i, j int)) { int8Tile256{rows: t.rows}.each(do) }

// size is the bytes of a code.
func (t rowsTile256) size() int {
	if t.d == rowsWide {
		return 2
	}
	return 1
}

func rowsKernels256(f *asmgen.File) {
	f.Table("rowsWords", 0x00010001, 0x00010001, 0x00010001, 0x00010001, 0x00010001, 0x00010001, 0x00010001, 0x00010001)
	quantizeRows256(f)
	widenRows256(f)
	for _, d := range rowsDots {
		rowsTile256{d, 4}.write(f)
		rowsTile256{d, 1}.write(f)
	}
}

func (t rowsTile256) row(base string, i, at int) string {
	return fmt.Sprintf("%d(%s)%s", at, base, []string{"", "(R8*1)", "(R8*2)", "(R9*1)"}[i])
}

func (t rowsTile256) output(base string, i, j int) string {
	return fmt.Sprintf("%d(%s)%s", j*32, base, []string{"", "(DX*1)", "(DX*2)", "(R13*1)"}[i])
}

func (t rowsTile256) write(f *asmgen.File) {
	f.Func(t.name(), fmt.Sprintf("%s computes times %d × width outputs from rows of n times 4 codes.", t.name(), t.rows),
		"n int", "a *float32", "pitch int", "b unsafe.Pointer", "c *float32", "ldc int", "bias, add *float32", "shift, times, width int")
	f.Comment("CX words left; SI activations, R8 bytes between their rows and R9 between three; BX panel and R10 bytes between its rows;")
	f.Comment("DI outputs, DX bytes between their rows and R13 between three; R12 columns and R14 rows left, R15 bytes of columns done.")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (DX)(DX*2), R13")
	f.Arg("pitch", "R8")
	f.P("LEAQ (R8)(R8*2), R9")
	f.Arg("width", "R12")
	f.P("LEAQ (R12*4), R10")
	f.P("SHRQ $4, R12")
	f.P("XORQ R15, R15")
	f.P("VMOVQ %s, X15", f.ArgAt("shift"))
	if t.d == rowsSeven {
		f.P("VMOVDQU rowsWords<>+0(SB), Y14")
	}
	f.Mark("columns")
	f.Arg("a", "R11")
	f.Arg("c", "DI")
	f.P("ADDQ R15, DI")
	f.Arg("times", "R14")
	f.Mark("rows")
	f.P("MOVQ R11, SI")
	f.Arg("n", "CX")
	f.P("LEAQ (SI)(CX*%d), AX", 4*t.size()) // what follows the codes
	f.Arg("b", "BX")
	f.P("ADDQ R15, BX")
	f.P("IMULQ R10, CX")
	if t.d == rowsWide {
		f.P("SHLQ $1, CX")
	}
	f.P("ADDQ CX, BX")
	f.P("VMOVDQU (BX)(R10*1), Y8")
	f.P("VMOVDQU 32(BX)(R10*1), Y9")
	for i := range t.rows {
		f.P("VPBROADCASTD %s, Y10", t.row("AX", i, rowsSum))
		f.P("VPSLLD X15, Y10, Y10")
		f.P("VPBROADCASTD %s, Y11", t.row("AX", i, rowsZero))
		for j := range 2 {
			f.P("VPMADDWD Y%d, Y11, Y%d", 8+j, 12)
			f.P("VPADDD Y12, Y10, %s", t.sum(i, j))
		}
	}
	f.P("SUBQ CX, BX")
	f.Arg("n", "CX")
	f.Mark("loop")
	t.dots(f)
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f)
	f.P("LEAQ (DI)(DX*%d), DI", t.rows)
	f.P("LEAQ (R11)(R8*%d), R11", t.rows)
	f.P("DECQ R14")
	f.P("JNZ rows")
	f.P("ADDQ $64, R15")
	f.P("DECQ R12")
	f.P("JNZ columns")
	f.Return()
}

// dots adds the products of four k.
func (t rowsTile256) dots(f *asmgen.File) {
	load := func() {
		f.P("VMOVDQU (BX), Y8")
		f.P("VMOVDQU 32(BX), Y9")
		f.P("ADDQ R10, BX")
	}
	operand := func(i int) string { return asmgen.Y.Reg(10 + i%2) }
	switch t.d {
	case rowsVNNI:
		load()
		for i := range t.rows {
			f.P("VPBROADCASTD %s, %s", t.row("SI", i, 0), operand(i))
			for j := range 2 {
				dotVNNI(f, 10+i%2, 8+j, 2*i+j)
			}
		}
	case rowsSeven:
		load()
		for i := range t.rows {
			f.P("VPBROADCASTD %s, %s", t.row("SI", i, 0), operand(i))
			for j := range 2 {
				f.P("VPMADDUBSW %s, Y%d, Y%d", operand(i), 8+j, 12+j)
				f.P("VPMADDWD Y14, Y%d, Y%d", 12+j, 12+j)
				f.P("VPADDD Y%d, %s, %s", 12+j, t.sum(i, j), t.sum(i, j))
			}
		}
	case rowsWide:
		for half := range 2 {
			load()
			for i := range t.rows {
				f.P("VPBROADCASTD %s, %s", t.row("SI", i, 4*half), operand(i))
				for j := range 2 {
					f.P("VPMADDWD Y%d, %s, Y%d", 8+j, operand(i), 12+j)
					f.P("VPADDD Y%d, %s, %s", 12+j, t.sum(i, j), t.sum(i, j))
				}
			}
		}
	}
	f.P("ADDQ $%d, SI", 4*t.size())
}

// end scales the sums, adds what is to be added, and stores the outputs.
func (t rowsTile256) end(f *asmgen.File) {
	f.P("VMOVUPS (BX), Y8")
	f.P("VMOVUPS 32(BX), Y9")
	for i := range t.rows {
		f.P("VBROADCASTSS %s, Y10", t.row("SI", i, rowsScale))
		for j := range 2 {
			s := t.sum(i, j)
			f.P("VCVTDQ2PS %s, %s", s, s)
			f.P("VMULPS Y%d, %s, %s", 8+j, s, s)
			f.P("VMULPS Y10, %s, %s", s, s)
		}
	}
	f.Arg("bias", "AX")
	f.P("TESTQ AX, AX")
	f.P("JZ plain")
	for j := range 2 {
		f.P("VMOVUPS %d(AX)(R15*1), Y%d", j*32, 8+j)
	}
	t.each(func(i, j int) { f.P("VADDPS Y%d, %s, %s", 8+j, t.sum(i, j), t.sum(i, j)) })
	f.Mark("plain")
	f.Arg("add", "AX")
	f.P("TESTQ AX, AX")
	f.P("JZ added")
	f.P("ADDQ DI, AX")
	f.P("SUBQ %s, AX", f.ArgAt("c"))
	t.each(func(i, j int) { f.P("VADDPS %s, %s, %s", t.output("AX", i, j), t.sum(i, j), t.sum(i, j)) })
	f.Mark("added")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.sum(i, j), t.output("DI", i, j)) })
}

// widenRows256 writes what makes panels and activations of 16 bits.
func widenRows256(f *asmgen.File) {
	const none = 0x80
	words := func(first uint32) []uint32 {
		var w []uint32
		for range 2 {
			for i := range uint32(4) {
				at := 4*i + first
				w = append(w, at|none<<8|(at+1)<<16|none<<24)
			}
		}
		return w
	}
	f.Table("widenWords", append(words(0), words(2)...)...)
	f.Func("widenPanelAVX2", "widenPanelAVX2 makes n rows of width words of 4 codes twice as many, with codes of 16 bits: the first two of each word, and then\n"+
		"the last two. width is a multiple of 16.", "n, width int", "dst *float32", "src unsafe.Pointer")
	f.Arg("n", "CX")
	f.Arg("width", "R10")
	f.P("SHLQ $2, R10")
	f.Arg("dst", "DI")
	f.Arg("src", "SI")
	f.P("VMOVDQU widenWords<>+0(SB), Y14")
	f.P("VMOVDQU widenWords<>+32(SB), Y15")
	f.Mark("loop")
	f.P("XORQ AX, AX")
	f.P("LEAQ (DI)(R10*1), DX")
	f.Mark("columns")
	for j := range 2 {
		f.P("VMOVDQU %d(SI)(AX*1), Y0", 32*j)
		f.P("VPSHUFB Y14, Y0, Y1")
		f.P("VPSHUFB Y15, Y0, Y2")
		f.P("VMOVDQU Y1, %d(DI)(AX*1)", 32*j)
		f.P("VMOVDQU Y2, %d(DX)(AX*1)", 32*j)
	}
	f.P("ADDQ $64, AX")
	f.P("CMPQ AX, R10")
	f.P("JB columns")
	f.P("ADDQ R10, SI")
	f.P("LEAQ (DI)(R10*2), DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
	f.Func("widenRowAVX2", "widenRowAVX2 sets n times 16 elements of 16 bits to those of 8.", "n int", "dst, src *float32")
	f.Arg("n", "CX")
	f.Arg("dst", "DI")
	f.Arg("src", "SI")
	f.Mark("loop")
	f.P("VPMOVSXBW (SI), Y0")
	f.P("VMOVDQU Y0, (DI)")
	f.P("ADDQ $16, SI")
	f.P("ADDQ $32, DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
}

// quantizeRows256 writes the two passes over a row of whole blocks of 32 elements.
func quantizeRows256(f *asmgen.File) {
	f.Table("quantizeRowOrder", 0, 4, 1, 5, 2, 6, 3, 7)
	f.Func("extremesAVX2", "extremesAVX2 returns in x the most of n times 32 elements and 0, minus the least of them and 0, and a number that is NaN\n"+
		"if one of them is not finite.", "n int", "src, x *float32")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	for r := range 6 {
		f.P("VXORPS Y%d, Y%d, Y%d", r, r, r)
	}
	f.P("VXORPS Y15, Y15, Y15")
	f.Mark("loop")
	for i := range 4 {
		f.P("VMOVUPS %d(SI), Y%d", 32*i, 8+i)
		f.P("VMINPS Y%d, Y%d, Y%d", 8+i, i%2, i%2)
		f.P("VMAXPS Y%d, Y%d, Y%d", 8+i, 2+i%2, 2+i%2)
		f.P("VFMADD231PS Y%d, Y15, Y%d", 8+i, 4+i%2)
	}
	f.P("ADDQ $128, SI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.P("VMINPS Y1, Y0, Y0")
	f.P("VMAXPS Y3, Y2, Y2")
	f.P("VADDPS Y5, Y4, Y4")
	f.P("VSUBPS Y0, Y15, Y0")
	for _, r := range []int{0, 2} {
		f.P("VEXTRACTF128 $1, Y%d, X8", r)
		f.P("VMAXPS X8, X%d, X%d", r, r)
	}
	f.P("VEXTRACTF128 $1, Y4, X8")
	f.P("VADDPS X8, X4, X4")
	f.P("VHADDPS X4, X4, X4")
	f.P("VHADDPS X4, X4, X4")
	f.P("VUNPCKLPS X0, X2, X8")
	f.P("VUNPCKHPS X0, X2, X9")
	f.P("VMAXPS X9, X8, X8")
	f.P("VMOVHLPS X8, X8, X9")
	f.P("VMAXPS X9, X8, X8")
	f.Arg("x", "DI")
	f.P("VMOVLPS X8, (DI)")
	f.P("VMOVSS X4, 8(DI)")
	f.Return()
	f.Func("codesAVX2", "codesAVX2 sets n times 32 codes to those of src times by, more by zero, and returns their sum.", "n int", "src, dst, by *float32", "zero int", "sum *int32")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	f.Arg("dst", "DI")
	f.Arg("by", "AX")
	f.P("VBROADCASTSS (AX), Y15")
	f.Arg("zero", "AX")
	f.P("VMOVD AX, X14")
	f.P("VPBROADCASTW X14, Y14")
	f.P("VMOVDQU quantizeRowOrder<>+0(SB), Y13")
	f.P("VPCMPEQD Y12, Y12, Y12")
	f.P("VPABSB Y12, Y11")
	f.P("VPABSW Y12, Y12")
	f.P("VPXOR Y10, Y10, Y10")
	f.Mark("loop")
	for i := range 4 {
		f.P("VMULPS %d(SI), Y15, Y%d", 32*i, i)
		f.P("VCVTPS2DQ Y%d, Y%d", i, i)
	}
	f.P("VPACKSSDW Y1, Y0, Y0")
	f.P("VPACKSSDW Y3, Y2, Y2")
	f.P("VPADDW Y14, Y0, Y0")
	f.P("VPADDW Y14, Y2, Y2")
	f.P("VPACKSSWB Y2, Y0, Y0")
	f.P("VPERMD Y0, Y13, Y0")
	f.P("VMOVDQU Y0, (DI)")
	f.P("VPMADDUBSW Y0, Y11, Y1")
	f.P("VPMADDWD Y12, Y1, Y1")
	f.P("VPADDD Y1, Y10, Y10")
	f.P("ADDQ $128, SI")
	f.P("ADDQ $32, DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.P("VEXTRACTI128 $1, Y10, X1")
	f.P("VPADDD X1, X10, X0")
	f.P("VPSHUFD $0x4e, X0, X1")
	f.P("VPADDD X1, X0, X0")
	f.P("VPSHUFD $0xb1, X0, X1")
	f.P("VPADDD X1, X0, X0")
	f.Arg("sum", "AX")
	f.P("VMOVD X0, (AX)")
	f.Return()
}
