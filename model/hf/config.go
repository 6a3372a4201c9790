package hf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model/arch"
)

// Config is a JSON object: config.json, or an object within it. Wrong values are collected while they are
// read; [Config.Err] returns them all. Keys are case-sensitive, as in Python. One goroutine at a time may use
// a Config.
type Config struct {
	path string // of the object within the file, for errors
	keys map[string]json.RawMessage
	errs *[]error // of the whole file

	wanted   []arch.Task
	predicts bool

	quant           *Config // quantization_config of another file, or nil
	keepActivations bool    // see WithFloatActivations
	keepBits        bool    // see WithBits
	conv1D          bool    // of a quantization_config: matrices of the model are [in, out]
}

// Bounds of what a config may ask for: beyond every published model, and small enough that products of
// two fit.
const (
	MaxLength  = 1 << 30 // tokens of a text
	MaxVocab   = 1 << 26 // entries of a vocabulary, and labels
	MaxWidth   = 1 << 20 // of a row
	MaxLayers  = 1 << 12
	MaxHeads   = 1 << 12
	MaxExperts = 1 << 12 // of a layer
)

// ParseConfig parses the contents of a file. file is the name that errors use.
func ParseConfig(file string, data []byte) (*Config, error) {
	if len(data) > sidefile.MaxConfig {
		return nil, fmt.Errorf("model: %s has %d bytes; no config needs more than %d", file, len(data), sidefile.MaxConfig)
	}
	c := &Config{path: file, errs: new([]error)}
	if err := json.Unmarshal(sidefile.JSON(data), &c.keys); err != nil {
		return nil, fmt.Errorf("model: %s is not a JSON object: %w", file, err)
	}
	return c, nil
}

// Err returns all errors so far, joined, or nil.
func (c *Config) Err() error { return errors.Join(*c.errs...) }

// maxErrors is the number of errors that are noted. A hostile config has no end of them.
const maxErrors = 20

// Fail adds an error, with the name of the file or object before it. The same error is added only once,
// because layers may read the same keys.
func (c *Config) Fail(format string, args ...any) {
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

// Path returns the name of the file, and of the object within it.
func (c *Config) Path() string { return c.path }

// Has reports whether the key is present and not null.
func (c *Config) Has(key string) bool {
	raw, ok := c.keys[key]
	return ok && string(raw) != "null"
}

// Raw returns the JSON text of the key's value, or nil if the key is absent.
func (c *Config) Raw(key string) json.RawMessage { return c.keys[key] }

// Keys returns the number of keys.
func (c *Config) Keys() int { return len(c.keys) }

// Names returns the keys of the object, in order.
func (c *Config) Names() []string { return slices.Sorted(maps.Keys(c.keys)) }

// Object returns the object under key, or an empty one.
func (c *Config) Object(key string) *Config {
	o := &Config{path: c.path + ": " + key, errs: c.errs, keepActivations: c.keepActivations, keepBits: c.keepBits}
	c.decode(key, &o.keys, "an object")
	return o
}

// Or returns an object with the keys of c, and those keys of other that c does not have.
func (c *Config) Or(other *Config) *Config {
	o := &Config{path: c.path, errs: c.errs, keys: make(map[string]json.RawMessage, len(c.keys)+len(other.keys))}
	for key, raw := range other.keys {
		o.keys[key] = raw
	}
	for key, raw := range c.keys {
		o.keys[key] = raw
	}
	return o
}

// Only returns an object with only the given keys of c.
func (c *Config) Only(keys ...string) *Config {
	o := &Config{path: c.path, errs: c.errs, keys: map[string]json.RawMessage{}}
	for _, key := range keys {
		if raw, ok := c.keys[key]; ok {
			o.keys[key] = raw
		}
	}
	return o
}

// With returns a copy of c with the given JSON value under key.
func (c *Config) With(key, value string) *Config {
	o := *c
	o.keys = map[string]json.RawMessage{}
	maps.Copy(o.keys, c.keys)
	o.keys[key] = json.RawMessage(value)
	return &o
}

// Without returns a copy of c without the key.
func (c *Config) Without(key string) *Config {
	o := *c
	o.keys = maps.Clone(c.keys)
	delete(o.keys, key)
	return &o
}

// Alias returns c with one name for a key that has two: the value of alias stands under key. It is an error if
// both are there with different values.
func (c *Config) Alias(key, alias string) *Config {
	raw, ok := c.keys[alias]
	if !ok {
		return c
	}
	if own, ok := c.keys[key]; ok && !bytes.Equal(own, raw) {
		c.Fail("%s is %.100s and %s is %.100s; they are two names of one key", key, own, alias, raw)
		return c
	}
	return c.With(key, string(raw))
}

// For returns the config with a wish: the heads that the caller can use, the preferred first.
func (c *Config) For(heads ...arch.Task) *Config {
	o := *c
	o.wanted = heads
	return &o
}

// Wanted returns the heads that the caller can use, the preferred first, or nil if any will do.
func (c *Config) Wanted() []arch.Task { return c.wanted }

// WithPrediction returns the config with a wish: the layer that predicts one token more.
func (c *Config) WithPrediction() *Config {
	o := *c
	o.predicts = true
	return &o
}

// Predicts reports whether the caller wants the layer that predicts one token more.
func (c *Config) Predicts() bool { return c.predicts }

// decode decodes a key into v, and reports whether it was there and could be decoded.
func (c *Config) decode(key string, v any, want string) bool {
	if !c.Has(key) {
		return false
	}
	if err := json.Unmarshal(c.keys[key], v); err != nil {
		c.Fail("%s is %s; %s is needed", key, clip(c.keys[key]), want)
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

// ModelType returns the model_type, or "".
func (c *Config) ModelType() string { return c.String("model_type", "") }

// Architecture returns the first class under architectures, or "".
func (c *Config) Architecture() string {
	if classes := c.List("architectures"); len(classes) > 0 {
		return classes[0]
	}
	return ""
}

// String returns the string under key, or otherwise if the key is absent.
func (c *Config) String(key, otherwise string) string {
	v := otherwise
	if c.decode(key, &v, "a string") && len(v) > maxName {
		c.Fail("%s has %d bytes; at most %d are read", key, len(v), maxName)
		return otherwise
	}
	return v
}

// maxName bounds the strings of a config: names, and the prefixes of tasks.
const maxName = 1 << 12

// List returns the list of strings under key, or nil if the key is absent.
func (c *Config) List(key string) []string {
	var v []string
	c.decode(key, &v, "a list of strings")
	return v
}

// Bool returns the value under key, or otherwise if the key is absent.
func (c *Config) Bool(key string, otherwise bool) bool {
	v := otherwise
	c.decode(key, &v, "true or false")
	return v
}

// Float returns the number under key, or otherwise if the key is absent.
func (c *Config) Float(key string, otherwise float64) float64 {
	v := otherwise
	c.number(key, &v, "")
	return v
}

// Int returns the whole number under key, or otherwise if the key is absent. The number must be from low to
// high.
func (c *Config) Int(key string, otherwise, low, high int) int {
	v := otherwise
	c.integer(key, &v, bounds{low, high})
	return v
}

// Refuse adds an error if the key asks for something that this library does not do. null, an absent key and
// the JSON values in allowed are fine.
func (c *Config) Refuse(key string, allowed ...string) {
	if !c.Has(key) {
		return
	}
	for _, a := range allowed {
		if string(c.keys[key]) == a {
			return
		}
	}
	c.Fail("%s = %s is not supported; supported: absent, null %s", key, clip(c.keys[key]), strings.Join(allowed, " "))
}
