package arch

import (
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// PositionTable gives the row that is added for a position: a *[tensor.Weight] of learned ones, or
// [Sinusoids]. It may be used from several goroutines.
type PositionTable interface {
	Row(dst []float32, pos int)
}

var _ PositionTable = (*tensor.Weight)(nil)

// Sinusoids are positions without training (Vaswani et al., 2017): sines and cosines of pos·InvFreq, as
// many of each as there are frequencies. Any position has a row.
type Sinusoids struct {
	InvFreq []float64

	// Interleaved has sines in even columns and cosines in odd ones; otherwise all sines come first.
	Interleaved bool

	// Float32Angles rounds angles to float32, which shows from a position of a few hundred on. InvFreq holds
	// float32 values then.
	Float32Angles bool

	// With Padded, the row PaddingIdx is zero.
	Padded     bool
	PaddingIdx int
}

// Row sets dst to the row of a position. Columns beyond sines and cosines are zero; a cosine that has no
// room is left out.
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

// Table returns the first rows as a matrix, [rows, dim], unless that is large: then rows are computed when
// they are needed.
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

// NewSinusoids returns the sinusoids of a width whose wavelengths grow from 2π to 10000·2π.
func NewSinusoids(dim int) *Sinusoids {
	s := &Sinusoids{InvFreq: make([]float64, (dim+1)/2)}
	for k := range s.InvFreq {
		s.InvFreq[k] = 1 / math.Pow(10000, 2*float64(k)/float64(dim))
	}
	return s
}

// FairseqSinusoids returns those of fairseq, computed in float32, with wavelengths that reach 10000·2π; the
// row of the padding id is zero.
func FairseqSinusoids(dim, pad int) *Sinusoids {
	half := dim / 2
	s := &Sinusoids{InvFreq: make([]float64, half), Float32Angles: true, Padded: true, PaddingIdx: pad}
	step := float32(math.Log(10000) / float64(half-1))
	for k := range s.InvFreq {
		s.InvFreq[k] = float64(float32(math.Exp(float64(float32(k) * -step))))
	}
	return s
}
