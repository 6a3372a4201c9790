package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var perRow = []DType{W8, W7}

// rowWeight returns random values, kept with a scale a row, to be multiplied by 8-bit activations.
func rowWeight(r *rand.Rand, dt DType, out, in int) *Weight {
	w := new(Slab).NewWeight(dt, Int8Activations, out, in)
	w.PackFloat32(0, tensortest.Normal(r, out*in))
	return w
}

// Products with a scale a row have the same bits whatever goes by with a row, and differ from those in full precision by
// half a code of the row's range.
func TestRowScales(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for _, dt := range perRow {
			for _, c := range [][3]int{{1, 32, 64}, {7, 64, 33}, {8, 96, 50}, {37, 64, 160}, {300, 320, 100}} {
				rows, in, out := c[0], c[1], c[2]
				w := rowWeight(r, dt, out, in)
				if w.Precision != Int8Activations || w.With(Int8Activations) != w || w.Bytes() < int64(out*(in+8)) {
					t.Fatalf("a weight for 8 bits says %v, %d bytes", w.Precision, w.Bytes())
				}
				x := From(tensortest.Normal(r, rows*in), rows, in)
				got, exact, one := New(rows, out), New(rows, out), New(1, out)
				MatMul(got, x, w)
				for i := range rows {
					MatMul(one, From(x.Data[i*in:(i+1)*in], 1, in), w)
					same(t, fmt.Sprintf("%v: row %d alone", c, i), one, From(got.Data[i*out:(i+1)*out], 1, out))
				}
				full := w.With(FullPrecision)
				MatMul(exact, x, full)
				row := make([]float32, in)
				for j := range out {
					full.Row(row, j)
					size := 0.0
					for _, v := range row {
						size += math.Abs(float64(v))
					}
					for i := range rows {
						lo, hi := 0.0, 0.0
						for _, v := range x.Data[i*in:][:in] {
							lo, hi = min(lo, float64(v)), max(hi, float64(v))
						}
						bound := size * (hi - lo) / 254 * 1.001 // half a code, and as much at the end of the range
						if d := math.Abs(float64(got.Data[i*out+j] - exact.Data[i*out+j])); !(d <= bound) {
							t.Fatalf("%v: (%d, %d) differs by %v from full precision, bound %v", c, i, j, d, bound)
						}
					}
				}
			}
		}
	})
}

// A feed-forward network has the bits of its two products, few rows or many, with an activation and biases; and so has
// one whose second weight is joined with one of blocks.
func TestRowScalesFeedForward(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		for _, dt := range perRow {
			for _, c := range [][4]int{{1, 32, 160, 40}, {5, 64, 32, 70}, {40, 64, 608, 64}, {300, 32, 224, 50}, {700, 32, 96, 80}} {
				rows, in, hidden, out := c[0], c[1], c[2], c[3]
				up := rowWeight(r, dt, hidden, in)
				q := new(Slab).NewWeight(Q8_0, Int8Activations, 30, hidden)
				q.PackFloat32(0, tensortest.Normal(r, 30*hidden))
				for _, down := range []*Weight{rowWeight(r, dt, out, hidden), Join(rowWeight(r, dt, out, hidden), q), q} {
					out := down.Out
					x := From(tensortest.Normal(r, rows*in), rows, in)
					e := Epilogue{Bias: tensortest.Normal(r, hidden), F: plusOne{}}
					e2 := Epilogue{Bias: tensortest.Normal(r, out), Add: From(tensortest.Normal(r, rows*out), rows, out)}
					got, mid, want := New(rows, out), New(rows, hidden), New(rows, out)
					FeedForward(got, x, up, e, down, e2)
					MatMulEpilogue(mid, x, up, e)
					MatMulEpilogue(want, mid, down, e2)
					same(t, fmt.Sprint(c), got, want)
				}
			}
		}
	})
}

type plusOne struct{}

func (plusOne) Apply(x []float32) {
	for i := range x {
		x[i]++
	}
}

// A table reads rows as a packed Weight does.
func TestRowScalesTable(t *testing.T) {
	r := rand.New(rand.NewPCG(35, 36))
	x := tensortest.Normal(r, 50*36)
	for _, dt := range perRow {
		var s Slab
		table, w := s.NewTable(dt, 50, 36), s.NewWeight(dt, Int8Activations, 50, 36)
		b := make([]byte, 0)
		for i := range 50 {
			row := make([]byte, dt.Bytes(36))
			dt.Encode(row, x[i*36:][:36])
			b = append(b, row...)
		}
		table.Pack(0, b)
		w.PackFloat32(0, x)
		got, want := make([]float32, 36), make([]float32, 36)
		for i := range 50 {
			table.Row(got, i)
			w.Row(want, i)
			same(t, fmt.Sprint(dt, i), From(got, 36), From(want, 36))
		}
		forProducts := s.ForProducts(table, Int8Activations)
		y, z := New(3, 50), New(3, 50)
		MatMul(y, From(x[:3*36], 3, 36), w)
		MatMul(z, From(x[:3*36], 3, 36), forProducts)
		same(t, "for products", z, y)
		if dt.Fit(36) != dt || dt.Fit(33) != F16 || dt.Fit(1<<17) != Q8_0 || !dt.PerRow() || Q8_0.PerRow() {
			t.Errorf("%v fits rows of 36, 33 and 2¹⁷ as %v, %v and %v", dt, dt.Fit(36), dt.Fit(33), dt.Fit(1<<17))
		}
		if _, ok := DTypeOf(dt.String()); ok {
			t.Errorf("%v is a type of files", dt)
		}
	}
	e := Expert{Gate: rowWeight(r, W8, 32, 32), Up: rowWeight(r, W8, 32, 32), Down: rowWeight(r, W8, 32, 32)}
	if err := e.Check(32, 32); err == nil || err.Error() != "Gate is W8, which experts are not kept in; Q8_0 has as many bits" {
		t.Errorf("an expert: %v", err)
	}
}
