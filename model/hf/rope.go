package hf

import (
	"cmp"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
)

// RopeParameters returns the object that describes the rotation: rope_scaling, as in older configs, or else
// rope_parameters.
func (c *Config) RopeParameters() *Config {
	if old := c.Object("rope_scaling"); len(old.keys) > 0 {
		return old
	}
	return c.Object("rope_parameters")
}

// Rope holds a family's defaults for its rotary embedding.
type Rope struct {
	Dim    int     // width of a head
	Theta  float64 // default of rope_theta
	MaxLen int     // max_position_embeddings

	// Share is the default of partial_rotary_factor, the share of each head that is rotated. 0 means that the
	// family always rotates whole heads; a config that scales the rotation and asks for another share is then
	// an error.
	Share float64

	// OddDim allows an odd number of rotated values; one more is rotated then, see [attention.NewRoPE]. It is
	// an error in most families.
	OddDim bool

	// OriginalMaxLen is original_max_position_embeddings, for families that have this key outside the object
	// that describes the rotation. 0 takes the config's or the object's key, or else MaxLen.
	OriginalMaxLen int
}

// RopeType returns the kind of rotation that p describes: "default", "linear", "dynamic", "llama3", "yarn" or
// "longrope".
func (p *Config) RopeType() string { return p.String("rope_type", p.String("type", "default")) }

// Rope returns the rotary embedding that the object p describes, such as [Config.RopeParameters]. f holds the
// defaults of the family.
func (c *Config) Rope(p *Config, f Rope) *attention.RoPE {
	theta := p.Float("rope_theta", f.Theta)
	s := attention.Scaling{
		Type:            p.RopeType(),
		Factor:          p.Float("factor", 0),
		LowFreqFactor:   p.Float("low_freq_factor", 0),
		HighFreqFactor:  p.Float("high_freq_factor", 0),
		BetaFast:        p.Float("beta_fast", 0),
		BetaSlow:        p.Float("beta_slow", 0),
		MScale:          p.Float("mscale", 0),
		MScaleAllDim:    p.Float("mscale_all_dim", 0),
		NoTruncate:      !p.Bool("truncate", true),
		AttentionFactor: p.Float("attention_factor", 0),
	}
	p.decode("short_factor", &s.ShortFactor, "a list of numbers")
	p.decode("long_factor", &s.LongFactor, "a list of numbers")
	switch s.Type {
	case "dynamic":
		s.OriginalMaxLen = f.MaxLen
	case "llama3", "yarn", "longrope":
		const key = "original_max_position_embeddings"
		s.OriginalMaxLen = cmp.Or(f.OriginalMaxLen, c.Int(key, p.Int(key, f.MaxLen, 1, MaxLength), 1, MaxLength))
		if s.Factor == 0 && s.Type != "llama3" {
			s.Factor = float64(f.MaxLen) / float64(s.OriginalMaxLen)
		}
	}
	dim := f.Dim
	if share := c.rotaryShare(p, f.Share); f.Share != 0 {
		dim = int(float64(dim) * share)
	} else if share != 1 && s.Type != "default" {
		c.Fail("partial_rotary_factor %v with rope type %q is not supported", share, s.Type)
	}
	if dim%2 != 0 && !f.OddDim {
		c.Fail("%d values of each head rotate; an even number is needed", dim)
	}
	r, err := attention.NewRoPE(dim, theta, s)
	if err != nil {
		c.Fail("%w", err)
		r = &attention.RoPE{}
	}
	return r
}

// rotaryShare returns the share of a head that rotates.
func (c *Config) rotaryShare(p *Config, otherwise float64) float64 {
	if otherwise == 0 {
		otherwise = 1
	}
	share := p.Float("partial_rotary_factor", c.Float("partial_rotary_factor", otherwise))
	if !(share > 0 && share <= 1) {
		c.Fail("partial_rotary_factor is %v; a number above 0 and at most 1 is needed", share)
		return 1
	}
	return share
}

// Values of the key layer_types.
const (
	FullAttention    = "full_attention"
	SlidingAttention = "sliding_attention"
	ChunkedAttention = "chunked_attention"
)

// LayerTypes returns the type of each layer: the list layer_types, or if that is absent otherwise(i). Other
// types than those in allowed are an error.
func (c *Config) LayerTypes(layers int, otherwise func(i int) string, allowed ...string) []string {
	var types []string
	if c.decode("layer_types", &types, "a list of strings") && len(types) != layers {
		c.Fail("layer_types has %d entries for %d layers", len(types), layers)
	}
	if len(types) != layers {
		types = make([]string, layers)
		for i := range types {
			types[i] = otherwise(i)
		}
	}
	for i, t := range types {
		if !slices.Contains(allowed, t) {
			c.Fail("layer_types[%d] is %.200q; %q are supported", i, t, allowed)
			break
		}
	}
	return types
}
