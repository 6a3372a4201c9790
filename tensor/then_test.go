package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

// relu is an Elementwise.
type relu struct{}

func (relu) Apply(x []float32) { vec.ReLU(x, x) }

// then does the steps of t one after the other, on y.
func (t Then) then(y Tensor) {
	if t.Bias != nil {
		for i := range y.Rows() {
			vec.Add(y.Row(i), y.Row(i), t.Bias)
		}
	}
	if t.F != nil {
		t.F.Apply(y.Data)
	}
	if t.Add.Data != nil {
		vec.Add(y.Data, y.Data, t.Add.Data)
	}
}

// weightOf returns w as a weight of each kind.
func weightOf(kind int, w Tensor) *Weight {
	if kind == 0 {
		return WeightFrom(w)
	}
	half, bytes := make([]uint16, len(w.Data)), make([]byte, 2*len(w.Data))
	vec.NarrowBF16(half, w.Data)
	for i, u := range half {
		bytes[2*i], bytes[2*i+1] = byte(u), byte(u>>8)
	}
	m := new(Memory)
	p := m.NewWeight(BF16, w.Shape[0], w.Shape[1])
	if kind == 2 {
		p = m.NewRoundingWeight(w.Shape[0], w.Shape[1])
	}
	p.Pack(0, bytes)
	return p
}

// What follows a product, and a second product, have the bits of the steps, on any number of processors.
func TestThenIsTheSteps(t *testing.T) {
	for _, set := range simd.Sets() {
		t.Run(set.String(), func(t *testing.T) {
			defer simd.Force(set)()
			for i, c := range [][4]int{
				{1, 40, 100, 30}, {3, 50, 97, 20}, {37, 64, 160, 70}, {130, 33, 49, 48}, {700, 20, 96, 33}, {40, 300, 700, 100},
				{520, 40, 100, 50}, {300, 96, 200, 40}, {9, 1100, 1060, 30},
			} {
				rows, in, mid, out := c[0], c[1], c[2], c[3]
				x := random(1, rows, in)
				first := Then{Bias: random(2, mid).Data, F: relu{}}
				last := Then{Bias: random(3, out).Data, Add: random(4, rows, out)}
				switch i % 4 {
				case 1:
					first.Bias, last.Add = nil, Tensor{}
				case 2:
					first.F, last.Bias = nil, nil
				case 3:
					last.F = relu{}
				}
				for kind := range 3 {
					w, w2 := weightOf(kind, random(5, mid, in)), weightOf(kind, random(6, out, mid))
					h, want := New(rows, mid), New(rows, out)
					MatMul(h, x, w)
					first.then(h)
					MatMul(want, h, w2)
					last.then(want)
					for _, procs := range []int{1, 3} {
						old := runtime.GOMAXPROCS(procs)
						one, got := New(rows, mid), New(rows, out)
						MatMulThen(one, x, w, first)
						MatMulThen(got, h, w2, last)
						same(t, fmt.Sprintf("%v, kind %d, %d processors: one product", c, kind, procs), one, h)
						same(t, fmt.Sprintf("%v, kind %d, %d processors: what is added", c, kind, procs), got, want)
						clear(got.Data)
						MatMulTwice(got, x, w, first, w2, last)
						same(t, fmt.Sprintf("%v, kind %d, %d processors: two products", c, kind, procs), got, want)
						runtime.GOMAXPROCS(old)
					}
				}
			}
		})
	}
}

func same(t *testing.T, what string, got, want Tensor) {
	t.Helper()
	for i, v := range got.Data {
		if math.Float32bits(v) != math.Float32bits(want.Data[i]) {
			t.Fatalf("%s: element %d of %v is %v, want %v", what, i, got.Shape, v, want.Data[i])
		}
	}
}

func TestMatMulTwiceAllocatesNothing(t *testing.T) {
	for kind := range 3 {
		w, w2 := weightOf(kind, random(1, 96, 40)), weightOf(kind, random(2, 40, 96))
		for _, rows := range []int{1, 40, 300} {
			x, dst := random(3, rows, 40), New(rows, 40)
			first, last := Then{Bias: random(4, 96).Data, F: relu{}}, Then{Add: random(5, rows, 40)}
			if n := testing.AllocsPerRun(10, func() { MatMulTwice(dst, x, w, first, w2, last) }); n != 0 {
				t.Errorf("kind %d, %d rows: %v allocations", kind, rows, n)
			}
		}
	}
}

func TestThenShapes(t *testing.T) {
	w, w2 := NewWeight(F32, 5, 3), NewWeight(F32, 4, 5)
	x := New(2, 3)
	for want, f := range map[string]func(){
		"tensor: bias of 4 elements for a product by [5, 3]ᵀ":        func() { MatMulThen(New(2, 5), x, w, Then{Bias: make([]float32, 4)}) },
		"tensor: product by [5, 3]ᵀ, a table for lookups":            func() { MatMul(New(2, 5), x, new(Memory).NewTable(F32, 5, 3)) },
		"tensor: 2 elements from row 4 of a [5, 3] weight":           func() { new(Memory).NewTable(F32, 5, 3).PackFloat32(4, x.Data[:2]) },
		"tensor: 6 elements from row 4 of a [5, 3] weight":           func() { new(Memory).NewTable(BF16, 5, 3).Pack(4, make([]byte, 12)) },
		"tensor: row 5 of a [5, 3] weight into 3 elements":           func() { new(Memory).NewTable(F16, 5, 3).Row(x.Data[:3], 5) },
		"tensor: [1, 5] added to a product [2, 5]":                   func() { MatMulThen(New(2, 5), x, w, Then{Add: New(1, 5)}) },
		"tensor: MatMulTwice adds to the first product":              func() { MatMulTwice(New(2, 4), x, w, Then{Add: New(2, 5)}, w2, Then{}) },
		"tensor: MatMulTwice of [2, 3] = [2, 3] · [5, 3]ᵀ · [5, 3]ᵀ": func() { MatMulTwice(New(2, 3), x, w, Then{}, w, Then{}) },
		"tensor: MatMulTwice of [3, 4] = [2, 3] · [5, 3]ᵀ · [4, 5]ᵀ": func() { MatMulTwice(New(3, 4), x, w, Then{}, w2, Then{}) },
		"tensor: [3, 4] added to a product [2, 4]":                   func() { MatMulTwice(New(2, 4), x, w, Then{}, w2, Then{Add: New(3, 4)}) },
		"tensor: MatMul of [2, 4] = [2, 3] · [5, 3]ᵀ":                func() { MatMulThen(New(2, 4), x, w, Then{}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

func ExampleMatMulTwice() {
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
	MatMulTwice(dst, x, up, Then{F: relu{}}, down, Then{Bias: []float32{0.5}})
	fmt.Println(dst.Data)
	// Output: [32.5 110.5]
}

// A table has the rows that a weight has, packed in parts, and becomes one that multiplies to the same bits.
func TestTable(t *testing.T) {
	const out, in = 101, 38
	values := random(1, out, in)
	for _, dt := range []DType{F32, F16, BF16} {
		bytes := make([]byte, 0, out*in*dt.Size())
		half := make([]uint16, out*in)
		switch dt {
		case F32:
			for _, v := range values.Data {
				bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
			}
		case F16:
			vec.NarrowF16(half, values.Data)
		case BF16:
			vec.NarrowBF16(half, values.Data)
		}
		if dt != F32 {
			for _, u := range half {
				bytes = binary.LittleEndian.AppendUint16(bytes, u)
			}
		}
		weight, table := NewWeight(dt, out, in), new(Memory).NewTable(dt, out, in)
		weight.Pack(0, bytes)
		cut := 40 * in * dt.Size()
		table.Pack(40, bytes[cut:])
		table.Pack(0, bytes[:cut])
		a, b := New(in), New(in)
		for i := range out {
			weight.Row(a.Data, i)
			table.Row(b.Data, i)
			same(t, fmt.Sprintf("%v, row %d", dt, i), b, a)
		}
		m := new(Memory)
		if m.ForProducts(weight, true) != weight {
			t.Error("a weight was copied")
		}
		x, want, got := random(2, 9, in), New(9, out), New(9, out)
		for _, rounds := range []bool{false, true} {
			if rounds && dt == BF16 {
				weight = m.NewRoundingWeight(out, in)
				weight.Pack(0, bytes)
			}
			MatMul(want, x, weight)
			MatMul(got, x, m.ForProducts(table, rounds))
			same(t, fmt.Sprintf("%v, product", dt), got, want)
		}
	}
	table := new(Memory).NewTable(F32, out, in)
	table.PackFloat32(0, values.Data)
	row := New(in)
	table.Row(row.Data, 100)
	same(t, "floats", row, From(values.Row(100), in))
}
