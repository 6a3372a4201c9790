package checkpoint

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
)

// Rename shows src under other names: each name goes through all functions in turn. A tensor whose name
// becomes empty is hidden. It returns [ErrDuplicate] if two tensors get the same name. The returned Source
// uses src, and closes it.
//
// A [Maker] has no names of its own and is returned unchanged.
func Rename(src Source, functions ...func(name string) string) (Source, error) {
	if m, ok := src.(Maker); ok {
		return m, nil
	}
	r := &renamed{src: src, functions: functions, stored: map[string]string{}}
	for stored := range src.Names() {
		name := r.rename(stored)
		if name == "" {
			continue
		}
		if other, taken := r.stored[name]; taken {
			return nil, &Error{Tensor: name, Kind: ErrDuplicate, Detail: fmt.Sprintf("both %q and %q are renamed to it", other, stored)}
		}
		r.stored[name] = stored
		r.names = append(r.names, name)
	}
	return r, nil
}

// TrimPrefix returns a function for [Rename] that removes the prefix from names that have it.
func TrimPrefix(prefix string) func(name string) string {
	return func(name string) string { return strings.TrimPrefix(name, prefix) }
}

// AddPrefix returns a function for [Rename] that puts the prefix before names that do not have it.
func AddPrefix(prefix string) func(name string) string {
	return func(name string) string {
		if strings.HasPrefix(name, prefix) {
			return name
		}
		return prefix + name
	}
}

// NormNames is a function for [Rename]. It changes gamma and beta, the names of layer norm weights in files
// converted from TensorFlow, to weight and bias.
func NormNames(name string) string {
	if s, ok := strings.CutSuffix(name, ".gamma"); ok {
		return s + ".weight"
	}
	if s, ok := strings.CutSuffix(name, ".beta"); ok {
		return s + ".bias"
	}
	return name
}

type renamed struct {
	src       Source
	functions []func(string) string
	stored    map[string]string // the name in src
	names     []string
}

func (r *renamed) rename(name string) string {
	for _, f := range r.functions {
		name = f(name)
	}
	return name
}

// find returns the name in src. A Source may have tensors that it does not list: these are found if they keep their names.
func (r *renamed) find(name string) (string, bool) {
	if stored, ok := r.stored[name]; ok {
		return stored, true
	}
	_, ok := r.src.Lookup(name)
	return name, ok && r.rename(name) == name
}

func (r *renamed) Names() iter.Seq[string] { return slices.Values(r.names) }

func (r *renamed) Lookup(name string) (Info, bool) {
	stored, ok := r.find(name)
	if !ok {
		return Info{}, false
	}
	info, ok := r.src.Lookup(stored)
	info.Name = name
	return info, ok
}

func (r *renamed) Bytes(name string) ([]byte, error) {
	stored, ok := r.find(name)
	if !ok {
		return nil, notFound(name)
	}
	return r.src.Bytes(stored)
}

func (r *renamed) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	stored, ok := r.find(name)
	if !ok {
		return failed(notFound(name))
	}
	return r.src.Chunks(stored, size)
}

func (r *renamed) InPlace(name string) (tensor.Stored, bool) {
	stored, ok := r.find(name)
	if s, in := r.src.(InPlace); ok && in {
		return s.InPlace(stored)
	}
	return tensor.Stored{}, false
}

func (r *renamed) Check() error {
	if s, ok := r.src.(InPlace); ok {
		return s.Check()
	}
	return nil
}

func (r *renamed) Release(name string) {
	if stored, ok := r.find(name); ok {
		r.src.Release(stored)
	}
}

func (r *renamed) Close() error { return r.src.Close() }
