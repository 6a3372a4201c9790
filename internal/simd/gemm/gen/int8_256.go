package main

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Tiles of 8-bit activations with vectors of 256 bits. They take panels expanded as those of AVX-512 do, 16 outputs at
// a time: 16 registers hold no more. Float32 sums are in the outputs.

// dots is how products of codes are added.
type dots string

const (
	vnni  dots = "AVXVNNI" // VPDPBUSD
	four  dots = "Four"    // codes of 4 bits: all products of a block fit in 16 bits
	five  dots = "Five"    // codes of up to 5 bits: four fit
	six   dots = "Six"     // codes of up to 6 bits: two fit
	eight dots = "Eight"   // 8 bits: widened to 16, see tilewords.go
)

type int8Tile256 struct {
	d    dots
	w    weights
	rows int // 4, done as often as there are rows, or 1
}

var tiles256 = []int8Tile256{
	{vnni, plain, 4}, {vnni, minima, 4}, {vnni, halves, 4}, {vnni, quarters, 4},
	{four, plain, 4}, {four, minima, 4}, {four, quarters, 4},
	{five, plain, 4}, {five, minima, 4}, {five, halves, 4},
	{six, halves, 4},
	{eight, plain, 4},
}

func (t int8Tile256) name() string {
	set := "AVX2"
	if t.d == vnni {
		set = ""
	}
	return fmt.Sprintf("int8Tile%d%s%s%s", t.rows, t.w, t.d, set)
}

func int8Kernels256(f *asmgen.File) {
	quantize256(f)
	var words []uint32
	for _, w := range []uint32{0x00010001, 0x4b400000, 0x80808080} {
		words = append(words, w, w, w, w, w, w, w, w)
	}
	f.Table("int8Words", words...)
	for _, t := range tiles256 {
		if t.d == eight {
			wordTile{4}.write(f)
			wordTile{1}.write(f)
			continue
		}
		t.write(f)
		t.rows = 1
		t.write(f)
	}
	widenWords(f)
	unitKernels(f, avx2)
	for _, t := range rows256() {
		t.write(f)
	}
}

const (
	ones256  = "int8Words<>+0(SB)"
	magic256 = "int8Words<>+32(SB)"
	sign256  = "int8Words<>+64(SB)"
)

func (t int8Tile256) sum(i, j int) string { return asmgen.Y.Reg(2*i + j) }

func (t int8Tile256) each(do func(i, j int)) {
	for i := range t.rows {
		for j := range 2 {
			do(i, j)
		}
	}
}

// output addresses 8 outputs of a row at DI, or what is added to them at base.
func (t int8Tile256) output(base string, i, j int) string {
	return fmt.Sprintf("%d(%s)%s", j*32, base, []string{"", "(DX*1)", "(DX*2)", "(R13*1)"}[i])
}

func (t int8Tile256) write(f *asmgen.File) {
	frame := 0
	if t.d == five && t.w != halves {
		frame = t.rows * 64
	}
	f.FuncFrame(frame, t.name(), fmt.Sprintf("%s computes times %d × width outputs from blocks of 32 k.", t.name(), t.rows),
		"blocks int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "offset, times, width int")
	f.Comment("CX blocks left, SI activations and R11 bytes between their blocks, BX panel and R10 bytes between its rows and R9 between three, DI outputs, DX bytes")
	f.Comment("between theirs and R13 between three, R12 columns and R14 rows left, R15 bytes of columns done; %s integer sums.", asmgen.Y.Regs(0, 2*t.rows))
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.P("LEAQ (DX)(DX*2), R13")
	f.Arg("times", "R11")
	f.P("IMUL3Q $%d, R11, R11", t.rows*int8Block)
	f.Arg("width", "R12")
	f.P("LEAQ (R12*4), R10")
	f.P("SHRQ $4, R12")
	f.P("XORQ R15, R15")
	f.Mark("columns")
	f.Arg("a", "R8")
	f.Arg("c", "DI")
	f.P("ADDQ R15, DI")
	f.Arg("times", "R14")
	f.Mark("rows")
	f.P("MOVQ R8, SI")
	f.Arg("b", "BX")
	f.P("ADDQ R15, BX")
	f.Arg("blocks", "CX")
	f.P("LEAQ (R10)(R10*2), R9")
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE loop")
	f.P("VPXOR Y0, Y0, Y0")
	t.each(func(i, j int) { f.P("VMOVUPS Y0, %s", t.output("DI", i, j)) })
	f.Mark("loop")
	f.P("LEAQ (BX)(R10*8), AX")
	if t.w.inHalves() {
		t.block(f, 0, 4)
		f.P("LEAQ %s, AX", map[weights]string{halves: "(AX)(R10*2)", quarters: "(AX)(R9*1)"}[t.w])
		t.block(f, 4, 8)
	} else {
		t.block(f, 0, 8)
	}
	f.P("LEAQ %s, BX", map[weights]string{plain: "(AX)(R10*2)", minima: "(AX)(R9*1)", halves: "(AX)(R10*2)", quarters: "(AX)(R9*1)"}[t.w])
	f.P("ADDQ R11, SI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	t.end(f)
	f.P("LEAQ (DI)(DX*%d), DI", t.rows)
	f.P("ADDQ $%d, R8", t.rows*int8Block)
	f.P("DECQ R14")
	f.P("JNZ rows")
	f.P("ADDQ $64, R15")
	f.P("DECQ R12")
	f.P("JNZ columns")
	f.Return()
}

// block adds the products of codes 4·from…4·to-1. AX is at the scales.
func (t int8Tile256) block(f *asmgen.File, from, to int) {
	switch t.d {
	case vnni:
		t.start(f, from, true)
		for k := from; k < to; k++ {
			t.weights(f, 8)
			for i := range t.rows {
				f.P("VPBROADCASTD %d(SI), Y12", i*int8Block+4*k)
				for j := range 2 {
					dotVNNI(f, 12, 8+j, 2*i+j)
				}
			}
		}
	case four, five:
		n := min(map[dots]int{four: 8, five: 4}[t.d], to-from)
		kept := func(i, j int) string { return fmt.Sprintf("sums-%d(SP)", 32*(2*(t.rows-i)-j)) }
		for k := from; k < to; k += n {
			t.dots16(f, k, k+n)
			t.each(func(i, j int) {
				f.P("VPMADDWD %s, %s, %s", ones256, t.sum(i, j), t.sum(i, j))
				if k > from {
					f.P("VPADDD %s, %s, %s", kept(i, j), t.sum(i, j), t.sum(i, j))
				}
				if k+n < to {
					f.P("VMOVDQU %s, %s", t.sum(i, j), kept(i, j))
				}
			})
		}
		t.start(f, from, false)
	case six:
		t.start(f, from, true)
		for k := from; k < to; k += 2 {
			t.weights(f, 8)
			t.weights(f, 10)
			for i := range t.rows {
				for l := range 2 {
					f.P("VPBROADCASTD %d(SI), Y12", i*int8Block+4*(k+l))
					for j := range 2 {
						if l == 0 {
							f.P("VPMADDUBSW Y12, Y%d, Y%d", 8+j, 13+j)
							continue
						}
						f.P("VPMADDUBSW Y12, Y%d, Y15", 10+j)
						f.P("VPADDW Y15, Y%d, Y%d", 13+j, 13+j)
						f.P("VPMADDWD %s, Y%d, Y%d", ones256, 13+j, 13+j)
						f.P("VPADDD Y%d, %s, %s", 13+j, t.sum(i, j), t.sum(i, j))
					}
				}
			}
		}
	}
	t.fold(f, from)
}

// dots16 sets sums, of 16 bits, to the products of codes 4·from…4·to-1.
func (t int8Tile256) dots16(f *asmgen.File, from, to int) {
	for k := from; k < to; k++ {
		t.weights(f, 8)
		for i := range t.rows {
			f.P("VPBROADCASTD %d(SI), Y12", i*int8Block+4*k)
			for j := range 2 {
				if k == from {
					f.P("VPMADDUBSW Y12, Y%d, %s", 8+j, t.sum(i, j))
					continue
				}
				f.P("VPMADDUBSW Y12, Y%d, Y%d", 8+j, 13+j)
				f.P("VPADDW Y%d, %s, %s", 13+j, t.sum(i, j), t.sum(i, j))
			}
		}
	}
}

// weights loads a row of codes.
func (t int8Tile256) weights(f *asmgen.File, reg int) {
	f.P("VMOVDQU (BX), Y%d", reg)
	f.P("VMOVDQU 32(BX), Y%d", reg+1)
	f.P("ADDQ R10, BX")
}

// start sets the integer sums to the bits of 1.5·2²³, minus the bias times the sums of activations; or adds that.
func (t int8Tile256) start(f *asmgen.File, from int, set bool) {
	if t.apart() {
		return
	}
	if !t.w.withMinima() {
		f.P("VPBROADCASTD %s, Y15", f.ArgAt("offset")) // words: the bias twice or, with halves, once
	}
	for i := range t.rows {
		from256 := magic256
		if !t.w.withMinima() {
			if t.w == halves {
				f.P("VPBROADCASTW %d(SI), Y12", i*int8Block+int8Halves+from/4*2)
			} else {
				f.P("VPBROADCASTD %d(SI), Y12", i*int8Block+int8Halves)
			}
			f.P("VPMADDWD Y15, Y12, Y12")
			f.P("VPADDD %s, Y12, Y12", magic256)
			from256 = "Y12"
		}
		for j := range 2 {
			if set {
				f.P("VMOVDQU %s, %s", from256, t.sum(i, j))
			} else {
				f.P("VPADDD %s, %s, %s", from256, t.sum(i, j), t.sum(i, j))
			}
		}
	}
}

// apart tells whether integer sums are converted and scaled by two operations: where nothing else would be added to them,
// that is as fast.
func (t int8Tile256) apart() bool { return t.w.withMinima() && t.d != vnni }

// fold adds the integer sums, scaled, to the outputs.
func (t int8Tile256) fold(f *asmgen.File, from int) {
	row := func(n int, reg int) {
		at := []string{"(AX)", "(AX)(R10*1)", "(AX)(R10*2)"}[n]
		f.P("VMOVUPS %s, Y%d", at, reg)
		f.P("VMOVUPS 32%s, Y%d", at, reg+1)
	}
	row(0, 8)
	if t.apart() { // an infinite scale is to be NaN
		for j := range 2 {
			f.P("VMOVUPS %d(AX)(R10*1), Y13", 32*j)
			f.P("VSUBPS Y13, Y13, Y13")
			f.P("VADDPS Y13, Y%d, Y%d", 8+j, 8+j)
		}
	}
	if t.w.withMinima() {
		row(2, 10)
	}
	for i := range t.rows {
		f.P("VBROADCASTSS %d(SI), Y12", i*int8Block+int8Scale)
		if t.w == minima {
			f.P("VBROADCASTSS %d(SI), Y13", i*int8Block+int8Sum)
		}
		if t.w == quarters {
			f.P("VPBROADCASTD %d(SI), Y13", i*int8Block+int8Halves)
			halfSum(f, from, "Y13")
		}
		for j := range 2 {
			u := t.sum(i, j)
			if t.apart() {
				f.P("VCVTDQ2PS %s, %s", u, u)
				f.P("VMULPS Y%d, %s, %s", 8+j, u, u)
			} else {
				f.P("VFMADD213PS %d(AX)(R10*1), Y%d, %s", 32*j, 8+j, u)
			}
			if t.w.withMinima() {
				f.P("VFMADD231PS Y13, Y%d, %s", 10+j, u)
			}
			f.P("VFMADD213PS %s, Y12, %s", t.output("DI", i, j), u)
			f.P("VMOVUPS %s, %s", u, t.output("DI", i, j))
		}
	}
}

// end adds the bias and then what else is to be added, where there is any.
func (t int8Tile256) end(f *asmgen.File) {
	f.Arg("bias", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ plain")
	for j := range 2 {
		f.P("VMOVUPS %d(R9)(R15*1), Y%d", j*32, 8+j)
	}
	t.each(func(i, j int) {
		f.P("VADDPS %s, Y%d, Y0", t.output("DI", i, j), 8+j)
		f.P("VMOVUPS Y0, %s", t.output("DI", i, j))
	})
	f.Mark("plain")
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ added")
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	t.each(func(i, j int) {
		f.P("VMOVUPS %s, Y0", t.output("DI", i, j))
		f.P("VADDPS %s, Y0, Y0", t.output("R9", i, j))
		f.P("VMOVUPS Y0, %s", t.output("DI", i, j))
	})
	f.Mark("added")
}

// dotVNNI writes VPDPBUSD Yx, Yw, Ysum as AVX-VNNI has it; Go's assembler knows that of AVX-512 alone.
func dotVNNI(f *asmgen.File, x, w, sum int) {
	not := func(n int) int { return 1 - n>>3 }
	f.Comment("VPDPBUSD Y%d, Y%d, Y%d", x, w, sum)
	f.P("BYTE $0xc4; BYTE $%#02x; BYTE $%#02x; BYTE $0x50; BYTE $%#02x", not(sum)<<7|1<<6|not(x)<<5|2, (^w&15)<<3|5, 0xc0|sum&7<<3|x&7)
}

// choice256 returns Go: the functions that call a tile of 256 bits, and what expands a panel for it.
func choice256() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("// multiply256 is multiply for sets that take 8-bit activations by vectors of 256 bits.")
	p("func (t *tile) multiply256(c, a []float32, chain int) {")
	p("blocks, offset, times := t.k/int8Len, int(t.offset), t.rows/4")
	p("a0, c0, bias, add := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.bias), unsafe.SliceData(t.add)")
	p("if t.kind == int8Plain {\noffset |= offset << 16 // two words\n}")
	p("switch t.set {")
	for _, t := range rows256() {
		p("case %s:\n%s(blocks/%d, a0, t.panel, c0, chain, bias, add, t.memory, t.width)", t.setName(), t.name(), t.u.parts)
	}
	for _, d := range []dots{vnni, four, five, six, eight} {
		p("case %s:\nswitch t.kind {", set256(d))
		for _, t := range tiles256 {
			if t.d != d {
				continue
			}
			p("case int8%s:\nif t.rows > 1 {", t.w)
			p("%s(blocks, a0, t.panel, c0, t.ldc, chain, bias, add, offset, times, t.width)\n} else {", t.name())
			t.rows = 1
			p("%s(blocks, a0, t.panel, c0, t.ldc, chain, bias, add, offset, 1, t.width)\n}", t.name())
		}
		p("}")
	}
	p("}\n}\n")
	return b.String()
}

// set256 names the set of tiles.
func set256(d dots) string {
	if d == vnni {
		return "tilesInt8" + string(d)
	}
	return "tilesInt8" + string(d) + "AVX2"
}

func sets256() []string {
	var names []string
	for _, d := range []dots{vnni, four, five, six, eight} {
		names = append(names, set256(d))
	}
	for _, t := range rows256() {
		names = append(names, t.setName())
	}
	return names
}
