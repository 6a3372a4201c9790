package llamacpp

import (
	"math"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// rope sets the keys of a rotation of whole heads.
func (f *file) rope() {
	d := f.headDim()
	if rotated := f.optional("rope.dimension_count", d); rotated != d {
		f.fail("%s is %d and a head has %d values; this architecture rotates all of them", f.key("rope.dimension_count"), rotated, d)
	}
	f.rotation()
}

// rotation sets the keys of the rotation, as older configs have them: rope_theta and rope_scaling.
func (f *file) rotation() {
	set(f.config, "rope_theta", f.float("rope.freq_base", 10000))
	if scaling := f.scaling(); scaling != nil {
		f.config.setObject("rope_scaling", scaling)
	}
}

// partialRope sets the share of each head that rotates too.
func (f *file) partialRope() {
	f.rotation()
	d := f.headDim()
	rotated := f.optional("rope.dimension_count", d)
	if rotated < 1 || rotated > d {
		f.fail("%s is %d; a head has %d values", f.key("rope.dimension_count"), rotated, d)
		return
	}
	// The reference rounds the product down: the share must not lose the last value.
	share := float64(rotated) / float64(d)
	if int(float64(d)*share) < rotated {
		share = math.Nextafter(share, 1)
	}
	set(f.config, "partial_rotary_factor", share)
}

// scaling returns rope_scaling, or nil.
func (f *file) scaling() config {
	kind := ""
	if f.has("rope.scaling.type") {
		kind = get(f, f.key("rope.scaling.type"), f.meta.String)
	}
	factor := f.float("rope.scaling.factor", f.float("rope.scale_linear", 0))
	if kind == "" && factor != 0 && factor != 1 {
		kind = "linear"
	}
	factors := f.factors("rope_freqs.weight")
	long := f.factors("rope_factors_long.weight")
	if (factors != nil || long != nil) && kind != "" && kind != "none" && kind != "longrope" {
		f.fail("the file has factors of the rotation, and %s is %q; both together are not supported", f.key("rope.scaling.type"), kind)
	}
	switch {
	case long != nil:
		return f.longrope(f.factors("rope_factors_short.weight"), long)
	case factors != nil:
		return f.divided(factors)
	}
	switch kind {
	case "", "none":
		return nil
	case "linear":
		s := config{}
		set(s, "rope_type", "linear")
		set(s, "factor", factor)
		return s
	case "yarn":
		return f.yarn(factor)
	case "longrope":
		f.fail("%s is %q, and there are no tensors rope_factors_long.weight and rope_factors_short.weight", f.key("rope.scaling.type"), kind)
	default:
		f.fail("%s is %.200q; these are supported: none linear yarn longrope", f.key("rope.scaling.type"), kind)
	}
	return nil
}

// yarn returns YaRN's keys.
func (f *file) yarn(factor float64) config {
	s := config{}
	set(s, "rope_type", "yarn")
	set(s, "factor", factor)
	set(s, "original_max_position_embeddings", f.optional("rope.scaling.original_context_length", f.optional("context_length", 0)))
	if f.has("rope.scaling.yarn_log_multiplier") { // of latent attention, a tenth of what the config has
		m := shortest(float64(float32(10 * f.float("rope.scaling.yarn_log_multiplier", 0))))
		set(s, "mscale_all_dim", m)
		set(s, "mscale", m) // which is not stored: cosine and sine stay what they are in all published models
	}
	for _, k := range []struct{ stored, key string }{
		{"rope.scaling.yarn_attn_factor", "attention_factor"}, {"rope.scaling.attn_factor", "attention_factor"},
		{"rope.scaling.yarn_beta_fast", "beta_fast"}, {"rope.scaling.yarn_beta_slow", "beta_slow"},
	} {
		if f.has(k.stored) {
			set(s, k.key, f.float(k.stored, 0))
		}
	}
	return s
}

// longrope returns the keys of factors for short and for long texts.
func (f *file) longrope(short, long []float64) config {
	s := config{}
	set(s, "rope_type", "longrope")
	set(s, "short_factor", short)
	set(s, "long_factor", long)
	original := f.optional("rope.scaling.original_context_length", f.optional("context_length", 0))
	set(f.config, "original_max_position_embeddings", original)
	if f.has("rope.scaling.attn_factor") {
		set(s, "attention_factor", f.float("rope.scaling.attn_factor", 0))
	}
	return s
}

// llama3 are the numbers of LLaMA 3.1, and those of LLaMA 4 Scout, beside the factor.
var llama3 = []struct {
	low, high float64
	original  int
}{{1, 4, 8192}, {1, 1, 8192}}

// divided returns the scaling by which each frequency is divided by a factor. If the factors are those of a published
// model, it is the formula from which the converter computed them, and so has the reference's bits. Otherwise it is
// longrope with the same factors for short and long texts.
func (f *file) divided(factors []float64) config {
	largest := 0.0
	for _, x := range factors {
		largest = max(largest, x)
	}
	theta := f.float("rope.freq_base", 10000)
	s := config{}
	for _, p := range llama3 {
		if !isLlama3(factors, theta, largest, p.low, p.high, float64(p.original)) {
			continue
		}
		set(s, "rope_type", "llama3")
		set(s, "factor", largest)
		set(s, "low_freq_factor", p.low)
		set(s, "high_freq_factor", p.high)
		set(s, "original_max_position_embeddings", p.original)
		return s
	}
	set(s, "rope_type", "longrope")
	set(s, "short_factor", factors)
	set(s, "long_factor", factors)
	set(s, "attention_factor", 1.0)
	set(s, "original_max_position_embeddings", f.optional("context_length", 2048))
	return s
}

// isLlama3 reports whether factors are those of LLaMA 3.1's scaling, but for rounding.
func isLlama3(factors []float64, theta, factor, low, high, original float64) bool {
	for i, x := range factors {
		want := dividedBy(i, len(factors), theta, factor, low, high, original)
		if !(math.Abs(x-want) <= 1e-4*want) {
			return false
		}
	}
	return true
}

// dividedBy returns the factor by which LLaMA 3.1 divides frequency i of n.
func dividedBy(i, n int, theta, factor, low, high, original float64) float64 {
	wavelength := 2 * math.Pi * math.Pow(theta, float64(i)/float64(n))
	switch {
	case wavelength > original/low:
		return factor
	case wavelength >= original/high:
		smooth := (original/wavelength - low) / (high - low)
		return 1 / ((1-smooth)/factor + smooth)
	}
	return 1
}

// factors returns the numbers of a small tensor, or nil if there is none.
func (f *file) factors(name string) []float64 {
	info, ok := f.lookup(name)
	if !ok {
		return nil
	}
	if len(info.Shape) != 1 || info.Shape[0] < 1 || info.Shape[0] > maxFactors {
		f.fail("tensor %q has shape %v; one dimension of at most %d is needed", name, info.Shape, maxFactors)
		return nil
	}
	t, err := checkpoint.ReadFloat32(f.src, name)
	if err != nil {
		f.fail("%w", err)
		return nil
	}
	x := make([]float64, len(t.Data))
	for i, v := range t.Data {
		x[i] = shortest(float64(v))
	}
	return x
}

const maxFactors = 1 << 15 // half of the largest head that rotates
