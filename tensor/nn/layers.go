package nn

import (
	"fmt"

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
// after the other. Each part keeps its type: see [tensor.Join].
func (l Loader) Fused(in int, bias bool, parts ...Part) Linear {
	var lin Linear
	kept, ok := make([]tensor.DType, len(parts)), true
	for i, p := range parts {
		dt, found := l.lookup(p.Name+".weight", p.Out, in)
		if found {
			kept[i], found = l.keepRows(p.Name+".weight", dt, in)
		}
		ok = ok && found
	}
	if ok {
		lin.Weight = l.fuse(in, parts, kept)
	}
	if bias {
		for _, p := range parts {
			lin.Bias = l.join(lin.Bias, l.Vector(p.Name+".bias", p.Out))
		}
	}
	return lin
}

// fuse reads matrices that have been looked up as one. Neighbours of one type are one packed matrix.
func (l Loader) fuse(in int, parts []Part, kept []tensor.DType) *tensor.Weight {
	var joined []*tensor.Weight
	for i := 0; i < len(parts); {
		n, out := i, 0
		for ; n < len(parts) && kept[n] == kept[i]; n++ {
			out += parts[n].Out
		}
		w, row := l.newWeight(kept[i], out, in), 0
		for _, p := range parts[i:n] {
			l.pack(w, row, p.Out, p.Name+".weight")
			row += p.Out
		}
		joined, i = append(joined, w), n
	}
	return tensor.Join(joined...)
}

// join returns a and then b, two parts of a vector.
func (l Loader) join(a, b []float32) []float32 {
	if l.shapes {
		return l.zeroed(len(a) + len(b))
	}
	return append(a, b...)
}

// LinearRows is [Loader.Linear] with reordered outputs: for each r in rows, it takes the stored rows r[0] to
// r[0]+r[1]−1. It panics if these are not out rows in all.
func (l Loader) LinearRows(name string, in, out int, bias bool, rows [][2]int) Linear {
	if sumOf(rows) != out {
		panic(fmt.Sprintf("nn: LinearRows takes %d rows of %q, want %d", sumOf(rows), l.full(name), out))
	}
	biasName := ""
	if bias {
		biasName = name + ".bias"
	}
	return l.linearRows(name+".weight", biasName, in, out, rows)[0]
}

// Split returns the layers that are stored as one: weight, [sum of outs, in], and bias, [sum of outs], are names of
// tensors, such as in_proj_weight and in_proj_bias of torch's MultiheadAttention. An empty bias means none.
func (l Loader) Split(weight, bias string, in int, outs ...int) []Linear {
	var parts [][][2]int
	all := 0
	for _, out := range outs {
		parts = append(parts, [][2]int{{all, out}})
		all += out
	}
	return l.linearRows(weight, bias, in, all, parts...)
}

func sumOf(rows [][2]int) int {
	n := 0
	for _, r := range rows {
		n += r[1]
	}
	return n
}

// linearRows returns a layer for each of the parts: those of the stored rows that it names, in their order.
func (l Loader) linearRows(weight, bias string, in, out int, parts ...[][2]int) []Linear {
	layers := make([]Linear, len(parts))
	if bias != "" {
		stored := l.Vector(bias, out)
		for i, rows := range parts {
			for _, r := range rows {
				layers[i].Bias = l.join(layers[i].Bias, stored[min(r[0], len(stored)):min(r[0]+r[1], len(stored))])
			}
		}
	}
	dt, ok := l.lookup(weight, out, in)
	if !ok {
		return layers
	}
	kept, ok := l.keepRows(weight, dt, in)
	if !ok {
		return layers
	}
	b, ok := l.bytes(weight)
	if !ok && !l.shapes {
		return layers
	}
	size := dt.Bytes(in)
	for i, rows := range parts {
		layers[i].Weight = l.newWeight(kept, sumOf(rows), in)
		row := 0
		for _, r := range rows {
			if ok {
				l.store(layers[i].Weight, row, b[r[0]*size:(r[0]+r[1])*size], dt)
			}
			row += r[1]
		}
	}
	if ok {
		l.consumed(weight)
	}
	return layers
}

// Conv1D returns a layer with a bias whose weight is stored transposed, [in, out], as in GPT-2; or as name.weight.T,
// [out, in], which is how GGUF files have it.
func (l Loader) Conv1D(name string, in, out int) Linear {
	lin := Linear{Bias: l.Vector(name+".bias", out)}
	if straight := name + ".weight.T"; l.Has(straight) {
		if dt, ok := l.lookup(straight, out, in); ok {
			lin.Weight = l.newWeight(l.keep(straight, dt, in), out, in)
			l.pack(lin.Weight, 0, out, straight)
		}
		return lin
	}
	lin.Weight = l.Transposed(name+".weight", in, out).Weight
	return lin
}

// Transposed returns a layer without a bias whose weight, the tensor name, is stored transposed, [in, out].
func (l Loader) Transposed(name string, in, out int) Linear {
	dt, ok := l.lookup(name, in, out)
	if !ok || !l.single(name, dt) {
		return Linear{}
	}
	kept, ok := l.keepRows(name, dt, in)
	if !ok {
		return Linear{}
	}
	b, ok := l.bytes(name)
	if !ok && !l.shapes {
		return Linear{}
	}
	lin := Linear{Weight: l.newWeight(kept, out, in)}
	if ok {
		l.storeOutputs(lin.Weight, b, dt, true, out, 0, 1)
		l.consumed(name)
	}
	return lin
}

// Convolution returns a convolution over tokens as a layer over windows of tokens, [out, kernel·in], with
// zeros between groups. The checkpoint has name.weight, [out, in/groups, kernel], and name.bias.
func (l Loader) Convolution(name string, in, out, kernel, groups int) Linear {
	lin := Linear{Bias: l.Vector(name+".bias", out)}
	part := in / groups
	dt, ok := l.lookup(name+".weight", out, part, kernel)
	if !ok || !l.single(name+".weight", dt) || groups > 1 && !l.Derive(name+".weight", out, kernel*in) {
		return lin
	}
	kept, ok := l.keepRows(name+".weight", dt, kernel*in)
	if !ok {
		return lin
	}
	b, ok := l.bytes(name + ".weight")
	if !ok && !l.shapes {
		return lin
	}
	lin.Weight = l.newWeight(kept, out, kernel*in)
	if !ok {
		return lin
	}
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

// Patches returns a convolution whose stride is its kernel as a layer over the values of a patch,
// [out, channels·height·width]: all rows of the first channel, then those of the next. The checkpoint has name.weight,
// [out, channels, height, width], and, if bias is true, name.bias.
func (l Loader) Patches(name string, channels, height, width, out int, bias bool) Linear {
	var lin Linear
	if bias {
		lin.Bias = l.Vector(name+".bias", out)
	}
	in := channels * height * width
	dt, ok := l.lookup(name+".weight", out, channels, height, width)
	if !ok {
		return lin
	}
	kept, ok := l.keepRows(name+".weight", dt, in)
	if !ok {
		return lin
	}
	lin.Weight = l.newWeight(kept, out, in)
	l.pack(lin.Weight, 0, out, name+".weight")
	return lin
}

// Embedding returns the table name.weight, [vocab, dim].
func (l Loader) Embedding(name string, vocab, dim int) Embedding {
	w := l.table(name, Lookups, func(l Loader, name string) *tensor.Weight { return l.Linear(name, dim, vocab, false).Weight })
	return Embedding{l.forProducts(w)}
}

// Table returns the table name.weight, [rows, dim], for lookups only: see [tensor.Slab.NewTable]. One of a block type
// that is tied to others ([Loader.Tie]) is packed for products, so that all share it: lookups read packed rows, too.
func (l Loader) Table(name string, rows, dim int) Embedding {
	return Embedding{l.table(name, Lookups, func(l Loader, name string) *tensor.Weight {
		name += ".weight"
		dt, ok := l.lookup(name, rows, dim)
		if !ok {
			return nil
		}
		kept, ok := l.keepRows(name, dt, dim)
		if !ok {
			return nil
		}
		if elements, _ := kept.Block(); l.use == Head && !l.opt.NoHead && elements > 1 {
			w := l.newWeight(kept, rows, dim)
			l.pack(w, 0, rows, name)
			return w
		}
		if l.shapes {
			return tensor.DescribeTable(kept, rows, dim)
		}
		w := l.slab.NewTable(kept, rows, dim)
		l.pack(w, 0, rows, name)
		return w
	})}
}

// Head returns the projection to the vocabulary, stored as name.weight, of the shape of e's table. The two may be
// one: see [Loader.Tie]. It is empty with [Options.NoHead].
func (l Loader) Head(e Embedding, name string) Linear {
	if e.Weight == nil || l.opt.NoHead {
		return Linear{}
	}
	w := l.table(name, Head, func(l Loader, name string) *tensor.Weight {
		return l.Linear(name, e.Weight.In, e.Weight.Out, false).Weight
	})
	return Linear{Weight: l.forProducts(w)}
}

// forProducts returns a matrix that products can be made with.
func (l Loader) forProducts(w *tensor.Weight) *tensor.Weight {
	if w == nil {
		return nil
	}
	return l.slab.ForProducts(w, l.opt.Precision.Of(w.DType))
}

// RMSNorm returns the norm with the weight name.weight, [dim]. plus is added to every weight: Gemma stores
// weight − 1.
func (l Loader) RMSNorm(name string, dim int, eps, plus float32) *RMSNorm {
	w := l.Vector(name+".weight", dim)
	if plus != 0 && !l.shapes {
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
	if l.shapes {
		return l.zeroed(tensor.Of(dims...).Len())
	}
	b, ok := l.bytes(name)
	if !ok {
		return nil
	}
	x := make([]float32, tensor.Of(dims...).Len())
	dt.Decode(x, b)
	l.consumed(name)
	return x
}
