package nn

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Use is what a matrix is for.
type Use uint8

const (
	Products Use = iota // of a layer
	Head                // the projection to the vocabulary, or a table that is one with others, as it mostly is with that
	Lookups             // a table of its own
)

// Matrix describes a stored matrix to [Options.Convert].
type Matrix struct {
	Name  string       // of the tensor in the checkpoint, which may hold more than one: experts, heads
	DType tensor.DType // in which it is stored
	Rows  int          // of the tensor, in all
	In    int          // elements of a row
	Use   Use

	Layer  int // the first number in the name, or −1
	Layers int // one more than the largest of these in the checkpoint, or 0 if that is not known
}

// As returns an [Options.Convert] that keeps all matrices in one type.
func As(dt tensor.DType) func(Matrix) tensor.DType {
	return func(Matrix) tensor.DType { return dt }
}

// Deviation is how far values are from those that they stand for: sums over all, in float64.
type Deviation struct {
	Squares float64 // of the values
	Errors  float64 // of the differences, squared
}

// Relative returns the root mean square of the differences divided by that of the values; 0 if all are 0.
func (d Deviation) Relative() float64 {
	if d.Errors == 0 {
		return 0
	}
	return math.Sqrt(d.Errors / d.Squares)
}

// Add adds the sums of other values.
func (d *Deviation) Add(e Deviation) {
	d.Squares += e.Squares
	d.Errors += e.Errors
}

// Compare adds the values, and how far others that stand for them are from them.
func (d *Deviation) Compare(values, others []float32) {
	for i, v := range values {
		e := float64(v) - float64(others[i])
		d.Squares += float64(v) * float64(v)
		d.Errors += e * e
	}
}

// converting is what the loader knows of the conversions to blocks that it makes.
type converting struct {
	layers    int
	matrices  map[string]converted // by full name
	deviation Deviation            // of the tensor that is being read
	notFinite bool                 // it has such a value
}

type converted struct {
	Matrix
	kept tensor.DType
}

// LayerOf returns the first number in the name of a tensor, or −1.
func LayerOf(name string) int {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 && n < 1<<20 {
			return n
		}
	}
	return -1
}

// keep returns the type in which a matrix of a stored tensor, with rows of in elements, is kept.
func (l Loader) keep(name string, stored tensor.DType, in int) tensor.DType {
	m := Matrix{Name: l.full(name), DType: stored, In: in, Use: l.use, Layers: l.converting.layers}
	m.Layer = LayerOf(m.Name)
	if info, ok := l.src.Lookup(m.Name); ok {
		m.Rows = rowsOf(info, in)
	}
	kept, err := l.keptAs(m)
	if err != nil {
		l.Fail(err)
	}
	if elements, _ := kept.Block(); elements > 1 && kept != stored {
		l.converting.matrices[m.Name] = converted{m, kept}
	}
	return kept
}

// rowsOf returns how many rows of in elements a tensor has.
func rowsOf(info checkpoint.Info, in int) int {
	n := 1
	for _, d := range info.Shape {
		n *= d
	}
	return n / max(in, 1)
}

// keptAs returns the type in which a matrix is kept.
func (l Loader) keptAs(m Matrix) (tensor.DType, error) {
	if l.opt.Convert == nil {
		return m.DType, nil
	}
	kept := l.opt.Convert(m)
	if kept == m.DType {
		return kept, nil
	}
	if kept = kept.Fit(m.In); kept != m.DType && !kept.Encodes() {
		return m.DType, fmt.Errorf("nn: Convert returns %v for %q, stored as %v: weights are not converted to this type", kept, m.Name, m.DType)
	}
	return kept, nil
}

// kept returns the bytes that a tensor takes as a matrix, as far as its name and its shape tell.
func (l Loader) kept(info checkpoint.Info) int64 {
	stored, err := info.DType.Tensor()
	if err != nil || len(info.Shape) < 2 {
		return info.Size
	}
	in := info.Shape[len(info.Shape)-1]
	dt, _ := l.keptAs(Matrix{Name: info.Name, DType: stored, Rows: rowsOf(info, in), In: in, Layer: LayerOf(info.Name), Layers: l.converting.layers})
	elements, bytes := stored.Block()
	keptElements, keptBytes := dt.Block()
	of := info.Size / int64(bytes) * int64(elements) / int64(keptElements) * int64(keptBytes)
	if dt.PerRow() {
		of += int64(rowsOf(info, in)) * int64(dt.Bytes(0))
	}
	return of
}

// reportConversion tells what became of a tensor that has been read, if it was converted to blocks.
func (l Loader) reportConversion(full string) {
	c, ok := l.converting.matrices[full]
	if !ok {
		return
	}
	if l.converting.notFinite {
		l.Fail(fmt.Errorf("nn: tensor %q has a value that is not finite: it cannot be kept as %v", full, c.kept))
	}
	if l.opt.Converted != nil {
		l.opt.Converted(c.Matrix, c.kept, l.converting.deviation)
	}
	delete(l.converting.matrices, full)
	l.converting.deviation, l.converting.notFinite = Deviation{}, false
}

// outcome is what the conversion of some rows did.
type outcome struct {
	Deviation
	notFinite bool
}

// add records the outcomes of parts, in their order.
func (c *converting) add(parts []outcome) {
	for _, p := range parts {
		c.deviation.Add(p.Deviation)
		c.notFinite = c.notFinite || p.notFinite
	}
}

// judge returns the outcome of a conversion of values to rows of blocks of w's type; it needs as many floats of scratch. The
// deviation is left out unless measure is true.
func judge(w *tensor.Weight, values []float32, blocks []byte, scratch []float32, measure bool) (o outcome) {
	if o.notFinite = !vec.Finite(values); o.notFinite || !measure {
		return o
	}
	for r, size := 0, w.DType.Bytes(w.In); r < len(values)/w.In; r++ {
		w.DType.Decode(scratch[r*w.In:][:w.In], blocks[r*size:][:size])
	}
	o.Compare(values, scratch)
	return o
}
