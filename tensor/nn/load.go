package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/tensor"
)

// Part is one of the layers that [Loader.Fused] joins.
type Part struct {
	Name string
	Out  int
}

// Linear returns the layer with the weight name.weight, [out, in], and, if bias is true, the bias name.bias,
// [out].
func (l Loader) Linear(name string, in, out int, bias bool) Linear {
	return l.Fused(in, bias, Part{name, out})
}

// Fused returns several layers with the same input as one layer. Its outputs are those of the parts, one
// after the other.
func (l Loader) Fused(in int, bias bool, parts ...Part) Linear {
	var w *tensor.Weight
	out, kept, ok := 0, tensor.DType(0), true
	for i, p := range parts {
		dt, found := l.lookup(p.Name+".weight", p.Out, in)
		ok = ok && found
		if k := l.keep(dt); i > 0 && k != kept {
			kept = tensor.F32
		} else {
			kept = k
		}
		out += p.Out
	}
	if ok {
		w = l.newWeight(kept, out, in)
		row := 0
		for _, p := range parts {
			l.pack(w, row, p.Out, p.Name+".weight")
			row += p.Out
		}
	}
	lin := Linear{Weight: w}
	if bias {
		for _, p := range parts {
			lin.Bias = append(lin.Bias, l.Vector(p.Name+".bias", p.Out)...)
		}
	}
	return lin
}

// Conv1D returns a layer with a bias whose weight is stored transposed, [in, out], as in GPT-2.
func (l Loader) Conv1D(name string, in, out int) Linear {
	lin := Linear{Bias: l.Vector(name+".bias", out)}
	dt, ok := l.lookup(name+".weight", in, out)
	if !ok {
		return lin
	}
	b, err := l.src.Bytes(l.prefix + name + ".weight")
	if err != nil {
		l.Fail(err)
		return lin
	}
	lin.Weight = l.newWeight(l.keep(dt), out, in)
	_, size := dt.Block()
	rows := make([]byte, min(transposed, out)*in*size)
	for o := 0; o < out; o += transposed {
		n := min(transposed, out-o)
		for i := range in {
			from := b[(i*out+o)*size:][:n*size]
			for j := range n {
				copy(rows[(j*in+i)*size:][:size], from[j*size:])
			}
		}
		l.store(lin.Weight, o, rows[:n*in*size], dt)
	}
	l.consumed(name + ".weight")
	return lin
}

const transposed = 48 // rows that Conv1D turns at a time

// Embedding returns the table name.weight, [vocab, dim].
func (l Loader) Embedding(name string, vocab, dim int) Embedding {
	return Embedding{l.Linear(name, dim, vocab, false).Weight}
}

// RMSNorm returns the norm with the weight name.weight, [dim]. plus is added to every weight: Gemma stores
// weight − 1.
func (l Loader) RMSNorm(name string, dim int, eps, plus float32) *RMSNorm {
	w := l.Vector(name+".weight", dim)
	if plus != 0 {
		for i := range w {
			w[i] += plus
		}
	}
	return &RMSNorm{Weight: w, Eps: eps}
}

// LayerNorm returns the norm with the weights name.weight and name.bias, [dim].
func (l Loader) LayerNorm(name string, dim int, eps float32) *LayerNorm {
	return &LayerNorm{Weight: l.Vector(name+".weight", dim), Bias: l.Vector(name+".bias", dim), Eps: eps}
}

// Vector returns the values of the tensor name, which has the given dimensions, row by row and widened to
// float32.
func (l Loader) Vector(name string, dims ...int) []float32 {
	dt, ok := l.lookup(name, dims...)
	if !ok {
		return nil
	}
	b, err := l.src.Bytes(l.prefix + name)
	if err != nil {
		l.Fail(err)
		return nil
	}
	x := make([]float32, tensor.Of(dims...).Len())
	dt.Decode(x, b)
	l.consumed(name)
	return x
}

// newWeight returns a matrix of a type as the options have it.
func (l Loader) newWeight(dt tensor.DType, out, in int) *tensor.Weight {
	return l.slab.NewWeight(dt, l.opt.Precision, out, in)
}

// keep returns the type in which a matrix of a stored type is kept.
func (l Loader) keep(stored tensor.DType) tensor.DType {
	if l.opt.Convert == nil {
		return stored
	}
	return l.opt.Convert(stored)
}

// pack reads the tensor, [rows, w.In], into w from row on, piece by piece so that the file's pages go
// again, on all processors.
func (l Loader) pack(w *tensor.Weight, row, rows int, name string) {
	info, _ := l.src.Lookup(l.prefix + name)
	dt, _ := info.DType.Tensor() // lookup has checked it
	size := dt.Bytes(w.In)
	if size == 0 {
		return
	}
	piece := max(1, packPiece/(transposed*size)) * transposed
	for b, err := range l.src.Chunks(l.prefix+name, piece*size) {
		if err == nil && len(b)%size != 0 {
			err = fmt.Errorf("nn: tensor %q comes in pieces that are not whole rows", l.prefix+name)
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

const packPiece = 16 << 20 // bytes read at a time

func (l Loader) consumed(name string) {
	l.src.Release(l.prefix + name)
	l.read(l.prefix + name)
}

// store packs whole rows of type dt into w.
func (l Loader) store(w *tensor.Weight, row int, b []byte, dt tensor.DType) {
	t := &storing{w: w, row: row, b: b, dt: dt, size: dt.Bytes(w.In)}
	parallel.Run(parallel.Width(), (len(b)/t.size+transposed-1)/transposed, t)
}

type storing struct {
	w    *tensor.Weight
	row  int
	b    []byte
	dt   tensor.DType
	size int // bytes of a row
}

// Do packs some rows, converted if the Weight has another type.
func (t *storing) Do(part, _ int) {
	b := t.b[part*transposed*t.size:]
	b = b[:min(len(b), transposed*t.size)]
	row := t.row + part*transposed
	if t.dt == t.w.DType {
		t.w.Pack(row, b)
		return
	}
	x := make([]float32, len(b)/t.size*t.w.In)
	t.dt.Decode(x, b)
	t.w.PackFloat32(row, x)
}

// LinearRows is [Loader.Linear] with reordered outputs: for each r in rows, it takes the stored rows r[0] to
// r[0]+r[1]−1. It panics if these are not out rows in all.
func (l Loader) LinearRows(name string, in, out int, bias bool, rows [][2]int) Linear {
	n := 0
	for _, r := range rows {
		n += r[1]
	}
	if n != out {
		panic(fmt.Sprintf("nn: LinearRows takes %d rows of %q, want %d", n, l.prefix+name, out))
	}
	var lin Linear
	if bias {
		stored := l.Vector(name+".bias", out)
		for _, r := range rows {
			lin.Bias = append(lin.Bias, stored[min(r[0], len(stored)):min(r[0]+r[1], len(stored))]...)
		}
	}
	dt, ok := l.lookup(name+".weight", out, in)
	if !ok {
		return lin
	}
	b, err := l.src.Bytes(l.prefix + name + ".weight")
	if err != nil {
		l.Fail(err)
		return lin
	}
	lin.Weight = l.newWeight(l.keep(dt), out, in)
	size, row := dt.Bytes(in), 0
	for _, r := range rows {
		l.store(lin.Weight, row, b[r[0]*size:(r[0]+r[1])*size], dt)
		row += r[1]
	}
	l.consumed(name + ".weight")
	return lin
}

// Convolution returns a convolution over tokens as a layer over windows of tokens, [out, kernel·in], with
// zeros between groups. The checkpoint has name.weight, [out, in/groups, kernel], and name.bias.
func (l Loader) Convolution(name string, in, out, kernel, groups int) Linear {
	lin := Linear{Bias: l.Vector(name+".bias", out)}
	part := in / groups
	dt, ok := l.lookup(name+".weight", out, part, kernel)
	if !ok || groups > 1 && !l.Derive(name+".weight", out, kernel*in) {
		return lin
	}
	b, err := l.src.Bytes(l.prefix + name + ".weight")
	if err != nil {
		l.Fail(err)
		return lin
	}
	lin.Weight = l.newWeight(l.keep(dt), out, kernel*in)
	_, size := dt.Block()
	row := make([]byte, kernel*in*size)
	for o := range out {
		clear(row)
		first := o / (out / groups) * part
		for i := range part {
			for k := range kernel {
				copy(row[(k*in+first+i)*size:][:size], b[((o*part+i)*kernel+k)*size:])
			}
		}
		l.store(lin.Weight, o, row, dt)
	}
	l.consumed(name + ".weight")
	return lin
}
