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
	{name: "Q2_K", w: quarters, parts: 8, bits: 2, tail: 20, scale: unitScale.fourBits},
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
	magic
	beyond
)

// unitTables writes the constants and the tables of bytes that nibbles stand for.
func unitTables(f *asmgen.File) {
	var words []uint32
	for _, w := range []uint32{0x0f0f0f0f, 0x10101010, 0x30303030, 15, 63, 48, 0x3f000000, 0x80000000, 0x03030303, 0x04040404, 32, 255, 1 << 22, 0xcb400000, 0x4b400000, 0x4a800000} {
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
	minima         [2]string // of the two, if there are both
	scaled         [2]string // registers that hold what scales the scales, and the minima, if they are not to be loaded

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

// powerOfTwo halves the scale, since codes are doubled, and makes NaN of one that 2²² takes to infinity.
func (u unitScale) powerOfTwo() {
	u.f.P("VPMOVZXBD %s, %s", u.element(0, 1), u.scale)
	u.f.P("VPSLLD $23, %s, %s", u.scale, u.scale)
	u.v.withConstant(u.f, "VMULPS", beyond, u.scale+", "+u.temporary)
	u.f.P("VSUBPS %s, %s, %s", u.temporary, u.temporary, u.temporary)
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
		by := u.scaled[i]
		if by == "" {
			by = u.temporary
			f.P("VCVTPH2PS %s, %s", u.element(2*i, 2), by)
		}
		f.P("VMULPS %s, %s, %s", by, reg, reg)
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

// fourBits is for bytes of a scale, lower, and a minimum for each 16, and after them a factor of each.
func (u unitScale) fourBits() {
	and := map[bool]string{true: "VPANDD", false: "VPAND"}[u.v == avx512]
	u.v.load(u.f, u.element(u.part/2*4, 4), u.temporary)
	bits := func(at int, to string) {
		u.f.P("VPSRLD $%d, %s, %s", at, u.temporary, to)
		u.v.withConstant(u.f, and, lowBits4, to+", "+to)
		u.f.P("VCVTDQ2PS %s, %s", to, to)
	}
	scales := []string{u.scale, u.second}
	for h := range 2 {
		bits(u.part%2*16+8*h, scales[h])
		bits(u.part%2*16+8*h+4, u.minima[h])
	}
	for i, regs := range [][]string{scales, u.minima[:]} {
		u.f.P("VCVTPH2PS %s, %s", u.element(16+2*i, 2), u.temporary)
		for _, reg := range regs {
			u.f.P("VMULPS %s, %s, %s", u.temporary, reg, reg)
		}
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
	by := u.scaled[0]
	if by == "" {
		by = u.temporary
		u.f.P("VCVTPH2PS %s, %s", u.element(16, 2), by)
	}
	for h, reg := range []string{u.scale, u.second} {
		u.f.P("VPMOVSXBD %s, %s", u.element(2*u.part+h, 1), reg)
		u.f.P("VCVTDQ2PS %s, %s", reg, reg)
		u.f.P("VMULPS %s, %s, %s", by, reg, reg)
	}
}
