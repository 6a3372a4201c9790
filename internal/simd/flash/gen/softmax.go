package main

import (
	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// The kernels of softmax work on one vector of lanes; stride is the bytes from one row of lanes to the next.
func softmax(f *asmgen.File) {
	for _, w := range []asmgen.Width{asmgen.Z, asmgen.Y} {
		maximum(f, w)
		maskMax(f, w)
		addDiagonals(f, w)
		softCap(f, w)
		expSum(f, w)
		rescale(f, w)
		merge(f, w)
	}
}

func name(stem string, w asmgen.Width) string { return stem + w.Reg(0)[:1] }

// rowLoop emits a loop over the rows counted in CX, at least one.
func rowLoop(f *asmgen.File, body func()) {
	loop := f.Label("loop")
	f.P("PCALIGN $32")
	f.Mark(loop)
	body()
	f.P("DECQ CX")
	f.P("JNZ %s", loop)
}

func maximum(f *asmgen.File, w asmgen.Width) {
	x, mx := w.Reg(0), w.Reg(1)
	f.Func(name("max", w), name("max", w)+" raises a vector of maxima mx to n rows of scores, stride bytes apart.", "s, mx *float32", "stride, n int")
	f.Comment("%s maxima, %s scores.", mx, x)
	f.Arg("s", "SI")
	f.Arg("mx", "DI")
	f.Arg("stride", "BX")
	f.Arg("n", "CX")
	f.P("VMOVUPS (DI), %s", mx)
	rowLoop(f, func() {
		f.P("VMOVUPS (SI), %s", x)
		f.P("VMAXPS %s, %s, %s", x, mx, mx)
		f.P("ADDQ BX, SI")
	})
	f.P("VMOVUPS %s, (DI)", mx)
	f.Return()
}

func maskMax(f *asmgen.File, w asmgen.Width) {
	x, mx, key, lo, hi, none, one := w.Reg(0), w.Reg(1), w.Reg(2), w.Reg(3), w.Reg(4), w.Reg(5), w.Reg(6)
	table := name("mask", w)
	var words []uint32
	for _, c := range []uint32{0xff800000, 1} { // −Inf, integer one
		for range w.Lanes() {
			words = append(words, c)
		}
	}
	f.Table(table, words...)
	f.Func(name("maskMax", w), name("maskMax", w)+" sets scores of keys below lo or above hi of their lane to −Inf, and raises mx to all: n rows, stride bytes\n"+
		"apart, of which the first is key0.", "s, mx *float32", "lo, hi *int32", "stride, n, key0 int")
	f.Comment("%s scores, %s maxima, %s number of the key, %s and %s its bounds, %s −Inf, %s integer ones.", x, mx, key, lo, hi, none, one)
	f.Arg("s", "SI")
	f.Arg("mx", "DI")
	f.Arg("lo", "R8")
	f.Arg("hi", "R9")
	f.Arg("stride", "BX")
	f.Arg("n", "CX")
	f.P("VMOVUPS (DI), %s", mx)
	f.P("VMOVUPS (R8), %s", lo)
	f.P("VMOVUPS (R9), %s", hi)
	f.P("VPBROADCASTD %s, %s", f.ArgAt("key0"), key) // the low half of the argument
	f.P("VMOVUPS %s<>+0(SB), %s", table, none)
	f.P("VMOVUPS %s<>+%d(SB), %s", table, int(w), one)
	rowLoop(f, func() {
		if w == asmgen.Z {
			f.P("VPCMPD $5, %s, %s, K1", lo, key)     // key ≥ lo
			f.P("VPCMPD $2, %s, %s, K1, K2", hi, key) // and key ≤ hi
			f.P("VMOVAPS %s, %s", none, x)
			f.P("VMOVUPS (SI), K2, %s", x)
		} else {
			f.P("VPCMPGTD %s, %s, Y7", key, lo)
			f.P("VPCMPGTD %s, %s, Y8", hi, key)
			f.P("VPOR Y7, Y8, Y7")
			f.P("VMOVUPS (SI), %s", x)
			f.P("VBLENDVPS Y7, %s, %s, %s", none, x, x)
		}
		f.P("VMOVUPS %s, (SI)", x)
		f.P("VMAXPS %s, %s, %s", x, mx, mx)
		f.P("VPADDD %s, %s, %s", one, key, key)
		f.P("ADDQ BX, SI")
	})
	f.P("VMOVUPS %s, (DI)", mx)
	f.Return()
}

// addDiagonals emits s[j] += e[−j], e counted in elements.
func addDiagonals(f *asmgen.File, w asmgen.Width) {
	f.Func(name("addDiagonals", w), name("addDiagonals", w)+" adds e[i−j] to lane i of row j of scores: n rows, stride bytes apart.", "s, e *float32", "stride, n int")
	f.Arg("s", "SI")
	f.Arg("e", "DI")
	f.Arg("stride", "BX")
	f.Arg("n", "CX")
	rowLoop(f, func() {
		f.P("VMOVUPS (DI), %s", w.Reg(0))
		f.P("VADDPS (SI), %s, %s", w.Reg(0), w.Reg(0))
		f.P("VMOVUPS %s, (SI)", w.Reg(0))
		f.P("SUBQ $4, DI")
		f.P("ADDQ BX, SI")
	})
	f.Return()
}

// softCap emits x = limit·tanh(x·inverse) for n vectors; limits points to limit and inverse.
func softCap(f *asmgen.File, w asmgen.Width) {
	f.Func(name("softCap", w), name("softCap", w)+" replaces n vectors of s by limit·tanh(s/limit); limits holds limit and its inverse.", "s *float32", "limits *[2]float32", "n int")
	f.Arg("s", "SI")
	f.Arg("limits", "DI")
	f.Arg("n", "CX")
	limit, inverse, x := w.Reg(4), w.Reg(5), w.Reg(0)
	f.Comment("%s scores, %s limit, %s its inverse.", x, limit, inverse)
	f.P("VBROADCASTSS (DI), %s", limit)
	f.P("VBROADCASTSS 4(DI), %s", inverse)
	e := f.NewExp(w, -1)
	rowLoop(f, func() {
		f.P("VMULPS (SI), %s, %s", inverse, x)
		e.Tanh(asmgen.ExpVector{X: 0, T: 1, P: 2, S: 3})
		f.P("VMULPS %s, %s, %s", limit, x, x)
		f.P("VMOVUPS %s, (SI)", x)
		f.P("ADDQ $%d, SI", int(w))
	})
	f.Return()
}

// expSum emits s = exp(s − m), l += s.
func expSum(f *asmgen.File, w asmgen.Width) {
	f.Func(name("expSum", w), name("expSum", w)+" replaces a vector of scores by exp(s − m) and adds it to l, for n rows, stride bytes apart.", "s, m, l *float32", "stride, n int")
	f.Arg("s", "SI")
	f.Arg("m", "R8")
	f.Arg("l", "R9")
	f.Arg("stride", "BX")
	f.Arg("n", "AX")
	m, l := w.Reg(14), w.Reg(15)
	several, e := 4, f.NewExp(w, 32-asmgen.ExpRegs)
	if w == asmgen.Y { // 16 registers: fewer vectors at a time, some constants in memory
		several, e = 2, f.NewExp(w, 6)
		e.Registers = 8
	}
	e.NonPositive = true
	f.Comment("%s maxima, %s sums; %s constants of exp, the others are in memory.", m, l, w.Regs(e.First(), e.Registers))
	e.Load()
	f.P("VMOVUPS (R8), %s", m)
	f.P("VMOVUPS (R9), %s", l)
	unrolled(f, several, "AX", "rows", func(steps int) {
		var vs []asmgen.ExpVector
		at := []string{"(SI)", "(SI)(BX*1)", "(SI)(BX*2)", "(DI)(BX*1)"}
		if steps == 4 {
			f.P("LEAQ (SI)(BX*2), DI")
		}
		for u := range steps {
			v := asmgen.ExpVector{X: 3 * u, T: 3*u + 1, P: 3*u + 2}
			f.P("VMOVUPS %s, %s", at[u], w.Reg(v.X))
			f.P("VSUBPS %s, %s, %s", m, w.Reg(v.X), w.Reg(v.X))
			vs = append(vs, v)
		}
		e.Emit(vs...)
		for u, v := range vs {
			f.P("VADDPS %s, %s, %s", w.Reg(v.X), l, l)
			f.P("VMOVUPS %s, %s", w.Reg(v.X), at[u])
		}
		f.P("LEAQ (SI)(BX*%d), SI", steps)
	})
	f.P("VMOVUPS %s, (R9)", l)
	f.Return()
}

// rescale emits a = exp(m − mnew), l *= a, o *= a, m = mnew, or nothing if m = mnew in all lanes.
func rescale(f *asmgen.File, w asmgen.Width) {
	f.Func(name("rescale", w), name("rescale", w)+" multiplies d rows of o, stride bytes apart, and l by exp(m − mnew) and sets m to mnew, unless all are equal.", "o, m, mnew, l *float32", "stride, d int")
	f.Arg("o", "SI")
	f.Arg("m", "R8")
	f.Arg("mnew", "R9")
	f.Arg("l", "R10")
	f.Arg("stride", "BX")
	f.Arg("d", "CX")
	a, mnew, x := w.Reg(0), w.Reg(3), w.Reg(4)
	f.Comment("%s m, then the factor; %s mnew.", a, mnew)
	done := f.Label("same")
	f.P("VMOVUPS (R8), %s", a)
	f.P("VMOVUPS (R9), %s", mnew)
	if w == asmgen.Z {
		f.P("VCMPPS $0, %s, %s, K1", a, mnew)
		f.P("KORTESTW K1, K1")
		f.P("JCS %s", done)
	} else {
		f.P("VCMPPS $0, %s, %s, %s", a, mnew, x)
		f.P("VMOVMSKPS %s, AX", x)
		f.P("CMPL AX, $0xff")
		f.P("JEQ %s", done)
	}
	f.P("VSUBPS %s, %s, %s", mnew, a, a)
	e := f.NewExp(w, -1)
	e.NonPositive = true
	e.Emit(asmgen.ExpVector{X: 0, T: 1, P: 2})
	f.P("VMOVUPS %s, (R8)", mnew)
	f.P("VMULPS (R10), %s, %s", a, x)
	f.P("VMOVUPS %s, (R10)", x)
	rowLoop(f, func() {
		f.P("VMULPS (SI), %s, %s", a, x)
		f.P("VMOVUPS %s, (SI)", x)
		f.P("ADDQ BX, SI")
	})
	f.Mark(done)
	f.Return()
}

// merge emits o = o·a + oc·b and l likewise, a = exp(m − mn), b = exp(mc − mn), mn the larger of m and mc.
func merge(f *asmgen.File, w asmgen.Width) {
	f.Func(name("merge", w), name("merge", w)+" adds oc and lc to d rows of o, stride bytes apart, and to l, all brought to the larger of the maxima m and mc,\n"+
		"which m becomes.", "o, m, l, oc, mc, lc *float32", "stride, d int")
	f.Arg("o", "SI")
	f.Arg("m", "R8")
	f.Arg("l", "R9")
	f.Arg("oc", "DI")
	f.Arg("mc", "R10")
	f.Arg("lc", "R11")
	f.Arg("stride", "BX")
	f.Arg("d", "CX")
	a, b, mn, x := w.Reg(0), w.Reg(3), w.Reg(6), w.Reg(7)
	f.Comment("%s and %s maxima, then factors; %s the larger.", a, b, mn)
	f.P("VMOVUPS (R8), %s", a)
	f.P("VMOVUPS (R10), %s", b)
	f.P("VMAXPS %s, %s, %s", b, a, mn)
	f.P("VSUBPS %s, %s, %s", mn, a, a)
	f.P("VSUBPS %s, %s, %s", mn, b, b)
	e := f.NewExp(w, -1)
	e.NonPositive = true
	e.Emit(asmgen.ExpVector{X: 0, T: 1, P: 2}, asmgen.ExpVector{X: 3, T: 4, P: 5})
	f.P("VMOVUPS %s, (R8)", mn)
	f.P("VMULPS (R9), %s, %s", a, x)
	f.P("VFMADD231PS (R11), %s, %s", b, x)
	f.P("VMOVUPS %s, (R9)", x)
	rowLoop(f, func() {
		f.P("VMULPS (SI), %s, %s", a, x)
		f.P("VFMADD231PS (DI), %s, %s", b, x)
		f.P("VMOVUPS %s, (SI)", x)
		f.P("ADDQ BX, SI")
		f.P("ADDQ BX, DI")
	})
	f.Return()
}
