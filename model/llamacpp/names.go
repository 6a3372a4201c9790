package llamacpp

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// architecture says what one of llama.cpp's architectures is.
type architecture struct {
	// config sets the keys of config.json.
	config func(f *file)

	// names has each tensor by its name in the file, without the number of its layer and the ending, .weight or .bias:
	// "token_embd", "blk.attn_q". A name with its ending goes first, and gives what replaces both.
	names names

	// layer comes before the names of a layer, with %d for its number. "" is "model.layers.%d.".
	layer string

	// from are the model_types of checkpoints that are written as this architecture, and write sets the metadata by the config.
	from  []string
	write func(w *writer)

	// leaves reports whether a tensor of a checkpoint may be left out. nil: none.
	leaves func(w *writer, name string) bool

	// sides are prefixes of the names of layers, "enc." and "dec.", with what comes before the names of a layer of that side.
	sides map[string]string
}

// names are tensors by their names in a file.
type names map[string]name

// name is what a tensor is called, and what it is: its rows in the file's order if as is nil.
type name struct {
	to string
	as func(f *file, t stored) []checkpoint.Part
}

// stored is a tensor of a file.
type stored struct {
	checkpoint.Info
	layer  int    // -1: of no layer
	to     string // its Hugging Face name, without the ending
	ending string // ".weight"; "" if the name has it
}

// with returns names with others in addition, which go first. One without a name is left out of the model.
func (n names) with(others names) names {
	n = maps.Clone(n)
	maps.Copy(n, others)
	return n
}

// without returns names without some.
func (n names) without(keys ...string) names {
	n = maps.Clone(n)
	for _, key := range keys {
		delete(n, key)
	}
	return n
}

// parts returns the tensors under their Hugging Face names. Those that the architecture does not have keep their name, so
// that the model says that it has no place for them.
func (f *file) parts(a *architecture) ([]checkpoint.Part, error) {
	var parts []checkpoint.Part
	for full := range f.src.Names() {
		info, _ := f.src.Lookup(full)
		t, as, ok := a.find(info)
		switch {
		case !ok:
			parts = append(parts, checkpoint.Part{Name: full, Of: full})
		case as != nil:
			parts = append(parts, as(f, t)...)
		case t.to != "":
			parts = append(parts, t.part())
		}
	}
	return parts, f.err()
}

// find returns what a tensor of a file is.
func (a *architecture) find(info checkpoint.Info) (t stored, as func(*file, stored) []checkpoint.Part, ok bool) {
	t = stored{Info: info, layer: -1}
	rest, prefix, side, layer := info.Name, "", "", cmp.Or(a.layer, "model.layers.%d.")
	for s, l := range a.sides {
		if strings.HasPrefix(rest, s+"blk.") {
			side, layer = s, l
		}
	}
	if after, ok := strings.CutPrefix(rest, side+"blk."); ok {
		number, name, _ := strings.Cut(after, ".")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || strconv.Itoa(n) != number {
			return t, nil, false
		}
		t.layer, rest, prefix = n, name, fmt.Sprintf(layer, n)
	}
	found, ok := a.names[side+key(t.layer, rest)]
	if !ok {
		dot := strings.LastIndexByte(rest, '.')
		if dot < 0 {
			return t, nil, false
		}
		rest, t.ending = rest[:dot], rest[dot:]
		found, ok = a.names[side+key(t.layer, rest)]
	}
	if !ok { // files of 2023 have experts one by one: ffn_gate.3
		if base, expert, cut := strings.Cut(rest, "."); cut && t.layer >= 0 {
			found, ok = a.names[key(t.layer, base+"_exps")]
			if n, err := strconv.Atoi(expert); err != nil || n < 0 || !strings.Contains(found.to, "%d") {
				ok = false
			} else {
				found = name{to: fmt.Sprintf(found.to, n)}
			}
		}
	}
	if t.to = found.to; t.to != "" {
		t.to = prefix + t.to
	}
	return t, found.as, ok
}

// key returns the key of names for a tensor of a layer, or of none.
func key(layer int, name string) string {
	if layer < 0 {
		return name
	}
	return "blk." + name
}

// part returns the tensor as it lies.
func (t stored) part() checkpoint.Part { return checkpoint.Part{Name: t.to + t.ending, Of: t.Name} }

// plus adds to each value.
func plus(x float32) func(*file, stored) []checkpoint.Part {
	return func(_ *file, t stored) []checkpoint.Part {
		p := t.part()
		p.Add = x
		return []checkpoint.Part{p}
	}
}

// rows returns some rows of the tensor, from one on, under a name without its ending.
func (t stored) rows(to string, first, n int) checkpoint.Part {
	shape := append([]int{n}, t.Shape[min(1, len(t.Shape)):]...)
	return checkpoint.Part{Name: to + t.ending, Of: t.Name, Shape: shape, First: first}
}

// ordered returns the rows of the tensor, of a number of groups, in another order: order gives for each row of a group which
// it is in the file.
func (f *file) ordered(t stored, groups int, order func(row, size int) int) []checkpoint.Part {
	if len(t.Shape) == 0 || groups < 1 || t.Shape[0]%groups != 0 {
		f.fail("tensor %q has shape %.200s, whose rows cannot be divided by %d", t.Name, fmt.Sprint(t.Shape), groups)
		return nil
	}
	size := t.Shape[0] / groups
	p := t.part()
	p.Order = func(row int) int { return row/size*size + order(row%size, size) }
	return []checkpoint.Part{p}
}

// unpaired puts the rows of queries or keys back. llama.cpp rotates neighbouring values of a head, and its converter has
// placed there what Hugging Face has half a head apart.
func unpaired(f *file, t stored) []checkpoint.Part {
	heads := f.uniform("attention.head_count", 0)
	if strings.HasSuffix(t.to, "k_proj") {
		heads = f.uniform("attention.head_count_kv", heads)
	}
	return f.ordered(t, heads, fromPairs)
}

// fromPairs returns which row of a head, whose pairs are neighbours, comes as row where they are half a head apart.
func fromPairs(row, size int) int {
	if size%2 != 0 {
		return row
	}
	return row%(size/2)*2 + row/(size/2)
}

// split shows queries, keys and values that are stored as one tensor under three names, and puts their rows back if they are
// paired.
func split(paired bool) func(*file, stored) []checkpoint.Part {
	return func(f *file, t stored) []checkpoint.Part {
		d, heads := f.headDim(), f.uniform("attention.head_count", 0)
		rows, kv := heads*d, f.uniform("attention.head_count_kv", heads)*d
		prefix := strings.TrimSuffix(t.to, "qkv_proj")
		parts := []checkpoint.Part{t.rows(prefix+"q_proj", 0, rows), t.rows(prefix+"k_proj", rows, kv), t.rows(prefix+"v_proj", rows+kv, kv)}
		if paired && d > 0 {
			order := func(row int) int { return row/d*d + fromPairs(row%d, d) }
			parts[0].Order, parts[1].Order = order, order
		}
		return parts
	}
}

// expertsEach shows stacked experts one by one. The name has %d for the expert's number.
func expertsEach(f *file, t stored) []checkpoint.Part {
	if len(t.Shape) < 2 || t.Shape[0] > hf.MaxExperts || slices.Contains(t.Shape, 0) {
		f.fail("tensor %q has shape %.200s; a stack of at most %d experts is needed", t.Name, fmt.Sprint(t.Shape), hf.MaxExperts)
		return nil
	}
	return t.experts(t.to, 0, t.Shape[1])
}

// experts returns n rows of each expert from the first on.
func (t stored) experts(to string, first, n int) []checkpoint.Part {
	parts := make([]checkpoint.Part, 0, t.Shape[0])
	shape := append([]int{n}, t.Shape[2:]...)
	for e := range t.Shape[0] {
		p := checkpoint.Part{Name: fmt.Sprintf(to, e) + t.ending, Of: t.Name, Shape: shape, First: e*t.Shape[1] + first}
		if len(t.Shape) == 2 { // biases: a row is what an expert has
			p.First = e
		}
		parts = append(parts, p)
	}
	return parts
}

// experts returns the names of experts, gate, up and down, of a tensor each.
func experts(gate, up, down string) names {
	return names{
		"blk.ffn_gate_exps": {gate, expertsEach}, "blk.ffn_up_exps": {up, expertsEach}, "blk.ffn_down_exps": {down, expertsEach},
		"blk.ffn_gate_up_exps": {gate, func(f *file, t stored) []checkpoint.Part {
			if len(t.Shape) != 3 || t.Shape[0] > hf.MaxExperts || t.Shape[1]%2 != 0 || slices.Contains(t.Shape, 0) {
				f.fail("tensor %q has shape %.200s; a stack of at most %d gates and ups is needed", t.Name, fmt.Sprint(t.Shape), hf.MaxExperts)
				return nil
			}
			half := t.Shape[1] / 2
			prefix := strings.TrimSuffix(t.to, gate)
			return append(t.experts(t.to, 0, half), t.experts(prefix+up, half, half)...)
		}},
	}
}

// oneRow shows a vector as a matrix of one row.
func oneRow(_ *file, t stored) []checkpoint.Part {
	p := t.part()
	if len(t.Shape) == 1 {
		p.Shape = []int{1, t.Shape[0]}
	}
	return []checkpoint.Part{p}
}
