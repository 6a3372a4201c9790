package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// HeadRows are some of the rows that a layer has for each head: N of them, from First on.
type HeadRows struct {
	First, N   int
	Transposed bool // as a matrix [In, N]
}

// Heads returns matrices of single heads from the weight name.weight, [heads·rows, in]: for each entry of parts
// one matrix a head, [N, in], or [in, N] if it is transposed. Entries may share rows.
func (l Loader) Heads(name string, in, heads, rows int, parts ...HeadRows) [][]*tensor.Weight {
	matrices := make([][]*tensor.Weight, len(parts))
	name += ".weight"
	dt, ok := l.lookup(name, heads*rows, in)
	if !ok {
		return matrices
	}
	if elements, _ := dt.Block(); elements > 1 {
		l.Fail(fmt.Errorf("nn: tensor %q is of type %v, whose blocks cannot be divided by heads", l.full(name), dt))
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
			w := l.newWeight(l.keep(name, dt, wide), out, wide)
			if ok {
				l.storeOutputs(w, b[(h*rows+part.First)*size:][:part.N*size], dt, part.Transposed, out, 0, 1)
			}
			matrices[i] = append(matrices[i], w)
		}
	}
	if ok {
		l.consumed(name)
	}
	return matrices
}
