package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of AVX2 for codes of 8 bits, which are widened to 16 less their bias, in panels and in activations: VPMADDWD adds
// two products then, and nothing saturates. Panels are [16][width][2] words for 32 k, and two rows of float32 as others
// have.

// wordTile is one of 4 rows, done as often as there are, or of 1.
type wordTile struct{ rows int }

func (t wordTile) name() string { return int8Tile256{eight, plain, t.rows}.name() }

func (t wordTile) each(do func(i, j int)) { int8Tile256{rows: t.rows}.each(do) }

func (t wordTile) write(f *asmgen.File) {
	same := int8Tile256{rows: t.rows}
	f.FuncFrame(t.rows*64, t.name(), fmt.Sprintf("%s computes times %d × width outputs from blocks of 32 k.", t.name(), t.rows),
		"blocks int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "offset, times, width int")
	f.Comment("CX blocks left, SI activations, R11 bytes between their blocks and AX the widened ones, BX panel and R10 bytes between its rows and R9")
	f.Comment("between three, DI outputs, DX bytes between theirs and R13 between three, R12 columns and R14 rows left, R8 panel's column; %s sums.", asmgen.Y.Regs(0, 2*t.rows))
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (DX)(DX*2), R13")
	f.Arg("times", "R14")
	f.P("IMUL3Q $%d, R14, R11", t.rows*int8Block)
	f.Arg("width", "R10")
	f.P("SHLQ $2, R10")
	f.P("LEAQ (R10)(R10*2), R9")
	f.Arg("a", "SI")
	f.Arg("c", "DI")
	f.P("VMOVDQU %s, Y15", magic256)
	columns := func(mark string) { // of all, by R15 their bytes
		f.P("XORQ R15, R15")
		f.Mark(mark)
	}
	next := func(mark string) {
		f.P("ADDQ $64, DI")
		f.P("ADDQ $64, R15")
		f.P("CMPQ R15, R10")
		f.P("JLT %s", mark)
		f.P("SUBQ R10, DI")
	}
	f.Mark("rows")
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE start")
	f.P("VPXOR Y0, Y0, Y0")
	columns("zeros")
	t.each(func(i, j int) { f.P("VMOVUPS Y0, %s", same.output("DI", i, j)) })
	next("zeros")
	f.Mark("start")
	f.P("MOVQ SI, R12")
	f.Arg("b", "R8")
	f.Arg("blocks", "CX")
	f.Mark("blocks")
	f.P("LEAQ words-%d(SP), AX", t.rows*64)
	for i := range t.rows {
		for h := range 2 {
			f.P("VPMOVSXBW %d(R12), Y%d", i*int8Block+16*h, h)
			f.P("VMOVDQU Y%d, %d(AX)", h, i*64+32*h)
		}
	}
	columns("columns")
	f.P("LEAQ (R8)(R15*1), BX")
	t.each(func(i, j int) { f.P("VMOVDQA Y15, %s", same.sum(i, j)) })
	for k := range 16 {
		for j := range 2 {
			at := strided("BX", "R10", k%4)
			if k%4 == 3 {
				at = "(BX)(R9*1)"
			}
			f.P("VMOVDQU %d%s, Y%d", 32*j, at, 8+j)
		}
		for i := range t.rows {
			f.P("VPBROADCASTD %d(AX), Y12", i*64+4*k)
			for j := range 2 {
				f.P("VPMADDWD Y12, Y%d, Y%d", 8+j, 13+j)
				f.P("VPADDD Y%d, %s, %s", 13+j, same.sum(i, j), same.sum(i, j))
			}
		}
		if k%4 == 3 {
			f.P("LEAQ (BX)(R10*4), BX")
		}
	}
	for j := range 2 {
		f.P("VMOVUPS %d(BX), Y%d", 32*j, 8+j)
		f.P("VMOVUPS %d(BX)(R10*1), Y%d", 32*j, 10+j)
	}
	for i := range t.rows {
		f.P("VBROADCASTSS %d(R12), Y12", i*int8Block+int8Scale)
		for j := range 2 {
			u := same.sum(i, j)
			f.P("VFMADD213PS Y%d, Y%d, %s", 10+j, 8+j, u)
			f.P("VFMADD213PS %s, Y12, %s", same.output("DI", i, j), u)
			f.P("VMOVUPS %s, %s", u, same.output("DI", i, j))
		}
	}
	next("columns")
	f.P("LEAQ (BX)(R10*2), R8") // of the last column, so that much too far
	f.P("SUBQ R10, R8")
	f.P("ADDQ $64, R8")
	f.P("ADDQ R11, R12")
	f.P("DECQ CX")
	f.P("JNZ blocks")
	columns("ends")
	same.end(f)
	next("ends")
	f.P("LEAQ (DI)(DX*%d), DI", t.rows)
	f.P("ADDQ $%d, SI", t.rows*int8Block)
	f.P("LEAQ (R10)(R10*2), R9")
	f.P("DECQ R14")
	f.P("JNZ rows")
	f.Return()
}

// widenWords writes the function that makes words of an expanded part of a panel.
func widenWords(f *asmgen.File) {
	f.Func("widenWordsAVX2", "widenWordsAVX2 makes words of the codes of n times 32 k of width outputs, expanded.", "n int", "dst, src *float32", "width, offset int")
	f.Comment("CX times 32 k left, SI expanded codes, DI words, R10 bytes of a row, AX column, R8 rows left.")
	f.Arg("n", "CX")
	f.Arg("dst", "DI")
	f.Arg("src", "SI")
	f.Arg("width", "R10")
	f.P("SHLQ $2, R10")
	f.Arg("offset", "R9")
	f.P("VMOVD R9, X15")
	f.P("VPBROADCASTW X15, Y15")
	f.P("VMOVDQU wordsOf<>+0(SB), Y14")
	f.P("VMOVDQU wordsOf<>+32(SB), Y13")
	f.Mark("loop")
	f.P("MOVQ $8, R8")
	f.Mark("codes")
	f.P("XORQ AX, AX")
	f.P("LEAQ (DI)(R10*1), R9")
	f.Mark("columns")
	f.P("VMOVDQU (SI)(AX*1), Y0")
	for h, to := range []string{"DI", "R9"} {
		f.P("VPSHUFB Y%d, Y0, Y%d", 14-h, 1+h)
		f.P("VPSUBW Y15, Y%d, Y%d", 1+h, 1+h)
		f.P("VMOVDQU Y%d, (%s)(AX*1)", 1+h, to)
	}
	f.P("ADDQ $32, AX")
	f.P("CMPQ AX, R10")
	f.P("JLT columns")
	f.P("ADDQ R10, SI")
	f.P("LEAQ (DI)(R10*2), DI")
	f.P("DECQ R8")
	f.P("JNZ codes")
	f.P("XORQ AX, AX")
	f.P("LEAQ (R10)(R10*1), R9")
	f.Mark("scale")
	f.P("VMOVUPS (SI)(AX*1), Y0")
	f.P("VMOVUPS Y0, (DI)(AX*1)")
	f.P("ADDQ $32, AX")
	f.P("CMPQ AX, R9")
	f.P("JLT scale")
	f.P("ADDQ R9, SI")
	f.P("ADDQ R9, DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
	var words []uint32
	for _, first := range []uint32{0x80018000, 0x80038002} {
		for i := range uint32(8) {
			words = append(words, first+i%4*0x00040004)
		}
	}
	f.Table("wordsOf", words...)
}
