package nn

import (
	"bytes"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
)

// tie is a table that has several names.
type tie struct {
	names []string                  // without what is before all names
	kept  map[string]*tensor.Weight // by the name under which it is stored; nil after an error
}

// Tie declares that tables, named as [Loader.Name] does and without .weight, are one. They go by the rule of
// transformers 5.24 (tie_weights): the source of the others comes first; a table that is not stored is the first of
// them that is, whichever; stored tables with the same values are kept once; and one that is stored with other values is
// a table of its own. A table that is stored and not asked for is not an error.
//
// A recipe calls it before it asks for a table, and only where the config, or the default of its class, ties the tables.
// Of tables that are not declared each must be stored. [Loader.Embedding], [Loader.Table] and [Loader.Head] read
// tables.
func (l Loader) Tie(names ...string) {
	t := &tie{names: names, kept: map[string]*tensor.Weight{}}
	for _, name := range names {
		l.tied[name] = t
	}
}

// table returns the matrix name.weight, [rows, dim], as read reads it, unless it is one with a table that the
// model has.
func (l Loader) table(name string, use Use, read func(l Loader, name string) *tensor.Weight) *tensor.Weight {
	t := l.tied[l.prefix+name]
	if t == nil {
		l.use = use
		return read(l, name)
	}
	root := Loader{"", Head, l.load}
	stored := l.prefix + name
	if !root.Has(stored + ".weight") {
		stored = t.names[max(0, slices.IndexFunc(t.names, func(n string) bool { return root.Has(n + ".weight") }))]
	}
	if w, ok := t.kept[stored]; ok {
		return w
	}
	w := t.equal(root, stored)
	if w == nil {
		w = read(root, stored)
	}
	t.kept[stored] = w
	return w
}

// equal returns a table that is kept and has the values of the stored one, or nil.
func (t *tie) equal(root Loader, stored string) *tensor.Weight {
	for _, other := range t.names {
		if w := t.kept[other]; w != nil && root.same(stored+".weight", other+".weight") {
			name := root.full(stored + ".weight")
			root.asked[name] = true
			root.read(name)
			return w
		}
	}
	return nil
}

// same reports whether two tensors have the same type, shape and values.
func (l Loader) same(a, b string) bool {
	a, b = l.full(a), l.full(b)
	x, okA := l.src.Lookup(a)
	y, okB := l.src.Lookup(b)
	if !okA || !okB || x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) {
		return false
	}
	p, errA := l.src.Bytes(a)
	q, errB := l.src.Bytes(b)
	equal := errA == nil && errB == nil && bytes.Equal(p, q)
	l.src.Release(a)
	l.src.Release(b)
	return equal
}

// isTied reports whether a tensor of the checkpoint is a table with several names.
func (l Loader) isTied(full string) bool {
	name, ok := strings.CutSuffix(strings.TrimPrefix(full, l.outer), ".weight")
	return ok && l.tied[name] != nil
}

// orTied names the tables that the one with this full name, which is missing, would be one with.
func (l Loader) orTied(full string) string {
	name, _ := strings.CutSuffix(strings.TrimPrefix(full, l.outer), ".weight")
	t := l.tied[name]
	if t == nil {
		return ""
	}
	var others []string
	for _, other := range t.names {
		if other != name {
			others = append(others, l.outer+other+".weight")
		}
	}
	return ", nor a table that is tied to it: " + strings.Join(others, ", ")
}
