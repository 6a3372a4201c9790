package main

import (
	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Both directions go through 8×8 squares in Y registers; the last one overlaps the one before it if d is
// not a multiple of 8. d is at least 8.
func transposes(f *asmgen.File) {
	loadQueries(f)
	finish(f)
}

// squares emits a loop over the first dimension DX of each square, with d in CX.
func squares(f *asmgen.File, body func()) {
	loop, done := f.Label("square"), f.Label("done")
	f.P("XORQ DX, DX")
	f.Mark(loop)
	body()
	f.P("ADDQ $8, DX")
	f.P("LEAQ 8(DX), AX")
	f.P("CMPQ AX, CX")
	f.P("JLE %s", loop)
	f.P("CMPQ DX, CX")
	f.P("JGE %s", done)
	f.P("LEAQ -8(CX), DX")
	f.P("JMP %s", loop)
	f.Mark(done)
	f.Return()
}

// transpose emits the transposition of Y0…Y7, using Y8…Y15; row i of the result is in Y(8+i).
func transpose(f *asmgen.File) {
	y := asmgen.Y.Reg
	for i := range 4 { // pairs of rows
		f.P("VUNPCKLPS %s, %s, %s", y(2*i+1), y(2*i), y(8+2*i))
		f.P("VUNPCKHPS %s, %s, %s", y(2*i+1), y(2*i), y(9+2*i))
	}
	for h := range 2 { // rows 0–3 and 4–7
		for i := range 2 {
			lo, hi := y(8+4*h+i), y(10+4*h+i)
			f.P("VSHUFPS $0x44, %s, %s, %s", hi, lo, y(4*h+2*i))
			f.P("VSHUFPS $0xee, %s, %s, %s", hi, lo, y(4*h+2*i+1))
		}
	}
	for i := range 4 { // halves
		f.P("VPERM2F128 $0x20, %s, %s, %s", y(4+i), y(i), y(8+i))
		f.P("VPERM2F128 $0x31, %s, %s, %s", y(4+i), y(i), y(12+i))
	}
}

// loadQueries emits qt[x][i] = q[offsets[i]+x]·scale for 8 lanes.
func loadQueries(f *asmgen.File) {
	f.Func("loadQueriesY", "loadQueriesY sets qt[x][i] = q[offsets[i]+x]·scale for 8 lanes and d dimensions, at least 8, stride bytes apart.",
		"qt, q *float32", "offsets *int", "scale *float32", "stride, d int")
	f.Comment("DX the first dimension of a square of 8 × 8, Y0–Y7 its queries, Y8–Y15 its dimensions.")
	f.Arg("q", "SI")
	f.Arg("offsets", "R8")
	f.Arg("scale", "R9")
	f.Arg("stride", "BX")
	f.Arg("d", "CX")
	squares(f, func() {
		f.P("LEAQ (SI)(DX*4), R10")
		f.P("VBROADCASTSS (R9), Y15")
		for i := range 8 {
			f.P("MOVQ %d(R8), AX", 8*i)
			f.P("VMULPS (R10)(AX*4), Y15, %s", asmgen.Y.Reg(i))
		}
		transpose(f)
		f.Arg("qt", "DI")
		f.P("MOVQ DX, AX")
		f.P("IMULQ BX, AX")
		f.P("ADDQ AX, DI")
		for i := range 8 {
			f.P("VMOVUPS %s, (DI)", asmgen.Y.Reg(8+i))
			f.P("ADDQ BX, DI")
		}
	})
}

// finish emits dst[offsets[i]+x] = o[x][i]·(1/l[i]), 0 where l[i] = 0, for lanes of 8.
func finish(f *asmgen.File) {
	f.Func("finishY", "finishY sets dst[offsets[i]+x] = o[x][i]·(1/l[i]), 0 where l[i] is 0, for the first of 8 lanes and d dimensions, at least 8,\n"+
		"stride bytes apart.", "dst *float32", "offsets *int", "lanes int", "o, l *float32", "stride, d int")
	f.Comment("DX the first dimension of a square of 8 × 8, Y0–Y7 its dimensions, Y8–Y15 its queries.")
	f.Arg("dst", "DI")
	f.Arg("offsets", "R8")
	f.Arg("lanes", "R11")
	f.Arg("stride", "BX")
	f.Arg("d", "CX")
	one := f.Table("one", 0x3f800000)
	squares(f, func() {
		f.Arg("l", "R9")
		f.P("VMOVUPS (R9), Y14")
		f.P("VXORPS Y13, Y13, Y13")
		f.P("VCMPPS $4, Y13, Y14, Y13") // not equal 0, or NaN
		f.P("VBROADCASTSS %s+0(SB), Y15", one)
		f.P("VDIVPS Y14, Y15, Y15")
		f.Arg("o", "SI")
		f.P("MOVQ DX, AX")
		f.P("IMULQ BX, AX")
		f.P("ADDQ AX, SI")
		for i := range 8 {
			y := asmgen.Y.Reg(i)
			f.P("VMULPS (SI), Y15, %s", y)
			f.P("VANDPS Y13, %s, %s", y, y)
			f.P("ADDQ BX, SI")
		}
		transpose(f)
		f.P("LEAQ (DI)(DX*4), R10")
		done := f.Label("stored")
		for i := range 8 {
			f.P("MOVQ %d(R8), AX", 8*i)
			f.P("VMOVUPS %s, (R10)(AX*4)", asmgen.Y.Reg(8+i))
			if i < 7 {
				f.P("CMPQ R11, $%d", i+1)
				f.P("JEQ %s", done)
			}
		}
		f.Mark(done)
	})
}
