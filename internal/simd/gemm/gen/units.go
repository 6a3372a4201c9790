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
	bits   int    // of codes besides planes: 4, 2 or 8; 0 is 4
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

// expandedFormats are those whose panels are expanded, but have no tile of one row of their own.
var expandedFormats = []units{
	{name: "Q8_0", w: plain, bias: 128, parts: 1, bits: 8, tail: 2, scale: unitScale.half},
	{name: "IQ4_XS", w: plain, bias: 128, parts: 8, table: "iq4nl", tail: 8, scale: unitScale.lessThirtyTwo},
	{name: "E2M1", w: plain, parts: 1, tail: 1, scale: unitScale.powerOfTwoAsIs},
	{name: "Q3_K", w: halves, bias: 4, parts: 8, bits: 2, planes: 1, tail: 14, scale: unitScale.lessThirtyTwoTwice},
}

// partBytes returns the bytes of a part of an output, bytes those of a unit.
func (u units) partBytes() int {
	bits := u.bits
	if bits == 0 {
		bits = 4
	}
	return 4*bits + 4*u.planes
}
func (u units) bytes() int { return u.parts*u.partBytes() + u.tail }

// The constants in memory, each a vector of the same words.
const (
	lowNibble = iota * 32
	fifthBit
	fifthAndSixthBit
	lowBits4
	lowBits6
	bits45
	oneHalf
	signBit
	lowBits2
	thirdBit
	thirtyTwo
	lowByte
	leastScale
	minusMagic
)

// unitTables writes the constants and the tables of bytes that nibbles stand for.
func unitTables(f *asmgen.File) {
	var words []uint32
	for _, w := range []uint32{0x0f0f0f0f, 0x10101010, 0x30303030, 15, 63, 48, 0x3f000000, 0x80000000, 0x03030303, 0x04040404, 32, 255, 1 << 22, 0xcb400000} {
		words = append(words, w, w, w, w, w, w, w, w)
	}
	f.Table("unitWords", words...)
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
	// Floats of a nibble without its sign, twice.
	magnitudes := []uint32{0, 0x3f000000, 0x3f800000, 0x3fc00000, 0x40000000, 0x40400000, 0x40800000, 0x40c00000}
	f.Table("e2m1", append(magnitudes, magnitudes...)...)
	table("mxfp4", [16]uint32{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0})
}

// constant names a constant in memory.
func constant(at int) string { return fmt.Sprintf("unitWords<>+%d(SB)", at) }

// withConstant writes an instruction on a register with a constant.
func (v vector) withConstant(f *asmgen.File, op string, at int, regs string) {
	if v == avx512 {
		op += ".BCST"
	}
	f.P("%s %s, %s", op, constant(at), regs)
}

// and writes x & y; the instructions of AVX2 and AVX-512 on integers differ in names.
func (v vector) and(f *asmgen.File, x, y, to string) {
	f.P("%s %s, %s, %s", map[bool]string{true: "VPANDD", false: "VPAND"}[v == avx512], x, y, to)
}

// load and store write moves of unaligned vectors.
func (v vector) load(f *asmgen.File, address, to string) {
	f.P("%s %s, %s", map[bool]string{true: "VMOVDQU64", false: "VMOVDQU"}[v == avx512], address, to)
}

func (v vector) store(f *asmgen.File, from, address string) { v.load(f, from, address) }

// include writes to |= x & mask; without ternary logic it changes scratch, which may be x.
func (v vector) include(f *asmgen.File, x, mask, scratch, to string) {
	if v == avx512 {
		f.P("VPTERNLOGD $0xf8, %s, %s, %s", x, mask, to)
		return
	}
	f.P("VPAND %s, %s, %s", x, mask, scratch)
	f.P("VPOR %s, %s, %s", scratch, to, to)
}

// registers of what takes units apart.
type unitRegs struct {
	low, high, table      string // 15 in every byte; the higher bits; bytes that nibbles stand for
	lower, upper, shifted string // codes of the first 16 k, and of the last
}

func (v vector) unitRegs() unitRegs {
	r := func(i int) string { return v.Reg(v.regs - i) }
	return unitRegs{r(1), r(2), r(3), r(8), r(7), r(6)}
}

// constants loads constants.
func (u units) constants(f *asmgen.File, v vector) {
	r := v.unitRegs()
	switch u.bits {
	case 0:
		f.P("VPBROADCASTD %s, %s", constant(lowNibble), r.low)
	case 2:
		f.P("VPBROADCASTD %s, %s", constant(lowBits2), r.low)
	}
	switch {
	case u.planes == 1 && u.bits == 2:
		f.P("VPBROADCASTD %s, %s", constant(thirdBit), r.high)
	case u.planes == 1:
		f.P("VPBROADCASTD %s, %s", constant(fifthBit), r.high)
	case u.planes == 2:
		f.P("VPBROADCASTD %s, %s", constant(fifthAndSixthBit), r.high)
	}
	if u.table != "" {
		v.load(f, u.table+"<>(SB)", r.table)
	}
}

// codes sets lower and upper to the codes k = 4i+… and 16+4i+… of outputs, from nibbles and planes in memory.
func (u units) codes(f *asmgen.File, v vector, nibbles string, planes [2]string, i int) {
	r := v.unitRegs()
	v.load(f, nibbles, r.upper)
	v.and(f, r.low, r.upper, r.lower)
	f.P("VPSRLW $4, %s, %s", r.upper, r.upper)
	v.and(f, r.low, r.upper, r.upper)
	switch u.planes {
	case 1:
		u.high(f, v, planes[0], i, 4, r.lower)
		u.high(f, v, planes[0], 4+i, 4, r.upper)
	case 2:
		u.high(f, v, planes[0], 2*i, 4, r.lower)
		u.high(f, v, planes[1], 2*i, 4, r.upper)
	}
	if u.table != "" {
		f.P("VPSHUFB %s, %s, %s", r.lower, r.table, r.lower)
		f.P("VPSHUFB %s, %s, %s", r.upper, r.table, r.upper)
	}
}

// codesOfTwo is codes of two bits: planes hold those, and the third bits.
func (u units) codesOfTwo(f *asmgen.File, v vector, planes [3]string, i int) {
	r := v.unitRegs()
	for h, to := range []string{r.lower, r.upper} {
		from := planes[h]
		if i > 0 {
			f.P("VPSRLW $%d, %s, %s", 2*i, from, to)
			from = to
		}
		v.and(f, r.low, from, to)
		if u.planes > 0 {
			u.high(f, v, planes[2], 4*h+i, 2, to)
		}
	}
}

// high adds to codes the bits of a plane that begin with bit n, and are bits from bit at on there.
func (u units) high(f *asmgen.File, v vector, plane string, n, at int, codes string) {
	r := v.unitRegs()
	switch {
	case n < at:
		f.P("VPSLLW $%d, %s, %s", at-n, plane, r.shifted)
		plane = r.shifted
	case n > at:
		f.P("VPSRLW $%d, %s, %s", n-at, plane, r.shifted)
		plane = r.shifted
	}
	v.include(f, plane, r.high, r.shifted, codes)
}

// unitScale writes the loads of the scales and minima of a vector of outputs.
type unitScale struct {
	f              *asmgen.File
	v              vector
	at             int // of the unit's tail, from BX
	width, j, part int
	scale, second  string // registers to set
	temporary      string

	address func(at, size int) string // if not nil, what element returns
}

// element addresses what outputs have, of size bytes each, in the row of an array that begins at byte at of an output.
func (u unitScale) element(at, size int) string {
	if u.address != nil {
		return u.address(at, size)
	}
	return fmt.Sprintf("%d(BX)", u.at+at*u.width+u.j*u.v.Lanes()*size)
}

func (u unitScale) half() { u.f.P("VCVTPH2PS %s, %s", u.element(0, 2), u.scale) }

func (u unitScale) halfAndMinimum() {
	u.half()
	u.f.P("VCVTPH2PS %s, %s", u.element(2, 2), u.second)
	u.v.withConstant(u.f, "VXORPS", signBit, u.second+", "+u.second)
}

// powerOfTwo halves the scale, since codes are doubled, and makes NaN of infinity.
func (u unitScale) powerOfTwo() {
	u.f.P("VPMOVZXBD %s, %s", u.element(0, 1), u.scale)
	u.f.P("VPSLLD $23, %s, %s", u.scale, u.scale)
	u.f.P("VSUBPS %s, %s, %s", u.scale, u.scale, u.temporary)
	u.v.withConstant(u.f, "VFMADD132PS", oneHalf, u.temporary+", "+u.scale)
}

// powerOfTwoAsIs is the scale itself, of which the smallest is not a normal number.
func (u unitScale) powerOfTwoAsIs() {
	u.f.P("VPMOVZXBD %s, %s", u.element(0, 1), u.scale)
	u.f.P("VPSLLD $23, %s, %s", u.scale, u.scale)
	u.f.P("VSUBPS %s, %s, %s", u.scale, u.scale, u.temporary)
	u.v.withConstant(u.f, "VPMAXUD", leastScale, u.scale+", "+u.scale)
	u.f.P("VADDPS %s, %s, %s", u.scale, u.temporary, u.scale)
}

func (u unitScale) sixBits() {
	f, v := u.f, u.v
	// shifted loads word i of an output, shifted.
	shifted := func(i, by int, reg string) {
		if word := u.element(4+4*i, 4); v == avx512 {
			f.P("VPSRLD $%d, %s, %s", by, word, reg)
		} else {
			v.load(f, word, reg)
			f.P("VPSRLD $%d, %s, %s", by, reg, reg)
		}
	}
	masked := func(at int, reg string) {
		v.withConstant(f, map[bool]string{true: "VPANDD", false: "VPAND"}[v == avx512], at, reg+", "+reg)
	}
	shift := u.part % 4 * 8
	// field sets reg to 6 bits, of which parts from 4 on have 4 and 2 in different words.
	field := func(first, low int, reg string) {
		if u.part < 4 {
			shifted(first, shift, reg)
			masked(lowBits6, reg)
		} else {
			shifted(2, shift+low, reg)
			masked(lowBits4, reg)
			shifted(first, shift+2, u.temporary)
			masked(bits45, u.temporary)
			f.P("%s %s, %s, %s", map[bool]string{true: "VPORD", false: "VPOR"}[v == avx512], u.temporary, reg, reg)
		}
		f.P("VCVTDQ2PS %s, %s", reg, reg)
	}
	field(0, 0, u.scale)
	field(1, 4, u.second)
	for i, reg := range []string{u.scale, u.second} {
		f.P("VCVTPH2PS %s, %s", u.element(2*i, 2), u.temporary)
		f.P("VMULPS %s, %s, %s", u.temporary, reg, reg)
	}
}

// lessThirtyTwo is for scales of 6 bits, less 32: a factor, words of 16 bits with two upper bits of each part, and words
// with four lower bits.
func (u unitScale) lessThirtyTwo() {
	u.f.P("VPMOVZXWD %s, %s", u.element(2, 2), u.temporary)
	u.v.load(u.f, u.element(4, 4), u.scale)
	u.sixBitsOf(u.scale, 4*u.part, u.temporary, 2*u.part, u.scale)
	u.f.P("VCVTPH2PS %s, %s", u.element(0, 2), u.temporary)
	u.f.P("VMULPS %s, %s, %s", u.temporary, u.scale, u.scale)
}

// lessThirtyTwoTwice is for two of them: words 0 and 1 have four lower bits of 16 scales, word 2 two upper bits, and
// after them comes a factor.
func (u unitScale) lessThirtyTwoTwice() {
	for h, reg := range []string{u.scale, u.second} {
		n := 2*u.part + h
		u.v.load(u.f, u.element(8, 4), u.temporary)
		u.v.load(u.f, u.element(n%8/4*4, 4), reg)
		u.sixBitsOf(reg, n%4*8+n/8*4, u.temporary, n%4*8+n/4*2, reg)
	}
	u.f.P("VCVTPH2PS %s, %s", u.element(12, 2), u.temporary)
	for _, reg := range []string{u.scale, u.second} {
		u.f.P("VMULPS %s, %s, %s", u.temporary, reg, reg)
	}
}

// sixBitsOf sets to as float32 to four bits of low from bit l on and two of high from bit h on, less 32. It changes high.
func (u unitScale) sixBitsOf(low string, l int, high string, h int, to string) {
	f, and := u.f, map[bool]string{true: "VPANDD", false: "VPAND"}[u.v == avx512]
	f.P("VPSRLD $%d, %s, %s", l, low, to)
	u.v.withConstant(f, and, lowBits4, to+", "+to)
	if h < 4 {
		f.P("VPSLLD $%d, %s, %s", 4-h, high, high)
	} else {
		f.P("VPSRLD $%d, %s, %s", h-4, high, high)
	}
	u.v.withConstant(f, and, bits45, high+", "+high)
	f.P("%s %s, %s, %s", map[bool]string{true: "VPORD", false: "VPOR"}[u.v == avx512], high, to, to)
	u.v.withConstant(f, "VPSUBD", thirtyTwo, to+", "+to)
	f.P("VCVTDQ2PS %s, %s", to, to)
}

func (u unitScale) eightBits() {
	u.f.P("VCVTPH2PS %s, %s", u.element(16, 2), u.temporary)
	for h, reg := range []string{u.scale, u.second} {
		u.f.P("VPMOVSXBD %s, %s", u.element(2*u.part+h, 1), reg)
		u.f.P("VCVTDQ2PS %s, %s", reg, reg)
		u.f.P("VMULPS %s, %s, %s", u.temporary, reg, reg)
	}
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
	u.constants(f, avx512)
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
	r := avx512.unitRegs()
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
			u.codes(f, avx512, fmt.Sprintf("%d(BX)", at+(i*vectors+j)*64), [2]string{plane(0, j), plane(1, j)}, i)
			f.P("VPDPBUSD Z22, %s, %s", r.lower, first(j))
			f.P("VPDPBUSD Z23, %s, %s", r.upper, last(j))
		}
	}
	for j := range vectors {
		sum := asmgen.Z.Reg(6 + j)
		u.scale(unitScale{f: f, v: avx512, at: u.parts * u.partBytes() * width, width: width, j: j, part: part, scale: "Z16", second: "Z17", temporary: "Z18"})
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
