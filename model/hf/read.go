package hf

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Read sets the fields of the struct that v points to, from the keys named in their json tags. Where a key is
// absent, the field keeps its value: the default of the family. A null sets a pointer to nil ("none") and a
// bool to false; it is an error for a size, and leaves other fields as they are.
//
//	type Config struct {
//		HiddenSize       int           `json:"hidden_size" hf:"width"`
//		HiddenAct        nn.Activation `json:"hidden_act"`
//		RMSNormEps       float64       `json:"rms_norm_eps" hf:"epsilon"`
//		SlidingWindow    *int          `json:"sliding_window" hf:"length"`
//		LayerTypes       []string      `json:"layer_types"`
//		TieWordEmbeddings bool         `json:"tie_word_embeddings"`
//	}
//
// Structs may be embedded; fields without a json tag are skipped. The tag hf sets bounds for numbers:
//
//	vocab, width, heads, experts, layers, length
//	                                      a whole number from 1 to MaxVocab, MaxWidth, …
//	vocab0, width0, …                     from 0
//	epsilon                               from 0 to below 1
//	positive                              above 0
//	share                                 above 0 and at most 1
//
// Wrong values are collected for [Config.Err]; the field then keeps its value. Read panics for a struct that
// it cannot fill.
func (c *Config) Read(v any) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("hf: Read into a %T, want a pointer to a struct", v))
	}
	c.readStruct(p.Elem())
}

func (c *Config) readStruct(s reflect.Value) {
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			c.readStruct(s.Field(i))
			continue
		}
		if key := f.Tag.Get("json"); key != "" {
			c.readField(key, f.Tag.Get("hf"), s.Field(i))
		}
	}
}

// readField sets one field from a key.
func (c *Config) readField(key, bound string, v reflect.Value) {
	raw, ok := c.keys[key]
	if !ok {
		return
	}
	if v.Kind() == reflect.Pointer {
		if string(raw) == "null" {
			v.SetZero()
			return
		}
		inner := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			inner.Elem().Set(v.Elem())
		}
		if c.readValue(key, bound, inner.Interface()) {
			v.Set(inner)
		}
		return
	}
	if string(raw) == "null" {
		switch {
		case v.Kind() == reflect.Bool:
			v.SetBool(false)
		case v.Kind() == reflect.Int && bound != "":
			c.Fail("%s is null; %s is needed", key, boundsOf(bound))
		}
		return
	}
	c.readValue(key, bound, v.Addr().Interface())
}

// readValue decodes a key that is there into v, a pointer, and reports whether it could.
func (c *Config) readValue(key, bound string, v any) bool {
	switch v := v.(type) {
	case *int:
		return c.integer(key, v, boundsOf(bound))
	case *float64:
		return c.number(key, v, bound)
	case *bool:
		return c.decode(key, v, "true or false")
	case *string:
		*v = c.String(key, *v)
		return true
	case *nn.Activation:
		a, err := nn.ParseActivation(c.String(key, ""))
		if err != nil {
			c.Fail("%s: %w", key, err)
			return false
		}
		*v = a
		return true
	case *[]string:
		return c.decode(key, v, "a list of strings")
	case *[]int:
		return c.decode(key, v, "a list of whole numbers")
	case *[]float64:
		return c.decode(key, v, "a list of numbers")
	case *json.RawMessage:
		*v = c.keys[key]
		return true
	}
	panic(fmt.Sprintf("hf: Read of %s into a %T, which is not supported", key, v))
}

// bounds of a whole number.
type bounds struct{ low, high int }

func (b bounds) String() string { return fmt.Sprintf("a whole number from %d to %d", b.low, b.high) }

func boundsOf(tag string) bounds {
	name, zero := strings.CutSuffix(tag, "0")
	b := bounds{1, 0}
	if zero {
		b.low = 0
	}
	switch name {
	case "vocab":
		b.high = MaxVocab
	case "width":
		b.high = MaxWidth
	case "heads":
		b.high = MaxHeads
	case "experts":
		b.high = MaxExperts
	case "layers":
		b.high = MaxLayers
	case "length":
		b.high = MaxLength
	case "":
		return bounds{-MaxLength, MaxLength}
	default:
		panic(fmt.Sprintf("hf: tag %q: not a bound of a whole number", tag))
	}
	return b
}

// integer sets v to the whole number under key, if there is one within the bounds.
func (c *Config) integer(key string, v *int, b bounds) bool {
	x := float64(*v) // some writers have 4096.0
	if !c.decode(key, &x, "a whole number") {
		return false
	}
	if x != math.Trunc(x) || x < float64(b.low) || x > float64(b.high) {
		c.Fail("%s is %v; %v is needed", key, x, b)
		return false
	}
	*v = int(x)
	return true
}

// number sets v to the number under key, if there is one within the bound.
func (c *Config) number(key string, v *float64, bound string) bool {
	x := *v
	if !c.decode(key, &x, "a number") {
		return false
	}
	want, ok := "", !math.IsNaN(x) && !math.IsInf(x, 0)
	switch bound {
	case "":
		want = "a number"
	case "epsilon":
		want, ok = "a number from 0 to below 1", ok && x >= 0 && x < 1
	case "positive":
		want, ok = "a positive number", ok && x > 0
	case "share":
		want, ok = "a number above 0 and at most 1", ok && x > 0 && x <= 1
	default:
		panic(fmt.Sprintf("hf: tag %q: not a bound of a number", bound))
	}
	if !ok {
		c.Fail("%s is %v; %s is needed", key, x, want)
		return false
	}
	*v = x
	return true
}
