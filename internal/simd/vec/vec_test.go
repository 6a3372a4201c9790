package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var inf = math.Inf(1)

// An elementwise operation, its definition in float64 and its largest error relative to
// max(|want|, floor).
type elementwise struct {
	name  string
	run   func(dst, x, y []float32)
	want  func(x, y float64) float64
	tol   float64
	floor float64
}

func unary(f func(dst, x []float32)) func(dst, x, y []float32) {
	return func(dst, x, _ []float32) { f(dst, x) }
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func wantSiLU(x float64) float64 { return limit(x, x*logistic(x)) }

func wantGELU(x float64) float64 { return limit(x, x*math.Erfc(-x/math.Sqrt2)/2) }

func wantGELUTanh(x float64) float64 {
	return limit(x, x*logistic(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// limit returns y, or the limit of x·sigmoid(x) where x is −Inf.
func limit(x, y float64) float64 {
	if x == -inf {
		return 0
	}
	return y
}

const (
	ulp     = 1.0 / (1 << 23) // of a number just above a power of two
	testCap = 30.0
	factor  = 1.7
)

var elementwiseOps = []elementwise{
	{"Add", Add, func(x, y float64) float64 { return x + y }, ulp / 2, 1e-37},
	{"Mul", Mul, func(x, y float64) float64 { return x * y }, ulp / 2, 1e-37},
	{"Scale", unary(func(dst, x []float32) { Scale(dst, x, factor) }), func(x, _ float64) float64 { return x * float64(float32(factor)) }, ulp / 2, 1e-37},
	{"AXPY", func(dst, x, y []float32) { copy(dst, x); AXPY(dst, factor, y) }, func(x, y float64) float64 { return x + float64(float32(factor))*y }, 1.5 * ulp, 1},
	{"ReLU", unary(ReLU), func(x, _ float64) float64 { return math.Max(x, 0) }, 0, 1},
	{"ReLU2", unary(ReLU2), func(x, _ float64) float64 { x = math.Max(x, 0); return x * x }, ulp / 2, 1e-37},
	{"Sigmoid", unary(Sigmoid), func(x, _ float64) float64 { return logistic(x) }, 3e-7, 1e-32},
	{"Tanh", unary(Tanh), func(x, _ float64) float64 { return math.Tanh(x) }, 4e-7, 1e-37},
	{"SoftCap", unary(func(dst, x []float32) { SoftCap(dst, x, testCap) }), func(x, _ float64) float64 { return testCap * math.Tanh(x/testCap) }, 6e-7, 1e-36},
	{"SiLU", unary(SiLU), func(x, _ float64) float64 { return wantSiLU(x) }, 4e-7, 1e-30},
	{"QuickGELU", unary(QuickGELU), func(x, _ float64) float64 { return limit(x, x*logistic(1.702*x)) }, 1e-6, 1e-3},
	{"GELU", unary(GELU), func(x, _ float64) float64 { return wantGELU(x) }, 6e-7, 1e-10},
	{"GELUTanh", unary(GELUTanh), func(x, _ float64) float64 { return wantGELUTanh(x) }, 1e-6, 1e-3},
	{"SiLUMul", SiLUMul, func(x, y float64) float64 { return wantSiLU(x) * y }, 5e-7, 1e-30},
	{"GELUMul", GELUMul, func(x, y float64) float64 { return wantGELU(x) * y }, 7e-7, 1e-10},
	{"GELUTanhMul", GELUTanhMul, func(x, y float64) float64 { return wantGELUTanh(x) * y }, 1.2e-6, 1e-3},
	{"Exp", unary(Exp), func(x, _ float64) float64 { return math.Exp(x) }, 2 * ulp, 0x1p-126},
}

// sweep returns float32s of every magnitude and kind, and many that activations meet.
func sweep() []float32 {
	var all []float32
	bits, fine, coarse := uint32(9973), float32(0x1p-12), float32(0x1p-7)
	if testing.Short() {
		bits, fine, coarse = 99_991, 0x1p-9, 0x1p-5
	}
	for u := uint32(0); u < 0xFFFFFFFF-bits; u += bits {
		all = append(all, math.Float32frombits(u))
	}
	for v := float32(-20); v < 20; v += fine {
		all = append(all, v)
	}
	for v := float32(-120); v < 120; v += coarse {
		all = append(all, v)
	}
	zero := float32(0)
	return append(all, 0, -zero, math.Float32frombits(1<<31), float32(inf), float32(-inf), float32(math.NaN()),
		math.MaxFloat32, -math.MaxFloat32, 0x1p-149, -0x1p-149, 0x1p-126, 88.72283, 88.72284, 89, -103.9, -104)
}

// fits reports whether got is within tol·max(|want|, floor) of want rounded to float32.
func fits(got float32, want, tol, floor float64) bool {
	rounded := float64(float32(want))
	switch g := float64(got); {
	case math.IsNaN(want):
		return g != g
	case math.IsInf(rounded, 0) || math.IsInf(g, 0):
		// At the edge of the range, one last place decides.
		return g == rounded || math.Abs(want) > math.MaxFloat32*(1-2*tol) && g*want > 0 && math.Abs(g) > math.MaxFloat32*(1-2*tol)
	default:
		return math.Abs(g-want) <= tol*math.Max(math.Abs(want), floor)+0x1p-149
	}
}

func TestElementwiseAccuracy(t *testing.T) {
	x := sweep()
	y := make([]float32, len(x))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range y {
		y[i] = rng.Float32()*4 - 2
	}
	dst := make([]float32, len(x))
	tensortest.EachSet(t, func(t *testing.T) {
		for _, op := range elementwiseOps {
			op.run(dst, x, y)
			bad, worst, at := 0, 0.0, 0
			for i, got := range dst {
				want := op.want(float64(x[i]), float64(y[i]))
				if e := math.Abs(float64(got)-want) / math.Max(math.Abs(want), op.floor); e > worst && e < inf {
					worst, at = e, i
				}
				if fits(got, want, op.tol, op.floor) {
					continue
				}
				if bad++; bad <= 5 {
					t.Errorf("%s(%v, %v) = %v, want %v (relative error %.2g)", op.name, x[i], y[i], got, want, (float64(got)-want)/want)
				}
			}
			t.Logf("%-12s worst relative error %.3g at %v", op.name, worst, x[at])
			if bad > 5 {
				t.Errorf("%s: %d wrong", op.name, bad)
			}
		}
	})
}

// sameFloat reports whether a and b have the same bits or are both NaN.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// hardRow returns a row of numbers that activations meet, with the odd special one.
func hardRow(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		switch rng.IntN(12) {
		case 0:
			x[i] = math.Float32frombits(rng.Uint32())
		case 1:
			x[i] = float32(rng.NormFloat64()) * 60
		case 2:
			x[i] = []float32{0, float32(inf), float32(-inf), float32(math.NaN()), 0x1p-140, math.Float32frombits(1 << 31)}[rng.IntN(6)]
		default:
			x[i] = float32(rng.NormFloat64()) * 4
		}
	}
	return x
}

// TestElementwiseBits checks, at every length and several alignments, that an element's bits depend on
// its operands alone, that nothing is written outside, and that dst may be x.
func TestElementwiseBits(t *testing.T) {
	const most = 100
	x, y := hardRow(most+8, 1), hardRow(most+8, 2)
	tensortest.EachSet(t, func(t *testing.T) {
		for _, op := range elementwiseOps {
			one := make([]float32, len(x)) // each element alone
			for i := range one {
				op.run(one[i:i+1], x[i:i+1], y[i:i+1])
			}
			for n := 0; n <= most; n++ {
				for offset := range 8 {
					guarded := tensortest.Guard(make([]float32, n), offset)
					dst := guarded.X
					op.run(dst, x[offset:offset+n], y[offset:offset+n])
					checkRow(t, op.name, n, offset, dst, one[offset:])
					guarded.Check(t, op.name)
					copy(dst, x[offset:])
					op.run(dst, dst, y[offset:offset+n])
					checkRow(t, op.name+" in place", n, offset, dst, one[offset:])
				}
			}
		}
	})
}

func checkRow(t *testing.T, name string, n, offset int, got, want []float32) {
	t.Helper()
	for i, v := range got {
		if !sameFloat(v, want[i]) {
			t.Fatalf("%s: length %d, offset %d: element %d is %v (%#x), alone %v (%#x)",
				name, n, offset, i, v, math.Float32bits(v), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestFusedBits(t *testing.T) {
	gate, up := hardRow(1000, 3), hardRow(1000, 4)
	tensortest.EachSet(t, func(t *testing.T) {
		for _, c := range []struct {
			name  string
			fused func(dst, gate, up []float32)
			act   func(dst, x []float32)
		}{{"SiLUMul", SiLUMul, SiLU}, {"GELUMul", GELUMul, GELU}, {"GELUTanhMul", GELUTanhMul, GELUTanh}} {
			want, got := make([]float32, len(gate)), make([]float32, len(gate))
			c.act(want, gate)
			Mul(want, want, up)
			c.fused(got, gate, up)
			checkRow(t, c.name, len(gate), 0, got, want)
			copy(got, up)
			c.fused(got, gate, got)
			checkRow(t, c.name+" into up", len(gate), 0, got, want)
		}
	})
}

func TestTanhIsOdd(t *testing.T) {
	x := sweep()
	minus := make([]float32, len(x))
	for i, v := range x {
		minus[i] = math.Float32frombits(math.Float32bits(v) ^ 1<<31)
	}
	tensortest.EachSet(t, func(t *testing.T) {
		a, b := make([]float32, len(x)), make([]float32, len(x))
		Tanh(a, x)
		Tanh(b, minus)
		for i := range a {
			if a[i] == a[i] && math.Float32bits(a[i])^math.Float32bits(b[i]) != 1<<31 {
				t.Fatalf("tanh(%v) = %v, tanh(%v) = %v", x[i], a[i], minus[i], b[i])
			}
		}
	})
}

func TestSignOfZero(t *testing.T) {
	zeros := []float32{0, math.Float32frombits(1 << 31)}
	tensortest.EachSet(t, func(t *testing.T) {
		for name, f := range map[string]func(dst, x []float32){"Tanh": Tanh, "SiLU": SiLU, "QuickGELU": QuickGELU, "GELU": GELU, "GELUTanh": GELUTanh} {
			dst := make([]float32, 2)
			f(dst, zeros)
			if math.Float32bits(dst[0]) != 0 || math.Float32bits(dst[1]) != 1<<31 {
				t.Errorf("%s(+0, −0) has bits %#x and %#x", name, math.Float32bits(dst[0]), math.Float32bits(dst[1]))
			}
		}
	})
}

func TestLengthsPanic(t *testing.T) {
	a, b := make([]float32, 3), make([]float32, 2)
	for name, c := range map[string]struct {
		run  func()
		want string
	}{
		"Add y":       {func() { Add(a, a, b) }, "vec: Add: dst has length 3, y has 2"},
		"Mul x":       {func() { Mul(a, b, a) }, "vec: Mul: dst has length 3, x has 2"},
		"Exp":         {func() { Exp(b, a) }, "vec: Exp: dst has length 2, x has 3"},
		"GELUMul":     {func() { GELUMul(a, a, b) }, "vec: GELUMul: dst has length 3, up has 2"},
		"AXPY":        {func() { AXPY(a, 1, b) }, "vec: AXPY: dst has length 3, x has 2"},
		"Softmax":     {func() { Softmax(a, b) }, "vec: Softmax: dst has length 3, x has 2"},
		"RMSNorm":     {func() { RMSNorm(a, a, b, 0) }, "vec: RMSNorm: dst has length 3, weight has 2"},
		"AddRMSNorm":  {func() { AddRMSNorm(a, a, b, nil, 0) }, "vec: AddRMSNorm: dst has length 3, y has 2"},
		"LayerNorm":   {func() { LayerNorm(a, a, nil, b, 0) }, "vec: LayerNorm: dst has length 3, bias has 2"},
		"RotateHalf":  {func() { RotateHalf(a, b, b) }, "vec: RotateHalf: x has length 3, cos 2 and sin 2; want 2n, n and n"},
		"RotatePairs": {func() { RotatePairs(make([]float32, 4), b, a) }, "vec: RotatePairs: x has length 4, cos 2 and sin 3; want 2n, n and n"},
		"SoftCap":     {func() { SoftCap(a, a, 0) }, "vec: SoftCap: limit is 0, want a positive number"},
	} {
		t.Run(name, func(t *testing.T) { tensortest.Panics(t, c.want, c.run) })
	}
}
