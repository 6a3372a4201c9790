package tensor

import "github.com/seed2010d43f/transformer/internal/hugepages"

// Arena lends scratch tensors, which are valid until [Arena.Release]. It keeps its memory: work repeated with
// the same shapes allocates the first time only. One goroutine at a time may use an Arena. The zero value is
// ready to use. A nil *Arena allocates new memory on each call.
type Arena struct {
	chunks [][]float32
	chunk  int // the one in use
	used   int // of it
}

// Mark is a point in time of an Arena, for [Arena.Release].
type Mark struct{ chunk, used int }

const arenaChunk = 1 << 16 // floats of the first chunk

// New lends a tensor. Its contents are arbitrary.
func (a *Arena) New(dims ...int) Tensor {
	s := Of(dims...)
	return Tensor{s, a.Floats(s.Len())}
}

// Floats lends n floats. Their contents are arbitrary.
func (a *Arena) Floats(n int) []float32 {
	if a == nil {
		return make([]float32, n)
	}
	need := (n + 15) &^ 15 // 64 bytes: vectors stay aligned
	for a.chunk < len(a.chunks) && a.used+need > len(a.chunks[a.chunk]) {
		a.chunk++
		a.used = 0
	}
	if a.chunk == len(a.chunks) {
		size := arenaChunk
		if a.chunk > 0 {
			size = 2 * len(a.chunks[a.chunk-1])
		}
		a.chunks = append(a.chunks, hugepages.Float32s(max(size, need)))
		a.used = 0
	}
	x := a.chunks[a.chunk][a.used : a.used+n : a.used+n]
	a.used += need
	return x
}

// Bytes returns the size of the Arena's memory in bytes.
func (a *Arena) Bytes() int {
	n := 0
	if a != nil {
		for _, c := range a.chunks {
			n += 4 * len(c)
		}
	}
	return n
}

// Mark returns the present point, for a later Release.
func (a *Arena) Mark() Mark {
	if a == nil {
		return Mark{}
	}
	return Mark{a.chunk, a.used}
}

// Release takes back everything lent since m. Tensors lent since then must not be used any more.
func (a *Arena) Release(m Mark) {
	if a == nil {
		return
	}
	a.chunk, a.used = m.chunk, m.used
	if m == (Mark{}) && len(a.chunks) > 1 { // all is back: one chunk that has room for it from now on
		n := 0
		for _, c := range a.chunks {
			n += len(c)
		}
		a.chunks = append(a.chunks[:0], hugepages.Float32s(n))
	}
}
