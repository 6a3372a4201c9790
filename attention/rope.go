package attention

import (
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// RoPE rotates pairs of a head's values by angles proportional to the position (Su et al., "RoFormer", 2021).
// A score then depends on the distance of query and key. [NewRoPE] makes one. Do not change it while it is in
// use; any number of passes may use it at once.
type RoPE struct {
	// InvFreq is the angle in radians that each pair turns per position, [Dim/2].
	InvFreq []float32

	// AttentionFactor multiplies the rotated values; 0 means 1. YaRN and LongRoPE use it.
	AttentionFactor float32

	// ScoreFactor is YaRN's second correction, mscale(MScaleAllDim)²: models with latent attention multiply their
	// scores by it. 0 means 1. A RoPE does not use it.
	ScoreFactor float64

	// Interleaved pairs neighbours (2i, 2i+1), as GPT-J does, instead of (i, i+Dim/2).
	Interleaved bool

	// Long, if not nil, replaces this rotation for sequences longer than OriginalMaxLen.
	Long           *RoPE
	OriginalMaxLen int

	// dynamic, if its factor is not 0, computes InvFreq anew for sequences longer than OriginalMaxLen.
	dynamic dynamicNTK
}

// Dim returns how many values at the start of each head are rotated.
func (r *RoPE) Dim() int { return 2 * len(r.InvFreq) }

// at returns the rotation for a sequence of this length; freq is memory for its frequencies.
func (r *RoPE) at(length int, freq []float32) (invFreq []float32, amplitude float32) {
	if r.Long != nil && length > r.OriginalMaxLen {
		r = r.Long
	}
	invFreq, amplitude = r.InvFreq, r.AttentionFactor
	if r.dynamic.factor != 0 && length > r.OriginalMaxLen {
		r.dynamic.frequencies(freq, length, r.OriginalMaxLen)
		invFreq = freq
	}
	if amplitude == 0 {
		amplitude = 1
	}
	return invFreq, amplitude
}

// table sets cos and sin, [Dim/2], for a position. The angle is rounded to float32 before its cosine is
// taken, as the reference does.
func table(cos, sin, invFreq []float32, amplitude float32, pos int) {
	for i, f := range invFreq {
		s, c := math.Sincos(float64(float32(pos) * f))
		cos[i] = float32(c) * amplitude
		sin[i] = float32(s) * amplitude
	}
}

// Rotate rotates the heads in x, [T, H, D], in place. The T tokens are at positions pos, pos+1, …; length is
// the length of their sequence.
func (r *RoPE) Rotate(x tensor.Tensor, pos, length int) {
	half := len(r.InvFreq)
	buf := make([]float32, 3*half)
	invFreq, amplitude := r.at(length, buf[2*half:])
	for t := range x.Shape[0] {
		table(buf[:half], buf[half:2*half], invFreq, amplitude, pos+t)
		for h := range x.Shape[1] {
			r.rotate(x.Row(t*x.Shape[1]+h), buf[:half], buf[half:2*half])
		}
	}
}

// rotate rotates one head.
func (r *RoPE) rotate(head, cos, sin []float32) {
	head = head[:2*len(cos)]
	if r.Interleaved {
		vec.RotatePairs(head, cos, sin)
	} else {
		vec.RotateHalf(head, cos, sin)
	}
}

// rotation is the table of one RoPE for the rows of a pass: all layers use it.
type rotation struct {
	rope     *RoPE
	ready    bool
	cos, sin []float32 // [T][Dim/2]
	freq     []float32
}

// rotation returns the table of r for the rows of this pass.
func (p *Pass) rotation(r *RoPE) *rotation {
	t := p.slot(r)
	if t.ready {
		return t
	}
	half, row := len(r.InvFreq), 0
	if n := p.Rows() * half; cap(t.cos) < n {
		t.cos, t.sin = make([]float32, n), make([]float32, n)
	}
	if cap(t.freq) < half {
		t.freq = make([]float32, half)
	}
	t.cos, t.sin, t.freq = t.cos[:cap(t.cos)], t.sin[:cap(t.sin)], t.freq[:half]
	for _, s := range p.Seqs {
		invFreq, amplitude := r.at(s.Length, t.freq)
		for i := range s.Rows {
			at := row * half
			table(t.cos[at:at+half], t.sin[at:at+half], invFreq, amplitude, s.Pos+i)
			row++
		}
	}
	t.ready = true
	return t
}

// row returns the cosines and sines of a row of the pass, [Dim/2].
func (t *rotation) row(row int) (cos, sin []float32) {
	half := len(t.rope.InvFreq)
	return t.cos[row*half:][:half], t.sin[row*half:][:half]
}

func (p *Pass) slot(r *RoPE) *rotation {
	for i := range p.rotations {
		if p.rotations[i].rope == r {
			return &p.rotations[i]
		}
	}
	for i := range p.rotations {
		if t := &p.rotations[i]; t.rope == nil { // after Reset
			t.rope, t.ready = r, false
			return t
		}
	}
	p.rotations = append(p.rotations, rotation{rope: r})
	return &p.rotations[len(p.rotations)-1]
}
