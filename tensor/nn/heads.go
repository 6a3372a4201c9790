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
// one matrix a head, [N, in], or [in, N] if it is transposed. Entries may share rows. Of a block type, what is
// transposed is kept in float32, and products with all are exact.
//
// The first rows of each head and the others may be stored apart, as GGUF files have those of keys and of values:
// name.weight#0 is the first, of all heads and transposed, [heads, in, n], and name.weight#1 [heads, rows−n, in].
func (l Loader) Heads(name string, in, heads, rows int, parts ...HeadRows) [][]*tensor.Weight {
	matrices := make([][]*tensor.Weight, len(parts))
	name += ".weight"
	if first := pieceName(name, 0); !l.Has(name) && l.Has(first) {
		info, _ := l.src.Lookup(l.full(first))
		n := info.Shape[max(len(info.Shape)-1, 0):]
		if len(n) == 0 || n[0] > rows {
			l.Fail(fmt.Errorf("nn: tensor %q has shape %v, want [%d, %d, at most %d]", l.full(first), info.Shape, heads, in, rows))
			return matrices
		}
		l.headPiece(matrices, first, true, in, heads, 0, n[0], parts)
		l.headPiece(matrices, pieceName(name, 1), false, in, heads, n[0], rows-n[0], parts)
		return matrices
	}
	l.headPiece(matrices, name, false, in, heads, 0, rows, parts)
	return matrices
}

// headPiece reads the matrices of those parts whose rows a tensor has: n of each head, from number first on. It is
// [heads·n, in]; or transposed, [heads, in, n].
func (l Loader) headPiece(matrices [][]*tensor.Weight, name string, transposed bool, in, heads, first, n int, parts []HeadRows) {
	dims, wide := []int{heads, n, in}, in
	switch {
	case transposed:
		dims, wide = []int{heads, in, n}, n
	case first == 0:
		dims = []int{heads * n, in}
	}
	dt, ok := l.lookup(name, dims...)
	if !ok {
		return
	}
	if !l.whole(name, dt, wide) {
		return
	}
	b, ok := l.bytes(name)
	if !ok && !l.shapes {
		return
	}
	row, size := dt.Bytes(wide), dt.Bytes(n*in)
	for i, part := range parts {
		if part.First < first || part.First+part.N > first+n {
			continue
		}
		part.First -= first
		if transposed && part.N != n {
			l.Fail(fmt.Errorf("nn: tensor %q has %d rows of each head, want %d", l.full(name), n, part.N))
			return
		}
		for h := range heads {
			var of []byte
			if ok {
				of = b[h*size:][:size]
			}
			if ok && !transposed {
				of = of[part.First*row:][:part.N*row]
			}
			matrices[i] = append(matrices[i], l.headRows(name, of, dt, in, part, transposed))
		}
	}
	if ok {
		l.consumed(name)
	}
}

// headRows returns the matrix of one head from its rows, which may be stored transposed, or its shape if there are none.
func (l Loader) headRows(name string, b []byte, dt tensor.DType, in int, part HeadRows, stored bool) *tensor.Weight {
	out, wide := part.N, in
	if part.Transposed {
		out, wide = in, part.N
	}
	turn, kept := part.Transposed != stored, tensor.F32
	if elements, _ := dt.Block(); turn && elements > 1 {
		b, dt = widened(b, dt, part.N*in), tensor.F32
	} else {
		kept = l.keep(name, dt, wide)
	}
	w := l.newWeight(kept, out, wide).With(tensor.FullPrecision)
	if b != nil {
		l.storeOutputs(w, b, dt, turn, out, 0, 1)
	}
	return w
}

// widened returns n values as float32, as a file has them.
func widened(b []byte, dt tensor.DType, n int) []byte {
	if b == nil {
		return nil
	}
	x, wide := make([]float32, n), make([]byte, 4*n)
	dt.Decode(x, b)
	tensor.F32.Encode(wide, x)
	return wide
}
