package main

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of 8-bit rows (package gemm's rows8.go), with VPDPBUSD of AVX-512. All of K goes by in registers.

// rowsTail are the bytes of a row of activations after its codes: a float32 scale, the zero point as the two 16-bit
// factors of VPMADDWD, and minus the sum of the codes.
const (
	rowsScale = 0
	rowsZero  = 4
	rowsSum   = 8
)

// rowsTile is a tile of 8, 4 or 1 rows.
type rowsTile struct{ rows, width int }

func (t rowsTile) name() string           { return fmt.Sprintf("rowsTile%dx%dAVX512VNNI", t.rows, t.width) }
func (t rowsTile) vectors() int           { return t.width / 16 }
func (t rowsTile) sum(i, j int) string    { return asmgen.Z.Reg(i*t.vectors() + j) }
func (t rowsTile) each(do func(i, j int)) { sumTile{rows: t.rows, width: t.width}.each(do) }
func (t rowsTile) row(i, at int) string   { return rowAt("SI", "R8", "R9", "R10", i, at) }
func (t rowsTile) output(i, j int) string { return rowAt("DI", "R11", "DX", "R13", i, j*64) }
func (t rowsTile) added(i, j int) string  { return rowAt("R14", "R15", "DX", "R13", i, j*64) }

// rowAt addresses byte at of row i of 8: base is the first row, fifth the fifth, and pitch and thrice the bytes between
// one and the next, and three on.
func rowAt(base, fifth, pitch, thrice string, i, at int) string {
	if i >= 4 {
		base = fifth
	}
	return fmt.Sprintf("%d(%s)%s", at, base, []string{"", "(" + pitch + "*1)", "(" + pitch + "*2)", "(" + thrice + "*1)"}[i%4])
}

var rowsTiles = []int{8, 4, 1}

// rowsKernels writes everything of 512 bits for 8-bit rows.
func rowsKernels(f *asmgen.File) {
	quantizeRows512(f)
	for _, rows := range rowsTiles {
		for _, width := range []int{48, 32, 16} {
			rowsTile{rows, width}.write(f)
		}
	}
}

func (t rowsTile) write(f *asmgen.File) {
	f.Func(t.name(), fmt.Sprintf("%s computes %d × %d outputs from rows of n times 4 codes.", t.name(), t.rows, t.width),
		"n int", "a *float32", "pitch int", "b unsafe.Pointer", "c *float32", "ldc int", "bias, add *float32", "shift int", "next uintptr", "step int")
	f.Comment("CX words left, SI activations and R9 bytes between their rows, R10 between three, R8 the fifth; BX panel; DI outputs, DX and R13")
	f.Comment("bytes between their rows and R11 the fifth; R12 what to fetch, in steps of R14 bytes, thrice R15.")
	f.Arg("n", "CX")
	f.Arg("a", "SI")
	f.Arg("pitch", "R9")
	f.Arg("b", "BX")
	f.Arg("c", "DI")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (R9)(R9*2), R10")
	f.P("LEAQ (SI)(R9*4), R8")
	f.P("LEAQ (DX)(DX*2), R13")
	f.P("LEAQ (DI)(DX*4), R11")
	f.Comment("Sums start at minus the bias of the codes times those of the row, less the zero point times those of the output.")
	f.P("MOVQ CX, AX")
	f.P("IMUL3Q $%d, AX, AX", 4*t.width)
	f.P("ADDQ BX, AX")
	f.P("VMOVQ %s, X31", f.ArgAt("shift"))
	for j := range t.vectors() {
		f.P("VMOVDQU64 %d(AX), Z%d", (t.vectors()+j)*64, 24+j)
	}
	for i := range t.rows {
		if i == 0 {
			f.P("LEAQ (SI)(CX*4), R12")
			f.P("LEAQ (R8)(CX*4), R14")
		}
		f.P("VPBROADCASTD %s, %s", rowAt("R12", "R14", "R9", "R10", i, rowsSum), t.sum(i, 0))
		f.P("VPSLLD X31, %s, %s", t.sum(i, 0), t.sum(i, 0))
		for j := 1; j < t.vectors(); j++ {
			f.P("VMOVDQA64 %s, %s", t.sum(i, 0), t.sum(i, j))
		}
	}
	for i := range t.rows {
		f.P("VPBROADCASTD %s, Z30", rowAt("R12", "R14", "R9", "R10", i, rowsZero))
		for j := range t.vectors() {
			f.P("VPDPWSSD Z30, Z%d, %s", 24+j, t.sum(i, j))
		}
	}
	t.each(func(i, j int) { f.P("PREFETCHT0 %s", t.output(i, j)) })
	f.Arg("next", "R12")
	f.Arg("step", "R14")
	f.P("LEAQ (R14)(R14*2), R15")
	near := "PREFETCHT0"
	if t.rows == 8 {
		near = "PREFETCHT1" // the first level holds the panel that is read
	}
	f.Mark("loop")
	for j := range t.vectors() {
		f.P("%s %s", near, []string{"(R12)", "(R12)(R14*1)", "(R12)(R14*2)"}[j])
		f.P("VMOVDQU64 %d(BX), Z%d", j*64, 24+j)
	}
	for i := range t.rows {
		reg := "Z27"
		if i%2 == 1 {
			reg = "Z30"
		}
		f.P("VPBROADCASTD %s, %s", t.row(i, 0), reg)
		for j := range t.vectors() {
			f.P("VPDPBUSD %s, Z%d, %s", reg, 24+j, t.sum(i, j))
		}
	}
	f.P("ADDQ $%d, BX", 4*t.width)
	f.P("ADDQ R15, R12")
	f.P("ADDQ $4, SI")
	if t.rows > 4 {
		f.P("ADDQ $4, R8")
	}
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f)
	f.Return()
}

// end scales the sums, adds what is to be added, and stores the outputs.
func (t rowsTile) end(f *asmgen.File) {
	f.Comment("Scales, the bias and what else is added, if there is any; then the outputs.")
	for j := range t.vectors() {
		f.P("VMOVUPS %d(BX), Z%d", j*64, 24+j)
	}
	for i := range t.rows {
		f.P("VBROADCASTSS %s, Z30", t.row(i, rowsScale))
		for j := range t.vectors() {
			f.P("VCVTDQ2PS %s, %s", t.sum(i, j), t.sum(i, j))
			f.P("VMULPS Z%d, %s, %s", 24+j, t.sum(i, j), t.sum(i, j))
			f.P("VMULPS Z30, %s, %s", t.sum(i, j), t.sum(i, j))
		}
	}
	f.Arg("bias", "R14")
	f.P("TESTQ R14, R14")
	f.P("JZ plain")
	for j := range t.vectors() {
		f.P("VMOVUPS %d(R14), Z%d", j*64, 24+j)
	}
	t.each(func(i, j int) { f.P("VADDPS Z%d, %s, %s", 24+j, t.sum(i, j), t.sum(i, j)) })
	f.Mark("plain")
	f.Arg("add", "R14")
	f.P("TESTQ R14, R14")
	f.P("JZ added")
	f.P("LEAQ (R14)(DX*4), R15")
	t.each(func(i, j int) { f.P("VADDPS %s, %s, %s", t.added(i, j), t.sum(i, j), t.sum(i, j)) })
	f.Mark("added")
	t.each(func(i, j int) { f.P("VMOVUPS %s, %s", t.sum(i, j), t.output(i, j)) })
}

// quantizeRows512 writes the function that makes rows of activations.
func quantizeRows512(f *asmgen.File) {
	words := []uint32{0x3b810204, 0x0d800000, 0x3f800000, 0, 0x80808080} // 1/254, 2⁻¹⁰⁰, 1, and least codes
	order := make([]uint32, 16)
	for t := range uint32(4) {
		for l := range uint32(4) {
			order[4*t+l] = 4*l + t
		}
	}
	table := f.Table("quantizeRowWords", append(order, words...)...)
	at := func(i int) string { return fmt.Sprintf("%s+%d(SB)", table, 64+4*i) }
	f.Func("quantizeRowsAVX512", "quantizeRowsAVX512 makes rows of activations from n times 64 and then left elements, left below 64 and a multiple of 4.\n"+
		"It stops before a row with a number that is not finite or all of whose numbers are tiny, and sets done to the rows made.",
		"rows, n, left int", "src *float32", "ld int", "dst *float32", "pitch int", "done *int")
	f.Comment("CX rows left; SI row, DI its packed form; R8 and R9 blocks and masks in K1–K4 of floats, K5 of bytes of the last block; R15 rows done.")
	f.Arg("rows", "R10")
	f.Arg("src", "R11")
	f.Arg("dst", "R12")
	f.P("XORQ R15, R15")
	f.P("VMOVDQU64 %s+0(SB), Z31", table)
	f.P("VBROADCASTSS %s, X30", at(0))
	f.P("VMOVSS %s, X29", at(2))
	f.P("VPTERNLOGD $0xff, Z28, Z28, Z28")
	f.P("VPABSB Z28, Z28") // 1
	f.P("VPXORD Z27, Z27, Z27")
	f.P("VPBROADCASTD %s, Z22", at(4))
	f.Arg("left", "CX")
	f.P("MOVQ $1, AX")
	f.P("SHLQ CX, AX")
	f.P("DECQ AX")
	f.P("KMOVQ AX, K5")
	for i := range 4 {
		f.P("KMOVW AX, K%d", 1+i)
		f.P("SHRQ $16, AX")
	}
	f.P("VMOVDQU8.Z Z28, K5, Z26") // 1 where the last block has elements
	f.Mark("row")
	f.P("MOVQ R11, SI")
	f.P("MOVQ R12, DI")
	f.Arg("n", "CX")
	for r := range 5 { // least, most, and the least code
		f.P("VXORPS Z%d, Z%d, Z%d", r, r, r)
	}
	extremes := func() {
		for i := range 4 {
			f.P("VMINPS Z%d, Z%d, Z%d", 8+i, i%2, i%2)
			f.P("VMAXPS Z%d, Z%d, Z%d", 8+i, 2+i%2, 2+i%2)
		}
	}
	f.P("TESTQ CX, CX")
	f.P("JZ last")
	f.Mark("look")
	for i := range 4 {
		f.P("VMOVUPS %d(SI), Z%d", 64*i, 8+i)
	}
	extremes()
	f.P("ADDQ $256, SI")
	f.P("DECQ CX")
	f.P("JNZ look")
	f.Mark("last")
	f.P("CMPQ %s, $0", f.ArgAt("left"))
	f.P("JE looked")
	for i := range 4 {
		f.P("VMOVUPS.Z %d(SI), K%d, Z%d", 64*i, 1+i, 8+i)
	}
	extremes()
	f.Mark("looked")
	f.P("VMINPS Z1, Z0, Z0")
	f.P("VMAXPS Z3, Z2, Z2")
	f.P("VSUBPS Z0, Z27, Z0")
	for _, r := range []int{0, 2} {
		f.P("VEXTRACTF64X4 $1, Z%d, Y8", r)
		f.P("VMAXPS Y8, Y%d, Y%d", r, r)
		f.P("VEXTRACTF128 $1, Y%d, X8", r)
		f.P("VMAXPS X8, X%d, X%d", r, r)
	}
	f.P("VUNPCKLPS X0, X2, X8") // most, minus the least
	f.P("VUNPCKHPS X0, X2, X9")
	f.P("VMAXPS X9, X8, X8")
	f.P("VMOVHLPS X8, X8, X9")
	f.P("VMAXPS X9, X8, X8")
	f.P("VMULPS X30, X8, X9")
	f.P("VMOVSHDUP X9, X10")
	f.P("VADDSS X10, X9, X7") // the scale
	f.P("VUCOMISS %s, X7", at(1))
	f.P("JB stop") // or NaN
	f.P("VDIVSS X7, X29, X10")
	f.P("VMOVSHDUP X8, X11")
	f.P("VMULSS X10, X11, X11")
	f.P("VCVTSS2SI X11, AX")
	f.P("SUBL $127, AX") // the zero point
	f.P("VPBROADCASTW AX, Z25")
	f.P("VBROADCASTSS X10, Z24")
	f.P("NEGL AX")
	f.P("MOVL AX, DX")
	f.P("SHLL $24, DX")
	f.P("MOVWLZX AX, AX")
	f.P("ORL AX, DX")
	f.P("MOVQ R11, SI")
	f.Arg("n", "CX")
	f.P("VPXORD Z0, Z0, Z0")
	codes := func(masked bool) {
		for i := range 4 {
			if masked {
				f.P("VMULPS Z%d, Z24, Z%d", 8+i, 8+i)
			} else {
				f.P("VMULPS %d(SI), Z24, Z%d", 64*i, 8+i)
			}
			f.P("VCVTPS2DQ Z%d, Z%d", 8+i, 8+i)
		}
		f.P("VPACKSSDW Z9, Z8, Z8")
		f.P("VPACKSSDW Z11, Z10, Z10")
		f.P("VPADDSW Z25, Z8, Z8")
		f.P("VPADDSW Z25, Z10, Z10")
		f.P("VPACKSSWB Z10, Z8, Z8")
		f.P("VPMINSB Z8, Z4, Z4") // −128 only where a number is not finite
		f.P("VPERMD Z8, Z31, Z8")
	}
	f.P("TESTQ CX, CX")
	f.P("JZ rest")
	f.Mark("codes")
	codes(false)
	f.P("VMOVDQU64 Z8, (DI)")
	f.P("VPDPBUSD Z8, Z28, Z0")
	f.P("ADDQ $256, SI")
	f.P("ADDQ $64, DI")
	f.P("DECQ CX")
	f.P("JNZ codes")
	f.Mark("rest")
	f.P("CMPQ %s, $0", f.ArgAt("left"))
	f.P("JE done")
	for i := range 4 {
		f.P("VMOVUPS.Z %d(SI), K%d, Z%d", 64*i, 1+i, 8+i)
	}
	codes(true)
	f.P("VMOVDQU8 Z8, K5, (DI)")
	f.P("VPDPBUSD Z8, Z26, Z0")
	f.P("ADDQ %s, DI", f.ArgAt("left"))
	f.Mark("done")
	f.P("VPCMPEQB Z22, Z4, K6")
	f.P("KORTESTQ K6, K6")
	f.P("JNZ stop")
	f.P("VEXTRACTI64X4 $1, Z0, Y1")
	f.P("VPADDD Y1, Y0, Y0")
	f.P("VEXTRACTI128 $1, Y0, X1")
	f.P("VPADDD X1, X0, X0")
	f.P("VPSHUFD $0x4e, X0, X1")
	f.P("VPADDD X1, X0, X0")
	f.P("VPSHUFD $0xb1, X0, X1")
	f.P("VPADDD X1, X0, X0")
	f.P("VMOVD X0, AX")
	f.P("NEGL AX")
	f.P("VMOVSS X7, %d(DI)", rowsScale)
	f.P("MOVL DX, %d(DI)", rowsZero)
	f.P("MOVL AX, %d(DI)", rowsSum)
	f.P("INCQ R15")
	f.P("ADDQ %s, R11", f.ArgAt("ld"))
	f.P("ADDQ %s, R12", f.ArgAt("pitch"))
	f.P("DECQ R10")
	f.P("JNZ row")
	f.Mark("stop")
	f.Arg("done", "BX")
	f.P("MOVQ R15, (BX)")
	f.Return()
}

// rowsChoice returns Go: the function that calls a tile.
func rowsChoice() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("// multiply512 computes the outputs c by the tiles of AVX-512.")
	p("func (t *rowsTile) multiply512(c, a []float32) {")
	p("a0, c0, bias, add := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.bias), unsafe.SliceData(t.add)")
	p("switch t.rows {")
	for _, rows := range rowsTiles {
		p("case %d:\nswitch t.width {", rows)
		for _, width := range []int{48, 32, 16} {
			p("case %d:\n%s(t.k/4, a0, 4*t.pitch, t.panel, c0, t.ldc, bias, add, t.shift, t.next, t.step)", width, rowsTile{rows, width}.name())
		}
		p("}")
	}
	p("}\n}\n")
	p("// multiply256 computes the outputs c by tiles of 256 bits.")
	p("func (t *rowsTile) multiply256(c, a []float32) {")
	p("a0, c0, bias, add := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.bias), unsafe.SliceData(t.add)")
	p("switch t.set {")
	for _, d := range rowsDots {
		p("case %s:\nif t.rows > 1 {", d.set())
		p("%s(t.k/4, a0, 4*t.pitch, t.panel, c0, t.ldc, bias, add, t.shift, t.rows/4, t.width)\n} else {", rowsTile256{d, 4}.name())
		p("%s(t.k/4, a0, 4*t.pitch, t.panel, c0, t.ldc, bias, add, t.shift, 1, t.width)\n}", rowsTile256{d, 1}.name())
	}
	p("}\n}\n")
	return b.String()
}
