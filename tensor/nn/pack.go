package nn

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
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

// keep returns the type in which a matrix of a stored type is kept.
func (l Loader) keep(stored tensor.DType) tensor.DType {
	if l.opt.Convert == nil {
		return stored
	}
	kept := l.opt.Convert(stored)
	if kept != stored && !kept.Encodes() {
		l.Fail(fmt.Errorf("nn: Convert returns %v for %v: weights are not converted to this type", kept, stored))
		return stored
	}
	return kept
}

// keepRows is keep for a tensor with rows of in elements as a matrix. What is not whole blocks is an error.
func (l Loader) keepRows(name string, stored tensor.DType, in int) (kept tensor.DType, ok bool) {
	if !l.whole(name, stored, in) {
		return stored, false
	}
	kept = l.keep(stored)
	elements, _ := kept.Block()
	if in%elements != 0 {
		l.Fail(fmt.Errorf("nn: tensor %q: rows of %d elements are not whole blocks of %d, which %v has; have Convert return another type for %v",
			l.full(name), in, elements, kept, stored))
	}
	return kept, in%elements == 0
}

// whole reports whether rows of in elements are whole blocks of a stored type; if not it records an error.
func (l Loader) whole(name string, stored tensor.DType, in int) bool {
	elements, _ := stored.Block()
	if in%elements != 0 {
		l.Fail(fmt.Errorf("nn: tensor %q: rows of %d elements are not whole blocks of %d, which %v has", l.full(name), in, elements, stored))
	}
	return in%elements == 0
}

// kept returns the bytes that a tensor takes as a matrix.
func (l Loader) kept(info checkpoint.Info) int64 {
	stored, err := info.DType.Tensor()
	if err != nil || len(info.Shape) < 2 {
		return info.Size
	}
	elements, bytes := stored.Block()
	keptElements, keptBytes := l.keep(stored).Block()
	return info.Size / int64(bytes*keptElements) * int64(elements*keptBytes)
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
	packPiece = 16 << 20 // bytes of a tensor that are read at a time
	packRows  = 48       // rows that a processor packs at a time
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
	piece := max(1, packPiece/(packRows*size)) * packRows
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
	t := &storing{w: w, row: row, b: b, dt: dt, size: dt.Bytes(w.In), buffers: l.workerBuffers()}
	parallel.Run(parallel.Width(), (len(b)/t.size+packRows-1)/packRows, t)
}

// packBuffers are what one worker needs to convert rows. They serve all weights of a model.
type packBuffers struct {
	floats       []float32
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
	w       *tensor.Weight
	row     int
	b       []byte
	dt      tensor.DType
	size    int // bytes of a row
	buffers []packBuffers
}

// Do packs some rows.
func (t *storing) Do(part, worker int) {
	b := t.b[part*packRows*t.size:]
	t.buffers[worker].pack(t.w, t.row+part*packRows, b[:min(len(b), packRows*t.size)], t.dt)
}

// pack packs whole rows of type dt, converted if the Weight has another type.
func (p *packBuffers) pack(w *tensor.Weight, row int, b []byte, dt tensor.DType) {
	if dt == w.DType {
		w.Pack(row, b)
		return
	}
	n := len(b) / dt.Bytes(w.In) * w.In
	p.floats = slices.Grow(p.floats[:0], n)[:n]
	dt.Decode(p.floats, b)
	if w.DType == tensor.F32 {
		w.PackFloat32(row, p.floats)
		return
	}
	p.bytes = slices.Grow(p.bytes[:0], w.DType.Bytes(n))[:w.DType.Bytes(n)]
	w.DType.Encode(p.bytes, p.floats)
	w.Pack(row, p.bytes)
}
