package tensor

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// joinKind is how a part is stored and multiplied.
type joinKind struct {
	dt DType
	p  Precision
}

// joins are the types of parts: those that files mix, wide ones beside blocks, and all forms of activations at once.
var joins = [][]joinKind{
	{{Q4_K, FullPrecision}, {Q4_K, FullPrecision}, {Q6_K, FullPrecision}},
	{{Q4_K, Int8Activations}, {Q6_K, Int8Activations}},
	{{Q5_0, Int8Activations}, {Q8_0, Int8Activations}, {F32, FullPrecision}},
	{{F16, FullPrecision}, {Q4_0, Int8Activations}, {BF16, FullPrecision}, {BF16, BF16Activations}, {Q8_0, FullPrecision}},
	{{BF16, BF16Activations}, {F32, FullPrecision}},
}

// joined returns a weight of parts with these numbers of outputs, and the parts apart.
func joined(kinds []joinKind, outs []int, in int) (w *Weight, parts []*Weight) {
	for i, k := range kinds {
		out := outs[i%len(outs)]
		p := new(Slab).NewWeight(k.dt, k.p, out, in)
		p.PackFloat32(0, random(uint64(40+i), out, in).Data)
		parts = append(parts, p)
	}
	return Join(parts...), parts
}

// apart sets dst to what the parts make of x, with an epilogue.
func apart(dst, x Tensor, parts []*Weight, e Epilogue) {
	col := 0
	for _, p := range parts {
		y := New(x.Rows(), p.Out)
		MatMul(y, x, p)
		for i := range y.Rows() {
			copy(dst.Row(i)[col:], y.Row(i))
		}
		col += p.Out
	}
	e.apply(dst)
}

// A joined Weight has the rows and the bytes of its parts, and products have the bits of one by each, whatever the rows
// and processors: alone, with epilogues, and as either weight of a feed-forward network.
func TestJoin(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for i, kinds := range joins {
			for j, rows := range []int{1, 3, 8, 37, 300} {
				if testing.Short() && rows > 100 && i != 3 {
					continue
				}
				const in = 512
				w, parts := joined(kinds, [][]int{{64, 7, 50}, {16}, {1, 130}}[(i+j)%3], in)
				what := fmt.Sprintf("%v, %d rows", kinds, rows)
				checkJoined(t, what, w, parts)

				x, add := random(1, rows, in), random(2, rows, w.Out)
				plain, e := Epilogue{}, Epilogue{Bias: random(3, w.Out).Data, F: relu{}, Add: add}
				if j%2 == 0 {
					e.F = nil
				}
				up := weightOf(0, random(4, in, 20))
				mid, hidden := random(5, rows, 20), New(rows, in)
				MatMul(hidden, mid, up)
				down, last := NewWeight(F16, 9, w.Out), New(rows, 9)
				if w.Out%32 == 0 {
					down = new(Slab).NewWeight(Q8_0, Int8Activations, 9, w.Out)
				}
				down.PackFloat32(0, random(6, 9, w.Out).Data)
				for _, procs := range []int{1, 3} {
					old := runtime.GOMAXPROCS(procs)
					for _, e := range []Epilogue{plain, e} {
						got, want := New(rows, w.Out), New(rows, w.Out)
						MatMulEpilogue(got, x, w, e)
						apart(want, x, parts, e)
						same(t, what, got, want)

						FeedForward(got, mid, up, Epilogue{}, w, e)
						apart(want, hidden, parts, e)
						same(t, what+", last", got, want)

						e.Add = Tensor{}
						FeedForward(last, x, w, e, down, Epilogue{})
						apart(want, x, parts, e)
						both := New(rows, 9)
						MatMul(both, want, down)
						same(t, what+", first", last, both)
					}
					runtime.GOMAXPROCS(old)
				}
			}
		}
	})
}

func checkJoined(t *testing.T, what string, w *Weight, parts []*Weight) {
	t.Helper()
	if !slices.Equal(w.Parts(), parts) || w.DType != parts[0].DType || w.Precision != parts[0].Precision {
		t.Fatalf("%s: %+v", what, w)
	}
	bytes, row := int64(0), 0
	a, b := New(w.In), New(w.In)
	for _, p := range parts {
		bytes += p.Bytes()
		for i := range p.Out {
			w.Row(a.Data, row)
			p.Row(b.Data, i)
			same(t, what, a, b)
			row++
		}
	}
	if row != w.Out || w.Bytes() != bytes {
		t.Errorf("%s: %d rows in %d bytes, parts have %d in %d", what, w.Out, w.Bytes(), row, bytes)
	}
}

// Parts that are joined already are parts of the whole, one alone is itself, With is that of each, and a shape of parts
// has their bytes.
func TestJoinOfJoined(t *testing.T) {
	w, parts := joined(joins[1], []int{20}, 256)
	more := Join(parts[0], w)
	if want := []*Weight{parts[0], parts[0], parts[1]}; !slices.Equal(more.Parts(), want) || more.Out != 60 {
		t.Errorf("parts %v, want %v", more.Parts(), want)
	}
	if Join(parts[0]) != parts[0] || !slices.Equal(parts[0].Parts(), parts[:1]) {
		t.Error("one part alone is not itself")
	}
	if w.With(Int8Activations) != w {
		t.Error("With what it has is another")
	}
	full := w.With(FullPrecision)
	x, got, want := random(1, 5, 256), New(5, 40), New(5, 40)
	MatMul(got, x, full)
	apart(want, x, []*Weight{parts[0].With(FullPrecision), parts[1].With(FullPrecision)}, Epilogue{})
	same(t, "With", got, want)
	shape := Join(Describe(Q4_K, Int8Activations, 20, 256), Describe(Q6_K, Int8Activations, 20, 256))
	if shape.Bytes() != w.Bytes() {
		t.Errorf("a shape of %d bytes, want %d", shape.Bytes(), w.Bytes())
	}
	if shape.Row(x.Data[:256], 30); slices.ContainsFunc(x.Data[:256], func(v float32) bool { return v != 0 }) {
		t.Error("a shape does not read as zeros")
	}
}

// What parts cannot be, and what a joined Weight does not do, panics with the reason.
func TestJoinPanics(t *testing.T) {
	w, parts := joined(joins[1], []int{32}, 256)
	for want, f := range map[string]func(){
		"Join of nothing":                  func() { Join() },
		"part 1 is [20, 512], the first":   func() { Join(parts[0], NewWeight(F32, 20, 512)) },
		"part 0 is a table":                func() { Join(new(Slab).NewTable(F32, 20, 256), parts[0]) },
		"row 64 of a [64, 256] weight":     func() { w.Row(make([]float32, 256), 64) },
		"Pack: a [64, 256] weight":         func() { w.Pack(0, nil) },
		"PackFloat32: a [64, 256] weight":  func() { w.PackFloat32(0, nil) },
		"MatMulBatch: a [64, 256] weight":  func() { MatMulBatch(Batch{}, Batch{}, 1, []*Weight{w}) },
		"expert 0: Up is joined of 2 weig": func() { groupedBy(Expert{Gate: NewWeight(F32, 64, 256), Up: w, Down: NewWeight(F32, 5, 64)}) },
	} {
		tensortest.Panics(t, want, f)
	}
}

func groupedBy(e Expert) {
	FeedForwardGrouped(New(1, 5), New(1, 256), Groups{Rows: []int{0}, Ends: []int{1}}, []Expert{e}, swiGLU{})
}

// Products by a joined Weight allocate nothing.
func TestJoinAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	w, _ := joined(joins[3], []int{100}, 512)
	x, dst := random(1, 1, 512), New(1, w.Out)
	if n := testing.AllocsPerRun(50, func() { MatMul(dst, x, w) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
