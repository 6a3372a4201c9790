package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Why matrices are read where they lie, and not packed when they are first needed into a cache of some size: the
// system's cache of files is such a cache already. It takes all memory that is free and gives it back when somebody else
// needs it, its pages need not be written anywhere, and all models of a machine share them. A cache of packed experts
// would hold them twice on a machine that has too little memory for them once. The price is that products pack parts of
// panels again and again: nothing beside a disk, and up to half of the time where the pages are resident.

// InPlace reports whether matrices are read from the source when they are used. It must stay open then.
func (l Loader) InPlace() bool { return l.inPlace }

// mapping is a matrix [out, in] that stays where the source has it.
type mapping struct {
	stored tensor.Stored // empty after an error
	dt     tensor.DType
	p      tensor.Precision
	all    int // out
	in     int
}

// mapped returns the n matrices [out, in] of a tensor, which a file may have transposed. After an error they are empty.
func (l Loader) mapped(name string, dt tensor.DType, n, out, in int) []mapping {
	matrices := make([]mapping, n)
	full := l.full(name)
	s, ok := tensor.Stored{}, false
	if src, in := l.src.(checkpoint.InPlace); in {
		s, ok = src.InPlace(full)
	}
	if !ok {
		l.Fail(fmt.Errorf("nn: tensor %q cannot be read in place: it is computed from what is stored, or its file is not mapped, as files of os.DirFS are; have experts packed", full))
		return matrices
	}
	size := len(s.Data) / max(n, 1)
	for i := range matrices {
		m := s
		m.Data = s.Data[i*size:][:size:size]
		matrices[i] = mapping{m, dt, l.opt.Precision.Of(dt), out, in}
	}
	l.inPlace = true
	l.read(full)
	return matrices
}

// outputs returns n outputs of the matrix: number first, and then every step-th.
func (m mapping) outputs(transposed bool, n, first, step int) *tensor.Weight {
	if m.stored.Data == nil {
		return nil
	}
	s, row := m.stored, m.dt.Bytes(m.in)
	if transposed {
		_, element := m.dt.Block()
		s.Data, s.Row, s.Col = s.Data[first*element:], step*element, m.all*element
	} else {
		s.Data, s.Row = s.Data[first*row:], step*row
	}
	return tensor.InPlace(m.dt, m.p, n, m.in, s)
}
