package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

func filled(dims ...int) tensor.Tensor {
	t := tensor.New(dims...)
	for i := range t.Data {
		t.Data[i] = value("x", i)
	}
	return t
}

// normed computes a norm of one row in T, sums from left to right.
func normed[T float32 | float64](n Norm, x []float32) []T {
	var mean, square T
	size := T(len(x))
	y := make([]T, len(x))
	switch n := n.(type) {
	case *RMSNorm:
		for _, v := range x {
			square += T(v) * T(v)
		}
		inv := T(1 / math.Sqrt(float64(square/size+T(n.Eps))))
		for i, v := range x {
			y[i] = T(v) * inv
			if n.Weight != nil {
				y[i] *= T(n.Weight[i])
			}
		}
	case *LayerNorm:
		for _, v := range x {
			mean += T(v) / size
		}
		for _, v := range x {
			square += (T(v) - mean) * (T(v) - mean)
		}
		inv := T(1 / math.Sqrt(float64(square/size+T(n.Eps))))
		for i, v := range x {
			y[i] = (T(v) - mean) * inv
			if n.Weight != nil {
				y[i] *= T(n.Weight[i])
			}
			if n.Bias != nil {
				y[i] += T(n.Bias[i])
			}
		}
	}
	return y
}

// The error against float64 is at most twice that of plain loops in float32, and 2e-7 of the largest
// value, which is an ulp or two; in place, and with rows on several processors, bits are the same as for a row alone.
func TestNorms(t *testing.T) {
	for _, dim := range []int{1, 7, 64, 100, 1000} {
		w, b := filled(1, dim).Data, filled(2, dim).Row(1)
		for name, n := range map[string]Norm{
			"rms": &RMSNorm{Weight: w, Eps: 1e-5}, "rms plain": &RMSNorm{Eps: 0.1}, "layer": &LayerNorm{Weight: w, Bias: b, Eps: 1e-5},
			"layer without bias": &LayerNorm{Weight: w, Eps: 1e-5}, "layer plain": &LayerNorm{Eps: 1e-3},
		} {
			x := filled(200, dim)
			y := tensor.New(200, dim)
			n.Forward(y, x)
			for r := range 200 {
				want, loop := normed[float64](n, x.Row(r)), normed[float32](n, x.Row(r))
				var worst, naive, size float64
				for i := range want {
					size = max(size, math.Abs(want[i]))
					worst = max(worst, math.Abs(float64(y.Row(r)[i])-want[i]))
					naive = max(naive, math.Abs(float64(loop[i])-want[i]))
				}
				if !(worst <= 2*naive+2e-7*size) {
					t.Fatalf("%s, %d wide: error %.2g, that of a plain loop is %.2g", name, dim, worst, naive)
				}
				one := tensor.New(1, dim)
				n.Forward(one, x.Slice(r, r+1))
				if !slices.Equal(one.Data, y.Row(r)) {
					t.Fatalf("%s, %d wide: row %d alone differs", name, dim, r)
				}
			}
			n.Forward(x, x)
			if !slices.Equal(x.Data, y.Data) {
				t.Errorf("%s, %d wide: in place the result differs", name, dim)
			}
		}
	}
}

// Names of configs, and back.
func TestParseActivation(t *testing.T) {
	for name, want := range map[string]Activation{"silu": SiLU, "swish": SiLU, "gelu": GELU, "gelu_new": GELUTanh, "gelu_pytorch_tanh": GELUTanh,
		"gelu_fast": GELUTanh, "quick_gelu": QuickGELU, "relu": ReLU, "relu2": ReLU2, "tanh": Tanh, "sigmoid": Sigmoid, "linear": Identity} {
		if got, err := ParseActivation(name); err != nil || got != want {
			t.Errorf("%q is %v, %v", name, got, err)
		}
	}
	for a := SiLU; a <= Identity; a++ {
		if got, err := ParseActivation(a.String()); err != nil || got != a {
			t.Errorf("%v reads as %v, %v", a, got, err)
		}
	}
	for _, name := range []string{"", "SiLU", "mish", "gelu_10", " relu"} {
		if _, err := ParseActivation(name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) || !strings.Contains(err.Error(), "silu") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if s := Activation(200).String(); s != "Activation(200)" {
		t.Error(s)
	}
}

// An activation gives the same from one row, many, and as a gate whose factor is 1.
func TestActivationForms(t *testing.T) {
	for a := SiLU; a <= Identity; a++ {
		x := filled(300, 130)
		y, both, gated := tensor.New(300, 130), tensor.New(300, 260), tensor.New(300, 130)
		a.Forward(y, x)
		for i := range 300 {
			copy(both.Row(i), x.Row(i))
			for j := range 130 {
				both.Row(i)[130+j] = 1
			}
		}
		a.Gate(gated, both)
		one := tensor.New(1, 130)
		a.Forward(one, x.Slice(299, 300))
		if !slices.Equal(gated.Data, y.Data) || !slices.Equal(one.Data, y.Row(299)) {
			t.Errorf("%v: forms differ", a)
		}
		a.Forward(x, x)
		if !slices.Equal(x.Data, y.Data) {
			t.Errorf("%v: in place the result differs", a)
		}
	}
}

func TestEmbedding(t *testing.T) {
	table := filled(50, 7)
	e := Embedding{tensor.WeightFrom(table)}
	ids := []int{49, 0, 3, 3, 17}
	y := tensor.New(5, 7)
	e.Forward(y, ids)
	for i, id := range ids {
		if !slices.Equal(y.Row(i), table.Row(id)) {
			t.Errorf("id %d is %v, want %v", id, y.Row(i), table.Row(id))
		}
	}
	for _, ids := range [][]int{{1}, {-1, 0, 0, 0, 0}, {50, 0, 0, 0, 0}, {math.MaxInt, 0, 0, 0, 0}} {
		tensortest.Panics(t, "", func() { e.Forward(y, ids) })
	}
}

func TestOverlap(t *testing.T) {
	const rows, dim = 3, 8
	memory, apart := filled(2*rows, dim), tensor.New(rows, dim)
	x, shifted := memory.Slice(0, rows), memory.Slice(1, rows+1)
	l := Linear{Weight: tensor.NewWeight(tensor.F32, dim, dim)}
	for want, f := range map[string]func(){
		"MatMul: dst overlaps x":        func() { l.Forward(shifted, x) },
		"MatMul: dst overlaps Add":      func() { l.ForwardAdd(apart, x, apart) },
		"FeedForward: dst overlaps x":   func() { FeedForward(x, x, l, ReLU, l, tensor.Tensor{}) },
		"FeedForward: dst overlaps Add": func() { FeedForward(apart, x, l, ReLU, l, apart) },
		"RMSNorm: dst overlaps x":       func() { new(RMSNorm).Forward(shifted, x) },
		"LayerNorm: dst overlaps x":     func() { new(LayerNorm).Forward(x, shifted) },
		"PerRow: dst overlaps x":        func() { PerRow{&RMSNorm{}, &RMSNorm{}, &RMSNorm{}}.Forward(shifted, x) },
		"Activation: dst overlaps x":    func() { SiLU.Forward(shifted, x) },
		"Gate: dst overlaps x":          func() { SiLU.Gate(tensor.From(x.Data[:rows*dim/2], rows, dim/2), x) },
	} {
		tensortest.Panics(t, want, f)
	}
	tensortest.Panics(t, "MatMul: dst overlaps x", func() { l.ForwardActivated(x, x, ReLU) })

	want := tensor.New(rows, dim) // in place is fine where it says so
	for name, forward := range map[string]func(dst, x tensor.Tensor){
		"RMSNorm": new(RMSNorm).Forward, "LayerNorm": new(LayerNorm).Forward, "SiLU": SiLU.Forward,
		"PerRow": PerRow{&RMSNorm{}, &LayerNorm{}, &RMSNorm{}}.Forward,
	} {
		y := filled(rows, dim)
		forward(want, y)
		forward(y, y)
		if !slices.Equal(y.Data, want.Data) {
			t.Errorf("%s in place is %v, want %v", name, y.Data, want.Data)
		}
	}
}

// Two tokens through a layer with a bias.
func ExampleLinear() {
	l := Linear{Weight: tensor.WeightFrom(tensor.From([]float32{1, 0, 1, 1, 0, 2}, 3, 2)), Bias: []float32{0, 0, 100}} // [Out, In]
	x, y := tensor.From([]float32{1, 2, 3, 4}, 2, 2), tensor.New(2, 3)
	l.Forward(y, x)
	fmt.Println(y.Row(0), y.Row(1))
	// Output: [1 3 104] [3 7 108]
}

func ExampleRMSNorm() {
	x := tensor.From([]float32{3, -3, 0, 4}, 2, 2)
	(&RMSNorm{Weight: []float32{1, 10}}).Forward(x, x)
	fmt.Printf("%.3f\n", x.Data)
	// Output: [1.000 -10.000 0.000 14.142]
}

func ExampleLayerNorm() {
	x := tensor.From([]float32{1, 3, 5, 5}, 2, 2)
	(&LayerNorm{Bias: []float32{0, 0.5}, Eps: 1e-9}).Forward(x, x)
	fmt.Printf("%.3f\n", x.Data)
	// Output: [-1.000 1.500 0.000 0.500]
}

func ExampleActivation() {
	gelu, err := ParseActivation("gelu_new")
	if err != nil {
		panic(err)
	}
	x := tensor.From([]float32{-1, 0, 1, 10}, 1, 4)
	gelu.Forward(x, x)
	fmt.Printf("%v %.4f\n", gelu, x.Data)
	// Output: gelu_pytorch_tanh [-0.1588 0.0000 0.8412 10.0000]
}
