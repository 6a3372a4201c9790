package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// One row of activations is bound by reading weights. The processor reads faster if a line is asked for twice: far ahead
// for a middle cache, then for the nearest.
const (
	nearAhead = 3072 // in bytes
	farAhead  = 6144
)

// fetchTwice fetches what a tile of one row reads that far on from an address at BX.
func fetchTwice(f *asmgen.File, at int) {
	f.P("PREFETCHT0 %d(BX)", at+nearAhead)
	f.P("PREFETCHT1 %d(BX)", at+farAhead)
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
	if u.nibbles() {
		r := avx512.unitRegs()
		f.P("VPSLLD $4, %s, %s", r.low, r.high)
	}
	if u.bias > 0 {
		f.P("MOVL $%d, R9", u.bias)
		f.P("VPBROADCASTD R9, Z27")
		f.P("SHLL $%d, R9", map[bool]int{true: 20, false: 16}[u.nibbles()])
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
	line := 0
	if u.parts > 1 {
		line = u.bytes() * width // a unit ends with the scales that are read first
	}
	end := line + u.bytes()*width
	u.loadScales(f)
	for part := range u.parts {
		line = u.row(f, part, line)
	}
	for ; line < end; line += 64 {
		fetchTwice(f, line)
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

// nibbles tells whether codes are nibbles and nothing else. The upper ones then stay 16 times as large until they are added.
func (u units) nibbles() bool { return u.planes == 0 && u.table == "" }

// scaled returns the registers that hold what scales the scales of a unit of several parts, and its minima.
func (u units) scaled(j int) [2]string {
	switch {
	case u.parts == 1:
		return [2]string{}
	case u.w == halves:
		return [2]string{[]string{"Z9", "Z19", "Z21"}[j]}
	}
	return [2]string{asmgen.Z.Reg(13 + j), asmgen.Z.Reg(19 + j)}
}

// loadScales sets them.
func (u units) loadScales(f *asmgen.File) {
	for j := range 3 {
		at := unitScale{v: avx512, at: u.parts * u.partBytes() * 48, width: 48, j: j}
		for i, reg := range u.scaled(j) {
			if reg != "" && u.w == halves {
				f.P("VCVTPH2PS %s, %s", at.element(16, 2), reg)
			} else if reg != "" {
				f.P("VCVTPH2PS %s, %s", at.element(2*i, 2), reg)
			}
		}
	}
}

// row adds a part of 32 k, and fetches from line on. It returns the line after that.
func (u units) row(f *asmgen.File, part, line int) int {
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
			fetchTwice(f, line)
			line += 64
			if codes := fmt.Sprintf("%d(BX)", at+(i*vectors+j)*64); u.nibbles() {
				f.P("VPANDD %s, %s, %s", codes, r.low, r.lower)
				f.P("VPANDD %s, %s, %s", codes, r.high, r.upper)
			} else {
				u.codes(f, avx512, codes, [2]string{plane(0, j), plane(1, j)}, i)
			}
			f.P("VPDPBUSD Z22, %s, %s", r.lower, first(j))
			f.P("VPDPBUSD Z23, %s, %s", r.upper, last(j))
		}
	}
	for j := range vectors {
		sum := asmgen.Z.Reg(6 + j)
		u.scale(unitScale{f: f, v: avx512, at: u.parts * u.partBytes() * width, width: width, j: j, part: part, scale: "Z16", second: "Z17", temporary: "Z18", scaled: u.scaled(j)})
		if u.nibbles() {
			f.P("VPSRAD $4, %s, %s", last(j), last(j))
		}
		if u.w != halves {
			f.P("VPADDD %s, %s, %s", first(j), last(j), first(j))
		}
		avx512.scaleSum(f, first(j), "Z16", "Z18")
		if u.w == minima {
			f.P("VFMADD231PS.BCST %d(SI), Z17, %s", x+int8Sum, first(j))
		}
		f.P("VFMADD231PS.BCST %d(SI), %s, %s", x+int8Scale, first(j), sum)
		if u.w == halves {
			avx512.scaleSum(f, last(j), "Z17", "Z18")
			f.P("VFMADD231PS.BCST %d(SI), %s, %s", x+int8Scale, last(j), sum)
		}
	}
	return line
}

// scaleSum makes float32 of integer sums and multiplies them by scale, as tiles of several rows do (tile8.go).
func (v vector) scaleSum(f *asmgen.File, sum, scale, temporary string) {
	v.withConstant(f, "VMULPS", minusMagic, scale+", "+temporary)
	v.withConstant(f, "VPADDD", magic, sum+", "+sum)
	f.P("VFMADD213PS %s, %s, %s", temporary, scale, sum)
}
