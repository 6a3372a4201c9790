package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func random(seed uint64, dims ...int) Tensor {
	return From(tensortest.Normal(rand.New(rand.NewPCG(seed, 1)), Of(dims...).Len()), dims...)
}

// The error of a float32 chain of k products is below k·2⁻²⁴ of the sum of their magnitudes.
func TestMatMul(t *testing.T) {
	for _, c := range [][3]int{{1, 1, 1}, {1, 500, 700}, {3, 50, 17}, {7, 97, 33}, {40, 150, 64}, {200, 333, 100}, {130, 48, 1100}} {
		m, n, k := c[0], c[1], c[2]
		x, w := random(1, m, k), random(2, n, k)
		dst := New(m, n)
		MatMul(dst, x, WeightFrom(w))
		var want mat.Dense
		want.Mul(x.Matrix(), w.Matrix().T())
		for i := range m {
			for j := range n {
				var size float64
				for l := range k {
					size += math.Abs(float64(x.Row(i)[l]) * float64(w.Row(j)[l]))
				}
				if d := math.Abs(want.At(i, j) - float64(dst.Row(i)[j])); d > size*float64(k)*0x1p-24 {
					t.Fatalf("%v: (%d,%d) = %v, want %v", c, i, j, dst.Row(i)[j], want.At(i, j))
				}
			}
		}
	}
}

// A row has the same bits alone and in a batch, on one processor and on several.
func TestMatMulBits(t *testing.T) {
	const rows = 137
	n, k := 700, 1300
	if testing.Short() {
		n, k = 200, 300
	}
	x, w := random(3, rows, k), WeightFrom(random(4, n, k))
	want := New(rows, n)
	MatMul(want, x, w)
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		for _, step := range []int{1, 5, 8, 60, rows} {
			for r := 0; r < rows; r += step {
				end := min(r+step, rows)
				got := New(end-r, n)
				MatMul(got, x.Slice(r, end), w)
				for i, v := range got.Data {
					if v != want.Data[r*n+i] {
						t.Fatalf("GOMAXPROCS %d, rows %d to %d: element %d is %v, want %v", procs, r, end, i, v, want.Data[r*n+i])
					}
				}
			}
		}
		runtime.GOMAXPROCS(old)
	}
}

func TestMatMulAllocatesNothing(t *testing.T) {
	x, w := random(3, 9, 300), WeightFrom(random(4, 800, 300))
	dst := New(9, 800)
	if n := testing.AllocsPerRun(50, func() { MatMul(dst, x, w); MatMul(dst.Slice(0, 1), x.Slice(0, 1), w) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BF16Activations gives the products of rounded activations, whether the processor has an instruction for it or not,
// and the same bits for a row alone and in a batch.
func TestBF16Activations(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, k := range []int{130, 131} { // the instruction takes pairs
			const rows, n = 37, 70
			x, plain := random(5, rows, k), rounded(random(6, n, k))
			w := new(Slab).NewWeight(BF16, BF16Activations, n, k)
			w.PackFloat32(0, plain.Data)
			got := New(rows, n)
			MatMul(got, x, w)
			row := New(k)
			for i := range n {
				w.Row(row.Data, i)
				same(t, fmt.Sprintf("row %d", i), row, From(plain.Row(i), k))
			}
			var want mat.Dense
			want.Mul(rounded(x).Matrix(), plain.Matrix().T())
			for i := range rows {
				alone := New(1, n)
				MatMul(alone, x.Slice(i, i+1), w)
				same(t, fmt.Sprintf("row %d alone", i), alone, From(got.Row(i), 1, n))
				for j, v := range got.Row(i) {
					if d := math.Abs(want.At(i, j) - float64(v)); d > 1e-4 { // sums of 130 products of size 1
						t.Fatalf("(%d, %d) is %v, want %v", i, j, v, want.At(i, j))
					}
				}
			}
			if allocs := testing.AllocsPerRun(20, func() { MatMul(got, x, w) }); allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		}
	})
}

// rounded returns x rounded to bfloat16.
func rounded(x Tensor) Tensor {
	y := New(x.Shape[:x.Shape.Rank()]...)
	for i, v := range x.Data {
		y.Data[i] = half.FromBF16(half.BF16(v))
	}
	return y
}

func TestMatMulShapes(t *testing.T) {
	tensortest.Panics(t, "tensor: MatMul of [2, 4] = [2, 3] · [5, 3]ᵀ", func() { MatMul(New(2, 4), New(2, 3), NewWeight(F32, 5, 3)) })
}

func TestArena(t *testing.T) {
	var a Arena
	use := func() {
		m := a.Mark()
		x := a.New(100, 300)
		inner := a.Mark()
		y := a.New(500, 500)
		a.Release(inner)
		z := a.New(10)
		x.Data[0], y.Data[0], z.Data[0] = 1, 2, 3
		if x.Data[0] != 1 {
			t.Error("memory lent twice")
		}
		a.Release(m)
	}
	use()
	if n := testing.AllocsPerRun(10, use); n != 0 {
		t.Errorf("%v allocations after the first use", n)
	}
	var none *Arena
	none.Release(none.Mark())
	if none.New(3, 4).Rows() != 3 {
		t.Error("a nil arena lends the wrong shape")
	}
}

func TestGeneralSharesMemory(t *testing.T) {
	g := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 2, 3, 4, 5, 6}}
	x := FromGeneral(g)
	x.Row(1)[2] = 7
	if g.Data[5] != 7 || x.General().Data[5] != 7 || x.Matrix().At(1, 2) != 7 || x.Matrix().T().At(2, 1) != 7 {
		t.Error("a copy was made")
	}
}

// Values go from gonum to a tensor rounded, from a part of a matrix and from a transposed one too, and back exactly.
func TestFromMatrix(t *testing.T) {
	whole := mat.NewDense(4, 5, nil)
	for i := range 4 {
		for j := range 5 {
			whole.Set(i, j, 1/float64(1+5*i+j))
		}
	}
	part := whole.Slice(1, 4, 2, 4).(*mat.Dense) // its rows are 5 values apart
	symmetric := mat.NewSymDense(2, []float64{1, 0.1, 0.1, 3})
	for name, m := range map[string]mat.Matrix{"whole": whole, "a part": part, "transposed": part.T(), "symmetric": symmetric, "a row": whole.RowView(2)} {
		rows, cols := m.Dims()
		got := FromMatrix(m)
		if got.Shape != Of(rows, cols) {
			t.Errorf("%s: shape %v of %d × %d", name, got.Shape, rows, cols)
			continue
		}
		back := got.Dense()
		for i := range rows {
			for j := range cols {
				if v := got.Row(i)[j]; v != float32(m.At(i, j)) || back.At(i, j) != float64(v) {
					t.Errorf("%s: (%d, %d) is %v and back %v, want %v", name, i, j, v, back.At(i, j), m.At(i, j))
				}
			}
		}
		got.Data[0] = 7
		if m.At(0, 0) == 7 || back.At(0, 0) == 7 {
			t.Errorf("%s shares memory", name)
		}
	}
	odd := FromMatrix(mat.NewDense(1, 4, []float64{1 + 0x1p-24, 1e300, -1e300, math.NaN()}))
	if inf := float32(math.Inf(1)); odd.Data[0] != 1 || odd.Data[1] != inf || odd.Data[2] != -inf || odd.Data[3] == odd.Data[3] {
		t.Errorf("rounded to %v", odd.Data)
	}
	if x := FromMatrix(new(mat.Dense)); len(x.Data) != 0 || !x.Dense().IsEmpty() || !New(0, 3).Dense().IsEmpty() {
		t.Error("an empty matrix is not an empty tensor")
	}
	if r, c := New(2, 3, 4).Dense().Dims(); r != 6 || c != 4 {
		t.Errorf("[2, 3, 4] is %d × %d", r, c)
	}
}

func TestShape(t *testing.T) {
	x := New(2, 3, 4)
	if x.Rows() != 6 || x.Shape.Rank() != 3 || x.Shape.Len() != 24 || x.Shape.String() != "[2, 3, 4]" {
		t.Errorf("shape %v, %d rows", x.Shape, x.Rows())
	}
	if y := x.Slice(1, 2).Reshape(3, 4); y.Row(2)[3] != 0 || len(y.Data) != 12 {
		t.Errorf("slice has shape %v", y.Shape)
	}
}

func ExampleMatMul() {
	w := WeightFrom(From([]float32{ // [Out, In] = [2, 3]
		1, 0, 0,
		0, 1, 1,
	}, 2, 3))
	x := From([]float32{5, 6, 7}, 1, 3)
	dst := New(1, 2)
	MatMul(dst, x, w)
	fmt.Println(dst.Data)
	// Output: [5 13]
}

// A matrix computed with gonum becomes a weight, and a tensor goes back for gonum to work on.
func ExampleFromMatrix() {
	var w mat.Dense
	w.Scale(2, mat.NewDense(2, 3, []float64{1, 0, 0, 0, 1, 1})) // [Out, In]
	x := From([]float32{5, 6, 7}, 1, 3)
	y := New(1, 2)
	MatMul(y, x, WeightFrom(FromMatrix(&w)))

	var sum mat.Dense
	sum.Add(y.Dense(), mat.NewDense(1, 2, []float64{0.5, 0.5}))
	fmt.Println(mat.Formatted(&sum))
	// Output: [10.5  26.5]
}
