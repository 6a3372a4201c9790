package main

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

func transpositions(f *asmgen.File) {
	transpose32(f, 8)
	transpose32(f, 4)
	transpose16(f)
}

// transpose32 writes a function that transposes rows × k 32-bit elements of src, whose rows are stride
// bytes apart, into columns pitch bytes apart at dst. Rows past row last are copies of that.
func transpose32(f *asmgen.File, rows int) {
	name := fmt.Sprintf("transpose%dx32", rows)
	f.Func(name, fmt.Sprintf("%s transposes %d rows of k 32-bit elements, stride bytes apart, into columns pitch bytes apart. Rows past\n"+
		"row last are taken to be copies of that.", name, rows), "dst *float32", "pitch int", "src unsafe.Pointer", "stride, last, k int")
	f.Comment("DI column, DX bytes between columns, from R8 the rows, AX bytes into them, CX elements left.")
	row := []string{"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}[:rows]
	f.Arg("dst", "DI")
	f.Arg("pitch", "DX")
	f.Arg("src", "R8")
	f.Arg("stride", "CX")
	f.Arg("last", "BX")
	for i, r := range row[1:] {
		f.P("MOVQ %s, %s", row[i], r)
		f.P("LEAQ (%s)(CX*1), SI", row[i])
		f.P("CMPQ BX, $%d", i+1)
		f.P("CMOVQGE SI, %s", r)
	}
	f.Arg("k", "CX")
	f.P("XORQ AX, AX")
	f.P("SUBQ $4, CX")
	f.P("JLT rest")
	f.Comment("Loop over columns, 4 at a time: %s rows, then %s columns.", register(len(row), 0, 4), register(len(row), 8, 4))
	f.P("PCALIGN $32")
	f.Mark("loop")
	columns32(f, row)
	f.P("ADDQ $16, AX")
	f.P("SUBQ $4, CX")
	f.P("JGE loop")
	f.Mark("rest")
	f.P("ADDQ $4, CX")
	f.P("JZ done")
	f.Mark("one")
	for i, r := range row {
		f.P("MOVL (%s)(AX*1), SI", r)
		f.P("MOVL SI, %d(DI)", i*4)
	}
	f.P("ADDQ DX, DI")
	f.P("ADDQ $4, AX")
	f.P("DECQ CX")
	f.P("JNZ one")
	f.Mark("done")
	f.Return()
}

// register names n registers from first on that hold a value for each row.
func register(rows, first, n int) string {
	names := asmgen.Y.Regs(first, n)
	if rows == 4 {
		names = strings.ReplaceAll(names, "Y", "X")
	}
	return names
}

// columns32 transposes 4 columns; registers 0…3 hold rows 0…3 in the lower half, rows 4…7 in the upper.
func columns32(f *asmgen.File, row []string) {
	v := "X"
	for i := range 4 {
		f.P("VMOVUPS (%s)(AX*1), X%d", row[i], i)
	}
	if len(row) == 8 {
		v = "Y"
		for i := range 4 {
			f.P("VINSERTF128 $1, (%s)(AX*1), Y%d, Y%d", row[4+i], i, i)
		}
	}
	r := func(i int) string { return fmt.Sprintf("%s%d", v, i) }
	for i := range 2 {
		f.P("VUNPCKLPS %s, %s, %s", r(2*i+1), r(2*i), r(4+i))
		f.P("VUNPCKHPS %s, %s, %s", r(2*i+1), r(2*i), r(6+i))
	}
	for i := range 2 { // columns 2i and 2i+1
		f.P("VUNPCKLPD %s, %s, %s", r(5+2*i), r(4+2*i), r(8+2*i))
		f.P("VUNPCKHPD %s, %s, %s", r(5+2*i), r(4+2*i), r(9+2*i))
	}
	for i := range 4 {
		f.P("VMOVUPS %s, (DI)", r(8+i))
		f.P("ADDQ DX, DI")
	}
}

// transpose16 writes a function that transposes 16 × k 16-bit elements of src, whose rows are stride
// bytes apart, into columns pitch bytes apart at dst; k is a multiple of 8.
// fetchAhead is how many bytes ahead of a row its lines are fetched: as many as a part of a row has that is multiplied at
// a time, where few rows of activations are multiplied by weights in place. The rows are too many for the processor to
// see in time what comes next.
const fetchAhead = 512

func transpose16(f *asmgen.File) {
	f.Func("transpose16x16", "transpose16x16 transposes 16 rows of k 16-bit elements, stride bytes apart, into columns pitch bytes apart. It leaves\n"+
		"out k%8 elements.", "dst *uint16", "pitch int", "src unsafe.Pointer", "stride, k int")
	f.Comment("DI column, DX bytes between columns; SI, R8, R9 and R10 rows 0, 4, 8 and 12; AX bytes between rows, BX three times that.")
	f.Arg("dst", "DI")
	f.Arg("pitch", "DX")
	f.Arg("src", "SI")
	f.Arg("stride", "AX")
	f.Arg("k", "CX")
	f.P("LEAQ (AX)(AX*2), BX")
	f.P("LEAQ (SI)(AX*4), R8")
	f.P("LEAQ (R8)(AX*4), R9")
	f.P("LEAQ (R9)(AX*4), R10")
	f.Comment("Loop over columns, 8 at a time: Y0–Y7 rows i and i+8, then Y8–Y15 columns.")
	f.P("SHRQ $3, CX")
	f.P("JZ done")
	f.P("PCALIGN $32")
	f.Mark("loop")
	for i := range 8 { // rows i and i+8
		for half, base := range []string{[]string{"SI", "R8"}[i/4], []string{"R9", "R10"}[i/4]} {
			at := fmt.Sprintf([]string{"(%s)", "(%s)(AX*1)", "(%s)(AX*2)", "(%s)(BX*1)"}[i%4], base)
			f.P("PREFETCHT0 %d%s", fetchAhead, at)
			if half == 0 {
				f.P("VMOVDQU %s, X%d", at, i)
			} else {
				f.P("VINSERTI128 $1, %s, Y%d, Y%d", at, i, i)
			}
		}
	}
	pairs := func(op string, from, step, to int) {
		f.P("%s Y%d, Y%d, Y%d", op, from+step, from, to)
	}
	// Pairs of rows: columns 0…3 in 8…11, columns 4…7 in 12…15.
	for i := range 4 {
		pairs("VPUNPCKLWD", 2*i, 1, 8+i)
		pairs("VPUNPCKHWD", 2*i, 1, 12+i)
	}
	// Fours of rows: column pair c has rows 0…3 in 2c, rows 4…7 in 2c+1.
	for c := range 4 {
		op := []string{"VPUNPCKLDQ", "VPUNPCKHDQ"}[c%2]
		from := 8 + c/2*4
		pairs(op, from, 1, 2*c)
		pairs(op, from+2, 1, 2*c+1)
	}
	for c := range 4 {
		pairs("VPUNPCKLQDQ", 2*c, 1, 8+2*c)
		pairs("VPUNPCKHQDQ", 2*c, 1, 9+2*c)
	}
	for i := range 8 {
		f.P("VMOVDQU Y%d, (DI)", 8+i)
		f.P("ADDQ DX, DI")
	}
	for _, r := range []string{"SI", "R8", "R9", "R10"} {
		f.P("ADDQ $16, %s", r)
	}
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Mark("done")
	f.Return()
}
