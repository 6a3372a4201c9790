package hf

import (
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// gptq reads a quantization_config of method gptq.
func (c *Config) gptq() quantizer {
	bits := c.Int("bits", 0, 0, 64)
	if bits != 4 && bits != 8 {
		c.Fail("bits is %d; GPTQ of 4 and 8 bits is supported: use a checkpoint of these", bits)
		return nil
	}
	if c.Bool("is_marlin_format", false) {
		c.Fail("is_marlin_format: weights in the order of the kernel marlin are not supported; use a checkpoint in the format gptq")
		return nil
	}
	q := checkpoint.GPTQ{Bits: bits, ZerosAsTheyAre: true, KeepBits: c.keepBits}
	switch format := c.packFormat("gptq", "checkpoint_format", "format"); format {
	case "gptq":
		q.ZerosAsTheyAre = false
	case "gptq_v2":
	default:
		c.Fail("the format is %.200q; gptq and gptq_v2 are supported: use a checkpoint in one of these", format)
		return nil
	}
	if dtype := c.String("pack_dtype", "int32"); dtype != "int32" {
		c.Fail("pack_dtype is %.200q; int32 is supported", dtype)
		return nil
	}
	if !c.onlySkips("dynamic") {
		c.Fail("dynamic gives some modules other bits or groups: that is not supported; use a checkpoint with the same for all")
		return nil
	}
	c.Refuse("adapter", "{}")
	var ok bool
	if q.GroupSize, ok = c.groupSize("group_size"); !ok {
		return nil
	}
	q.Transposed = func(module string) bool {
		name := module[strings.LastIndexByte(module, '.')+1:]
		return slices.Contains(tables[:], name) || c.conv1D && name != "lm_head"
	}
	return q
}

// tables are the last parts of the names of embeddings. GPTQModel takes them for transposed: the inputs are tokens.
var tables = [...]string{"embed_tokens", "wte", "word_embeddings"}

// packFormat returns how words are packed: the value of the first key that is there, in lower case.
func (c *Config) packFormat(otherwise string, keys ...string) string {
	for _, key := range keys {
		if c.Has(key) {
			return strings.ToLower(c.String(key, otherwise))
		}
	}
	return otherwise
}

// groupSize reads a size of groups, 128 where the key is absent. ok is false after an error.
func (c *Config) groupSize(key string) (size int, ok bool) {
	size = c.Int(key, 128, -MaxWidth, MaxWidth)
	if size != -1 && size < 1 {
		c.Fail("%s is %d; a positive number is needed, or -1 for one group", key, size)
		return 0, false
	}
	return size, true
}

// onlySkips reports whether an object of patterns for names of modules only says which are not quantised: those after
// "-:". This is seen in what is stored, too.
func (c *Config) onlySkips(key string) bool {
	for pattern := range c.Object(key).keys {
		if !strings.HasPrefix(pattern, "-:") {
			return false
		}
	}
	return true
}

// awq reads a quantization_config of method awq, or the file of AutoAWQ, which has other keys.
func (c *Config) awq() quantizer {
	bits, group := "bits", "group_size"
	if c.Has("w_bit") {
		bits = "w_bit"
	}
	if c.Has("q_group_size") {
		group = "q_group_size"
	}
	if n := c.Int(bits, 4, 0, 64); n != 4 {
		c.Fail("%s is %d; AWQ of 4 bits is supported", bits, n)
		return nil
	}
	if format := c.packFormat("gemm", "version", "format", "checkpoint_format"); format != "gemm" || c.String("backend", "") == "llm-awq" {
		c.Fail("version %.200q of AWQ, backend %.200q: gemm of AutoAWQ is supported; use a checkpoint in that version", format, c.String("backend", "auto"))
		return nil
	}
	size, ok := c.groupSize(group)
	if !ok {
		return nil
	}
	return checkpoint.AWQ{GroupSize: size}
}
