package main

import "fmt"

func packs(o *out) {
	transpose32(o, 8)
	transpose32(o, 4)
	transpose16(o)
}

// transpose32 writes a function that transposes rows × k 32-bit elements of src, whose rows are stride
// bytes apart, into columns pitch bytes apart at dst. Rows past row last are copies of that.
func transpose32(o *out, rows int) {
	o.text(fmt.Sprintf("transpose%dx32", rows), 48)
	row := []string{"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}[:rows]
	o.p("MOVQ dst+0(FP), DI")
	o.p("MOVQ pitch+8(FP), DX")
	o.p("MOVQ src+16(FP), R8")
	o.p("MOVQ stride+24(FP), CX")
	o.p("MOVQ last+32(FP), BX")
	for i, r := range row[1:] {
		o.p("MOVQ %s, %s", row[i], r)
		o.p("LEAQ (%s)(CX*1), SI", row[i])
		o.p("CMPQ BX, $%d", i+1)
		o.p("CMOVQGE SI, %s", r)
	}
	o.p("MOVQ k+40(FP), CX")
	o.p("XORQ AX, AX")
	o.p("SUBQ $4, CX")
	o.p("JLT rest")
	o.p("PCALIGN $32")
	o.label("loop")
	o.columns32(row)
	o.p("ADDQ $16, AX")
	o.p("SUBQ $4, CX")
	o.p("JGE loop")
	o.label("rest")
	o.p("ADDQ $4, CX")
	o.p("JZ done")
	o.label("one")
	for i, r := range row {
		o.p("MOVL (%s)(AX*1), SI", r)
		o.p("MOVL SI, %d(DI)", i*4)
	}
	o.p("ADDQ DX, DI")
	o.p("ADDQ $4, AX")
	o.p("DECQ CX")
	o.p("JNZ one")
	o.label("done")
	o.ret()
}

// columns32 transposes 4 columns; registers 0…3 hold rows 0…3 in the lower half, rows 4…7 in the upper.
func (o *out) columns32(row []string) {
	v := "X"
	for i := range 4 {
		o.p("VMOVUPS (%s)(AX*1), X%d", row[i], i)
	}
	if len(row) == 8 {
		v = "Y"
		for i := range 4 {
			o.p("VINSERTF128 $1, (%s)(AX*1), Y%d, Y%d", row[4+i], i, i)
		}
	}
	r := func(i int) string { return fmt.Sprintf("%s%d", v, i) }
	for i := range 2 {
		o.p("VUNPCKLPS %s, %s, %s", r(2*i+1), r(2*i), r(4+i))
		o.p("VUNPCKHPS %s, %s, %s", r(2*i+1), r(2*i), r(6+i))
	}
	for i := range 2 { // columns 2i and 2i+1
		o.p("VUNPCKLPD %s, %s, %s", r(5+2*i), r(4+2*i), r(8+2*i))
		o.p("VUNPCKHPD %s, %s, %s", r(5+2*i), r(4+2*i), r(9+2*i))
	}
	for i := range 4 {
		o.p("VMOVUPS %s, (DI)", r(8+i))
		o.p("ADDQ DX, DI")
	}
}

// transpose16 writes a function that transposes 16 × k 16-bit elements of src, whose rows are stride
// bytes apart, into columns pitch bytes apart at dst; k is a multiple of 8.
func transpose16(o *out) {
	o.text("transpose16x16", 40)
	o.p("MOVQ dst+0(FP), DI")
	o.p("MOVQ pitch+8(FP), DX")
	o.p("MOVQ src+16(FP), SI")
	o.p("MOVQ stride+24(FP), AX")
	o.p("MOVQ k+32(FP), CX")
	o.p("LEAQ (AX)(AX*2), BX")
	o.p("LEAQ (SI)(AX*4), R8")
	o.p("LEAQ (R8)(AX*4), R9")
	o.p("LEAQ (R9)(AX*4), R10")
	o.p("SHRQ $3, CX")
	o.p("JZ done")
	o.p("PCALIGN $32")
	o.label("loop")
	for i := range 8 { // rows i and i+8
		for half, base := range []string{[]string{"SI", "R8"}[i/4], []string{"R9", "R10"}[i/4]} {
			at := fmt.Sprintf([]string{"(%s)", "(%s)(AX*1)", "(%s)(AX*2)", "(%s)(BX*1)"}[i%4], base)
			if half == 0 {
				o.p("VMOVDQU %s, X%d", at, i)
			} else {
				o.p("VINSERTI128 $1, %s, Y%d, Y%d", at, i, i)
			}
		}
	}
	pairs := func(op string, from, step, to int) {
		o.p("%s Y%d, Y%d, Y%d", op, from+step, from, to)
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
		o.p("VMOVDQU Y%d, (DI)", 8+i)
		o.p("ADDQ DX, DI")
	}
	for _, r := range []string{"SI", "R8", "R9", "R10"} {
		o.p("ADDQ $16, %s", r)
	}
	o.p("DECQ CX")
	o.p("JNZ loop")
	o.label("done")
	o.ret()
}
