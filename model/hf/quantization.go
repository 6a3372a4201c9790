package hf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// quantMethods are the values of quant_method that Dequantize knows.
var quantMethods = [...]string{"fp8", "mxfp4"}

// quantization returns the object quantization_config, of the model or of the text model within it, or nil.
func (c *Config) quantization() *Config {
	const key = "quantization_config"
	if c.Has(key) {
		return c.Object(key)
	}
	if raw := c.Raw("text_config"); len(raw) > 0 && raw[0] == '{' {
		if text := c.Object("text_config"); text.Has(key) {
			return text.Object(key)
		}
	}
	return nil
}

// CheckQuantization returns an error that names the quant_method of quantization_config if [Config.Dequantize] does
// not know it.
func (c *Config) CheckQuantization() error {
	q := c.quantization()
	if q == nil {
		return nil
	}
	method := q.String("quant_method", "unknown")
	if slices.Contains(quantMethods[:], method) {
		return nil
	}
	return fmt.Errorf("model: %s: the weights are quantised by %q, which is not supported; use the unquantised checkpoint", q.Path(), method)
}

// Dequantize shows quantised weights as what they stand for, as quantization_config says, or that of text_config:
//
//   - fp8: F8_E4M3 with scales for blocks of weight_block_size, or for whole matrices where that is null, become
//     F32. See [checkpoint.FP8]. A module in modules_to_not_convert, given by its name, the beginning or the end of it,
//     may have F8_E4M3 without scales.
//   - mxfp4: blocks and scales become tensors of type [checkpoint.MXFP4]. See [checkpoint.JoinMXFP4].
//
// Without that key it returns src, and likewise after an error in the config, which it notes, and for what
// [Config.CheckQuantization] refuses. The returned Source uses src, and closes it.
func (c *Config) Dequantize(src checkpoint.Source) (checkpoint.Source, error) {
	q := c.quantization()
	if q == nil {
		return src, nil
	}
	switch q.String("quant_method", "") {
	case "fp8":
		fp8, ok := q.fp8(src)
		if !ok {
			return src, nil
		}
		return fp8.Dequantize(src)
	case "mxfp4":
		return checkpoint.JoinMXFP4(src)
	}
	return src, nil
}

// fp8 reads a quantization_config of method fp8. ok is false after an error.
func (c *Config) fp8(src checkpoint.Source) (q checkpoint.FP8, ok bool) {
	for _, key := range []struct{ name, usual, other string }{
		{"fmt", "e4m3", "e4m3"}, {"scale_fmt", "float", "ue8m0"}, {"activation_scheme", "dynamic", "static"}, {"expert_dtype", "fp8", "fp8"},
	} {
		v := c.String(key.name, key.usual)
		if v != key.usual && v != key.other {
			c.Fail("%s is %.200q; %q is supported", key.name, v, key.usual)
			return q, false
		}
	}
	listed := c.List("modules_to_not_convert")
	if listed == nil {
		listed = c.List("ignored_layers") // MiniMax
	}
	q.Bare = func(name string) bool {
		module := strings.TrimSuffix(name, ".weight")
		return slices.ContainsFunc(listed, func(m string) bool {
			return m != "" && (strings.HasPrefix(module+".", m+".") || strings.HasSuffix(module, m))
		})
	}
	return q, c.fp8Block(src, &q.Block)
}

// fp8Block reads weight_block_size. Where it is absent, scales that are single numbers are those of whole matrices, and
// others belong to blocks of the reference's default.
func (c *Config) fp8Block(src checkpoint.Source, block *[2]int) bool {
	raw := c.Raw("weight_block_size")
	if raw == nil {
		for name := range src.Names() {
			if info, _ := src.Lookup(name); strings.HasSuffix(name, "_scale_inv") && len(info.Shape) < 2 {
				return true
			}
		}
		*block = [2]int{128, 128}
		return true
	}
	if string(raw) == "null" {
		return true
	}
	var size []int
	if err := json.Unmarshal(raw, &size); err != nil || len(size) != 2 || min(size[0], size[1]) < 1 || max(size[0], size[1]) > MaxWidth {
		c.Fail("weight_block_size is %s; two whole numbers from 1 to %d are needed, or null", clip(raw), MaxWidth)
		return false
	}
	*block = [2]int(size)
	return true
}
