package attention

import (
	"fmt"
	"math"
)

// Scaling stretches a [RoPE] to longer contexts than the model was first trained with. The fields are the
// keys of a checkpoint's rope_parameters (formerly rope_scaling). Zero means that the key is absent.
type Scaling struct {
	// Type is "linear", "dynamic", "llama3", "yarn" or "longrope"; "" or "default" means no scaling.
	Type string

	Factor         float64
	OriginalMaxLen int // original_max_position_embeddings; for dynamic, max_position_embeddings

	LowFreqFactor, HighFreqFactor float64 // llama3

	BetaFast, BetaSlow   float64 // yarn; 0 means 32 and 1
	MScale, MScaleAllDim float64 // yarn
	NoTruncate           bool    // yarn: the key truncate is false
	AttentionFactor      float64 // yarn and longrope; 0 means that it follows from the other keys

	ShortFactor, LongFactor []float64 // longrope, [dim/2]
}

// NewRoPE returns the rotation of the first dim values of each head, with the angles base^(−2i/dim) per
// position. base is the config's rope_theta. If dim is odd, one more value is rotated by the same formula, as
// in GPT-NeoX.
//
// The scalings follow transformers' modeling_rope_utils: linear, dynamic NTK, YaRN (Peng et al., 2023),
// LongRoPE (Ding et al., 2024) and LLaMA 3.1's. NewRoPE returns an error for an unknown type and for numbers
// that make no sense.
//
// Two scalings depend on the length of the sequence. LongRoPE has one set of frequencies for lengths up to
// OriginalMaxLen and another for longer ones. Dynamic NTK computes new frequencies for each length beyond
// OriginalMaxLen. Cached keys keep the rotation that they had when they were cached, as in transformers when
// it generates with its cache. So the result for a prompt longer than OriginalMaxLen depends on how the
// prompt is split.
func NewRoPE(dim int, base float64, s Scaling) (*RoPE, error) {
	if dim <= 0 || dim > 1<<16 {
		return nil, fmt.Errorf("attention: RoPE over %d values of a head; a positive number is needed", dim)
	}
	if !(base > 0) || math.IsInf(base, 0) {
		return nil, fmt.Errorf("attention: RoPE with base %v (rope_theta); a positive number is needed", base)
	}
	r := &RoPE{InvFreq: make([]float32, (dim+1)/2)}
	frequencies(r.InvFreq, base, dim)
	if s.Type != "" && s.Type != "default" {
		if err := s.check(dim, base); err != nil {
			return nil, err
		}
		s.apply(r, base, dim)
		if s.MScaleAllDim != 0 {
			m := s.mscale(s.MScaleAllDim)
			r.ScoreFactor = m * m
		}
	}
	if !r.finite() {
		s.ShortFactor, s.LongFactor = nil, nil // lists may be long
		return nil, fmt.Errorf("attention: RoPE with base %v and scaling %+v has frequencies that are not finite", base, s)
	}
	return r, nil
}

func (s *Scaling) apply(r *RoPE, base float64, dim int) {
	switch s.Type {
	case "linear":
		for i := range r.InvFreq {
			r.InvFreq[i] /= float32(s.Factor)
		}
	case "dynamic":
		r.OriginalMaxLen = s.OriginalMaxLen
		r.dynamic = dynamicNTK{base, s.Factor, dim}
	case "llama3":
		s.llama3(r)
	case "yarn":
		s.yarn(r, base)
	case "longrope":
		s.longrope(r, base)
	}
}

// finite reports whether frequencies and amplitudes are numbers: extreme parameters pass every check of
// their own.
func (r *RoPE) finite() bool {
	for _, f := range r.InvFreq {
		if f-f != 0 {
			return false
		}
	}
	return r.AttentionFactor-r.AttentionFactor == 0 && r.ScoreFactor-r.ScoreFactor == 0 && (r.Long == nil || r.Long.finite())
}

// frequencies sets f[i] to base^(−2i/dim), rounded where the reference rounds.
func frequencies(f []float32, base float64, dim int) {
	for i := range f {
		exponent := float32(2*i) / float32(dim)
		f[i] = 1 / float32(math.Pow(base, float64(exponent)))
	}
}

func (s *Scaling) check(dim int, base float64) error {
	bad := func(key string, value any, want string) error {
		return fmt.Errorf("attention: RoPE scaling %q with %s = %v; %s is needed", s.Type, key, value, want)
	}
	needsFactor, needsOriginal := true, true
	switch s.Type {
	case "linear":
		needsOriginal = false
	case "llama3":
		if !(s.LowFreqFactor > 0) || !(s.HighFreqFactor >= s.LowFreqFactor) { // LLaMA 4 Scout has equal ones
			return bad("low_freq_factor and high_freq_factor", [2]float64{s.LowFreqFactor, s.HighFreqFactor}, "0 < low ≤ high")
		}
	case "dynamic", "yarn":
		if dim < 3 {
			return bad("rotary dimension", dim, "at least 3")
		}
		if base == 1 {
			return bad("base (rope_theta)", base, "another base")
		}
		if s.Type == "yarn" && dim%2 != 0 {
			return bad("rotary dimension", dim, "an even number")
		}
	case "longrope":
		needsFactor = s.AttentionFactor == 0
		if dim%2 != 0 {
			return bad("rotary dimension", dim, "an even number")
		}
		if needsFactor && s.Factor > 1 && s.OriginalMaxLen == 1 {
			return bad("original length", s.OriginalMaxLen, "at least 2")
		}
		for _, list := range [][]float64{s.ShortFactor, s.LongFactor} {
			if len(list) != dim/2 {
				return bad("a factor list of length", len(list), fmt.Sprintf("half the rotary dimension, %d,", dim/2))
			}
			for _, f := range list {
				if !(f > 0) || math.IsInf(f, 0) {
					return bad("factor", f, "a positive number")
				}
			}
		}
	default:
		return fmt.Errorf("attention: RoPE scaling %q is not supported; these are: default linear dynamic llama3 yarn longrope", s.Type)
	}
	for _, p := range []struct {
		key   string
		value float64
	}{
		{"beta_fast", s.BetaFast}, {"beta_slow", s.BetaSlow}, {"mscale", s.MScale},
		{"mscale_all_dim", s.MScaleAllDim}, {"attention_factor", s.AttentionFactor},
	} {
		if !(p.value >= 0) || math.IsInf(p.value, 0) {
			return bad(p.key, p.value, "a positive number")
		}
	}
	if needsFactor && (!(s.Factor > 0) || math.IsInf(s.Factor, 0)) {
		return bad("factor", s.Factor, "a positive number")
	}
	if needsOriginal && s.OriginalMaxLen <= 0 {
		return bad("original length", s.OriginalMaxLen, "a positive number")
	}
	return nil
}

type dynamicNTK struct {
	base, factor float64
	dim          int
}

// frequencies sets f for a sequence longer than the original length.
func (d dynamicNTK) frequencies(f []float32, length, original int) {
	dim := float64(d.dim)
	grown := d.factor*float64(length)/float64(original) - (d.factor - 1)
	frequencies(f, d.base*math.Pow(grown, dim/(dim-2)), d.dim)
}

// llama3 slows long wavelengths down by the factor, keeps short ones, and blends between.
func (s *Scaling) llama3(r *RoPE) {
	low, high := float64(s.OriginalMaxLen)/s.LowFreqFactor, float64(s.OriginalMaxLen)/s.HighFreqFactor
	for i, f := range r.InvFreq {
		wavelength := 2 * math.Pi / float64(f)
		switch {
		case wavelength > low:
			r.InvFreq[i] = f / float32(s.Factor)
		case wavelength >= high:
			smooth := (float64(s.OriginalMaxLen)/wavelength - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor)
			r.InvFreq[i] = float32((1-smooth)*float64(f)/s.Factor + smooth*float64(f))
		}
	}
}

// yarn interpolates the frequencies that turn seldom within the original length, keeps those that turn
// often, and ramps between.
func (s *Scaling) yarn(r *RoPE, base float64) {
	dim := float64(2 * len(r.InvFreq))
	turns := func(beta, otherwise float64) float64 { // the index of the pair that turns beta times
		if beta == 0 {
			beta = otherwise
		}
		return dim * math.Log(float64(s.OriginalMaxLen)/(beta*2*math.Pi)) / (2 * math.Log(base))
	}
	low, high := turns(s.BetaFast, 32), turns(s.BetaSlow, 1)
	if !s.NoTruncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, dim-1)
	if low == high {
		high += 0.001
	}
	for i, f := range r.InvFreq {
		keep := 1 - min(max((float64(i)-low)/(high-low), 0), 1)
		r.InvFreq[i] = float32(float64(f)/s.Factor*(1-keep) + float64(f)*keep)
	}
	switch {
	case s.AttentionFactor != 0:
		r.AttentionFactor = float32(s.AttentionFactor)
	case s.MScale != 0 && s.MScaleAllDim != 0:
		r.AttentionFactor = float32(s.mscale(s.MScale) / s.mscale(s.MScaleAllDim))
	default:
		r.AttentionFactor = float32(s.mscale(1))
	}
}

// mscale is YaRN's correction for what a longer context does to scores, of weight m.
func (s *Scaling) mscale(m float64) float64 {
	if s.Factor <= 1 {
		return 1
	}
	return 0.1*m*math.Log(s.Factor) + 1
}

// longrope divides each frequency by a factor of its own, from one list for short and one for long
// sequences.
func (s *Scaling) longrope(r *RoPE, base float64) {
	amplitude := s.AttentionFactor
	if amplitude == 0 {
		amplitude = 1
		if s.Factor > 1 {
			amplitude = math.Sqrt(1 + math.Log(s.Factor)/math.Log(float64(s.OriginalMaxLen)))
		}
	}
	scaled := func(factors []float64) []float32 {
		f := make([]float32, len(factors))
		for i := range f {
			exponent := float32(2*i) / float32(2*len(f))
			f[i] = 1 / (float32(factors[i]) * float32(math.Pow(base, float64(exponent))))
		}
		return f
	}
	r.AttentionFactor, r.OriginalMaxLen = float32(amplitude), s.OriginalMaxLen
	r.InvFreq = scaled(s.ShortFactor)
	r.Long = &RoPE{InvFreq: scaled(s.LongFactor), AttentionFactor: r.AttentionFactor}
}
