package block

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func random(seed uint64, scale float64, dims ...int) tensor.Tensor {
	return tensor.From(tensortest.Gaussian(rand.New(rand.NewPCG(seed, 1)), tensor.Of(dims...).Len(), 0, scale), dims...)
}

// affine is a linear layer with its values at hand.
type affine struct {
	w tensor.Tensor // [Out, In]
	b []float32
}

func newAffine(seed uint64, out, in int, bias bool) affine {
	a := affine{w: random(seed, 1/math.Sqrt(float64(in)), out, in)}
	if bias {
		a.b = random(seed+1000, 1, 1, out).Data
	}
	return a
}

func (a affine) layer() nn.Linear { return nn.Linear{Weight: tensor.WeightFrom(a.w), Bias: a.b} }

// apply computes the layer in T, sums from left to right.
func apply[T float32 | float64](a affine, x []T) []T {
	y := make([]T, a.w.Rows())
	for i := range y {
		for j, w := range a.w.Row(i) {
			y[i] += T(w) * x[j]
		}
		if a.b != nil {
			y[i] += T(a.b[i])
		}
	}
	return y
}

func activate[T float32 | float64](a nn.Activation, v T) T {
	x := float64(v)
	switch a {
	case nn.SiLU:
		x = x / (1 + math.Exp(-x))
	case nn.GELU:
		x = x * 0.5 * (1 + math.Erf(x/math.Sqrt2))
	case nn.GELUTanh:
		x = 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case nn.QuickGELU:
		x = x / (1 + math.Exp(-1.702*x))
	case nn.ReLU:
		x = max(x, 0)
	case nn.ReLU2:
		x = max(x, 0) * max(x, 0)
	case nn.Tanh:
		x = math.Tanh(x)
	case nn.Sigmoid:
		x = 1 / (1 + math.Exp(-x))
	}
	return T(x)
}

func convert[T float32 | float64](x []float32) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// check compares with float64: the error is at most twice that of plain loops in float32, and 2e-6.
func check(t *testing.T, what string, got []float32, want []float64, loop []float32) {
	t.Helper()
	tensortest.CheckError(t, what, got, want, loop, 2e-6)
}

func mlp[T float32 | float64](up, down affine, act nn.Activation, x []T) []T {
	h := apply(up, x)
	for i := range h {
		h[i] = activate(act, h[i])
	}
	return apply(down, h)
}

func glu[T float32 | float64](gateUp, down affine, act nn.Activation, x []T) []T {
	both := apply(gateUp, x)
	h := both[:len(both)/2]
	for i := range h {
		h[i] = activate(act, h[i]) * both[len(h)+i]
	}
	return apply(down, h)
}

var activations = []nn.Activation{nn.SiLU, nn.GELU, nn.GELUTanh, nn.QuickGELU, nn.ReLU, nn.ReLU2, nn.Tanh, nn.Sigmoid, nn.Identity}

func TestFeedForward(t *testing.T) {
	for i, size := range [][3]int{{1, 1, 1}, {3, 20, 33}, {50, 31, 70}, {200, 64, 130}} { // [T, Dim], I
		rows, dim, inner := size[0], size[1], size[2]
		x := random(1, 1, rows, dim)
		for j, act := range activations {
			bias := (i+j)%2 == 0
			up, both, down := newAffine(2, inner, dim, bias), newAffine(3, 2*inner, dim, bias), newAffine(4, dim, inner, bias)
			m, g := &MLP{Up: up.layer(), Act: act, Down: down.layer()}, &GLU{GateUp: both.layer(), Act: act, Down: down.layer()}
			for _, op := range []attention.Op{m, g} {
				dst := tensor.New(rows, dim)
				var p attention.Pass
				op.Forward(&p, dst, x)
				for r := range rows {
					var want []float64
					var loop []float32
					if op == attention.Op(m) {
						want, loop = mlp(up, down, act, convert[float64](x.Row(r))), mlp(up, down, act, x.Row(r))
					} else {
						want, loop = glu(both, down, act, convert[float64](x.Row(r))), glu(both, down, act, x.Row(r))
					}
					check(t, fmt.Sprintf("%T %v %v row %d", op, act, size, r), dst.Row(r), want, loop)
				}
				one := tensor.New(1, dim) // a row alone has the same bits
				op.Forward(&p, one, x.Slice(rows-1, rows))
				tensortest.CheckBits(t, fmt.Sprintf("%T %v %v: a row alone", op, act, size), one.Data, dst.Row(rows-1))
			}
		}
	}
}

// double is an Op that needs no weights. It spoils its input's copy only if it got one.
type double struct{ seen []float32 }

func (d *double) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	scratch := p.Scratch.New(x.Rows(), x.Shape.Last())
	for i := range scratch.Data {
		scratch.Data[i] = float32(math.NaN())
	}
	d.seen = append(d.seen[:0], x.Data...)
	for i, v := range x.Data {
		dst.Data[i] = 2 * v
	}
}

// shift is a norm that adds a number, so that what stands where shows.
type shift float32

func (s shift) Forward(dst, x tensor.Tensor) {
	for i, v := range x.Data {
		dst.Data[i] = v + float32(s)
	}
}

// A residual is Out(x + Post(Op(Pre(x)))), for each choice of norms.
func TestResidual(t *testing.T) {
	for n := range 8 {
		var r Residual
		op := new(double)
		r.Op = op
		pre, post, out := float32(0), float32(0), float32(0)
		if n&1 != 0 {
			pre, r.Pre = 1, shift(1)
		}
		if n&2 != 0 {
			post, r.Post = 10, shift(10)
		}
		if n&4 != 0 {
			out, r.Out = 100, shift(100)
		}
		x := tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
		var p attention.Pass
		mark := p.Scratch.Mark()
		r.Forward(&p, x)
		for i, got := range x.Data {
			v := float32(i + 1)
			if want := v + 2*(v+pre) + post + out; got != want {
				t.Errorf("norms %03b: element %d is %v, want %v", n, i, got, want)
			}
			if op.seen[i] != v+pre {
				t.Errorf("norms %03b: the operation reads %v, want %v", n, op.seen[i], v+pre)
			}
		}
		if p.Scratch.Mark() != mark {
			t.Errorf("norms %03b: scratch memory is not given back", n)
		}
	}
}

// A block applies its residuals in order, and shows the stream after each and at the end.
func TestBlock(t *testing.T) {
	b := Block{{Op: new(double)}, {Op: new(double), Post: shift(1)}}
	x := tensor.From([]float32{1, -1}, 1, 2)
	var points []string
	p := attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		return func(x tensor.Tensor) {
			points = append(points, fmt.Sprint(at.Stage, at.Layer, at.Index, x.Data))
		}
	}}
	b.Forward(&p, 5, x)
	want := []string{"residual5 0 [3 -3]", "residual5 1 [10 -8]", "block5 0 [10 -8]"}
	if fmt.Sprint(points) != fmt.Sprint(want) {
		t.Errorf("observers see %q, want %q", points, want)
	}
	x = tensor.From([]float32{7}, 1, 1)
	Block{}.Forward(&p, 0, x)
	if x.Data[0] != 7 {
		t.Errorf("an empty block makes 7 %v", x.Data[0])
	}
}

func TestAllocatesNothing(t *testing.T) {
	up, both, down := newAffine(2, 70, 31, true), newAffine(3, 140, 31, true), newAffine(4, 31, 70, true)
	b := Block{
		{Pre: &nn.RMSNorm{Eps: 1e-6}, Op: &MLP{Up: up.layer(), Act: nn.GELU, Down: down.layer()}},
		{Pre: &nn.LayerNorm{Eps: 1e-6}, Op: &GLU{GateUp: both.layer(), Act: nn.SiLU, Down: down.layer()}, Post: &nn.RMSNorm{}},
	}
	var p attention.Pass
	for _, rows := range []int{1, 9} {
		x := random(1, 1, rows, 31)
		if n := testing.AllocsPerRun(50, func() { b.Forward(&p, 0, x) }); n != 0 && !tensortest.Race {
			t.Errorf("%d rows: %v allocations", rows, n)
		}
	}
}

// A layer with a gated feed-forward network, as in LLaMA: normalise, gate, add.
func ExampleBlock() {
	eye := tensor.From([]float32{1, 0, 0, 1}, 2, 2)
	twice := tensor.From([]float32{1, 0, 0, 1, 1, 0, 0, 1}, 4, 2) // gate, and then up: [2·I, Dim]
	b := Block{{
		Pre: &nn.RMSNorm{},
		Op:  &GLU{GateUp: nn.Linear{Weight: tensor.WeightFrom(twice)}, Act: nn.ReLU, Down: nn.Linear{Weight: tensor.WeightFrom(eye)}},
	}}
	x := tensor.From([]float32{3, 3, 2, -2}, 2, 2) // [T, Dim]
	b.Forward(new(attention.Pass), 0, x)
	fmt.Println(x.Row(0), x.Row(1))
	// Output: [4 4] [3 -2]
}

func TestOverlap(t *testing.T) {
	const dim = 8
	x := random(1, 1, 3, dim)
	up, wide := newAffine(2, dim, dim, false).layer(), newAffine(3, 2*dim, dim, false).layer()
	mlp := &MLP{Up: up, Down: up}
	for want, op := range map[string]attention.Op{
		"FeedForward: dst overlaps x": mlp,
		"GLU: dst overlaps x":         &GLU{GateUp: wide, Down: up},
		"Parallel: dst overlaps x":    &Parallel{Branches: []Branch{{Op: mlp}, {Op: mlp}}},
	} {
		tensortest.Panics(t, want, func() {
			p := new(attention.Pass)
			p.Begin(attention.Seq{Rows: 3})
			op.Forward(p, x, x)
		})
	}
}
