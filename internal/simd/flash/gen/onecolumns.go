package main

import "github.com/seed2010d43f/transformer/internal/simd/asmgen"

// columns emits body for the columns counted in CX, at least one, and the pointers to them: 8 at a time, and the
// rest one by one.
func columns(f *asmgen.File, pointers []string, body func(op func(string) string, reg string)) {
	for _, n := range []int{8, 1} {
		loop, done := f.Label("loop"), f.Label("done")
		f.Comment("Loop over columns, %d at a time.", n)
		f.P("SUBQ $%d, CX", n)
		f.P("JLT %s", done)
		f.Mark(loop)
		if n == 8 {
			body(func(op string) string { return op + "PS" }, "Y")
		} else {
			body(func(op string) string { return op + "SS" }, "X")
		}
		for _, p := range pointers {
			f.P("ADDQ $%d, %s", 4*n, p)
		}
		f.P("SUBQ $%d, CX", n)
		f.P("JGE %s", loop)
		f.Mark(done)
		f.P("ADDQ $%d, CX", n)
	}
	f.Return()
}

// moveOf returns the instruction that loads and stores what one of columns works on.
func moveOf(reg string) string {
	if reg == "Y" {
		return "VMOVUPS"
	}
	return "VMOVSS"
}

// rescaleOne emits a = exp(m − mnew), l *= a, o *= a, m = mnew.
func rescaleOne(f *asmgen.File) {
	f.Func("rescaleOneY", "rescaleOneY multiplies o, d elements, and l by exp(m − mnew) and sets m to mnew.", "o, m, mnew, l *float32", "d int")
	f.Comment("Y0 the factor, Y3 mnew.")
	f.Arg("o", "SI")
	f.Arg("m", "R8")
	f.Arg("mnew", "R9")
	f.Arg("l", "R10")
	f.Arg("d", "CX")
	f.P("VBROADCASTSS (R8), Y0")
	f.P("VBROADCASTSS (R9), Y3")
	f.P("VSUBPS Y3, Y0, Y0")
	e := f.NewExp(asmgen.Y, -1)
	e.NonPositive = true
	e.Emit(asmgen.ExpVector{X: 0, T: 1, P: 2})
	f.P("VMOVSS X3, (R8)")
	f.P("VMULSS (R10), X0, X4")
	f.P("VMOVSS X4, (R10)")
	columns(f, []string{"SI"}, func(op func(string) string, r string) {
		f.P("%s (SI), %s0, %s4", op("VMUL"), r, r)
		f.P("%s %s4, (SI)", moveOf(r), r)
	})
}

// mergeOne emits o = o·a + oc·b and l likewise, a = exp(m − mn), b = exp(mc − mn), mn the larger of m and mc.
func mergeOne(f *asmgen.File) {
	f.Func("mergeOneY", "mergeOneY adds oc, d elements, and lc to o and l, all brought to the larger of the maxima m and mc, which m becomes.",
		"o, m, l, oc, mc, lc *float32", "d int")
	f.Comment("Y0 and Y3 the factors, Y6 the larger maximum.")
	f.Arg("o", "SI")
	f.Arg("m", "R8")
	f.Arg("l", "R9")
	f.Arg("oc", "DI")
	f.Arg("mc", "R10")
	f.Arg("lc", "R11")
	f.Arg("d", "CX")
	f.P("VBROADCASTSS (R8), Y0")
	f.P("VBROADCASTSS (R10), Y3")
	f.P("VMAXPS Y3, Y0, Y6")
	f.P("VSUBPS Y6, Y0, Y0")
	f.P("VSUBPS Y6, Y3, Y3")
	e := f.NewExp(asmgen.Y, -1)
	e.NonPositive = true
	e.Emit(asmgen.ExpVector{X: 0, T: 1, P: 2}, asmgen.ExpVector{X: 3, T: 4, P: 5})
	f.P("VMOVSS X6, (R8)")
	f.P("VMULSS (R9), X0, X7")
	f.P("VMOVSS (R11), X8")
	f.P("VFMADD231SS X8, X3, X7")
	f.P("VMOVSS X7, (R9)")
	columns(f, []string{"SI", "DI"}, func(op func(string) string, r string) {
		f.P("%s (SI), %s0, %s7", op("VMUL"), r, r)
		f.P("%s (DI), %s8", moveOf(r), r)
		f.P("%s %s8, %s3, %s7", op("VFMADD231"), r, r, r)
		f.P("%s %s7, (SI)", moveOf(r), r)
	})
}

// scaleOne emits dst = src·factor.
func scaleOne(f *asmgen.File) {
	f.Func("scaleOneY", "scaleOneY sets dst = src·factor, d elements.", "dst, src, factor *float32", "d int")
	f.Arg("dst", "DI")
	f.Arg("src", "SI")
	f.Arg("factor", "R8")
	f.Arg("d", "CX")
	f.P("VBROADCASTSS (R8), Y0")
	columns(f, []string{"SI", "DI"}, func(op func(string) string, r string) {
		f.P("%s (SI), %s0, %s1", op("VMUL"), r, r)
		f.P("%s %s1, (DI)", moveOf(r), r)
	})
}
