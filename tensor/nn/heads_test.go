package nn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Heads have their own rows of the stored matrix, as they are or transposed, in the type that options want.
func TestHeads(t *testing.T) {
	const heads, rows, in = 3, 50 + 7, 20
	parts := []HeadRows{{N: 50}, {N: 50, Transposed: true}, {First: 50, N: 7}}
	for _, from := range dtypes {
		for _, kept := range dtypes {
			s := stored{"a.kv.weight", from, []int{heads * rows, in}}
			l := NewLoader(file(t, s), Options{Convert: As(kept)}).At("a")
			got := l.Heads("kv", in, heads, rows, parts...)
			if err := l.Err(true); err != nil {
				t.Fatal(err)
			}
			for i, part := range parts {
				if len(got[i]) != heads {
					t.Fatalf("part %d: %d matrices", i, len(got[i]))
				}
				for h, w := range got[i] {
					what := fmt.Sprintf("%v kept as %v, part %d, head %d", from, kept, i, h)
					out, wide := part.N, in
					if part.Transposed {
						out, wide = in, part.N
					}
					if w.Out != out || w.In != wide || w.DType != kept {
						t.Fatalf("%s: [%d, %d] of %v", what, w.Out, w.In, w.DType)
					}
					row := make([]float32, wide)
					for o := range out {
						w.Row(row, o)
						for j, v := range row {
							at := (h*rows+part.First+o)*in + j
							if part.Transposed {
								at = (h*rows+part.First+j)*in + o
							}
							if want := narrowed(narrowed(value(s.name, at), from), kept); v != want {
								t.Fatalf("%s: row %d, column %d is %v, want %v", what, o, j, v, want)
							}
						}
					}
				}
			}
		}
	}
}

func TestHeadsErrors(t *testing.T) {
	src := file(t, stored{"kv.weight", tensor.F32, []int{6, 4}})
	l := NewLoader(src, Options{})
	if got := l.Heads("kv", 4, 1<<30, 3, HeadRows{N: 3}, HeadRows{N: 1}); len(got) != 2 || got[0] != nil {
		t.Errorf("%d parts after an error", len(got))
	}
	l.Heads("none", 4, 2, 3, HeadRows{N: 3})
	for _, want := range []string{`"kv.weight" has shape [6 4]`, `no tensor "none.weight"`} {
		if err := l.Err(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	l = NewLoader(checkpoint.Random(1, tensor.BF16), Options{})
	if got := l.Heads("kv", 4, 2, 3, HeadRows{N: 3}); l.Err(true) != nil || len(got[0]) != 2 {
		t.Errorf("made weights: %v", l.Err(true))
	}
}

// Stacked heads come as they are, and transposed unless they are blocks. Of blocks, the transposed rows of Heads are F32.
func TestStackedHeads(t *testing.T) {
	const heads, out, in = 3, 32, 64
	for _, dt := range append(dtypes, tensor.Q8_0) {
		src := blockFile(t, dt, []int{heads, out, in}, []int{heads * out, in})
		l := NewLoader(src, Options{Convert: func(m Matrix) tensor.DType { return m.DType }})
		straight, turned := l.StackedHeads("stack", heads, out, in)
		split := l.Heads("flat", in, heads, out, HeadRows{N: out}, HeadRows{N: out, Transposed: true})
		if err := l.Err(true); err != nil {
			t.Fatal(err)
		}
		elements, _ := dt.Block()
		if len(straight) != heads || (len(turned) == heads) != (elements == 1) {
			t.Fatalf("%v: %d and %d matrices", dt, len(straight), len(turned))
		}
		for h := range heads {
			row, column, same := make([]float32, in), make([]float32, out), make([]float32, in)
			for o := range out {
				straight[h].Row(row, o)
				split[0][h].Row(same, o)
				for i, v := range row {
					if split[1][h].Row(column, i); column[o] != v || same[i] != v {
						t.Fatalf("%v, head %d [%d, %d]: %v and %v, want %v", dt, h, o, i, same[i], column[o], v)
					}
					if turned != nil {
						if turned[h].Row(column, i); column[o] != v {
							t.Fatalf("%v, head %d [%d, %d] transposed: %v, want %v", dt, h, o, i, column[o], v)
						}
					}
				}
			}
		}
	}
}

// blockFile has the same values as "stack.weight" and "flat.weight" in two shapes.
func blockFile(t *testing.T, dt tensor.DType, stack, flat []int) checkpoint.Source {
	t.Helper()
	n := stack[0] * stack[1] * stack[2]
	data := make([]byte, dt.Bytes(n))
	if _, size := dt.Block(); dt == tensor.Q8_0 {
		for i := range data {
			if data[i] = byte(i * 37); i%size < 2 {
				data[i] = []byte{0x00, 0x3c}[i%size] // a scale of 1
			}
		}
	} else {
		x := make([]float32, n)
		for i := range x {
			x[i] = value("stack", i)
		}
		dt.Encode(data, x)
	}
	src, err := checkpoint.Memory(checkpoint.Entry{Name: "stack.weight", DType: checkpoint.DType(dt.String()), Shape: stack, Data: data},
		checkpoint.Entry{Name: "flat.weight", DType: checkpoint.DType(dt.String()), Shape: flat, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// A layer of GPT-2 may be stored as it is multiplied.
func TestConv1DStraight(t *testing.T) {
	weight := stored{"c.weight.T", tensor.F16, []int{5, 7}}
	l := NewLoader(file(t, weight, stored{"c.bias", tensor.F32, []int{5}}), Options{})
	lin := l.Conv1D("c", 7, 5)
	if err := l.Err(true); err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 7)
	for o := range 5 {
		lin.Weight.Row(row, o)
		for i, v := range row {
			if want := narrowed(value(weight.name, 7*o+i), tensor.F16); v != want {
				t.Fatalf("[%d, %d] is %v, want %v", o, i, v, want)
			}
		}
	}
	l = NewLoader(file(t, weight, stored{"c.bias", tensor.F32, []int{7}}), Options{})
	if l.Conv1D("c", 5, 7); l.Err(false) == nil {
		t.Error("a layer of another shape is read")
	}
}
