package nn

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Experts returns the n experts of a mixture that are stored one by one, as name.0, name.1, … Each has the
// matrices gate.weight and up.weight, [hidden, dim], and down.weight, [dim, hidden].
func (l Loader) Experts(name string, n, dim, hidden int, gate, up, down string) []tensor.Expert {
	var experts []tensor.Expert
	for _, e := range l.Layers(name, n) {
		experts = append(experts, tensor.Expert{
			Gate: e.expert(gate, dim, hidden),
			Up:   e.expert(up, dim, hidden),
			Down: e.expert(down, hidden, dim),
		})
	}
	l.checkExperts(name, experts)
	return experts
}

// checkExperts records an error if experts are kept in a type that grouped products do not take.
func (l Loader) checkExperts(name string, experts []tensor.Expert) {
	for i := range experts {
		for _, w := range []*tensor.Weight{experts[i].Gate, experts[i].Up, experts[i].Down} {
			if w != nil && w.DType.PerRow() {
				l.Fail(fmt.Errorf("nn: Convert keeps experts %q as %v, which experts are not kept in; Q8_0 has as many bits", l.full(name), w.DType))
				return
			}
		}
	}
}

// expert returns the matrix name.weight, [out, in].
func (l Loader) expert(name string, in, out int) *tensor.Weight {
	if l.opt.Experts != Mapped {
		return l.Linear(name, in, out, false).Weight
	}
	name += ".weight"
	dt, ok := l.lookup(name, out, in)
	if !ok || !l.whole(name, dt, in) {
		return nil
	}
	return l.mapped(name, dt, 1, out, in)[0].outputs(false, out, 0, 1)
}

// Fusion says how [Loader.FusedExperts] are stored.
type Fusion struct {
	// Transposed matrices are [In, Out]: gate and up are [n, dim, 2·hidden], down is [n, hidden, dim].
	// Otherwise they are [n, 2·hidden, dim] and [n, dim, hidden].
	Transposed bool

	// Interleaved outputs alternate between gate and up; otherwise gate comes first, and then up.
	Interleaved bool

	// Bias says that there are biases, [n, 2·hidden] and [n, dim], with the names of the matrices and "_bias".
	Bias bool
}

// FusedExperts returns the n experts of a mixture that are stored in two tensors: gateUp has gate and up of all
// experts, down has the others.
func (l Loader) FusedExperts(gateUp, down string, n, dim, hidden int, f Fusion) []tensor.Expert {
	first, second := []int{n, 2 * hidden, dim}, []int{n, dim, hidden}
	if f.Transposed {
		first, second = []int{n, dim, 2 * hidden}, []int{n, hidden, dim}
	}
	dt, ok := l.lookup(gateUp, first...)
	dt2, ok2 := l.lookup(down, second...)
	if !ok || !ok2 || f.Transposed && (!l.single(gateUp, dt) || !l.single(down, dt2)) {
		return nil
	}
	if !f.Transposed && (!l.whole(gateUp, dt, dim) || !l.whole(down, dt2, hidden)) {
		return nil
	}
	experts := make([]tensor.Expert, n)
	up, step := hidden, 1
	if f.Interleaved {
		up, step = 1, 2
	}
	if l.opt.Experts == Mapped {
		both, last := l.mapped(gateUp, dt, n, 2*hidden, dim), l.mapped(down, dt2, n, dim, hidden)
		for i := range experts {
			e := &experts[i]
			e.Gate, e.Up = both[i].outputs(f.Transposed, hidden, 0, step), both[i].outputs(f.Transposed, hidden, up, step)
			e.Down = last[i].outputs(f.Transposed, dim, 0, 1)
		}
	} else {
		l.packFused(experts, gateUp, down, dt, dt2, dim, hidden, f.Transposed, up, step)
	}
	l.checkExperts(gateUp, experts)
	if f.Bias {
		l.fusedBiases(experts, l.Vector(gateUp+"_bias", n, 2*hidden), l.Vector(down+"_bias", n, dim), hidden, dim, up, step)
	}
	return experts
}

// packFused packs the matrices of experts. The first output of up is number up, and those of gate and of up are step
// apart.
func (l Loader) packFused(experts []tensor.Expert, gateUp, down string, dt, dt2 tensor.DType, dim, hidden int, transposed bool, up, step int) {
	n := len(experts)
	kept, ok := l.keepRows(gateUp, dt, dim)
	kept2, ok2 := l.keepRows(down, dt2, hidden)
	if !ok || !ok2 {
		return
	}
	for i := range experts {
		e := &experts[i]
		e.Gate, e.Up = l.newWeight(kept, hidden, dim), l.newWeight(kept, hidden, dim)
		e.Down = l.newWeight(kept2, dim, hidden)
	}
	l.eachMatrix(gateUp, dt, n, 2*hidden*dim, func(i int, b []byte) {
		l.storeOutputs(experts[i].Gate, b, dt, transposed, 2*hidden, 0, step)
		l.storeOutputs(experts[i].Up, b, dt, transposed, 2*hidden, up, step)
	})
	l.eachMatrix(down, dt2, n, dim*hidden, func(i int, b []byte) {
		l.storeOutputs(experts[i].Down, b, dt2, transposed, dim, 0, 1)
	})
}

// fusedBiases gives experts their biases; both is nil after an error.
func (l Loader) fusedBiases(experts []tensor.Expert, both, down []float32, hidden, dim, up, step int) {
	if both == nil || down == nil {
		return
	}
	for i := range experts {
		e := &experts[i]
		if l.shapes {
			e.GateBias, e.UpBias, e.DownBias = l.zeroed(hidden), l.zeroed(hidden), l.zeroed(dim)
			continue
		}
		e.DownBias = down[i*dim:][:dim:dim]
		of := both[i*2*hidden:][:2*hidden]
		for j := range hidden {
			e.GateBias, e.UpBias = append(e.GateBias, of[j*step]), append(e.UpBias, of[up+j*step])
		}
	}
}

// eachMatrix calls f with each of the n matrices of a tensor, which have this many elements.
func (l Loader) eachMatrix(name string, dt tensor.DType, n, elements int, f func(i int, b []byte)) {
	size, i := dt.Bytes(elements), 0
	if size == 0 || l.shapes {
		return
	}
	for b, err := range l.src.Chunks(l.full(name), size) {
		if err != nil {
			l.Fail(err)
			return
		}
		for ; len(b) >= size && i < n; i++ {
			f(i, b[:size])
			b = b[size:]
		}
	}
	l.consumed(name)
}

// storeOutputs packs every step-th output from first on, of all that a matrix in a file has, into w.
func (l Loader) storeOutputs(w *tensor.Weight, b []byte, dt tensor.DType, transposed bool, all, first, step int) {
	size := dt.Bytes(w.In)
	if !transposed && step == 1 {
		l.store(w, 0, b[first*size:][:w.Out*size], dt)
		return
	}
	t := &outputs{conversion: l.conversion(), w: w, b: b, dt: dt, transposed: transposed, all: all, first: first, step: step}
	l.run(&t.conversion, (w.Out+packRows-1)/packRows, t)
}

// outputs packs some outputs of a stored matrix, which has all of them.
type outputs struct {
	conversion
	w                *tensor.Weight
	b                []byte
	dt               tensor.DType
	transposed       bool
	all, first, step int
}

// Do gathers the rows of some outputs and packs them.
func (t *outputs) Do(part, worker int) {
	from := part * packRows
	n := min(packRows, t.w.Out-from)
	row := t.dt.Bytes(t.w.In)
	buffers := &t.buffers[worker]
	buffers.moved = slices.Grow(buffers.moved[:0], n*row)[:n*row]
	rows := buffers.moved
	if t.transposed {
		_, size := t.dt.Block()
		for i := range t.w.In {
			of := t.b[i*t.all*size:][:t.all*size]
			for j := range n {
				copy(rows[(j*t.w.In+i)*size:][:size], of[(t.first+t.step*(from+j))*size:])
			}
		}
	} else {
		for j := range n {
			copy(rows[j*row:][:row], t.b[(t.first+t.step*(from+j))*row:])
		}
	}
	t.pack(part, worker, t.w, from, rows, t.dt)
}

// Float32 is [Loader.Linear] for a small layer whose answers decide what is computed, such as a router: it is
// kept in float32 and multiplies in full precision, whatever the options say. Its numbers must be finite.
func (l Loader) Float32(name string, in, out int, bias bool) Linear {
	var lin Linear
	if l.shapes {
		if _, ok := l.lookup(name+".weight", out, in); !ok {
			return lin
		}
		lin.Weight = tensor.Describe(tensor.F32, tensor.FullPrecision, out, in)
	} else {
		w := l.Finite(name+".weight", out, in)
		if w == nil {
			return lin
		}
		lin.Weight = tensor.WeightFrom(tensor.From(w, out, in))
	}
	if bias {
		lin.Bias = l.Finite(name+".bias", out)
	}
	return lin
}

// Finite is [Loader.Vector] for numbers that decide what is computed: one that is NaN or infinite is an error.
func (l Loader) Finite(name string, dims ...int) []float32 {
	x := l.Vector(name, dims...)
	if !vec.Finite(x) {
		i := slices.IndexFunc(x, func(v float32) bool { return v-v != 0 })
		l.Fail(fmt.Errorf("nn: tensor %q: element %d is %v; a number that decides which expert a token uses must be finite", l.full(name), i, x[i]))
		return nil
	}
	return x
}
