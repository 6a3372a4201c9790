package llamacpp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// Convert is the way back from a Hugging Face checkpoint: it returns the metadata and the tensors of a file as llama.cpp's
// converter writes it, which [Open] reads again. The tables of names are the same for both; rows that llama.cpp has in another
// order are moved there. Vectors and norms become F32, other tensors keep their type, which must be F32, F16 or BF16. The
// metadata lack the tokenizer.
//
// [Writable] lists the model_types. Another one is an error that names it, and so is a tensor that a file of the architecture
// has no place for, and what the config asks for and a file cannot say. The tensors use src, and close it.
func Convert(c *hf.Config, src checkpoint.Source) (*gguf.Metadata, checkpoint.Source, error) {
	name, a := writes(c.ModelType())
	if a == nil {
		return nil, nil, fmt.Errorf("llamacpp: model_type %.200q is not written to GGUF; these are: %s", c.ModelType(), strings.Join(Writable(), " "))
	}
	w := &writer{config: c, src: src, a: a, used: map[string]bool{}, made: &assembled{Source: src, tensors: map[string]*assembly{}}}
	w.file = &file{meta: &gguf.Metadata{}, src: w.made, name: name, config: config{}, read: map[string]bool{}}
	w.set("general.architecture", gguf.Of(name))
	w.set("general.type", gguf.Of("model"))
	w.layers = w.config.Int("num_hidden_layers", c.Int("n_layer", c.Int("n_layers", 0, 0, hf.MaxLayers), 0, hf.MaxLayers), 0, hf.MaxLayers)
	a.write(w)
	if err := errors.Join(c.Err(), w.err()); err != nil {
		return nil, nil, err
	}
	if err := w.rename(); err != nil {
		return nil, nil, err
	}
	w.tensors()
	w.refuseLeft()
	if err := w.err(); err != nil {
		return nil, nil, err
	}
	w.set("general.file_type", gguf.Of(w.fileType()))
	w.set("general.quantization_version", gguf.Of(uint32(2)))
	return w.meta, w.made, nil
}

// Writable returns the model_types that Convert knows, sorted.
func Writable() []string {
	var types []string
	for _, a := range architectures() {
		types = append(types, a.from...)
	}
	slices.Sort(types)
	return types
}

// writes returns the architecture that files of a model_type have.
func writes(modelType string) (string, *architecture) {
	for name, a := range architectures() {
		if slices.Contains(a.from, modelType) && a.write != nil {
			return name, a
		}
	}
	return "", nil
}

// writer is a file that is made of a checkpoint.
type writer struct {
	*file  // with the metadata so far, and the tensors so far
	config *hf.Config
	src    checkpoint.Source // under the names of the table
	a      *architecture
	used   map[string]bool // tensors of src
	made   *assembled
	first  map[string]int // the row of src that comes first, where rows before it are left out
}

// rename finds the prefix with which the names of the checkpoint are those of the table.
func (w *writer) rename() error {
	known := w.known()
	rename := func(name string) string {
		if known(name) {
			return name
		}
		for _, prefix := range []string{"language_model.model.", "model.language_model.", "language_model.", "transformer.", "model.", "bert.", "roberta.", "distilbert."} {
			if short, ok := strings.CutPrefix(name, prefix); ok {
				if known(short) {
					return short
				}
				if known("model." + short) {
					return "model." + short
				}
			}
			if known(prefix + name) {
				return prefix + name
			}
		}
		return name
	}
	var err error
	if w.src, err = checkpoint.Rename(w.src, checkpoint.NormNames, rename); err != nil {
		return fmt.Errorf("llamacpp: %w", err)
	}
	w.made.Source = w.src
	return nil
}

// known returns whether a name is one that the table leads to, whatever the number of the layer or of an expert is.
func (w *writer) known() func(name string) bool {
	all := map[string]bool{}
	for stored := range w.each(1) {
		t, as, _ := w.a.find(checkpoint.Info{Name: stored})
		if all[withoutNumbers(t.to+t.ending)] = true; as != nil {
			for _, p := range w.guess(t, as) {
				all[withoutNumbers(p.Name)] = true
			}
		}
	}
	return func(name string) bool { return all[withoutNumbers(name)] || all[withoutNumbers(name+".T")] }
}

// withoutNumbers replaces the numbers that are parts of a name.
func withoutNumbers(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if p == "%d" || p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "N"
		}
	}
	return strings.Join(parts, ".")
}

// each yields the names that tensors of a file may have: first those with an ending.
func (w *writer) each(layers int) func(yield func(string) bool) {
	keys := slices.Sorted(maps.Keys(w.a.names))
	return func(yield func(string) bool) {
		for _, ending := range []string{".weight", ".bias", ""} {
			for _, key := range keys {
				side, rest, inLayer := strings.Cut(key, "blk.")
				if !inLayer {
					if !yield(key + ending) {
						return
					}
					continue
				}
				for i := range layers {
					if !yield(side + block(i, rest) + ending) {
						return
					}
				}
			}
		}
	}
}

// tensors makes the tensors of the file of those of the checkpoint: first those that are as they lie, since what the others
// are may depend on them.
func (w *writer) tensors() {
	for _, changed := range []bool{false, true} {
		for stored := range w.each(w.layers) {
			if w.made.tensors[stored] != nil {
				continue
			}
			t, as, ok := w.a.find(checkpoint.Info{Name: stored})
			if !ok || t.to == "" && as == nil || (as != nil) != changed {
				continue
			}
			if as == nil {
				w.add(stored, []checkpoint.Part{t.part()})
				continue
			}
			for _, shape := range w.shapes(t) {
				t.Shape = shape
				if w.add(stored, w.guess(t, as)) {
					break
				}
			}
		}
	}
}

// guess returns what a tensor of the file would be, or nil if its shape does not fit.
func (w *writer) guess(t stored, as func(*file, stored) []checkpoint.Part) []checkpoint.Part {
	errs := len(w.errs)
	parts := as(w.file, t)
	if len(w.errs) > errs {
		w.errs = w.errs[:errs]
		return nil
	}
	return parts
}

// shapes returns the shapes that a tensor of the file may have, by those of the checkpoint's.
func (w *writer) shapes(t stored) [][]int {
	if strings.Contains(t.to, "%d") {
		n := 0
		for ; n < hf.MaxExperts; n++ {
			if _, ok := w.find(fmt.Sprintf(t.to, n) + t.ending); !ok {
				break
			}
		}
		if info, ok := w.find(fmt.Sprintf(t.to, 0) + t.ending); ok {
			return [][]int{append([]int{n}, info.Shape...)}
		}
		return nil
	}
	info, ok := w.find(t.to + t.ending)
	if !ok {
		return [][]int{nil} // another name, in the same shape
	}
	if len(info.Shape) == 2 && info.Shape[0] == 1 {
		return [][]int{info.Shape, info.Shape[1:]}
	}
	return [][]int{info.Shape}
}

// find describes a tensor of the checkpoint by a name of the table. NAME.T is one that lies the other way round.
func (w *writer) find(name string) (checkpoint.Info, bool) {
	straight, turned := strings.CutSuffix(name, ".T")
	info, ok := w.src.Lookup(straight)
	if !ok || turned && len(info.Shape) != 2 {
		return info, false
	}
	if turned {
		info.Shape = []int{info.Shape[1], info.Shape[0]}
	}
	if skip := w.first[name]; skip > 0 && len(info.Shape) > 0 && skip < info.Shape[0] {
		info.Shape = append([]int{info.Shape[0] - skip}, info.Shape[1:]...)
	}
	return info, true
}

// add makes a tensor of the file if the checkpoint has all that it consists of and nothing else has taken it.
func (w *writer) add(name string, parts []checkpoint.Part) bool {
	if len(parts) == 0 {
		return false
	}
	m := &assembly{rows: map[string]int{}}
	rows := 0
	for _, p := range parts {
		info, ok := w.find(p.Name)
		if !ok || w.used[strings.TrimSuffix(p.Name, ".T")] || p.Shape != nil && !slices.Equal(p.Shape, info.Shape) {
			return false
		}
		dt, err := info.DType.Tensor()
		if err != nil {
			w.fail("tensor %q is %s; F32, F16 and BF16 are written to GGUF", info.Name, info.DType)
			return false
		}
		if m.dtype, m.parts = dt, append(m.parts, p); rows == 0 {
			m.shape = info.Shape
		}
		rows += max(1, height(info.Shape))
		m.rows[p.Name] = w.first[p.Name]
	}
	if len(parts) > 1 { // a stack
		m.shape = append([]int{len(parts)}, m.shape...)
	} else if p := parts[0]; len(p.Shape) == 2 && p.Shape[0] == 1 {
		m.shape = p.Shape[1:]
	}
	for _, p := range parts {
		w.used[strings.TrimSuffix(p.Name, ".T")] = true
	}
	if err := m.describe(name); err != nil {
		w.fail("%w", err)
		return false
	}
	w.made.tensors[name] = m
	w.made.names = append(w.made.names, name)
	return true
}

// values adds a tensor that the converter computes.
func (w *writer) values(name string, x []float64) {
	m := &assembly{shape: []int{len(x)}, values: x}
	if err := m.describe(name); err != nil {
		w.fail("%w", err)
	}
	w.made.tensors[name] = m
	w.made.names = append(w.made.names, name)
}

// refuseLeft notes tensors that no file has a place for, but for those that llama.cpp's converter leaves out too.
func (w *writer) refuseLeft() {
	for name := range w.src.Names() {
		switch {
		case w.used[name], strings.HasSuffix(name, "rotary_emb.inv_freq"), strings.HasSuffix(name, ".attn.bias"), strings.HasSuffix(name, ".attn.masked_bias"),
			strings.HasSuffix(name, ".attention.bias"), strings.HasSuffix(name, ".attention.masked_bias"), strings.HasSuffix(name, "position_ids"):
		case w.a.leaves != nil && w.a.leaves(w, name):
		default:
			w.fail("tensor %.200q has no place in a GGUF of the architecture %s", name, w.name)
		}
	}
	if !w.stored("token_embd.weight") {
		w.fail("the checkpoint has no table of words that a GGUF of the architecture %s has", w.name)
	}
}
