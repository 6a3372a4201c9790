package asmgen

import (
	"fmt"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/approx"
)

// The constants of exp and tanh, in the order of the table. The first ExpRegs of them are what Exp keeps
// in registers if it is told to.
//
// exp(x) = 2^(n−1)·P(r), n = round(x·log2(e)), r = x − n·ln 2 in two FMA steps, P(r) ≈ 2·exp(r) on
// |r| ≤ ln(2)/2, has the coefficients TwoExp of package approx. Their error is 3.2e-9, so rounding dominates:
// below 1 ulp.
//
// The factor 2 in P and the halved power make both ends come out without a special case: biased exponent
// 0 (n = −126) multiplies by zero, and n = 128 is reachable. n + 126 appears in the low bits of
// x·log2(e) + magic, from where a shift by 23 makes it the power of two.
const (
	expLow    = iota // arguments below it give 0: n = −126
	expLog2e         // log2(e)
	expMagic         // 1.5·2²³ + 126
	expLn2Hi         // ln 2 rounded to float32
	expLn2Lo         // ln 2 − expLn2Hi
	expC6            // of r⁶
	expC5            //
	expC4            //
	expC3            //
	expC2            //
	expTwo           // coefficients of r¹ and r⁰
	expHigh          // arguments above it give +Inf
	tanhHigh         // 2|x| above it gives ±1
	tanhMinus        // −1
	tanhSign         // sign bit
	expConsts
)

// ExpRegs is the number of registers that Exp needs for its constants.
const ExpRegs = expTwo + 1

const expTable = "expTable"

// expWords returns the table: each constant eight times, so that it is a memory operand of Y instructions.
func expWords() []uint32 {
	table := [expConsts]uint32{
		expLow:    math.Float32bits(-87.5),
		expHigh:   math.Float32bits(89),
		expLog2e:  0x3fb8aa3b,
		expMagic:  math.Float32bits(3<<22 + 126),
		expLn2Hi:  0x3f317218,
		expLn2Lo:  0xb102e308,
		expC6:     math.Float32bits(approx.TwoExp6),
		expC5:     math.Float32bits(approx.TwoExp5),
		expC4:     math.Float32bits(approx.TwoExp4),
		expC3:     math.Float32bits(approx.TwoExp3),
		expC2:     math.Float32bits(approx.TwoExp2),
		expTwo:    math.Float32bits(2),
		tanhHigh:  math.Float32bits(20),
		tanhMinus: math.Float32bits(-1),
		tanhSign:  1 << 31,
	}
	var words []uint32
	for _, w := range table {
		for range Y.Lanes() {
			words = append(words, w)
		}
	}
	return words
}

// Exp emits exp of float32 vectors, with the same bits for Y and Z registers and for constants in
// registers or in memory.
//
// exp(±0) is exactly 1, exp(−Inf) is 0, NaN stays NaN. Arguments below −86.99 (n ≤ −126) give 0: no
// denormal is ever made. Arguments above 88.7228 give +Inf, unless NonPositive says that there are none.
// The error is below 1 ulp.
type Exp struct {
	// NonPositive leaves out the instruction that is for large arguments: exp of more than 88 is undefined then.
	NonPositive bool
	// Registers is the number of constants in registers, ExpRegs at most; the others are read from memory.
	Registers int

	f     *File
	w     Width
	first int // register of the first constant
}

// NewExp returns an emitter whose constants lie in the ExpRegs vector registers from first on, once Load
// has been called, or in memory if first is −1. Fewer may be kept in registers by lowering Registers
// before anything is emitted.
func (f *File) NewExp(w Width, first int) *Exp {
	f.exp = true
	e := &Exp{f: f, w: w, first: first}
	if first >= 0 {
		e.Registers = ExpRegs
	}
	return e
}

// First returns the register of the first constant.
func (e *Exp) First() int { return e.first }

// Load emits the loading of the constants into their registers, if they have some.
func (e *Exp) Load() {
	for c := range e.Registers {
		if e.w == Z {
			e.f.P("VBROADCASTSS %s, Z%d", e.mem(c), e.first+c)
		} else {
			e.f.P("VMOVUPS %s, Y%d", e.mem(c), e.first+c)
		}
	}
}

// Emit emits x = exp(x) for each of the vectors, interleaved; t and p are overwritten.
func (e *Exp) Emit(vectors ...ExpVector) {
	e.f.Comment("exp of %s.", e.names(vectors))
	e.interleave(vectors, func(v ExpVector) {
		e.rrr("VMAXPS", v.X, e.reg(expLow, v.P), v.X) // X is the second source: NaN passes
	})
	if !e.NonPositive {
		e.interleave(vectors, func(v ExpVector) {
			e.rrr("VMINPS", v.X, e.reg(expHigh, v.P), v.X)
		})
	}
	e.reduce(vectors)
	e.horner(vectors)
	e.interleave(vectors, func(v ExpVector) { e.crr("VFMADD213PS", expTwo, v.X, v.P) })
	e.interleave(vectors, func(v ExpVector) { e.f.P("VPSLLD $23, %s, %s", e.w.Reg(v.T), e.w.Reg(v.T)) })
	e.interleave(vectors, func(v ExpVector) { e.rrr("VMULPS", v.T, v.P, v.X) })
}

// ExpVector names the registers of one vector: X holds argument and result, T and P (and for Tanh S) are
// overwritten.
type ExpVector struct{ X, T, P, S int }

// Tanh emits x = tanh(x) for each of the vectors: expm1(2|x|)/(expm1(2|x|)+2) with the sign of x. The
// error is below 4 ulp, relative, for small arguments too; NaN stays NaN.
func (e *Exp) Tanh(vectors ...ExpVector) {
	e.f.Comment("tanh of %s.", e.names(vectors))
	e.interleave(vectors, func(v ExpVector) {
		e.rrr("VANDPS", e.reg(tanhSign, v.S), v.X, v.S)
		e.rrr("VXORPS", v.S, v.X, v.X)
		e.rrr("VADDPS", v.X, v.X, v.X)
		e.rrr("VMINPS", v.X, e.reg(tanhHigh, v.P), v.X)
	})
	e.reduce(vectors)
	e.horner(vectors)
	e.interleave(vectors, func(v ExpVector) {
		e.rrr("VMULPS", v.P, v.X, v.P) // 2·expm1(r)
		e.f.P("VPSLLD $23, %s, %s", e.w.Reg(v.T), e.w.Reg(v.T))
		e.rrr("VADDPS", v.T, v.T, v.X)
		e.crr("VADDPS", tanhMinus, v.X, v.X) // 2ⁿ − 1
		e.rrr("VFMADD213PS", v.X, v.T, v.P)  // expm1(2|x|)
		e.crr("VADDPS", expTwo, v.P, v.X)
		e.rrr("VDIVPS", v.X, v.P, v.X)
		e.rrr("VORPS", v.S, v.X, v.X)
	})
}

// reduce leaves r in X and n + 126 in the low bits of T.
func (e *Exp) reduce(vectors []ExpVector) {
	e.interleave(vectors, func(v ExpVector) { e.load(expMagic, v.T) })
	e.interleave(vectors, func(v ExpVector) { e.crr("VFMADD231PS", expLog2e, v.X, v.T) })
	e.interleave(vectors, func(v ExpVector) { e.crr("VSUBPS", expMagic, v.T, v.P) })
	e.interleave(vectors, func(v ExpVector) { e.crr("VFNMADD231PS", expLn2Hi, v.P, v.X) })
	e.interleave(vectors, func(v ExpVector) { e.crr("VFNMADD231PS", expLn2Lo, v.P, v.X) })
}

// horner leaves 2·expm1(r)/r in P.
func (e *Exp) horner(vectors []ExpVector) {
	e.interleave(vectors, func(v ExpVector) { e.load(expC6, v.P) })
	for c := expC5; c <= expTwo; c++ {
		e.interleave(vectors, func(v ExpVector) { e.crr("VFMADD213PS", c, v.X, v.P) })
	}
}

func (e *Exp) interleave(vectors []ExpVector, step func(ExpVector)) {
	for _, v := range vectors {
		step(v)
	}
}

// names lists the registers of vectors.
func (e *Exp) names(vectors []ExpVector) string {
	var names []string
	for _, v := range vectors {
		names = append(names, e.w.Reg(v.X))
	}
	return strings.Join(names, ", ")
}

// inRegister tells whether constant c has a register.
func (e *Exp) inRegister(c int) bool { return c < e.Registers }

func (e *Exp) mem(c int) string { return fmt.Sprintf("%s<>+%d(SB)", expTable, int(Y)*c) }

// load emits the copy of constant c to a register.
func (e *Exp) load(c, reg int) {
	switch {
	case e.inRegister(c):
		e.rr("VMOVAPS", e.first+c, reg)
	case e.w == Z:
		e.f.P("VBROADCASTSS %s, Z%d", e.mem(c), reg)
	default:
		e.f.P("VMOVUPS %s, Y%d", e.mem(c), reg)
	}
}

// reg returns a register that holds constant c: its own, or scratch after a load.
func (e *Exp) reg(c, scratch int) int {
	if e.inRegister(c) {
		return e.first + c
	}
	e.load(c, scratch)
	return scratch
}

func (e *Exp) rr(op string, a, b int) { e.f.P("%s %s, %s", op, e.w.Reg(a), e.w.Reg(b)) }

func (e *Exp) rrr(op string, a, b, c int) {
	e.f.P("%s %s, %s, %s", op, e.w.Reg(a), e.w.Reg(b), e.w.Reg(c))
}

// crr emits an instruction whose first operand (Go order) is constant c.
func (e *Exp) crr(op string, c, a, b int) {
	switch {
	case e.inRegister(c):
		e.rrr(op, e.first+c, a, b)
	case e.w == Z:
		e.f.P("%s.BCST %s, Z%d, Z%d", op, e.mem(c), a, b)
	default:
		e.f.P("%s %s, Y%d, Y%d", op, e.mem(c), a, b)
	}
}
