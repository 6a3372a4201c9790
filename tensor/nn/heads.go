package nn

import (
	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
)

// HeadRows are some of the rows that a layer has for each head: N of them, from First on.
type HeadRows struct {
	First, N   int
	Transposed bool // as a matrix [In, N]
}

// Heads returns matrices of single heads from the weight name.weight, [heads·rows, in]: for each entry of parts
// one matrix a head, [N, in], or [in, N] if it is transposed: then blocks of few bits become F32. Entries may share rows.
// Products with blocks are exact, so that the two forms of a matrix give nearly the same.
func (l Loader) Heads(name string, in, heads, rows int, parts ...HeadRows) [][]*tensor.Weight {
	matrices := make([][]*tensor.Weight, len(parts))
	name += ".weight"
	dt, ok := l.lookup(name, heads*rows, in)
	if !ok || !l.whole(name, dt, in) {
		return matrices
	}
	b, ok := l.bytes(name)
	if !ok && !l.shapes {
		return matrices
	}
	size := dt.Bytes(in)
	for i, part := range parts {
		for h := range heads {
			out, wide := part.N, in
			if part.Transposed {
				out, wide = in, part.N
			}
			is := dt
			if part.Transposed {
				is = movable(dt)
			}
			w := l.newWeight(l.keep(name, is, wide), out, wide).With(tensor.FullPrecision)
			if ok {
				rows := b[(h*rows+part.First)*size:][:part.N*size]
				if is != dt {
					x := make([]float32, part.N*in)
					dt.Decode(x, rows)
					rows = bytesview.Bytes(x)
				}
				l.storeOutputs(w, rows, is, part.Transposed, out, 0, 1)
			}
			matrices[i] = append(matrices[i], w)
		}
	}
	if ok {
		l.consumed(name)
	}
	return matrices
}

// movable returns the type in which single elements of a stored type can be moved: itself, or F32 for blocks.
func movable(dt tensor.DType) tensor.DType {
	if elements, _ := dt.Block(); elements > 1 {
		return tensor.F32
	}
	return dt
}

// StackedHeads returns matrices of single heads from the weight name.weight, [heads, out, in], one [out, in] a head; and
// the same transposed, [in, out], if their elements can be moved: of blocks of few bits there are none.
func (l Loader) StackedHeads(name string, heads, out, in int) (straight, transposed []*tensor.Weight) {
	name += ".weight"
	dt, ok := l.lookup(name, heads, out, in)
	if !ok || !l.whole(name, dt, in) {
		return nil, nil
	}
	b, ok := l.bytes(name)
	if !ok && !l.shapes {
		return nil, nil
	}
	size := dt.Bytes(in) * out
	for h := range heads {
		w := l.newWeight(l.keep(name, dt, in), out, in).With(tensor.FullPrecision)
		straight = append(straight, w)
		if ok {
			l.storeOutputs(w, b[h*size:][:size], dt, false, out, 0, 1)
		}
		if movable(dt) != dt {
			continue
		}
		w = l.newWeight(l.keep(name, dt, out), in, out)
		transposed = append(transposed, w)
		if ok {
			l.storeOutputs(w, b[h*size:][:size], dt, true, in, 0, 1)
		}
	}
	if ok {
		l.consumed(name)
	}
	return straight, transposed
}
