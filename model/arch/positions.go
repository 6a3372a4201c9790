package arch

import (
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// PositionTable holds the row to add for each position: a *[tensor.Weight] of learned rows, or [Sinusoids].
// It may be used from several goroutines.
type PositionTable interface {
	Row(dst []float32, pos int)
}

var _ PositionTable = (*tensor.Weight)(nil)

// Sinusoids are position rows without training (Vaswani et al., 2017): the sines and cosines of pos·InvFreq.
// Every position has a row.
type Sinusoids struct {
	InvFreq []float64

	// Interleaved puts sines in even columns and cosines in odd ones; otherwise all sines come first.
	Interleaved bool

	// Float32Angles rounds angles to float32, as some models do; InvFreq then holds float32 values. The
	// difference shows from a position of a few hundred on.
	Float32Angles bool

	// If Padded is true, row PaddingIdx is zero.
	Padded     bool
	PaddingIdx int
}

// Row sets dst to the row of a position. Columns after the sines and cosines are zero; if dst is too short,
// the last cosine is left out.
func (s *Sinusoids) Row(dst []float32, pos int) {
	clear(dst)
	if s.Padded && pos == s.PaddingIdx {
		return
	}
	for k, f := range s.InvFreq {
		angle := float64(pos) * f
		if s.Float32Angles {
			angle = float64(float32(pos) * float32(f))
		}
		at, next := k, k+len(s.InvFreq)
		if s.Interleaved {
			at, next = 2*k, 2*k+1
		}
		sin, cos := math.Sincos(angle)
		dst[at] = float32(sin)
		if next < len(dst) {
			dst[next] = float32(cos)
		}
	}
}

// Table returns the first rows as a matrix, [rows, dim]. If that would be large, it returns s itself, which
// computes rows when they are needed.
func (s *Sinusoids) Table(rows, dim int) PositionTable {
	if rows > maxSinusoids/dim {
		return s
	}
	t, row := new(tensor.Slab).NewTable(tensor.F32, rows, dim), make([]float32, dim)
	for pos := range rows {
		s.Row(row, pos)
		t.PackFloat32(pos, row)
	}
	return t
}

// maxSinusoids is the number of elements up to which a table is kept. The largest of a published model is
// Pegasus's, 1024 positions of 1024.
const maxSinusoids = 1 << 20

// NewSinusoids returns the sinusoids of width dim with wavelengths from 2π to 10000·2π.
func NewSinusoids(dim int) *Sinusoids {
	s := &Sinusoids{InvFreq: make([]float64, (dim+1)/2)}
	for k := range s.InvFreq {
		s.InvFreq[k] = 1 / math.Pow(10000, 2*float64(k)/float64(dim))
	}
	return s
}

// FairseqSinusoids returns the sinusoids of fairseq: computed in float32, with wavelengths up to 10000·2π,
// and with zeros in row pad.
func FairseqSinusoids(dim, pad int) *Sinusoids {
	half := dim / 2
	s := &Sinusoids{InvFreq: make([]float64, half), Float32Angles: true, Padded: true, PaddingIdx: pad}
	step := float32(math.Log(10000) / float64(half-1))
	for k := range s.InvFreq {
		s.InvFreq[k] = float64(float32(math.Exp(float64(float32(k) * -step))))
	}
	return s
}
