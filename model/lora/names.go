package lora

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// part is what a tensor of an adapter is to its module.
type part string

const (
	partA         part = "lora_A.weight"
	partB         part = "lora_B.weight"
	partBBias     part = "lora_B.bias"
	partTableA    part = "lora_embedding_A"
	partTableB    part = "lora_embedding_B"
	partMagnitude part = "lora_magnitude_vector"
)

// parts are the suffixes of names; the weight of a magnitude was stored so by some versions.
var parts = []struct {
	suffix string
	part   part
}{
	{".lora_A.weight", partA}, {".lora_B.weight", partB}, {".lora_B.bias", partBBias}, {".lora_embedding_A", partTableA},
	{".lora_embedding_B", partTableB}, {".lora_magnitude_vector", partMagnitude}, {".lora_magnitude_vector.weight", partMagnitude},
}

// module is what an adapter has for one module of the model.
type module struct {
	name  string          // in the model that was trained
	parts map[part]string // names in the adapter's file
}

// whole is a tensor that is stored as it is to be.
type whole struct {
	name   string // in the model that was trained
	stored string // in the adapter's file
	base   bool   // it is what lies below an adapter, so the base has it
}

// Bounds of an adapter: one for all experts of the largest models has some 90,000 tensors.
const (
	maxTensors = 1 << 18
	maxName    = 1 << 8
	maxWork    = 1 << 32 // steps of expressions
)

// sortTensors sorts the tensors of an adapter by what they belong to.
func (a *Adapter) sortTensors() (list []*module, wholes []whole, err error) {
	of := map[string]*module{}
	tensors, bytes := 0, 0
	for stored := range a.src.Names() {
		if tensors, bytes = tensors+1, bytes+len(stored); tensors > maxTensors || len(stored) > maxName {
			return nil, nil, fmt.Errorf("lora: the adapter's tensor %.200q is number %d, with a name of %d bytes; at most %d tensors with names of %d are read",
				stored, tensors, len(stored), maxTensors, maxName)
		}
		name := strings.TrimPrefix(stored, "base_model.model.")
		belongs := false
		for _, p := range parts {
			in, ok := strings.CutSuffix(name, p.suffix)
			if !ok {
				continue
			}
			m := of[in]
			if m == nil {
				m = &module{name: in, parts: map[part]string{}}
				of[in] = m
				list = append(list, m)
			}
			if other := m.parts[p.part]; other != "" {
				return nil, nil, fmt.Errorf("lora: the adapter has both %.200q and %.200q", other, stored)
			}
			m.parts[p.part], belongs = stored, true
			break
		}
		switch {
		case belongs:
		case strings.Contains("."+name, ".lora_"):
			return nil, nil, fmt.Errorf("lora: the adapter's tensor %.200q is none of LoRA and DoRA as this package knows them", stored)
		default:
			w := whole{name: name, stored: stored}
			if i := strings.LastIndex(name, ".base_layer."); i >= 0 {
				w.name, w.base = name[:i]+name[i+len(".base_layer"):], true
			}
			wholes = append(wholes, w)
		}
	}
	if int64(bytes)*a.settings.work > maxWork {
		return nil, nil, fmt.Errorf("lora: %s has too many or too long expressions for %d tensors", configFile, tensors)
	}
	if len(list) == 0 && len(wholes) == 0 {
		return nil, nil, fmt.Errorf("lora: the adapter has no tensors")
	}
	return list, wholes, nil
}

// base is the Source that an adapter is merged into, with its names by what comes after their first part.
type base struct {
	checkpoint.Source
	listed        map[string]bool
	rests         map[string][]string // the names that end so: two are enough to know that it is not clear which
	tables, sides []string            // modules
}

func newBase(src checkpoint.Source) *base {
	b := &base{Source: src, listed: map[string]bool{}, rests: map[string][]string{}}
	for name := range src.Names() {
		b.listed[name] = true
		if _, rest, ok := strings.Cut(name, "."); ok && len(b.rests[rest]) < 2 {
			b.rests[rest] = append(b.rests[rest], name)
		}
		module, _ := strings.CutSuffix(name, ".weight")
		if isTable(module) {
			b.tables = append(b.tables, module)
		}
		if _, ok := side(module); ok {
			b.sides = append(b.sides, module)
		}
	}
	return b
}

// find returns the name that a tensor of the trained model has in the base, or "". The class that was trained may have
// had the model in a part of its own, such as "bert" or "model", where the base was saved without, or the other way round.
func (b *base) find(name string) (string, error) {
	for _, form := range []string{name, normName(name)} {
		if _, ok := b.Lookup(form); ok {
			return form, nil
		}
		if _, rest, ok := strings.Cut(form, "."); ok && strings.Contains(rest, ".") {
			if _, ok := b.Lookup(rest); ok {
				return rest, nil
			}
		}
	}
	if module, _ := cutLast(name); !strings.Contains(module, ".") && !isTable(module) {
		return "", nil // a head's: what ends alike is another's
	}
	for _, form := range []string{name, normName(name)} {
		switch found := b.rests[form]; len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("lora: the adapter's %.200q may be %.200q of the base, or %.200q", name, found[0], found[1])
		}
	}
	return "", nil
}

// normName returns the name that files converted from TensorFlow give the weight or bias of a layer norm.
func normName(name string) string {
	if norm, ok := strings.CutSuffix(name, ".weight"); ok {
		return norm + ".gamma"
	}
	if norm, ok := strings.CutSuffix(name, ".bias"); ok {
		return norm + ".beta"
	}
	return name
}

// cutLast cuts a name before its last part.
func cutLast(name string) (before, last string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}
