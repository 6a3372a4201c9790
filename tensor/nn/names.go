package nn

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// full returns the name of a tensor in the checkpoint.
func (l Loader) full(name string) string { return l.outer + l.prefix + name }

// Prefix returns what this Loader puts before every name.
func (l Loader) Prefix() string { return l.prefix }

// Name returns the name with the prefix of this Loader, as [Loader.Tie] takes it.
func (l Loader) Name(name string) string { return l.prefix + name }

// Has reports whether the checkpoint has a tensor with this name.
func (l Loader) Has(name string) bool {
	_, ok := l.src.Lookup(l.full(name))
	return ok
}

// Stored returns the type of the tensor with this name as the checkpoint calls it, or "" if it has none.
func (l Loader) Stored(name string) string {
	info, _ := l.src.Lookup(l.full(name))
	return string(info.DType)
}

// Dims returns the stored dimensions of the tensor with this name, or nil if the checkpoint has none.
func (l Loader) Dims(name string) []int {
	info, _ := l.src.Lookup(l.full(name))
	return info.Shape
}

// HasOptional is [Loader.Has] for a tensor that a model can do without, but that its class in transformers has.
// It is true for a checkpoint of shapes alone.
func (l Loader) HasOptional(name string) bool { return l.shapes || l.Has(name) }

// HasBelow reports whether the checkpoint has a tensor whose name begins with prefix. A [checkpoint.Maker] makes any.
func (l Loader) HasBelow(prefix string) bool {
	if _, ok := l.src.(checkpoint.Maker); ok {
		return true
	}
	for name := range l.src.Names() {
		if strings.HasPrefix(name, l.full(prefix)) {
			return true
		}
	}
	return false
}

// Root returns a Loader of the body of a model, which is stored alone or as a part of the model with its head. It
// looks for the probes, names of the body, one after the other, and the first that is stored decides: below the
// prefix, Root returns l.At(prefix); without it, l. If none is stored in either way, it returns l.At(prefix). An empty
// prefix is none.
//
// If every tensor of the checkpoint lies below one more prefix, as "model." where a program has saved the module
// that holds the model, all Loaders of the checkpoint read below it from then on.
func (l Loader) Root(prefix string, probes ...string) Loader {
	body := l
	if prefix != "" {
		body = l.At("%s", prefix)
	}
	for range 2 {
		for _, probe := range probes {
			switch {
			case body.Has(probe):
				return body
			case l.Has(probe):
				return l
			}
		}
		if !l.enter(prefix, probes) {
			break
		}
	}
	return body
}

// enter looks for a prefix that all tensors have, and below which a probe is stored, with or without the prefix of
// the body.
func (l Loader) enter(prefix string, probes []string) bool {
	if l.outer != "" {
		return false
	}
	common := l.commonPrefix()
	for _, probe := range probes {
		for name := range l.src.Names() {
			outer, ok := strings.CutSuffix(name, l.prefix+probe)
			if prefix != "" {
				outer = strings.TrimSuffix(outer, prefix+".")
			}
			if ok && strings.HasSuffix(outer, ".") && strings.HasPrefix(common, outer) {
				l.outer = outer
				return true
			}
		}
	}
	return false
}

// commonPrefix returns what all names begin with, but for those of tensors that are left out.
func (l Loader) commonPrefix() string {
	common, first := "", true
	for name := range l.src.Names() {
		if l.beside(name) {
			continue
		}
		if first {
			common, first = name, false
		}
		n := 0
		for n < min(len(common), len(name)) && common[n] == name[n] {
			n++
		}
		common = common[:n]
	}
	return common
}

// wrappers are the modules that programs put around a model, or a part of it, to train or compile it; state
// dictionaries have their names as components.
var wrappers = [...]string{"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."}

// unwrap returns a name without the wrappers. module, of DataParallel, counts at the front alone, where no model
// has it.
func unwrap(name string) string {
	for _, w := range wrappers {
		for strings.HasPrefix(name, w) || strings.Contains(name, "."+w) {
			name = strings.ReplaceAll("."+name, "."+w, ".")[1:]
		}
	}
	for strings.HasPrefix(name, "module.") {
		name = strings.TrimPrefix(name, "module.")
	}
	return name
}

// unwrapped returns src with the names that it has without wrappers.
func unwrapped(src checkpoint.Source) checkpoint.Source {
	for name := range src.Names() {
		if unwrap(name) != name {
			if r, err := checkpoint.Rename(src, unwrap); err == nil {
				return r
			}
			break // two tensors would have one name: they are reported as they are
		}
	}
	return src
}

// near names a tensor whose name ends like the missing one, as under another prefix.
func (l Loader) near(full string) string {
	for rest, ok := full, true; ok && strings.Contains(rest, "."); _, rest, ok = strings.Cut(rest, ".") {
		for name := range l.src.Names() {
			if name == rest || strings.HasSuffix(name, "."+rest) {
				return fmt.Sprintf("; it has %.500q", name)
			}
		}
	}
	return ""
}
