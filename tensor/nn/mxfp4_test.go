package nn

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// fourBits is a Source of w.weight, [3, 64], in MXFP4, and t.weight, [32, 64].
func fourBits(t *testing.T) checkpoint.Source {
	t.Helper()
	entry := func(name string, rows int) checkpoint.Entry {
		b := make([]byte, tensor.MXFP4.Bytes(64*rows))
		for i := range b {
			if b[i] = byte(i * 37); i%17 == 0 {
				b[i] = byte(120 + i%7)
			}
		}
		return checkpoint.Entry{Name: name, DType: checkpoint.MXFP4, Shape: []int{rows, 64}, Data: b}
	}
	src, err := checkpoint.Memory(entry("w.weight", 3), entry("t.weight", 32))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// Weights of four bits are kept as they are, unless Convert widens them, which changes no value.
func TestMXFP4Kept(t *testing.T) {
	for _, c := range []struct {
		convert func(Matrix) tensor.DType
		want    tensor.DType
	}{
		{nil, tensor.MXFP4},
		{As(tensor.BF16), tensor.BF16},
		{As(tensor.F32), tensor.F32},
	} {
		src := fourBits(t)
		l := NewLoader(src, Options{Convert: c.convert})
		w := l.Linear("w", 64, 3, false).Weight
		rows := l.LinearRows("t", 64, 32, false, [][2]int{{16, 16}, {0, 16}}).Weight
		if err := l.Err(true); err != nil {
			t.Fatal(err)
		}
		if w.DType != c.want || rows.DType != c.want {
			t.Errorf("kept as %v and %v, want %v", w.DType, rows.DType, c.want)
		}
		for _, m := range []struct {
			name  string
			w     *tensor.Weight
			first int // where row 0 of the file is
		}{{"w.weight", w, 0}, {"t.weight", rows, 16}} {
			want, err := checkpoint.ReadFloat32(src, m.name)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, 64)
			for i := range m.w.Out {
				if m.w.Row(got, (i+m.first)%m.w.Out); !slices.Equal(got, want.Row(i)) {
					t.Errorf("%s: row %d as %v: %v, want %v", m.name, i, m.w.DType, got, want.Row(i))
				}
			}
		}
	}
}

func TestMXFP4Errors(t *testing.T) {
	toTwo := Options{Convert: As(tensor.Q2_0)}
	l := NewLoader(file(t, stored{"w.weight", tensor.F32, []int{2, 64}}), toTwo)
	l.Linear("w", 64, 2, false)
	if err := l.Err(true); err == nil || !strings.Contains(err.Error(), "Convert returns Q2_0 for \"w.weight\", stored as F32") {
		t.Errorf("converting to Q2_0: %v", err)
	}
	l = NewLoader(fourBits(t), Options{})
	l.Conv1D("t", 32, 64)
	if err := l.Err(false); err == nil || !strings.Contains(err.Error(), `"t.weight" is MXFP4, and has to be transposed`) {
		t.Errorf("transposing MXFP4: %v", err)
	}
}
