package checkpoint

import (
	"iter"

	"github.com/seed2010d43f/transformer/tensor"
)

// Bounds of what a Shapes takes: beyond every published model, and so few that a hostile config costs no time.
const (
	maxShapes   = 1 << 20 // tensors
	maxElements = 1 << 45 // of all tensors
)

// Shapes is a [Maker] of tensors that have names, types and shapes, and no data. A model that is built from it
// takes next to no memory: package nn makes layers without values. Package cost counts what such models are
// made of.
//
// What is beyond every published model is not made, and [Source.Lookup] does not find it then: a tensor past
// a million, or past 3·10¹³ elements in all.
type Shapes struct {
	maker
	elements int64
}

// NewShapes returns a Shapes without tensors yet. Those that it makes have the type d. It panics if d is not a
// type of tensors in files.
func NewShapes(d DType) *Shapes {
	if _, _, ok := d.Block(); !ok {
		panic("checkpoint: shapes of type " + string(d))
	}
	return &Shapes{maker: maker{dtype: d, generator: generator{infos: map[string]Info{}}}}
}

// Make implements [Maker]. A tensor that is there keeps its shape.
func (s *Shapes) Make(name string, shape tensor.Shape) {
	info, ok := NewInfo(name, s.dtype, shape[:shape.Rank()])
	if !ok {
		return
	}
	s.mu.Lock()
	_, known := s.infos[name]
	blockLen, blockSize, _ := s.dtype.Block()
	n := info.Size / int64(blockSize) * int64(blockLen)
	full := len(s.names) >= maxShapes || n > maxElements-s.elements
	if !known && !full {
		s.elements += n
	}
	s.mu.Unlock()
	if !known && !full {
		s.add(name, s.dtype, shape)
	}
}

// Elements returns the number of elements of all tensors.
func (s *Shapes) Elements() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.elements
}

// noData is the error of reading.
func noData(name string) error {
	return &Error{Tensor: name, Kind: ErrNotFound, Detail: "this source has shapes and no data"}
}

// Bytes implements [Source]. It returns [ErrNotFound]: there are no data.
func (s *Shapes) Bytes(name string) ([]byte, error) { return nil, noData(name) }

// Chunks implements [Source]. It yields [ErrNotFound]: there are no data.
func (s *Shapes) Chunks(name string, _ int) iter.Seq2[[]byte, error] { return failed(noData(name)) }
