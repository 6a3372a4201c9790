package nn

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/tensor"
)

// newWeight returns a matrix of a type as the options have it.
func (l Loader) newWeight(dt tensor.DType, out, in int) *tensor.Weight {
	if l.shapes {
		if l.made++; l.made == maxMade {
			l.Fail(fmt.Errorf("nn: %q: a model of more than %d matrices is not supported", l.prefix, maxMade))
		}
		return tensor.Describe(dt, l.opt.Precision.Of(dt), out, in)
	}
	return l.slab.NewWeight(dt, l.opt.Precision.Of(dt), out, in)
}

// maxMade bounds the matrices of a model without data. Kimi K2 has a tenth of it.
const maxMade = 1 << 20

// Described returns n float32 matrices [out, in] that a recipe would compute from weights, without memory. It is
// for checkpoints of which [Loader.ShapesOnly] is true.
func (l Loader) Described(n, out, in int) []*tensor.Weight {
	made := make([]*tensor.Weight, n)
	for i := range made {
		made[i] = l.newWeight(tensor.F32, out, in)
	}
	return made
}

// bytes returns the whole tensor name, which has been looked up. ok is false if there is nothing to read: an
// error, or a checkpoint of shapes alone.
func (l Loader) bytes(name string) (b []byte, ok bool) {
	if l.shapes {
		return nil, false
	}
	b, err := l.src.Bytes(l.full(name))
	if err != nil {
		l.Fail(err)
	}
	return b, err == nil
}

// zeroed returns n values that stand for those of a vector. All such vectors share memory.
func (l Loader) zeroed(n int) []float32 {
	if n > len(l.zeros) {
		l.zeros = make([]float32, n)
	}
	return l.zeros[:n:n]
}

// keepRows is keep for a stored matrix with rows of in elements, which must be whole blocks of the stored type.
func (l Loader) keepRows(name string, stored tensor.DType, in int) (kept tensor.DType, ok bool) {
	if !l.whole(name, stored, in) {
		return stored, false
	}
	return l.keep(name, stored, in), true
}

// whole reports whether rows of in elements are whole blocks of a stored type; if not it records an error.
func (l Loader) whole(name string, stored tensor.DType, in int) bool {
	elements, _ := stored.Block()
	if in%elements != 0 {
		l.Fail(fmt.Errorf("nn: tensor %q: rows of %d elements are not whole blocks of %d, which %v has", l.full(name), in, elements, stored))
	}
	return in%elements == 0
}

// single reports whether the elements of a stored type can be moved one by one; if not it records an error.
func (l Loader) single(name string, stored tensor.DType) bool {
	elements, _ := stored.Block()
	if elements > 1 {
		l.Fail(fmt.Errorf("nn: tensor %q is %v, and has to be transposed: that is not supported", l.full(name), stored))
	}
	return elements == 1
}

const (
	packPiece = 1 << 20 // bytes of a tensor that are read at a time for each processor: they are in memory twice meanwhile
	packRows  = 48      // rows that a processor packs at a time
)

// pack reads the tensor, [rows, w.In], into w from row on, piece by piece so that the file's pages go
// again, on all processors.
func (l Loader) pack(w *tensor.Weight, row, rows int, name string) {
	if l.shapes {
		return
	}
	info, _ := l.src.Lookup(l.full(name))
	dt, _ := info.DType.Tensor() // lookup has checked it
	size := dt.Bytes(w.In)
	if size == 0 {
		return
	}
	piece := max(1, packPiece*parallel.Width()/(packRows*size)) * packRows
	for b, err := range l.src.Chunks(l.full(name), piece*size) {
		if err == nil && len(b)%size != 0 {
			err = fmt.Errorf("nn: tensor %q comes in pieces that are not whole rows", l.full(name))
		}
		if err != nil {
			l.Fail(err)
			return
		}
		l.store(w, row, b, dt)
		row += len(b) / size
	}
	l.consumed(name)
}

// store packs whole rows of type dt into w.
func (l Loader) store(w *tensor.Weight, row int, b []byte, dt tensor.DType) {
	t := &storing{conversion: l.conversion(), w: w, row: row, b: b, dt: dt, size: dt.Bytes(w.In)}
	n := (len(b)/t.size + packRows - 1) / packRows
	l.run(&t.conversion, n, t)
}

// conversion is what tasks that pack rows share.
type conversion struct {
	buffers  []packBuffers // of each worker
	outcomes []outcome     // of each part
	measure  bool          // how far values are from what was stored
}

func (l Loader) conversion() conversion {
	return conversion{buffers: l.workerBuffers(), measure: l.opt.Converted != nil}
}

// run does n parts of a task on all processors, and records what became of the values.
func (l Loader) run(c *conversion, n int, t parallel.Task) {
	c.outcomes = make([]outcome, n)
	parallel.Run(parallel.Width(), n, t)
	l.converting.add(c.outcomes)
}

// packBuffers are what one worker needs to convert rows. They serve all weights of a model.
type packBuffers struct {
	floats, back []float32
	bytes, moved []byte
}

// workerBuffers returns the buffers of each worker.
func (l Loader) workerBuffers() []packBuffers {
	for len(l.buffers) < parallel.Width() {
		l.buffers = append(l.buffers, packBuffers{})
	}
	return l.buffers
}

type storing struct {
	conversion
	w    *tensor.Weight
	row  int
	b    []byte
	dt   tensor.DType
	size int // bytes of a row
}

// Do packs some rows.
func (t *storing) Do(part, worker int) {
	b := t.b[part*packRows*t.size:]
	t.pack(part, worker, t.w, t.row+part*packRows, b[:min(len(b), packRows*t.size)], t.dt)
}

// pack packs whole rows of type dt, converted if the Weight has another type.
func (c *conversion) pack(part, worker int, w *tensor.Weight, row int, b []byte, dt tensor.DType) {
	if dt == w.DType {
		w.Pack(row, b)
		return
	}
	p := &c.buffers[worker]
	rows := len(b) / dt.Bytes(w.In)
	n := rows * w.In
	p.floats = slices.Grow(p.floats[:0], n)[:n]
	dt.Decode(p.floats, b)
	if w.DType == tensor.F32 {
		w.PackFloat32(row, p.floats)
		return
	}
	size := w.DType.Bytes(w.In)
	p.bytes = slices.Grow(p.bytes[:0], rows*size)[:rows*size]
	for r := range rows {
		w.DType.Encode(p.bytes[r*size:][:size], p.floats[r*w.In:][:w.In])
	}
	w.Pack(row, p.bytes)
	if elements, _ := w.DType.Block(); elements > 1 {
		p.back = slices.Grow(p.back[:0], n)[:n]
		c.outcomes[part] = judge(w, p.floats, p.bytes, p.back, c.measure)
	}
}
