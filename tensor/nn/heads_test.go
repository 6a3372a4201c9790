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
