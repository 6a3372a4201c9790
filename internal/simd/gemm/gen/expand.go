package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Functions that expand parts of panels of any width for tiles, a vector of outputs at a time, and those that make
// float32 of what these write.

// strided addresses row i, of so many bytes, of an array; DX is three times them.
func strided(base, row string, i int) string {
	return fmt.Sprintf("(%s)", base) + []string{"", "(" + row + "*1)", "(" + row + "*2)", "(DX*1)", "(" + row + "*4)"}[i]
}

func expandName(u units, v vector) string { return "expand" + u.name + v.set }

// expand writes the function that expands a part of a panel.
func (u units) expand(f *asmgen.File, v vector) {
	f.Func(expandName(u, v), fmt.Sprintf("%s expands n units of width outputs.", expandName(u, v)), "n int", "dst *float32", "panel unsafe.Pointer", "width int")
	f.Comment("CX units left, BX unit, DI what it expands to, R13 width, R10 bytes of a row of words and DX of three, AX column, R12 what scales the unit.")
	f.Arg("n", "CX")
	f.Arg("dst", "DI")
	f.Arg("panel", "BX")
	f.Arg("width", "R13")
	f.P("LEAQ (R13*4), R10")
	f.P("LEAQ (R10)(R10*2), DX")
	u.constants(f, v)
	f.P("VBROADCASTSS %s, %s", constant(minusMagic), v.Reg(6))
	f.Mark("loop")
	f.P("XORQ AX, AX")
	f.P("IMUL3Q $%d, R13, R12", u.parts*u.partBytes())
	f.P("ADDQ BX, R12")
	f.Mark("columns")
	f.Comment("Scales: R15 is 32 k of the columns.")
	f.P("LEAQ (DI)(AX*4), R15")
	at := func(at, size int) string {
		if at == 0 {
			return fmt.Sprintf("(R12)(AX*%d)", size)
		}
		f.P("IMUL3Q $%d, R13, R14", at)
		f.P("ADDQ R12, R14")
		return fmt.Sprintf("(R14)(AX*%d)", size)
	}
	for part := range u.parts {
		u.scale(unitScale{f: f, v: v, part: part, scale: v.Reg(0), second: v.Reg(1), temporary: v.Reg(2), minima: [2]string{v.Reg(7), v.Reg(8)}, address: at})
		f.P("LEAQ (R15)(R10*8), R15")
		store := func(reg string) {
			f.P("VMOVUPS %s, (R15)", reg)
			f.P("ADDQ R10, R15")
		}
		scale := func(reg string) {
			store(reg)
			f.P("VMULPS %s, %s, %s", v.Reg(6), reg, v.Reg(2))
			store(v.Reg(2))
		}
		scale(v.Reg(0))
		switch u.w {
		case minima:
			store(v.Reg(1))
		case halves:
			scale(v.Reg(1))
		case quarters:
			store(v.Reg(7))
			scale(v.Reg(1))
			store(v.Reg(8))
		}
	}
	u.expandCodes(f, v)
	f.P("ADDQ $%d, AX", v.Lanes())
	f.P("CMPQ AX, R13")
	f.P("JLT columns")
	f.P("IMUL3Q $%d, R10, R14", u.parts*u.w.bytes()/4)
	f.P("ADDQ R14, DI")
	f.P("IMUL3Q $%d, R13, R14", u.bytes())
	f.P("ADDQ R14, BX")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
}

// expandCodes writes the codes of a vector of outputs.
func (u units) expandCodes(f *asmgen.File, v vector) {
	r := v.unitRegs()
	f.Comment("Codes: SI is 32 k of the columns, R9 and R15 the first and last 16 of what they expand to, R8 parts left.")
	f.P("LEAQ (BX)(AX*4), SI")
	f.P("LEAQ (DI)(AX*4), R9")
	f.P("MOVQ $%d, R8", u.parts)
	f.Mark("parts")
	f.P("LEAQ (R9)(R10*4), R15")
	for i := range u.partBytes() / 4 {
		f.P("PREFETCHT0 %d%s", ahead, strided("SI", "R10", i%4)) // what is further on is too
	}
	planes := [3]string{v.Reg(3), v.Reg(4), v.Reg(5)}
	switch {
	case u.bits == 8:
		f.P("LEAQ (SI)(R10*4), R14")
		for i := range 4 {
			v.load(f, strided("SI", "R10", i), r.lower)
			v.load(f, strided("R14", "R10", i), r.upper)
			v.store(f, r.lower, strided("R9", "R10", i))
			v.store(f, r.upper, strided("R15", "R10", i))
		}
	case u.bits == 2:
		for p := range 2 + u.planes {
			v.load(f, strided("SI", "R10", p), planes[p])
		}
		for i := range 4 {
			u.codesOfTwo(f, v, planes, i)
			v.store(f, r.lower, strided("R9", "R10", i))
			v.store(f, r.upper, strided("R15", "R10", i))
		}
	default:
		if u.planes > 0 {
			f.P("LEAQ (SI)(R10*4), R14")
		}
		for p := range u.planes {
			v.load(f, strided("R14", "R10", p), planes[p])
		}
		for i := range 4 {
			u.codes(f, v, strided("SI", "R10", i), [2]string(planes[:2]), i)
			v.store(f, r.lower, strided("R9", "R10", i))
			v.store(f, r.upper, strided("R15", "R10", i))
		}
	}
	f.P("IMUL3Q $%d, R10, R14", u.partBytes()/4)
	f.P("ADDQ R14, SI")
	f.P("IMUL3Q $%d, R10, R14", u.w.bytes()/4)
	f.P("ADDQ R14, R9")
	f.P("DECQ R8")
	f.P("JNZ parts")
}

// codeFloats is how float32 comes of codes and what scales them.
type codeFloats weights

// e2m1 are nibbles that are floats.
const e2m1 = codeFloats("E2M1")

var allFloats = []codeFloats{codeFloats(plain), codeFloats(minima), codeFloats(halves), codeFloats(quarters), e2m1}

func floatsName(c codeFloats, v vector) string { return "floats" + string(c) + v.set }

// floats writes the function that makes float32 of an expanded part of a panel: each operation is rounded, as blocks
// are decoded.
func (c codeFloats) floats(f *asmgen.File, v vector) {
	w := weights(c)
	if c == e2m1 {
		w = plain
	}
	f.Func(floatsName(c, v), fmt.Sprintf("%s makes float32 of n times 32 k of width outputs, expanded.", floatsName(c, v)), "n int", "dst, src *float32", "width, offset int")
	f.Comment("CX times 32 k left, SI expanded codes, DI float32, R10 bytes of a row and DX of three, R13 width, AX column.")
	f.Arg("n", "CX")
	f.Arg("dst", "DI")
	f.Arg("src", "SI")
	f.Arg("width", "R13")
	f.P("LEAQ (R13*4), R10")
	f.P("LEAQ (R10)(R10*2), DX")
	if c == e2m1 {
		f.P("VMOVUPS e2m1<>(SB), %s", v.Reg(5))
		f.P("VPBROADCASTD %s, %s", constant(signBit), v.Reg(6))
	} else {
		f.Arg("offset", "R9")
		f.P("VMOVD R9, X5")
		f.P("VPBROADCASTD X5, %s", v.Reg(5))
	}
	f.P("VPBROADCASTD %s, %s", constant(lowByte), v.Reg(7))
	f.Mark("loop")
	f.P("XORQ AX, AX")
	f.Mark("columns")
	f.Comment("R8 codes of the columns, R9 float32 of them, R12 words of codes left, R15 scales.")
	f.P("LEAQ (SI)(AX*4), R8")
	f.P("LEAQ (DI)(AX*4), R9")
	f.P("LEAQ (R8)(R10*8), R15")
	f.P("VMOVUPS (R15), %s", v.Reg(0))
	if w != plain {
		f.P("VMOVUPS %s, %s", strided("R15", "R10", 2), v.Reg(1))
	}
	f.P("MOVQ $8, R12")
	f.Mark("words")
	if w.inHalves() {
		f.P("CMPQ R12, $4")
		f.P("JNE same")
		if w == quarters {
			f.P("LEAQ (R15)(DX*1), R15")
			f.P("VMOVUPS %s, %s", strided("R15", "R10", 2), v.Reg(1))
			f.P("VMOVUPS (R15), %s", v.Reg(0))
		} else {
			f.P("VMOVUPS %s, %s", v.Reg(1), v.Reg(0))
		}
		f.Mark("same")
	}
	f.P("VMOVDQU%s (R8), %s", map[vector]string{avx512: "64"}[v], v.Reg(8))
	for j := range 4 {
		x := v.Reg(9 + j%2)
		switch j {
		case 0:
			v.and(f, v.Reg(7), v.Reg(8), x)
		case 3:
			f.P("VPSRLD $24, %s, %s", v.Reg(8), x)
		default:
			f.P("VPSRLD $%d, %s, %s", 8*j, v.Reg(8), x)
			v.and(f, v.Reg(7), x, x)
		}
		if c == e2m1 {
			f.P("VPSLLD $28, %s, %s", x, v.Reg(11))
			v.and(f, v.Reg(6), v.Reg(11), v.Reg(11))
			f.P("VPERMPS %s, %s, %s", v.Reg(5), x, x) // looks at the lower three bits, or at four of the same
			f.P("%s %s, %s, %s", map[bool]string{true: "VPORD", false: "VPOR"}[v == avx512], v.Reg(11), x, x)
		} else {
			f.P("VPSUBD %s, %s, %s", v.Reg(5), x, x)
			f.P("VCVTDQ2PS %s, %s", x, x)
		}
		f.P("VMULPS %s, %s, %s", v.Reg(0), x, x)
		if w.withMinima() {
			f.P("VSUBPS %s, %s, %s", v.Reg(1), x, x)
		}
		f.P("VMOVUPS %s, %s", x, strided("R9", "R10", j))
	}
	f.P("ADDQ R10, R8")
	f.P("LEAQ (R9)(R10*4), R9")
	f.P("DECQ R12")
	f.P("JNZ words")
	f.P("ADDQ $%d, AX", v.Lanes())
	f.P("CMPQ AX, R13")
	f.P("JLT columns")
	f.P("IMUL3Q $%d, R10, R14", w.bytes()/4)
	f.P("ADDQ R14, SI")
	f.P("IMUL3Q $32, R10, R14")
	f.P("ADDQ R14, DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
}

// unitKernels writes the functions of all formats.
func unitKernels(f *asmgen.File, v vector) {
	unitTables(f)
	for _, u := range unitFormats {
		u.expand(f, v)
		if v == avx512 {
			u.single(f)
		}
	}
	for _, u := range expandedFormats {
		u.expand(f, v)
	}
	for _, c := range allFloats {
		c.floats(f, v)
	}
}
