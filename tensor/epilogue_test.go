package tensor

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// relu is an Elementwise.
type relu struct{}

func (relu) Apply(x []float32) { vec.ReLU(x, x) }

// apply does the steps of e one after the other, on y.
func (e Epilogue) apply(y Tensor) {
	if e.Bias != nil {
		for i := range y.Rows() {
			vec.Add(y.Row(i), y.Row(i), e.Bias)
		}
	}
	if e.F != nil {
		e.F.Apply(y.Data)
	}
	if e.Add.Data != nil {
		vec.Add(y.Data, y.Data, e.Add.Data)
	}
}

// weightKinds are all that weights can be stored as and multiplied by.
var weightKinds = []struct {
	dt DType
	p  Precision
}{{F32, FullPrecision}, {F16, FullPrecision}, {BF16, FullPrecision}, {BF16, BF16Activations}}

// weightOf returns w as a weight of a kind.
func weightOf(kind int, w Tensor) *Weight {
	k := weightKinds[kind]
	p := new(Slab).NewWeight(k.dt, k.p, w.Shape[0], w.Shape[1])
	p.PackFloat32(0, w.Data)
	return p
}

// An epilogue, and a second product, have the bits of the steps, on any number of processors.
func TestEpilogueIsTheSteps(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for i, c := range [][4]int{
			{1, 40, 100, 30}, {3, 50, 97, 20}, {37, 64, 160, 70}, {130, 33, 49, 48}, {700, 20, 96, 33}, {40, 300, 700, 100},
			{520, 40, 100, 50}, {300, 96, 200, 40}, {9, 1100, 1060, 30}, {260, 10, 70, 20},
		} {
			rows, in, mid, out := c[0], c[1], c[2], c[3]
			if testing.Short() && rows*mid > 20_000 {
				continue
			}
			x := random(1, rows, in)
			first := Epilogue{Bias: random(2, mid).Data, F: relu{}}
			last := Epilogue{Bias: random(3, out).Data, Add: random(4, rows, out)}
			switch i % 4 {
			case 1:
				first.Bias, last.Add = nil, Tensor{}
			case 2:
				first.F, last.Bias = nil, nil
			case 3:
				last.F = relu{}
			}
			for kind := range weightKinds {
				w, w2 := weightOf(kind, random(5, mid, in)), weightOf(kind, random(6, out, mid))
				h, want := New(rows, mid), New(rows, out)
				MatMul(h, x, w)
				first.apply(h)
				MatMul(want, h, w2)
				last.apply(want)
				for _, procs := range []int{1, 3} {
					old := runtime.GOMAXPROCS(procs)
					one, got := New(rows, mid), New(rows, out)
					MatMulEpilogue(one, x, w, first)
					MatMulEpilogue(got, h, w2, last)
					same(t, fmt.Sprintf("%v, kind %d, %d processors: one product", c, kind, procs), one, h)
					same(t, fmt.Sprintf("%v, kind %d, %d processors: what is added", c, kind, procs), got, want)
					clear(got.Data)
					FeedForward(got, x, w, first, w2, last)
					same(t, fmt.Sprintf("%v, kind %d, %d processors: two products", c, kind, procs), got, want)
					runtime.GOMAXPROCS(old)
				}
			}
		}
	})
}

func same(t *testing.T, what string, got, want Tensor) {
	t.Helper()
	tensortest.CheckBits(t, fmt.Sprintf("%s: %v", what, got.Shape), got.Data, want.Data)
}

func TestFeedForwardAllocatesNothing(t *testing.T) {
	for kind := range weightKinds {
		w, w2 := weightOf(kind, random(1, 96, 40)), weightOf(kind, random(2, 40, 96))
		for _, rows := range []int{1, 40, 300} {
			x, dst := random(3, rows, 40), New(rows, 40)
			first, last := Epilogue{Bias: random(4, 96).Data, F: relu{}}, Epilogue{Add: random(5, rows, 40)}
			if n := testing.AllocsPerRun(10, func() { FeedForward(dst, x, w, first, w2, last) }); n != 0 {
				t.Errorf("kind %d, %d rows: %v allocations", kind, rows, n)
			}
		}
	}
}

func TestEpilogueShapes(t *testing.T) {
	w, w2 := NewWeight(F32, 5, 3), NewWeight(F32, 4, 5)
	x := New(2, 3)
	for want, f := range map[string]func(){
		"tensor: bias of 4 elements for a product by [5, 3]ᵀ":                   func() { MatMulEpilogue(New(2, 5), x, w, Epilogue{Bias: make([]float32, 4)}) },
		"tensor: product by [5, 3]ᵀ, a table for lookups; see Slab.ForProducts": func() { MatMul(New(2, 5), x, new(Slab).NewTable(F32, 5, 3)) },
		"tensor: 8 bytes of F32 from row 4 of a [5, 3] weight":                  func() { new(Slab).NewTable(F32, 5, 3).PackFloat32(4, x.Data[:2]) },
		"tensor: 12 bytes of BF16 from row 4 of a [5, 3] weight":                func() { new(Slab).NewTable(BF16, 5, 3).Pack(4, make([]byte, 12)) },
		"tensor: row 5 of a [5, 3] weight into 3 elements":                      func() { new(Slab).NewTable(F16, 5, 3).Row(x.Data[:3], 5) },
		"tensor: [1, 5] added to a product [2, 5]":                              func() { MatMulEpilogue(New(2, 5), x, w, Epilogue{Add: New(1, 5)}) },
		"tensor: FeedForward: the first Epilogue has Add, only the second may":  func() { FeedForward(New(2, 4), x, w, Epilogue{Add: New(2, 5)}, w2, Epilogue{}) },
		"tensor: FeedForward of [2, 3] = [2, 3] · [5, 3]ᵀ · [5, 3]ᵀ":            func() { FeedForward(New(2, 3), x, w, Epilogue{}, w, Epilogue{}) },
		"tensor: FeedForward of [3, 4] = [2, 3] · [5, 3]ᵀ · [4, 5]ᵀ":            func() { FeedForward(New(3, 4), x, w, Epilogue{}, w2, Epilogue{}) },
		"tensor: [3, 4] added to a product [2, 4]":                              func() { FeedForward(New(2, 4), x, w, Epilogue{}, w2, Epilogue{Add: New(3, 4)}) },
		"tensor: MatMul of [2, 4] = [2, 3] · [5, 3]ᵀ":                           func() { MatMulEpilogue(New(2, 4), x, w, Epilogue{}) },
	} {
		tensortest.Panics(t, want, f)
	}
}

// A destination that shares memory with an input would be read after it was written.
func TestOverlap(t *testing.T) {
	const rows, dim = 4, 16
	w := NewWeight(F32, dim, dim)
	memory, apart := New(2*rows, dim), New(rows, dim)
	x, next := memory.Slice(0, rows), memory.Slice(rows, 2*rows)
	for name, other := range map[string]Tensor{
		"the same": x, "a row on": memory.Slice(1, 1+rows), "one element": From(memory.Data[rows*dim-1:][:rows*dim], rows, dim),
	} {
		t.Run(name, func(t *testing.T) {
			add := Epilogue{Add: other}
			tensortest.Panics(t, "tensor: MatMul: dst overlaps x", func() { MatMul(other, x, w) })
			tensortest.Panics(t, "tensor: MatMul: dst overlaps Add", func() { MatMulEpilogue(x, apart, w, add) })
			tensortest.Panics(t, "tensor: FeedForward: dst overlaps x", func() { FeedForward(other, x, w, Epilogue{}, w, Epilogue{}) })
			tensortest.Panics(t, "tensor: FeedForward: dst overlaps Add", func() { FeedForward(x, apart, w, Epilogue{}, w, add) })
		})
	}
	MatMulEpilogue(next, x, w, Epilogue{Add: x}) // neighbours, and inputs that are one
	FeedForward(next, x, w, Epilogue{}, w, Epilogue{Add: x})
}

func ExampleFeedForward() {
	up := WeightFrom(From([]float32{ // [3, 2]
		1, 0,
		0, 1,
		-1, -1,
	}, 3, 2))
	down := WeightFrom(From([]float32{1, 10, 100}, 1, 3))
	x := From([]float32{
		2, 3,
		-2, 1,
	}, 2, 2)
	dst := New(2, 1)
	FeedForward(dst, x, up, Epilogue{F: relu{}}, down, Epilogue{Bias: []float32{0.5}})
	fmt.Println(dst.Data)
	// Output: [32.5 110.5]
}

// A table has the rows that a weight has, packed in parts, and becomes one that multiplies to the same bits.
func TestTable(t *testing.T) {
	const out, in = 101, 38
	values := random(1, out, in)
	for _, dt := range []DType{F32, F16, BF16} {
		bytes := make([]byte, dt.Bytes(out*in))
		dt.Encode(bytes, values.Data)
		weight, table := NewWeight(dt, out, in), new(Slab).NewTable(dt, out, in)
		weight.Pack(0, bytes)
		cut := dt.Bytes(40 * in)
		table.Pack(40, bytes[cut:])
		table.Pack(0, bytes[:cut])
		a, b := New(in), New(in)
		for i := range out {
			weight.Row(a.Data, i)
			table.Row(b.Data, i)
			same(t, fmt.Sprintf("%v, row %d", dt, i), b, a)
		}
		if table.Bytes() != int64(len(bytes)) {
			t.Errorf("%v: a table of %d bytes takes %d", dt, len(bytes), table.Bytes())
		}
		m := new(Slab)
		if m.ForProducts(weight, BF16Activations) != weight {
			t.Error("a weight was copied")
		}
		x, want, got := random(2, 9, in), New(9, out), New(9, out)
		for _, p := range []Precision{FullPrecision, BF16Activations} {
			weight = m.NewWeight(dt, p, out, in)
			weight.Pack(0, bytes)
			MatMul(want, x, weight)
			c := m.ForProducts(table, p)
			MatMul(got, x, c)
			same(t, fmt.Sprintf("%v, product", dt), got, want)
			if rounds := p == BF16Activations && dt == BF16; (c.Precision == BF16Activations) != rounds {
				t.Errorf("%v: a weight asked to round says %v", dt, c.Precision)
			}
		}
	}
	table := new(Slab).NewTable(F32, out, in)
	table.PackFloat32(0, values.Data)
	row := New(in)
	table.Row(row.Data, 100)
	same(t, "floats", row, From(values.Row(100), in))
}

// onProcs runs f with one and with another number of processors.
func onProcs(a, b int, f func(procs int)) {
	for _, procs := range []int{a, b} {
		old := runtime.GOMAXPROCS(procs)
		f(procs)
		runtime.GOMAXPROCS(old)
	}
}

// Two products with nothing between them give the epilogue of zeros.
func TestFeedForwardWithoutHidden(t *testing.T) {
	for _, rows := range []int{1, 300} {
		dst := random(1, rows, 4)
		FeedForward(dst, New(rows, 3), NewWeight(F32, 0, 3), Epilogue{}, NewWeight(F32, 4, 0), Epilogue{Bias: []float32{1, 2, 3, 4}})
		for i := range rows {
			same(t, "row", From(dst.Row(i), 4), From([]float32{1, 2, 3, 4}, 4))
		}
	}
}
