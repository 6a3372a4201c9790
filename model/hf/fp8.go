package hf

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// fp8 reads a quantization_config of method fp8.
func (c *Config) fp8(src checkpoint.Source) quantizer {
	for _, key := range []struct{ name, usual, other string }{
		{"fmt", "e4m3", "e4m3"}, {"scale_fmt", "float", "ue8m0"}, {"activation_scheme", "dynamic", "static"}, {"expert_dtype", "fp8", "fp8"},
	} {
		v := c.String(key.name, key.usual)
		if v != key.usual && v != key.other {
			c.Fail("%s is %.200q; %q is supported", key.name, v, key.usual)
			return nil
		}
	}
	listed := c.List("modules_to_not_convert")
	if listed == nil {
		listed = c.List("ignored_layers") // MiniMax
	}
	q := checkpoint.FP8{Bare: func(name string) bool {
		module := strings.TrimSuffix(name, ".weight")
		return slices.ContainsFunc(listed, func(m string) bool {
			return m != "" && (strings.HasPrefix(module+".", m+".") || strings.HasSuffix(module, m))
		})
	}}
	if !c.fp8Block(src, &q.Block) {
		return nil
	}
	return q
}

// fp8Block reads weight_block_size. Where it is absent, scales that are single numbers, and those named weight_scale, as
// AutoFP8 has them, are those of whole matrices or their rows; others belong to blocks of the reference's default.
func (c *Config) fp8Block(src checkpoint.Source, block *[2]int) bool {
	raw := c.Raw("weight_block_size")
	if raw == nil {
		for name := range src.Names() {
			info, _ := src.Lookup(name)
			if strings.HasSuffix(name, "_scale_inv") && len(info.Shape) < 2 || strings.HasSuffix(name, ".weight_scale") {
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
