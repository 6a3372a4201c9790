package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// blockNames are the tensors of two layers, a table, a table that is one with the head, and what is no layer.
func blockTensors() []stored {
	return []stored{
		{"layers.0.q.weight", tensor.F32, []int{50, 256}}, {"layers.0.k.weight", tensor.F32, []int{3, 256}},
		{"layers.1.c.weight", tensor.BF16, []int{64, 100}}, {"layers.1.c.bias", tensor.F32, []int{100}},
		{"layers.1.odd.weight", tensor.F16, []int{5, 33}}, {"layers.1.wide.weight", tensor.F32, []int{100, 512}},
		{"embed.weight", tensor.F32, []int{7, 320}}, {"positions.weight", tensor.F32, []int{7, 320}},
	}
}

// Matrices are kept in blocks as Convert says, with the values that Encode gives, however they are stored; rows that are
// not whole blocks get another type. Converted is told the distance, which is the same on any number of processors.
func TestConvertToBlocks(t *testing.T) {
	var asked []Matrix
	told := map[string]string{}
	opt := Options{
		Convert: func(m Matrix) tensor.DType { asked = append(asked, m); return tensor.Q4_K },
		Converted: func(m Matrix, kept tensor.DType, d Deviation) {
			told[m.Name] = fmt.Sprintf("%v %.2g", kept, d.Relative())
		},
	}
	src := file(t, blockTensors()...)
	l := NewLoader(src, opt)
	l.Tie("embed", "head")
	q := l.At("layers.0").Fused(256, false, Part{"q", 50}, Part{"k", 3}).Weight
	c := l.At("layers.1").Conv1D("c", 64, 100).Weight
	odd := l.At("layers.1").Linear("odd", 33, 5, false).Weight
	wide := l.At("layers.1").LinearRows("wide", 512, 100, false, [][2]int{{60, 40}, {0, 60}}).Weight
	embed := l.Embedding("embed", 7, 320)
	head := l.Head(embed, "head").Weight
	positions := l.Table("positions", 7, 320).Weight
	if err := l.Err(true); err != nil {
		t.Fatal(err)
	}
	if head != embed.Weight {
		t.Error("the head is not the table that it is one with")
	}
	for _, m := range []struct {
		name       string
		w          *tensor.Weight
		dt         tensor.DType
		row, first int // where the first row of the file is; which row of the file that is
	}{
		{"layers.0.q.weight", q, tensor.Q4_K, 0, 0}, {"layers.0.k.weight", q, tensor.Q4_K, 50, 0},
		{"layers.1.odd.weight", odd, tensor.F16, 0, 0}, {"layers.1.wide.weight", wide, tensor.Q4_K, 0, 60},
		{"embed.weight", embed.Weight, tensor.Q5_0, 0, 0}, {"positions.weight", positions, tensor.Q5_0, 0, 0},
	} {
		if m.w.DType != m.dt {
			t.Errorf("%s is kept as %v, want %v", m.name, m.w.DType, m.dt)
			continue
		}
		x, err := checkpoint.ReadFloat32(src, m.name)
		if err != nil {
			t.Fatal(err)
		}
		b, got := make([]byte, m.dt.Bytes(m.w.In)), make([]float32, m.w.In)
		for i := range x.Rows() - m.first {
			want := x.Row(m.first + i)
			m.dt.Encode(b, want)
			m.dt.Decode(want, b)
			if m.w.Row(got, m.row+i); !slices.Equal(got, want) {
				t.Fatalf("%s: row %d is %v, want %v", m.name, i, got, want)
			}
		}
	}
	if c.DType != tensor.Q5_0 {
		t.Errorf("the transposed matrix is kept as %v", c.DType)
	}
	uses := map[string]Use{}
	for _, m := range asked[len(blockTensors()):] {
		uses[m.Name] = m.Use
		if layer := map[bool]int{true: int(m.Name[min(7, len(m.Name)-1)] - '0'), false: -1}[strings.HasPrefix(m.Name, "layers")]; m.Layer != layer || m.Layers != 2 {
			t.Errorf("%s: layer %d of %d, want %d of 2", m.Name, m.Layer, m.Layers, layer)
		}
	}
	if uses["embed.weight"] != Head || uses["positions.weight"] != Lookups || uses["layers.0.q.weight"] != Products {
		t.Errorf("uses are %v", uses)
	}
	if i := slices.IndexFunc(asked, func(m Matrix) bool { return m.Name == "layers.1.wide.weight" }); asked[i].Rows != 100 || asked[i].In != 512 {
		t.Errorf("%+v has not 100 rows of 512", asked[i])
	}
	if len(told) != 6 || told["layers.1.odd.weight"] != "" || !strings.HasPrefix(told["layers.0.k.weight"], "Q4_K 0.0") {
		t.Errorf("told of %v", told)
	}
}

// A recipe says how many layers there are, where the checkpoint has none yet.
func TestLayersOfShapes(t *testing.T) {
	var asked []Matrix
	l := NewLoader(checkpoint.NewShapes(checkpoint.BF16), Options{Convert: func(m Matrix) tensor.DType { asked = append(asked, m); return m.DType }})
	for _, l := range l.At("model").Layers("layers", 8) {
		l.Experts("experts", 30, 32, 64, "gate", "up", "down")
	}
	if err := l.Err(false); err != nil {
		t.Fatal(err)
	}
	for i, m := range asked {
		if m.Layers != 8 || m.Layer != i/90 {
			t.Fatalf("%s: layer %d of %d", m.Name, m.Layer, m.Layers)
		}
	}
	if len(asked) != 8*90 {
		t.Errorf("asked about %d matrices", len(asked))
	}
}

// The distance is what the definition says.
func TestDeviation(t *testing.T) {
	m := stored{"m.weight", tensor.F32, []int{100, 64}}
	for _, dt := range []tensor.DType{tensor.Q8_0, tensor.Q4_0, tensor.W8, tensor.W7} {
		var got Deviation
		l := NewLoader(file(t, m), Options{Convert: As(dt), Converted: func(_ Matrix, _ tensor.DType, d Deviation) { got.Add(d) }})
		w := l.Linear("m", 64, 100, false).Weight
		var want Deviation
		row := make([]float32, 64)
		for i := range 100 {
			w.Row(row, i)
			for j, v := range row {
				x := float64(value(m.name, i*64+j))
				want.Add(Deviation{x * x, (x - float64(v)) * (x - float64(v))})
			}
		}
		if math.Abs(got.Relative()/want.Relative()-1) > 1e-12 || got.Relative() == 0 { // sums of 6400 terms
			t.Errorf("%v: %v, want %v", dt, got.Relative(), want.Relative())
		}
	}
	if (Deviation{}).Relative() != 0 {
		t.Error("nothing has a deviation")
	}
}

// What is not finite cannot be kept in blocks; it can be kept as it is.
func TestConvertNotFinite(t *testing.T) {
	e := stored{"m.weight", tensor.F32, []int{2, 32}}.entry()
	copy(e.Data[4*40:], []byte{0, 0, 0x80, 0x7F})
	src, err := checkpoint.Memory(e)
	if err != nil {
		t.Fatal(err)
	}
	for dt, want := range map[tensor.DType]string{tensor.Q8_0: `nn: tensor "m.weight" has a value that is not finite: it cannot be kept as Q8_0`, tensor.BF16: "<nil>"} {
		l := NewLoader(src, Options{Convert: As(dt)})
		l.Linear("m", 32, 2, false)
		if err := l.Err(true); fmt.Sprint(err) != want {
			t.Errorf("%v: %v, want %s", dt, err, want)
		}
	}
}

// Experts are not kept with a scale for each row.
func TestConvertExperts(t *testing.T) {
	src := file(t, stored{"e.0.gate.weight", tensor.F32, []int{32, 32}}, stored{"e.0.up.weight", tensor.F32, []int{32, 32}},
		stored{"e.0.down.weight", tensor.F32, []int{32, 32}})
	l := NewLoader(src, Options{Convert: As(tensor.W8)})
	l.Experts("e", 1, 32, 32, "gate", "up", "down")
	if err := l.Err(true); err == nil || err.Error() != `nn: Convert keeps experts "e" as W8, which experts are not kept in; Q8_0 has as many bits` {
		t.Errorf("experts in W8: %v", err)
	}
}

// Rows that are not whole blocks get the type that llama.cpp takes for them.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		dt   tensor.DType
		in   int
		want tensor.DType
	}{
		{tensor.Q4_K, 512, tensor.Q4_K}, {tensor.Q4_K, 576, tensor.Q5_0}, {tensor.Q5_K, 576, tensor.Q5_1}, {tensor.Q6_K, 576, tensor.Q8_0}, {tensor.Q6_K, 33, tensor.F16},
		{tensor.Q2_K, 64, tensor.Q4_0}, {tensor.IQ4_XS, 96, tensor.IQ4_NL}, {tensor.Q8_0, 16, tensor.F16}, {tensor.BF16, 7, tensor.BF16}, {tensor.Q2_0, 96, tensor.Q4_0},
	} {
		if got := c.dt.Fit(c.in); got != c.want {
			t.Errorf("%v with rows of %d: %v, want %v", c.dt, c.in, got, c.want)
		}
	}
}
