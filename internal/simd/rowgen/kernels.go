package main

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/approx"
	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

const signBit = 1 << 31

var (
	dst   = row{name: "dst", store: true}
	x     = row{name: "x", load: true}
	y     = row{name: "y", reg: 1, load: true}
	gate  = row{name: "gate", load: true}
	up    = row{name: "up", reg: 1, load: true}
	unary = []row{dst, x}
	pair  = []row{dst, x, y}
	gated = []row{dst, gate, up}
)

// kernels are those that the loops of stream serve. Bodies find x in register 0 and leave the result
// there; a second operand is in register 1.
var kernels = []kernel{
	{name: "add", does: "sets dst[i] = x[i] + y[i]", rows: pair, unroll: 4, body: func(g *gen) { g.op("VADDPS", 1, 0, 0) }},
	{name: "mul", does: "sets dst[i] = x[i]·y[i]", rows: pair, unroll: 4, body: func(g *gen) { g.op("VMULPS", 1, 0, 0) }},
	{name: "scale", does: "sets dst[i] = x[i]·s", rows: unary, unroll: 4, scalars: []string{"s"}, body: func(g *gen) { g.op("VMULPS", g.scalar(0), 0, 0) }},
	{name: "axpy", does: "adds a·x[i] to dst[i]", rows: []row{{name: "dst", load: true, store: true}, y.as("x")}, unroll: 4, scalars: []string{"a"},
		body: func(g *gen) { g.op("VFMADD231PS", g.scalar(0), 1, 0) }},
	{name: "relu", does: "sets dst[i] = max(x[i], 0)", rows: unary, unroll: 4, body: (*gen).relu},
	{name: "relu2", does: "sets dst[i] = max(x[i], 0)²", rows: unary, unroll: 4, body: func(g *gen) { g.relu(); g.op("VMULPS", 0, 0, 0) }},
	{name: "exp", does: "sets dst[i] = e^x[i]", rows: unary, ways: 2, body: (*gen).fullExp},
	{name: "sigmoid", does: "sets dst[i] = sigmoid(x[i])", rows: unary, exp: true, ways: 2, body: (*gen).sigmoid},
	{name: "tanh", does: "sets dst[i] = tanh(x[i])", rows: unary, exp: true, ways: 2, body: (*gen).tanh},
	{name: "softCap", does: "sets dst[i] = limit·tanh(x[i]·inverse)", rows: unary, exp: true, ways: 2, scalars: []string{"limit", "inverse"}, body: func(g *gen) {
		g.op("VMULPS", g.scalar(1), 0, 0)
		g.tanh()
		g.op("VMULPS", g.scalar(0), 0, 0)
	}},
	{name: "silu", does: "sets dst[i] = SiLU(x[i])", rows: unary, exp: true, ways: 2, body: (*gen).silu},
	{name: "quickGELU", does: "sets dst[i] = x[i]·sigmoid(1.702·x[i])", rows: unary, exp: true, ways: 2, body: (*gen).quickGELU},
	{name: "gelu", does: "sets dst[i] = GELU(x[i])", rows: unary, ways: 2, body: (*gen).gelu},
	{name: "geluTanh", does: "sets dst[i] = GELU(x[i]) by tanh", rows: unary, exp: true, ways: 2, body: (*gen).geluTanh},
	{name: "siluMul", does: "sets dst[i] = SiLU(gate[i])·up[i]", rows: gated, exp: true, ways: 2, body: func(g *gen) { g.silu(); g.op("VMULPS", 1, 0, 0) }},
	{name: "geluMul", does: "sets dst[i] = GELU(gate[i])·up[i]", rows: gated, ways: 2, body: func(g *gen) { g.gelu(); g.op("VMULPS", 1, 0, 0) }},
	{name: "geluTanhMul", does: "sets dst[i] = GELU(gate[i])·up[i] by tanh", rows: gated, exp: true, ways: 2, body: func(g *gen) { g.geluTanh(); g.op("VMULPS", 1, 0, 0) }},

	{name: "normalize", does: "sets dst[i] = (x[i]−m)·r", portable: "normalizePortable(dst, x, nil, nil, m, r)", rows: unary, unroll: 2, scalars: []string{"m", "r"}, body: func(g *gen) {
		g.centre()
		g.op("VMULPS", g.scalar(1), 0, 0)
	}},
	{name: "normalizeWeight", does: "sets dst[i] = (x[i]−m)·r·weight[i]", portable: "normalizePortable(dst, x, weight, nil, m, r)", rows: []row{dst, x, {name: "weight", reg: 1, load: true}}, unroll: 2, scalars: []string{"m", "r"}, body: func(g *gen) {
		g.centre()
		g.op("VMULPS", g.scalar(1), 0, 0)
		g.op("VMULPS", 1, 0, 0)
	}},
	{name: "normalizeBias", does: "sets dst[i] = (x[i]−m)·r + bias[i]", portable: "normalizePortable(dst, x, nil, bias, m, r)", rows: []row{dst, x, {name: "bias", reg: 2, load: true}}, unroll: 2, scalars: []string{"m", "r"}, body: func(g *gen) {
		g.centre()
		g.op("VFMADD213PS", 2, g.scalar(1), 0)
	}},
	{name: "normalizeBoth", does: "sets dst[i] = (x[i]−m)·r·weight[i] + bias[i]", portable: "normalizePortable(dst, x, weight, bias, m, r)", rows: []row{dst, x, {name: "weight", reg: 1, load: true}, {name: "bias", reg: 2, load: true}}, unroll: 2, scalars: []string{"m", "r"}, body: func(g *gen) {
		g.centre()
		g.op("VMULPS", g.scalar(1), 0, 0)
		g.op("VFMADD213PS", 2, 1, 0)
	}},

	{name: "rotateHalf", does: "rotates the pairs (a[i], b[i]) by their angles", rows: []row{{name: "a", load: true, store: true}, {name: "b", reg: 1, load: true, store: true},
		{name: "cos", reg: 2, load: true}, {name: "sin", reg: 3, load: true}}, body: func(g *gen) {
		g.op("VMULPS", 0, 3, 4)
		g.op("VMULPS", 1, 3, 3)
		g.op("VMULPS", 0, 2, 0)
		g.op("VMULPS", 1, 2, 1)
		g.op("VSUBPS", 3, 0, 0)
		g.op("VADDPS", 4, 1, 1)
	}},
}

// conversions are those of package half, between float32 and 16 bits.
var conversions = []kernel{
	{name: "widenBF16", does: "sets dst[i] to the bfloat16 src[i]", rows: []row{dst, {name: "src", load: true, half: "VPMOVZXWD", ahead: true}}, unroll: 2, wholeY: true,
		body: func(g *gen) { g.op("VPSLLD $16,", 0, 0) }},
	{name: "widenF16", does: "sets dst[i] to the float16 src[i]", rows: []row{dst, {name: "src", load: true, half: "VCVTPH2PS", ahead: true}}, unroll: 2, wholeY: true, body: func(*gen) {}},
	{name: "narrowBF16", does: "sets dst[i] to the bfloat16 nearest to src[i]", rows: []row{{name: "dst", reg: 3, store: true, half: "VPMOVDW"}, {name: "src", load: true}}, wholeY: true, body: (*gen).narrowBF16},
	{name: "narrowF16", does: "sets dst[i] to the float16 nearest to src[i]", rows: []row{{name: "dst", store: true, half: "VCVTPS2PH $0,"}, {name: "src", load: true}}, unroll: 2, wholeY: true, body: func(*gen) {}},
}

// as returns the row under another name.
func (r row) as(name string) row {
	r.name = name
	return r
}

// relu has x as the second source of the maximum, which is the result where one is NaN.
func (g *gen) relu() {
	g.op("VXORPS", 2, 2, 2)
	g.op("VMAXPS", 0, 2, 0)
}

func (g *gen) centre() { g.op("VSUBPS", g.scalar(0), 0, 0) }

// expOf emits reg = e^reg with registers 3 and 4 as scratch.
func (g *gen) expOf(reg int) { g.exp.Emit(g.vectors(asmgen.ExpVector{X: reg, T: 3, P: 4})...) }

func (g *gen) tanh() { g.exp.Tanh(g.vectors(asmgen.ExpVector{X: 0, T: 2, P: 3, S: 4})...) }

func (g *gen) vectors(e asmgen.ExpVector) []asmgen.ExpVector {
	var all []asmgen.ExpVector
	for v := range g.ways {
		all = append(all, asmgen.ExpVector{X: way(e.X, v), T: way(e.T, v), P: way(e.P, v), S: way(e.S, v)})
	}
	return all
}

func (g *gen) sigmoid() {
	g.opK("VXORPS", signBit, 0, 2)
	g.expOf(2)
	g.setF(1, 3)
	g.op("VADDPS", 3, 2, 2)
	g.op("VDIVPS", 2, 3, 0)
}

// gateFloor replaces x below it in the numerator of x/(1+e^−z), so that −Inf does not meet Inf.
const gateFloor = -104

// gated emits x/(1+e^z), z in register 2.
func (g *gen) gated() {
	g.expOf(2)
	g.opF("VADDPS", 1, 2, 2)
	g.setF(gateFloor, 3)
	g.op("VMAXPS", 0, 3, 0)
	g.op("VDIVPS", 2, 0, 0)
}

func (g *gen) silu() {
	g.opK("VXORPS", signBit, 0, 2)
	g.gated()
}

func (g *gen) quickGELU() {
	g.opF("VMULPS", -1.702, 0, 2)
	g.gated()
}

// geluTanh has z = −2√(2/π)(x + 0.044715x³).
func (g *gen) geluTanh() {
	linear := -2 * math.Sqrt(2/math.Pi)
	g.op("VMULPS", 0, 0, 2)
	g.setF(linear, 3)
	g.opF("VFMADD132PS", 0.044715*linear, 3, 2)
	g.op("VMULPS", 0, 2, 2)
	g.gated()
}

// tailEnd is where the power of two of the normal distribution's tail has left the normal range and is made 0.
const tailEnd = 13.2

// Coefficients, highest first.
var (
	tailP = []float64{approx.TailP3, approx.TailP2, approx.TailP1, approx.TailP0}
	tailQ = []float64{approx.TailQ4, approx.TailQ3, approx.TailQ2, approx.TailQ1, 1}
	expC  = []float64{approx.Exp6, approx.Exp5, approx.Exp4, approx.Exp3, approx.Exp2, 1, 1}
)

// gelu is max(x, −0) − t·Φ(−t), t = |x|.
func (g *gen) gelu() {
	g.setF(tailEnd, 3)
	g.opK("VANDPS", signBit-1, 0, 2)
	g.op("VMINPS", 2, 3, 2) // t
	g.halfSquareExp()
	g.op("VMULPS", 2, 4, 6)
	g.horner(tailP, 2, 3)
	g.horner(tailQ, 2, 4)
	g.op("VMULPS", 6, 3, 3)
	g.op("VDIVPS", 4, 3, 3)
	g.setK(signBit, 4)
	g.op("VMAXPS", 0, 4, 0)
	g.op("VSUBPS", 3, 0, 0)
}

// halfSquareExp leaves e^(−t²/2), t in register 2, in register 4. The square is rounded only after most
// of it has been taken off: n·ln 2 is exact as ln 2's upper part has few bits. As in asmgen, the
// polynomial is 2e^r, so that 2^(n−1) has a biased exponent from 0, which is the number 0.
func (g *gen) halfSquareExp() {
	const bias = 3<<22 + 126
	g.opF("VMULPS", -0.5, 2, 5)
	g.op("VMULPS", 2, 5, 6)
	g.setF(bias, 3)
	g.opF("VFMADD231PS", math.Log2E, 6, 3)
	g.opF("VSUBPS", bias, 3, 4) // n
	g.opF("VMULPS", approx.Ln2Hi, 4, 6)
	g.op("VFMSUB213PS", 6, 2, 5)
	g.opF("VFNMADD231PS", approx.Ln2Lo, 4, 5)
	var twice []float64
	for _, c := range expC {
		twice = append(twice, 2*c)
	}
	g.horner(twice, 5, 4)
	g.op("VPSLLD $23,", 3, 3)
	g.op("VMULPS", 3, 4, 4)
}

// horner emits the polynomial in t with coefficients c, highest first.
func (g *gen) horner(c []float64, t, result int) {
	g.setF(c[0], result)
	for _, k := range c[1:] {
		g.opF("VFMADD213PS", k, t, result)
	}
}

// fullExp is exp with denormal results, which asmgen's flushes to zero: the power of two is applied by
// VSCALEFPS, or in two halves.
func (g *gen) fullExp() {
	const roundBias = 3 << 22
	g.setF(89, 2)
	g.setF(-104, 3)
	g.op("VMINPS", 0, 2, 0)
	g.op("VMAXPS", 0, 3, 0)
	g.setF(roundBias, 2)
	g.opF("VFMADD231PS", math.Log2E, 0, 2)
	g.opF("VSUBPS", roundBias, 2, 3)
	ln2 := float64(float32(math.Ln2))
	g.opF("VFNMADD231PS", ln2, 3, 0)
	g.opF("VFNMADD231PS", math.Ln2-ln2, 3, 0)
	g.horner(expC, 0, 4)
	if g.z() {
		g.op("VSCALEFPS", 3, 4, 0)
		return
	}
	g.opF("VPSUBD", roundBias, 2, 2)
	g.op("VPSRAD $1,", 2, 3)
	g.op("VPSUBD", 3, 2, 2)
	for _, k := range []int{2, 3} {
		g.opK("VPADDD", 127, k, k)
		g.op("VPSLLD $23,", k, k)
		g.op("VMULPS", k, 4, 4)
	}
	g.op("VMOVAPS", 4, 0)
}

// narrowBF16 adds half of the last place kept, less a bit if that is even, and cuts; a NaN is cut and
// made quiet.
func (g *gen) narrowBF16() {
	g.op("VPSRLD $16,", 0, 2)
	if g.z() {
		g.opK("VPANDD", 1, 2, 3)
	} else {
		g.opK("VPAND", 1, 2, 3)
	}
	g.op("VPADDD", 0, 3, 3)
	g.opK("VPADDD", 0x7FFF, 3, 3)
	g.op("VPSRLD $16,", 3, 3)
	if g.z() {
		g.P("VCMPPS $3, Z0, Z0, K2")
		g.P("VPORD.BCST %s, Z2, K2, Z3", g.constAt(0x40))
		return
	}
	g.opK("VPOR", 0x40, 2, 2)
	g.P("VCMPPS $3, Y0, Y0, Y4")
	g.P("VBLENDVPS Y4, Y2, Y3, Y3")
	g.P("VPACKUSDW Y3, Y3, Y3")
	g.P("VPERMQ $8, Y3, Y3")
}
