package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// config reads a JSON object key by key. Absent keys and nulls give the default; values that are wrong
// are noted and reported together by err.
type config struct {
	path string // of the object within the file, for errors
	keys map[string]json.RawMessage
	errs *[]error
}

const maxConfig = sidefile.MaxConfig // bytes

func parseConfig(file string, data []byte) (config, error) {
	c := config{path: file, errs: new([]error)}
	if len(data) > maxConfig {
		return c, fmt.Errorf("model: %s has %d bytes; no config needs more than %d", file, len(data), maxConfig)
	}
	if err := json.Unmarshal(sidefile.TrimMark(data), &c.keys); err != nil {
		return c, fmt.Errorf("model: %s is not a JSON object: %w", file, err)
	}
	return c, nil
}

// defaults adds the keys of a JSON object that are absent; those that are null stay so.
func (c config) defaults(object string) config {
	var more map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &more); err != nil {
		panic(err)
	}
	for key, raw := range c.keys {
		more[key] = raw
	}
	c.keys = more
	return c
}

func (c config) err() error { return errors.Join(*c.errs...) }

// maxErrors is the number of errors that are noted. A hostile config has no end of them.
const maxErrors = 20

// fail notes an error, once: layers may read the same keys.
func (c config) fail(format string, args ...any) {
	if len(*c.errs) >= maxErrors {
		return
	}
	err := fmt.Errorf("model: "+c.path+": "+format, args...)
	for _, e := range *c.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	*c.errs = append(*c.errs, err)
}

// has reports whether the key is there and not null.
func (c config) has(key string) bool {
	raw, ok := c.keys[key]
	return ok && string(raw) != "null"
}

// get decodes a key into v, and reports whether it was there.
func (c config) get(key string, v any, want string) bool {
	if !c.has(key) {
		return false
	}
	if err := json.Unmarshal(c.keys[key], v); err != nil {
		c.fail("%s is %s; %s is needed", key, clip(c.keys[key]), want)
		return false
	}
	return true
}

func clip(raw []byte) string {
	if len(raw) > 60 {
		return string(raw[:60]) + "…"
	}
	return string(raw)
}

func (c config) bool(key string, otherwise bool) bool {
	v := otherwise
	c.get(key, &v, "true or false")
	return v
}

func (c config) string(key, otherwise string) string {
	v := otherwise
	if c.get(key, &v, "a string") && len(v) > maxName {
		c.fail("%s has %d bytes; at most %d are read", key, len(v), maxName)
		return otherwise
	}
	return v
}

// maxName bounds the strings of a config: names, and the prefixes of tasks.
const maxName = 1 << 12

func (c config) float(key string, otherwise float64) float64 {
	v := otherwise
	if c.get(key, &v, "a number") && (math.IsNaN(v) || math.IsInf(v, 0)) {
		c.fail("%s is %v", key, v)
	}
	return v
}

// int reads a whole number from low to high.
func (c config) int(key string, otherwise, low, high int) int {
	v := float64(otherwise) // some writers have 4096.0
	if c.get(key, &v, "a whole number") && (v != math.Trunc(v) || v < float64(low) || v > float64(high)) {
		c.fail("%s is %v; a whole number from %d to %d is needed", key, v, low, high)
		return otherwise
	}
	return int(v)
}

// size reads a dimension, from 1 to high.
func (c config) size(key string, high int) int {
	if !c.has(key) {
		c.fail("%s is missing", key)
		return 1
	}
	return max(1, c.int(key, 1, 1, high))
}

// epsilon reads what a norm adds to the variance.
func (c config) epsilon(key string) float32 {
	v := c.float(key, 1e-6)
	if !(v >= 0 && v < 1) {
		c.fail("%s is %v; a number from 0 to 1 is needed", key, v)
	}
	return float32(v)
}

// object returns the object under key, or one without keys.
func (c config) object(key string) config {
	o := config{path: c.path + ": " + key, errs: c.errs}
	c.get(key, &o.keys, "an object")
	return o
}

func (c config) activation(key string) nn.Activation {
	name := c.string(key, "")
	a, err := nn.ParseActivation(name)
	if err != nil {
		c.fail("%s: %w", key, err)
	}
	return a
}

// refuse notes keys whose value asks for something this library does not do.
func (c config) refuse(key string, allowed ...string) {
	if !c.has(key) {
		return
	}
	for _, a := range allowed {
		if string(c.keys[key]) == a {
			return
		}
	}
	c.fail("%s = %s is not supported; supported: absent, null %s", key, clip(c.keys[key]), strings.Join(allowed, " "))
}

// ropeParameters returns what a config says of its rotation: in rope_parameters, or in rope_scaling,
// which older ones have.
func (c config) ropeParameters() config {
	if old := c.object("rope_scaling"); len(old.keys) > 0 {
		return old
	}
	return c.object("rope_parameters")
}

// rope returns the rotation that p describes, of the first dim values of a head. A scaling with its own
// share of the head is refused where the family has none; without scaling the reference ignores it.
func (c config) rope(p config, dim int, theta float64, shares bool) *attention.RoPE {
	theta = p.float("rope_theta", theta)
	s := attention.Scaling{
		Type:            p.string("rope_type", p.string("type", "default")),
		Factor:          p.float("factor", 0),
		LowFreqFactor:   p.float("low_freq_factor", 0),
		HighFreqFactor:  p.float("high_freq_factor", 0),
		BetaFast:        p.float("beta_fast", 0),
		BetaSlow:        p.float("beta_slow", 0),
		MScale:          p.float("mscale", 0),
		MScaleAllDim:    p.float("mscale_all_dim", 0),
		NoTruncate:      !p.bool("truncate", true),
		AttentionFactor: p.float("attention_factor", 0),
	}
	p.get("short_factor", &s.ShortFactor, "a list of numbers")
	p.get("long_factor", &s.LongFactor, "a list of numbers")
	length := c.int("max_position_embeddings", 2048, 1, maxLength)
	switch s.Type {
	case "dynamic":
		s.Original = length
	case "llama3", "yarn", "longrope":
		s.Original = c.int("original_max_position_embeddings", p.int("original_max_position_embeddings", length, 1, maxLength), 1, maxLength)
		if s.Factor == 0 && s.Type != "llama3" {
			s.Factor = float64(length) / float64(s.Original)
		}
	}
	if share := c.rotaryShare(p); shares {
		dim = int(float64(dim) * share)
	} else if share != 1 && s.Type != "default" {
		c.fail("partial_rotary_factor %v with rope type %q is not supported", share, s.Type)
	}
	r, err := attention.NewRoPE(dim, theta, s)
	if err != nil {
		c.fail("%w", err)
		r = &attention.RoPE{}
	}
	return r
}

// rotaryShare returns the share of a head that rotates.
func (c config) rotaryShare(p config) float64 {
	share := p.float("partial_rotary_factor", c.float("partial_rotary_factor", 1))
	if !(share > 0 && share <= 1) {
		c.fail("partial_rotary_factor is %v; a number above 0 and at most 1 is needed", share)
		return 1
	}
	return share
}

// layerTypes returns the type of each layer: those that layer_types lists, or else what otherwise says.
func (c config) layerTypes(layers int, otherwise func(i int) string) []string {
	var types []string
	if c.get("layer_types", &types, "a list of strings") && len(types) != layers {
		c.fail("layer_types has %d entries for %d layers", len(types), layers)
	}
	if len(types) != layers {
		types = make([]string, layers)
		for i := range types {
			types[i] = otherwise(i)
		}
	}
	for i, t := range types {
		if t != slidingAttention && t != fullAttention {
			c.fail("layer_types[%d] is %.200q; %q and %q are supported", i, t, fullAttention, slidingAttention)
			break
		}
	}
	return types
}

const (
	fullAttention    = "full_attention"
	slidingAttention = "sliding_attention"
)

// Bounds of what a config may ask for: beyond every published model, and small enough that products of
// two fit.
const (
	maxLength = 1 << 30
	maxVocab  = 1 << 26
	maxWidth  = 1 << 20
	maxLayers = 1 << 12
	maxHeads  = 1 << 12
)
