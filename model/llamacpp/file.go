package llamacpp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// file is a GGUF that is read. Errors are collected.
type file struct {
	meta   *gguf.Metadata
	src    checkpoint.Source
	name   string // of the architecture, which comes before its keys
	layers int    // without those that predict further tokens
	config config

	read map[string]bool // keys that were asked for
	errs []error
}

const maxErrors = 20 // a hostile file has no end of them

func (f *file) fail(format string, args ...any) {
	if len(f.errs) < maxErrors {
		f.errs = append(f.errs, fmt.Errorf("llamacpp: "+format, args...))
	}
}

func (f *file) err() error { return errors.Join(f.errs...) }

// key returns the name of one of the architecture's keys.
func (f *file) key(name string) string { return f.name + "." + name }

// has reports whether there is one of the architecture's keys.
func (f *file) has(name string) bool {
	f.read[name] = true
	return f.meta.Has(f.key(name))
}

// get returns what a getter of the metadata returns for a key, or notes its error.
func get[T any](f *file, key string, getter func(string) (T, error)) T {
	v, err := getter(key)
	if err != nil {
		f.fail("%w", err)
	}
	return v
}

// maxNumber bounds whole numbers: no dimension, count or token of a model is larger.
const maxNumber = 1 << 30

// number returns a whole number, of the whole key's value.
func (f *file) number(key string) int {
	n := get(f, key, f.meta.Int)
	if n < 0 || n > maxNumber {
		f.fail("%s is %d; a number from 0 to %d is needed", key, n, maxNumber)
		return 0
	}
	return int(n)
}

// count returns a whole number that must be there.
func (f *file) count(name string) int {
	f.has(name)
	return f.number(f.key(name))
}

// optional returns a whole number, or otherwise.
func (f *file) optional(name string, otherwise int) int {
	if !f.has(name) {
		return otherwise
	}
	return f.number(f.key(name))
}

// float returns a number, or otherwise. Whole numbers are taken too.
func (f *file) float(name string, otherwise float64) float64 {
	if !f.has(name) {
		return otherwise
	}
	return shortest(get(f, f.key(name), f.meta.Float))
}

// bool returns a truth value, or otherwise.
func (f *file) bool(name string, otherwise bool) bool {
	if !f.has(name) {
		return otherwise
	}
	return get(f, f.key(name), f.meta.Bool)
}

// perLayer returns a whole number for each layer: an array, or one number for all. It returns nil for an absent key and
// after an error.
func (f *file) perLayer(name string) []int {
	if !f.has(name) {
		return nil
	}
	key := f.key(name)
	if n, err := f.meta.Int(key); err == nil {
		if n < 0 || n > maxNumber {
			f.fail("%s is %d; a number from 0 to %d is needed", key, n, maxNumber)
			return nil
		}
		return slices.Repeat([]int{int(n)}, f.layers)
	}
	list := get(f, key, f.meta.Ints)
	if list == nil {
		return nil
	}
	if len(list) < f.layers {
		f.fail("%s has %d entries for %d layers", key, len(list), f.layers)
		return nil
	}
	each := make([]int, f.layers)
	for i, n := range list[:f.layers] {
		if n < 0 || n > maxNumber {
			f.fail("%s has %d for layer %d; a number from 0 to %d is needed", key, n, i, maxNumber)
			return nil
		}
		each[i] = int(n)
	}
	return each
}

// uniform returns a whole number that is the same for all layers, or otherwise.
func (f *file) uniform(name string, otherwise int) int {
	each := f.perLayer(name)
	if each == nil {
		return otherwise
	}
	for i, n := range each {
		if n != each[0] {
			f.fail("%s is %d for layer 0 and %d for layer %d: layers that differ are not supported for this architecture", f.key(name), each[0], n, i)
			return otherwise
		}
	}
	return each[0]
}

// lookup describes a stored tensor.
func (f *file) lookup(name string) (checkpoint.Info, bool) { return f.src.Lookup(name) }

// stored reports whether there is a tensor.
func (f *file) stored(name string) bool {
	_, ok := f.lookup(name)
	return ok
}

// inLayers reports whether there is a tensor blk.N.name for a layer N.
func (f *file) inLayers(name string) bool {
	for i := range f.layers {
		if f.stored(block(i, name)) {
			return true
		}
	}
	return false
}

// block returns the name of a tensor of a layer.
func block(layer int, name string) string { return fmt.Sprintf("blk.%d.%s", layer, name) }

// dim returns a dimension of the first tensor of that name in a layer, counted from the last if it is negative, or 0 if there
// is none.
func (f *file) dim(name string, i int) int {
	for layer := range f.layers {
		info, ok := f.lookup(block(layer, name))
		if !ok {
			continue
		}
		if i < 0 {
			i += len(info.Shape)
		}
		if i < 0 || i >= len(info.Shape) {
			f.fail("tensor %q has shape %.200s, with too few dimensions", info.Name, fmt.Sprint(info.Shape))
			return 0
		}
		return info.Shape[i]
	}
	return 0
}

// telling are keys that change the numbers of a model. An architecture that does not read one cannot be what the file
// means.
var telling = []string{
	"attention.causal", "attention.scale", "attention.clamp_kqv", "attention.max_alibi_bias", "attention.output_scale",
	"attention.temperature_length", "attention.temperature_scale", "attn_logit_softcapping", "final_logit_softcapping",
	"router_logit_softcapping", "embedding_scale", "residual_scale", "logit_scale", "expert_weights_scale",
	"expert_gating_func", "expert_group_count", "attention.key_length_mla", "rope.dimension_sections",
	"attention.shared_kv_layers", "swin_norm", "use_parallel_residual", "embedding_length_per_layer_input",
	"expert_group_scale", "experts_per_group", "attention.indexer.head_count", "ssm.state_size", "full_attention_interval",
}

// neutral are the values with which a telling key says nothing.
func (f *file) neutral(name string) bool {
	switch name {
	case "attention.causal":
		return get(f, f.key(name), f.meta.Bool)
	case "use_parallel_residual":
		return true // written by converters for models that have no choice
	case "expert_group_count", "expert_gating_func": // one group; softmax
		return f.number(f.key(name)) <= 1
	case "attention.shared_kv_layers", "embedding_length_per_layer_input":
		return f.number(f.key(name)) == 0
	case "expert_weights_scale", "residual_scale", "embedding_scale", "logit_scale":
		v := get(f, f.key(name), f.meta.Float)
		return v == 1 || v == 0
	case "attention.clamp_kqv", "attention.max_alibi_bias":
		return get(f, f.key(name), f.meta.Float) == 0
	}
	return false
}

// refuseUnread notes keys that change the numbers and were not read.
func (f *file) refuseUnread() {
	for _, name := range telling {
		if !f.read[name] && f.meta.Has(f.key(name)) && !f.neutral(name) {
			f.fail("%s is not supported for this architecture", f.key(name))
		}
	}
}
