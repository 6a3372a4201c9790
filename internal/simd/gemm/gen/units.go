package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// units is a format whose panels lie as package gemm's units.go says: nibbles, and planes of higher bits.
type units struct {
	name   string
	w      weights // what its panels expand to
	bias   int
	parts  int    // of 32 k in a unit
	planes int    // of higher bits: one for a bit, two for two
	table  string // of bytes that nibbles stand for
	tail   int    // bytes of an output that scale a unit
	scale  func(u unitScale)
}

var unitFormats = []units{
	{name: "Q4_0", w: plain, bias: 8, parts: 1, tail: 2, scale: unitScale.half},
	{name: "Q4_1", w: minima, parts: 1, tail: 4, scale: unitScale.halfAndMinimum},
	{name: "Q5_0", w: plain, bias: 16, parts: 1, planes: 1, tail: 2, scale: unitScale.half},
	{name: "Q5_1", w: minima, parts: 1, planes: 1, tail: 4, scale: unitScale.halfAndMinimum},
	{name: "IQ4_NL", w: plain, bias: 128, parts: 1, table: "iq4nl", tail: 2, scale: unitScale.half},
	{name: "MXFP4", w: plain, bias: 12, parts: 1, table: "mxfp4", tail: 1, scale: unitScale.powerOfTwo},
	{name: "Q4_K", w: minima, parts: 8, tail: 16, scale: unitScale.sixBits},
	{name: "Q5_K", w: minima, parts: 8, planes: 1, tail: 16, scale: unitScale.sixBits},
	{name: "Q6_K", w: halves, bias: 32, parts: 8, planes: 2, tail: 18, scale: unitScale.eightBits},
}

// partBytes returns the bytes of a part of an output, bytes those of a unit.
func (u units) partBytes() int { return 16 + 4*u.planes }
func (u units) bytes() int     { return u.parts*u.partBytes() + u.tail }

// The tables of constants: words, for broadcasts, and bytes that nibbles stand for.
const (
	lowNibble = iota * 4
	fifthBit
	fifthAndSixthBit
	lowBits4
	lowBits6
	bits45
	one2
	signBit
)

func unitTables(f *asmgen.File) {
	f.Table("unitWords", 0x0f0f0f0f, 0x10101010, 0x30303030, 15, 63, 48, 0x3f000000, 0x80000000)
	table := func(name string, b [16]uint32) {
		var words []uint32
		for range 4 {
			for i := 0; i < 16; i += 4 {
				words = append(words, b[i]|b[i+1]<<8|b[i+2]<<16|b[i+3]<<24)
			}
		}
		f.Table(name, words...)
	}
	table("iq4nl", [16]uint32{1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241})
	table("mxfp4", [16]uint32{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0})
}

// constant names a constant in memory.
func constant(at int) string { return fmt.Sprintf("unitWords<>+%d(SB)", at) }

// Registers of what takes units apart.
const (
	lowReg   = "Z31" // 15 in every byte
	highReg  = "Z30" // the higher bits
	tableReg = "Z29"
	lower    = "Z24" // codes of the first 16 k, and of the last
	upper    = "Z25"
	shifted  = "Z26"
)

// load loads constants.
func (u units) load(f *asmgen.File) {
	f.P("VPBROADCASTD %s, %s", constant(lowNibble), lowReg)
	switch u.planes {
	case 1:
		f.P("VPBROADCASTD %s, %s", constant(fifthBit), highReg)
	case 2:
		f.P("VPBROADCASTD %s, %s", constant(fifthAndSixthBit), highReg)
	}
	if u.table != "" {
		f.P("VMOVDQU64 %s<>(SB), %s", u.table, tableReg)
	}
}

// codes sets lower and upper to the codes k = 4i+… and 16+4i+… of 16 outputs, from nibbles and planes in memory.
func (u units) codes(f *asmgen.File, nibbles string, planes [2]string, i int) {
	f.P("VMOVDQU64 %s, %s", nibbles, upper)
	f.P("VPANDD %s, %s, %s", lowReg, upper, lower)
	f.P("VPSRLW $4, %s, %s", upper, upper)
	f.P("VPANDD %s, %s, %s", lowReg, upper, upper)
	// high adds the bits of a plane that begin with bit n.
	high := func(plane string, n int, codes string) {
		switch {
		case n < 4:
			f.P("VPSLLW $%d, %s, %s", 4-n, plane, shifted)
		case n > 4:
			f.P("VPSRLW $%d, %s, %s", n-4, plane, shifted)
		default:
			f.P("VPTERNLOGD $0xf8, %s, %s, %s", plane, highReg, codes)
			return
		}
		f.P("VPTERNLOGD $0xf8, %s, %s, %s", shifted, highReg, codes)
	}
	switch u.planes {
	case 1:
		high(planes[0], i, lower)
		high(planes[0], 4+i, upper)
	case 2:
		high(planes[0], 2*i, lower)
		high(planes[1], 2*i, upper)
	}
	if u.table != "" {
		f.P("VPSHUFB %s, %s, %s", lower, tableReg, lower)
		f.P("VPSHUFB %s, %s, %s", upper, tableReg, upper)
	}
}

// unitScale writes the loads of the scales and minima of 16 outputs.
type unitScale struct {
	f              *asmgen.File
	at             int // of the unit's tail, from BX
	width, j, part int
	scale, second  string // registers to set
	temporary      string
}

// element addresses what 16 outputs have, of size bytes each, in the row of an array that begins at byte at of an
// output.
func (u unitScale) element(at, size int) string {
	return fmt.Sprintf("%d(BX)", u.at+at*u.width+u.j*16*size)
}

func (u unitScale) half() { u.f.P("VCVTPH2PS %s, %s", u.element(0, 2), u.scale) }

func (u unitScale) halfAndMinimum() {
	u.half()
	u.f.P("VCVTPH2PS %s, %s", u.element(2, 2), u.second)
	u.f.P("VPXORD.BCST %s, %s, %s", constant(signBit), u.second, u.second)
}

// powerOfTwo halves the scale, since codes are doubled, and makes NaN of infinity.
func (u unitScale) powerOfTwo() {
	u.f.P("VPMOVZXBD %s, %s", u.element(0, 1), u.scale)
	u.f.P("VPSLLD $23, %s, %s", u.scale, u.scale)
	u.f.P("VSUBPS %s, %s, %s", u.scale, u.scale, u.temporary)
	u.f.P("VFMADD132PS.BCST %s, %s, %s", constant(one2), u.temporary, u.scale)
}

func (u unitScale) sixBits() {
	word := func(i int) string { return u.element(4+4*i, 4) }
	shift := u.part % 4 * 8
	// field sets reg to 6 bits, of which parts from 4 on have 4 and 2 in different words.
	field := func(first, second, low int, reg string) {
		f := u.f
		if u.part < 4 {
			f.P("VPSRLD $%d, %s, %s", shift, word(first), reg)
			f.P("VPANDD.BCST %s, %s, %s", constant(lowBits6), reg, reg)
		} else {
			f.P("VPSRLD $%d, %s, %s", shift+low, word(second), reg)
			f.P("VPANDD.BCST %s, %s, %s", constant(lowBits4), reg, reg)
			f.P("VPSRLD $%d, %s, %s", shift+2, word(first), u.temporary)
			f.P("VPTERNLOGD.BCST $0xf8, %s, %s, %s", constant(bits45), u.temporary, reg)
		}
		f.P("VCVTDQ2PS %s, %s", reg, reg)
	}
	field(0, 2, 0, u.scale)
	field(1, 2, 4, u.second)
	u.f.P("VCVTPH2PS %s, %s", u.element(0, 2), u.temporary)
	u.f.P("VMULPS %s, %s, %s", u.temporary, u.scale, u.scale)
	u.f.P("VCVTPH2PS %s, %s", u.element(2, 2), u.temporary)
	u.f.P("VMULPS %s, %s, %s", u.temporary, u.second, u.second)
}

func (u unitScale) eightBits() {
	u.f.P("VCVTPH2PS %s, %s", u.element(16, 2), u.temporary)
	for h, reg := range []string{u.scale, u.second} {
		u.f.P("VPMOVSXBD %s, %s", u.element(2*u.part+h, 1), reg)
		u.f.P("VCVTDQ2PS %s, %s", reg, reg)
		u.f.P("VMULPS %s, %s, %s", u.temporary, reg, reg)
	}
}

func expandName(u units, width int) string {
	return fmt.Sprintf("expand%s%dAVX512", u.name, width)
}

// expand writes the function that expands a part of a panel.
func (u units) expand(f *asmgen.File, width int) {
	f.Func(expandName(u, width), fmt.Sprintf("%s expands n units of %d outputs.", expandName(u, width), width), "n int", "dst *float32", "panel unsafe.Pointer")
	f.Comment("CX units left, BX panel, DI what it expands to.")
	f.Arg("n", "CX")
	f.Arg("dst", "DI")
	f.Arg("panel", "BX")
	u.load(f)
	vectors, out := width/16, u.w.bytes()*width
	f.Mark("loop")
	for part := range u.parts {
		for j := range vectors {
			u.scale(unitScale{f: f, at: u.parts * u.partBytes() * width, width: width, j: j, part: part, scale: "Z0", second: "Z1", temporary: "Z2"})
			f.P("VMOVUPS Z0, %d(DI)", part*out+32*width+j*64)
			if u.w != plain {
				f.P("VMOVUPS Z1, %d(DI)", part*out+36*width+j*64)
			}
		}
	}
	if u.parts > 1 {
		f.P("MOVQ BX, SI")
		f.P("MOVQ $%d, R8", u.parts)
		f.Mark("parts")
	}
	base := map[bool]string{false: "BX", true: "SI"}[u.parts > 1]
	for j := range vectors {
		planes := [2]string{"Z16", "Z17"}
		for p := range u.planes {
			f.P("VMOVDQU64 %d(%s), %s", (16+4*p)*width+j*64, base, planes[p])
		}
		for i := range 4 {
			f.P("PREFETCHT0 %d(%s)", ahead+(i*vectors+j)*64, base)
			u.codes(f, fmt.Sprintf("%d(%s)", (i*vectors+j)*64, base), planes, i)
			f.P("VMOVDQU64 %s, %d(DI)", lower, (i*vectors+j)*64)
			f.P("VMOVDQU64 %s, %d(DI)", upper, ((4+i)*vectors+j)*64)
		}
	}
	f.P("ADDQ $%d, DI", out)
	if u.parts > 1 {
		f.P("ADDQ $%d, SI", u.partBytes()*width)
		f.P("DECQ R8")
		f.P("JNZ parts")
	}
	f.P("ADDQ $%d, BX", u.bytes()*width)
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
}

func singleName(u units) string { return fmt.Sprintf("int8Row48%sAVX512VNNI", u.name) }

// single writes the tile of one row that reads a panel of 48 outputs as it is.
func (u units) single(f *asmgen.File) {
	const width, vectors = 48, 3
	f.Func(singleName(u), fmt.Sprintf("%s computes 1 × 48 outputs from units of %d k.", singleName(u), 32*u.parts),
		"n int", "a *float32", "panel unsafe.Pointer", "c *float32", "chain int", "bias, add *float32")
	f.Comment("CX units left, SI activations, BX panel, DI outputs; Z0–Z5 integer sums, of the first and last 16 k, Z6–Z8 float32 sums.")
	f.Arg("n", "CX")
	f.Arg("a", "SI")
	f.Arg("panel", "BX")
	f.Arg("c", "DI")
	u.load(f)
	if u.bias > 0 {
		f.P("MOVL $%d, R9", u.bias)
		f.P("VPBROADCASTD R9, Z27")
		f.P("SHLL $16, R9")
		f.P("VPBROADCASTD R9, Z28")
	}
	sum := func(j int) string { return asmgen.Z.Reg(6 + j) }
	for j := range vectors {
		f.P("VPXORD %s, %s, %s", sum(j), sum(j), sum(j))
	}
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JE loop")
	for j := range vectors {
		f.P("VMOVUPS %d(DI), %s", j*64, sum(j))
	}
	f.Mark("loop")
	lines := 0
	for part := range u.parts {
		u.row(f, part, &lines)
	}
	for ; lines < u.bytes()*width; lines += 64 {
		f.P("PREFETCHT0 %d(BX)", farAhead+lines)
	}
	f.P("ADDQ $%d, BX", u.bytes()*width)
	f.P("ADDQ $%d, SI", u.parts*int8Block)
	f.P("DECQ CX")
	f.P("JNZ loop")
	for _, name := range []string{"bias", "add"} {
		f.Arg(name, "R9")
		f.P("TESTQ R9, R9")
		f.P("JZ no%s", name)
		for j := range vectors {
			f.P("VADDPS %d(R9), %s, %s", j*64, sum(j), sum(j))
		}
		f.Mark("no" + name)
	}
	for j := range vectors {
		f.P("VMOVUPS %s, %d(DI)", sum(j), j*64)
	}
	f.Return()
}

// farAhead is how far ahead of what it reads, in bytes, a tile of one row fetches a panel.
const farAhead = 2048

// row adds a part of 32 k.
func (u units) row(f *asmgen.File, part int, lines *int) {
	const width, vectors = 48, 3
	x, at := part*int8Block, part*u.partBytes()*width
	first := func(j int) string { return asmgen.Z.Reg(j) }
	last := func(j int) string { return asmgen.Z.Reg(3 + j) }
	f.Comment("%d k from %d on.", 32, 32*part)
	for h, start := range []func(int) string{first, last} {
		if u.bias > 0 {
			f.P("VPBROADCASTD %d(SI), Z20", x+int8Halves)
			f.P("VPMADDWD Z20, %s, %s", []string{"Z27", "Z28"}[h], start(0))
		}
		for j := range vectors {
			if u.bias == 0 {
				f.P("VPXORD %s, %s, %s", start(j), start(j), start(j))
			} else if j > 0 {
				f.P("VMOVDQA64 %s, %s", start(0), start(j))
			}
		}
	}
	plane := func(p, j int) string { return asmgen.Z.Reg(10 + 3*p + j) }
	for p := range u.planes {
		for j := range vectors {
			f.P("VMOVDQU64 %d(BX), %s", at+(16+4*p)*width+j*64, plane(p, j))
		}
	}
	for i := range 4 {
		f.P("VPBROADCASTD %d(SI), Z22", x+4*i)
		f.P("VPBROADCASTD %d(SI), Z23", x+16+4*i)
		for j := range vectors {
			f.P("PREFETCHT0 %d(BX)", farAhead+*lines)
			*lines += 64
			u.codes(f, fmt.Sprintf("%d(BX)", at+(i*vectors+j)*64), [2]string{plane(0, j), plane(1, j)}, i)
			f.P("VPDPBUSD Z22, %s, %s", lower, first(j))
			f.P("VPDPBUSD Z23, %s, %s", upper, last(j))
		}
	}
	for j := range vectors {
		sum := asmgen.Z.Reg(6 + j)
		u.scale(unitScale{f: f, at: u.parts * u.partBytes() * width, width: width, j: j, part: part, scale: "Z16", second: "Z17", temporary: "Z18"})
		if u.w != halves {
			f.P("VPADDD %s, %s, %s", first(j), last(j), first(j))
		}
		f.P("VCVTDQ2PS %s, %s", first(j), first(j))
		f.P("VMULPS Z16, %s, %s", first(j), first(j))
		if u.w == minima {
			f.P("VFMADD231PS.BCST %d(SI), Z17, %s", x+int8Sum, first(j))
		}
		f.P("VFMADD231PS.BCST %d(SI), %s, %s", x+int8Scale, first(j), sum)
		if u.w == halves {
			f.P("VCVTDQ2PS %s, %s", last(j), last(j))
			f.P("VMULPS Z17, %s, %s", last(j), last(j))
			f.P("VFMADD231PS.BCST %d(SI), %s, %s", x+int8Scale, last(j), sum)
		}
	}
}

// unitKernels writes the functions of all formats.
func unitKernels(f *asmgen.File) {
	unitTables(f)
	for _, u := range unitFormats {
		for _, width := range []int{48, 32, 16} {
			u.expand(f, width)
		}
		u.single(f)
	}
}
