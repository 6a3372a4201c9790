package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// row256 is a tile of one row with vectors of 256 bits that reads panels of any width as they are, a vector of outputs at
// a time. Float32 sums are in the outputs. Scales of a unit of several parts go through memory: [parts][2][48].
type row256 struct {
	u units
	d dots
}

// rows256 returns the tiles.
func rows256() (all []row256) {
	narrow := map[string]dots{"Q8_0": eight, "Q4_0": four, "Q4_1": four, "Q5_0": five, "Q4_K": four, "Q5_K": five, "Q6_K": six}
	for _, u := range append(expandedFormats[:1:1], unitFormats...) {
		if d, ok := narrow[u.name]; ok {
			all = append(all, row256{u, vnni}, row256{u, d})
		}
	}
	return all
}

// set is the instruction set's name.
func (t row256) set() string {
	if t.d == vnni {
		return "AVXVNNI"
	}
	return "AVX2"
}

func (t row256) name() string    { return "int8Row" + t.u.name + t.set() }
func (t row256) setName() string { return "tiles" + t.u.name + t.set() }

// tail returns the bytes before what scales a unit, for each output.
func (t row256) tail() int { return t.u.parts * t.u.partBytes() }

const (
	firstSum, lastSum     = "Y0", "Y1"
	firstWords, lastWords = "Y2", "Y3"
	firstInputs           = "Y6"
	lastInputs            = "Y7"
	firstScale            = "Y11"
	lastScale             = "Y12" // or the minimum
)

func (t row256) write(f *asmgen.File) {
	f.Func(t.name(), fmt.Sprintf("%s computes 1 × width outputs from units of %d k. memory is for scales.", t.name(), 32*t.u.parts),
		"n int", "a *float32", "panel unsafe.Pointer", "c *float32", "chain int", "bias, add, memory *float32", "width int")
	f.Comment("CX units left, SI activations, BX unit, DI outputs, R13 width, R10 bytes of a row of words and R9 of three, AX column, R8 its codes,")
	f.Comment("DX what to fetch; %s and %s integer sums of the first and last 16 k.", firstSum, lastSum)
	f.Arg("n", "CX")
	f.Arg("a", "SI")
	f.Arg("panel", "BX")
	f.Arg("c", "DI")
	f.Arg("width", "R13")
	f.P("LEAQ (R13*4), R10")
	f.P("LEAQ (R10)(R10*2), R9")
	t.u.constants(f, avx2)
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE loop")
	f.P("VXORPS Y0, Y0, Y0")
	t.columns(f, "clear", func() { f.P("VMOVUPS Y0, (DI)(AX*4)") })
	f.Mark("loop")
	f.P("MOVQ BX, DX")
	f.P("MOVQ BX, R8")
	f.P("IMUL3Q $%d, R13, R12", t.tail())
	f.P("ADDQ BX, R12")
	if t.u.parts == 1 {
		t.setOffsets(f)
		t.columns(f, "columns", func() { t.block(f) })
		f.P("ADDQ $%d, SI", int8Block)
	} else {
		t.scales(f)
		f.Comment("R12 parts left, R15 their scales.")
		f.P("MOVQ $%d, R12", t.u.parts)
		f.Arg("memory", "R15")
		f.Mark("parts")
		t.setOffsets(f)
		t.columns(f, "columns", func() { t.block(f) })
		f.P("IMUL3Q $%d, R10, R14", t.u.partBytes()/4-1)
		f.P("ADDQ R14, R8")
		f.P("ADDQ $%d, SI", int8Block)
		f.P("ADDQ $%d, R15", 2*48*4)
		f.P("DECQ R12")
		f.P("JNZ parts")
	}
	f.P("IMUL3Q $%d, R13, R14", t.u.bytes())
	f.P("ADDQ R14, BX")
	f.P("DECQ CX")
	f.P("JNZ loop")
	for _, name := range []string{"bias", "add"} {
		f.Arg(name, "R8")
		f.P("TESTQ R8, R8")
		f.P("JZ no%s", name)
		t.columns(f, name, func() {
			f.P("VMOVUPS (DI)(AX*4), Y0")
			f.P("VADDPS (R8)(AX*4), Y0, Y0")
			f.P("VMOVUPS Y0, (DI)(AX*4)")
		})
		f.Mark("no" + name)
	}
	f.Return()
}

// columns writes a loop over vectors of outputs.
func (t row256) columns(f *asmgen.File, label string, do func()) {
	f.P("XORQ AX, AX")
	f.Mark(label)
	do()
	f.P("ADDQ $8, AX")
	f.P("CMPQ AX, R13")
	f.P("JLT %s", label)
}

// at addresses what outputs have in a unit's tail.
func (t row256) at(f *asmgen.File) func(at, size int) string {
	return func(at, size int) string {
		if at == 0 {
			return fmt.Sprintf("(R12)(AX*%d)", size)
		}
		f.P("IMUL3Q $%d, R13, R14", at)
		f.P("ADDQ R12, R14")
		return fmt.Sprintf("(R14)(AX*%d)", size)
	}
}

// scales writes the scales of a unit to memory.
func (t row256) scales(f *asmgen.File) {
	f.Comment("Scales of the unit: R12 what they are made of, R15 where they go.")
	f.Arg("memory", "R15")
	t.columns(f, "scales", func() {
		at := t.at(f)
		scaled := [2]string{"Y3"}
		if t.u.w == halves {
			f.P("VCVTPH2PS %s, Y3", at(16, 2))
		} else {
			scaled[1] = "Y4"
			f.P("VCVTPH2PS %s, Y3", at(0, 2))
			f.P("VCVTPH2PS %s, Y4", at(2, 2))
		}
		for part := range t.u.parts {
			t.u.scale(unitScale{f: f, v: avx2, part: part, scale: "Y0", second: "Y1", temporary: "Y2", scaled: scaled, address: at})
			f.P("VMOVUPS Y0, %d(R15)(AX*4)", part*2*48*4)
			f.P("VMOVUPS Y1, %d(R15)(AX*4)", (part*2+1)*48*4)
		}
	})
}

// block adds 32 k of a vector of outputs.
func (t row256) block(f *asmgen.File) {
	t.fetch(f)
	t.start(f)
	if t.u.bits == 8 || t.u.planes > 0 {
		f.P("LEAQ (R8)(R10*4), R11")
	}
	if t.u.bits == 8 {
		t.wholeCodes(f)
	} else {
		planes := [2]string{"Y4", "Y5"}
		for p := range t.u.planes {
			f.P("VMOVDQU %s, %s", []string{"(R11)", "(R11)(R10*1)"}[p], planes[p])
		}
		for i := range 4 {
			f.P("VPBROADCASTD %d(SI), %s", 4*i, firstInputs)
			f.P("VPBROADCASTD %d(SI), %s", 16+4*i, lastInputs)
			t.u.codes(f, avx2, []string{"(R8)", "(R8)(R10*1)", "(R8)(R10*2)", "(R8)(R9*1)"}[i], planes, i)
			t.dots(f, i)
		}
	}
	t.fold(f)
	f.P("ADDQ $32, R8")
}

// fetch fetches as much as is read for a vector of outputs.
func (t row256) fetch(f *asmgen.File) {
	step, unit := t.u.bytes()*8/t.u.parts, 0
	if t.u.parts > 1 {
		unit = t.u.bytes() * 48
	}
	for at := 0; at < step; at += 64 {
		f.P("PREFETCHT0 %d(DX)", at+unit+nearAhead)
		f.P("PREFETCHT1 %d(DX)", at+unit+farAhead)
	}
	f.P("ADDQ $%d, DX", step)
}

// words tells whether integer sums are of 16 bits at first.
func (t row256) words() bool { return t.d == four || t.d == five }

// start starts the integer sums.
func (t row256) start(f *asmgen.File) {
	if t.words() {
		return
	}
	first, last := t.offsets()
	for _, s := range [][2]string{{first, firstSum}, {last, lastSum}} {
		if s[0] == "" {
			f.P("VPXOR %s, %s, %s", s[1], s[1], s[1])
		} else {
			f.P("VMOVDQA %s, %s", s[0], s[1])
		}
	}
}

// offsets returns registers that have minus the bias times sums of activations while columns go by, with which sums begin.
func (t row256) offsets() (first, last string) {
	switch {
	case t.u.bias == 0 || t.d == eight:
		return "", ""
	case t.u.w == halves:
		return firstScale, lastScale // which are in memory then
	}
	return lastScale, ""
}

// setOffsets sets them.
func (t row256) setOffsets(f *asmgen.File) {
	first, last := t.offsets()
	if first == "" {
		return
	}
	f.P("MOVWQSX %d(SI), R14", int8Halves)
	f.P("MOVWQSX %d(SI), R11", int8Halves+2)
	if last == "" {
		f.P("ADDQ R11, R14")
	}
	for _, o := range [][2]string{{"R14", first}, {"R11", last}} {
		if o[1] != "" {
			f.P("IMUL3Q $%d, %s, %s", t.u.bias, o[0], o[0])
			f.P("VMOVD %s, X%s", o[0], o[1][1:])
			f.P("VPBROADCASTD X%s, %s", o[1][1:], o[1])
		}
	}
}

// dots adds the products of codes i of the first and last 16.
func (t row256) dots(f *asmgen.File, i int) {
	r := avx2.unitRegs()
	type operands struct{ inputs, codes, sum, words string }
	for _, o := range []operands{{firstInputs, r.lower, firstSum, firstWords}, {lastInputs, r.upper, lastSum, lastWords}} {
		switch t.d {
		case vnni:
			dotVNNI(f, int(o.inputs[1]-'0'), int(o.codes[1]-'0'), int(o.sum[1]-'0'))
		case four, five:
			if i == 0 {
				f.P("VPMADDUBSW %s, %s, %s", o.inputs, o.codes, o.sum)
				continue
			}
			f.P("VPMADDUBSW %s, %s, %s", o.inputs, o.codes, o.codes)
			f.P("VPADDW %s, %s, %s", o.codes, o.sum, o.sum)
		case six:
			if i%2 == 0 {
				f.P("VPMADDUBSW %s, %s, %s", o.inputs, o.codes, o.words)
				continue
			}
			f.P("VPMADDUBSW %s, %s, %s", o.inputs, o.codes, o.codes)
			f.P("VPADDW %s, %s, %s", o.codes, o.words, o.words)
			f.P("VPMADDWD %s, %s, %s", ones256, o.words, o.words)
			f.P("VPADDD %s, %s, %s", o.words, o.sum, o.sum)
		}
	}
}

// wholeCodes adds the products of codes of 8 bits.
func (t row256) wholeCodes(f *asmgen.File) {
	for k := range 8 {
		base, sum := []string{"R8", "R11"}[k/4], []string{firstSum, lastSum}[k%2]
		f.P("VMOVDQU (%s)%s, Y8", base, []string{"", "(R10*1)", "(R10*2)", "(R9*1)"}[k%4])
		f.P("VPBROADCASTD %d(SI), Y6", 4*k)
		if t.d == vnni {
			dotVNNI(f, 6, 8, k%2)
			continue
		}
		f.P("VPXOR %s, Y8, Y8", sign256)
		f.P("VPABSB Y8, Y9")
		f.P("VPSIGNB Y8, Y6, Y6")
		f.P("VPMADDUBSW Y6, Y9, Y9")
		f.P("VPMADDWD %s, Y9, Y9", ones256)
		f.P("VPADDD Y9, %s, %s", sum, sum)
	}
}

// fold adds the integer sums, scaled, to the outputs.
func (t row256) fold(f *asmgen.File) {
	switch t.d {
	case four:
		f.P("VPADDW %s, %s, %s", lastSum, firstSum, firstSum)
		f.P("VPMADDWD %s, %s, %s", ones256, firstSum, firstSum)
	case five:
		f.P("VPMADDWD %s, %s, %s", ones256, firstSum, firstSum)
		f.P("VPMADDWD %s, %s, %s", ones256, lastSum, lastSum)
	}
	if t.u.w != halves && t.d != four {
		f.P("VPADDD %s, %s, %s", lastSum, firstSum, firstSum)
	}
	if first, _ := t.offsets(); t.words() && first != "" {
		f.P("VPADDD %s, %s, %s", first, firstSum, firstSum)
	}
	scale, second := firstScale, lastScale
	if t.u.parts == 1 {
		t.u.scale(unitScale{f: f, v: avx2, scale: firstScale, second: lastScale, temporary: "Y10", address: t.at(f)})
	} else {
		scale = "(R15)(AX*4)"
		second = fmt.Sprintf("%d(R15)(AX*4)", 48*4)
	}
	f.P("VBROADCASTSS %d(SI), Y7", int8Scale)
	if t.u.parts > 1 {
		f.P("VMOVUPS %s, Y2", scale)
		scale = "Y2"
	}
	avx2.scaleSum(f, "Y0", scale, "Y10")
	if t.u.w == minima {
		f.P("VBROADCASTSS %d(SI), Y6", int8Sum)
		f.P("VFMADD231PS %s, Y6, Y0", second)
	}
	f.P("VFMADD213PS (DI)(AX*4), Y7, Y0")
	if t.u.w == halves {
		f.P("VMOVUPS %s, Y2", second)
		avx2.scaleSum(f, "Y1", "Y2", "Y10")
		f.P("VFMADD213PS Y0, Y7, Y1")
		f.P("VMOVUPS Y1, (DI)(AX*4)")
		return
	}
	f.P("VMOVUPS Y0, (DI)(AX*4)")
}
