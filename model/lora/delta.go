package lora

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// delta is what is added to a matrix W as it is stored, [rows, cols]: scale·X·Y, with X [rows, r] and Y [r, cols]. For
// W [out, in] these are B and A; for one that is stored [in, out], and for a table, Aᵀ and Bᵀ.
type delta struct {
	x     tensor.Tensor  // [rows, r]
	y     *tensor.Weight // [cols, r]
	scale float32

	add []float32 // to one row, in place of a product

	magnitude []float32 // of DoRA, one for each output, or nil
	columns   bool      // the outputs are the columns
	norms     func(p *plan) ([]float32, error)
}

// delta returns what the adapter adds to a weight.
func (m *merging) delta(mod *module, w checkpoint.Info) (*delta, error) {
	if _, err := w.DType.Tensor(); err != nil || len(w.Shape) != 2 || w.Shape[0] == 0 || w.Shape[1] == 0 {
		return nil, fmt.Errorf("lora: the adapter is for %.200q, which is %s %.100s in the base: floating-point matrices can be merged",
			w.Name, w.DType, fmt.Sprint(w.Shape))
	}
	if err := m.complete(mod); err != nil {
		return nil, err
	}
	r := m.settings.rank(mod.name)
	d := &delta{scale: m.settings.scale(mod.name)}
	a, b := mod.parts[partTableA], mod.parts[partTableB]
	in, out := w.Shape[0], w.Shape[1]
	d.columns = true
	if a == "" {
		a, b = mod.parts[partA], mod.parts[partB]
		if d.columns = m.transposed(w, a); !d.columns {
			in, out = out, in
		}
	}
	down, err := m.read(a, r, in)
	if err != nil {
		return nil, err
	}
	up, err := m.read(b, out, r)
	if err != nil {
		return nil, err
	}
	if d.columns {
		d.x, d.y = transpose(down), tensor.WeightFrom(up)
	} else {
		d.x, d.y = up, tensor.WeightFrom(transpose(down))
	}
	if name := mod.parts[partMagnitude]; name != "" {
		magnitude, err := m.read(name, out)
		if err != nil {
			return nil, err
		}
		d.magnitude, d.norms = magnitude.Data, once((*plan).columnNorms)
	}
	return d, nil
}

// complete checks that a module has the matrices that it should have.
func (m *merging) complete(mod *module) error {
	linear, table := []part{partA, partB}, []part{partTableA, partTableB}
	need := linear
	if mod.parts[partTableA] != "" || mod.parts[partTableB] != "" {
		need = table
	}
	if m.settings.DoRA {
		need = append(slices.Clone(need), partMagnitude)
	}
	if m.settings.LoRABias {
		need = append(slices.Clone(need), partBBias)
	}
	for _, p := range need {
		if mod.parts[p] == "" {
			return fmt.Errorf("lora: the adapter has no %.200q", mod.name+"."+string(p))
		}
	}
	for p, stored := range mod.parts {
		if !slices.Contains(need, p) {
			return fmt.Errorf("lora: the adapter's tensor %.200q fits nothing: %s says nothing of it", stored, configFile)
		}
	}
	return nil
}

// transposed reports whether a weight is stored [in, out]: as the shape of A, [r, in], says, or if it is square, the
// config. Of the families here GPT-2 alone has such layers.
func (m *merging) transposed(w checkpoint.Info, a string) bool {
	if info, _ := m.src.Lookup(a); w.Shape[0] != w.Shape[1] && len(info.Shape) == 2 {
		return info.Shape[1] == w.Shape[0]
	}
	return m.settings.FanInOut || m.config.ModelType() == "gpt2"
}

// read reads a tensor of the adapter, which must have this shape and be finite.
func (a *Adapter) read(name string, shape ...int) (tensor.Tensor, error) {
	info, _ := a.src.Lookup(name)
	if !slices.Equal(info.Shape, shape) {
		return tensor.Tensor{}, fmt.Errorf("lora: the adapter's tensor %.200q has shape %.100s; %s and the base ask for %v",
			name, fmt.Sprint(info.Shape), configFile, shape)
	}
	t, err := checkpoint.ReadFloat32(a.src, name)
	if err != nil {
		return t, err
	}
	if !finite(t.Data) {
		return t, fmt.Errorf("lora: the adapter's tensor %.200q has numbers that are not finite", name)
	}
	return t, nil
}

func finite(x []float32) bool {
	for _, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}

// transpose returns [m, n] of [n, m].
func transpose(x tensor.Tensor) tensor.Tensor {
	n, m := x.Shape[0], x.Shape[1]
	y := tensor.New(m, n)
	for i := range n {
		for j, v := range x.Row(i) {
			y.Data[j*n+i] = v
		}
	}
	return y
}

// biasDelta returns a delta for a vector.
func biasDelta(add tensor.Tensor, scale float32) *delta {
	d := &delta{add: slices.Clone(add.Data)}
	for i := range d.add {
		d.add[i] *= scale
	}
	return d
}

// apply changes rows of the weight, from row first on. norms are those of the columns, if these are needed; sum is memory
// of w's shape.
func (d *delta) apply(w tensor.Tensor, first int, norms []float32, sum tensor.Tensor) {
	if d.add != nil {
		for i, v := range d.add {
			w.Data[i] += v
		}
		return
	}
	tensor.MatMul(sum, d.x.Slice(first, first+w.Rows()), d.y)
	for i, v := range sum.Data {
		w.Data[i] += float32(d.scale * v)
	}
	switch {
	case d.magnitude == nil:
	case !d.columns:
		for i := range w.Rows() {
			row := w.Row(i)
			f := d.magnitude[first+i] / norm(row)
			for j := range row {
				row[j] *= f
			}
		}
	case norms != nil:
		for i := range w.Rows() {
			for j, n := range norms {
				w.Row(i)[j] *= d.magnitude[j] / n
			}
		}
	}
}

// norm returns the length of a vector.
func norm(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return float32(math.Sqrt(s))
}

// columnNorms returns the lengths of the columns of the weight with what is added.
func (p *plan) columnNorms() ([]float32, error) {
	squares := make([]float64, p.cols())
	for w, err := range p.blocks(blockBytes, nil) {
		if err != nil {
			return nil, err
		}
		for i := range w.Rows() {
			for j, v := range w.Row(i) {
				squares[j] += float64(v) * float64(v)
			}
		}
	}
	norms := make([]float32, len(squares))
	for j, s := range squares {
		norms[j] = float32(math.Sqrt(s))
	}
	return norms, nil
}

// once keeps what f returns the first time.
func once(f func(*plan) ([]float32, error)) func(*plan) ([]float32, error) {
	var o sync.Once
	var norms []float32
	var err error
	return func(p *plan) ([]float32, error) {
		o.Do(func() { norms, err = f(p) })
		return norms, err
	}
}
