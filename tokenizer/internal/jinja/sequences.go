package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// list returns a new list of what v has.
func (r *renderer) list(v Value) *List {
	items := r.items(v)
	r.charge(16 * len(items))
	return &List{Items: slices.Clone(items)}
}

// pairs returns the keys and values of a dict as tuples.
func (r *renderer) pairs(d *Dict) []Value {
	r.charge(64 * d.Len())
	pairs := make([]Value, 0, d.Len())
	for k, v := range d.All {
		pairs = append(pairs, &List{kind: tupleKind, Items: []Value{k, v}})
	}
	return pairs
}

func batch(r *renderer, v Value, a []Value) Value {
	n := intOr(a[0], 0)
	out := &List{kind: generatorKind}
	var row []Value
	flush := func() { out.Items, row = append(out.Items, NewList(row...)), nil }
	for _, x := range r.items(v) {
		r.step()
		if len(row) == n {
			flush()
		}
		row = append(row, x)
	}
	if len(row) > 0 {
		if _, none := orNil(a[1]).(None); !none && n > len(row) {
			r.fill(&row, n-len(row), a[1])
		}
		flush()
	}
	return out
}

// fill appends a value n times.
func (r *renderer) fill(row *[]Value, n int, v Value) {
	r.fits(16 * n)
	r.charge(16 * n)
	for range n {
		*row = append(*row, v)
	}
}

func sliced(r *renderer, v Value, a []Value) Value {
	n := intOr(a[0], 0)
	items := r.items(v)
	out := &List{kind: generatorKind}
	if n < 1 {
		fail("ZeroDivisionError", "integer division or modulo by zero")
	}
	r.fits(16 * n)
	r.charge(16 * (n + len(items)))
	per, more, at := len(items)/n, len(items)%n, 0
	for i := range n {
		end := at + per
		if i < more {
			end++
		}
		row := slices.Clone(items[at:end])
		if _, none := orNil(a[1]).(None); !none && i >= more {
			row = append(row, a[1])
		}
		out.Items, at = append(out.Items, NewList(row...)), end
	}
	return out
}

// folded is a value as sorting sees it: a text in lower case, unless case counts.
func folded(v, sensitive Value) Value {
	if s, ok := str(v); ok && (sensitive == nil || !truth(sensitive)) {
		return Str(lower(s))
	}
	return v
}

func dictsort(r *renderer, v Value, a []Value) Value {
	d, ok := v.(*Dict)
	if !ok {
		r.defined(v)
		fail("AttributeError", "'%s' object has no attribute 'items'", typeName(v))
	}
	by := 0
	if a[1] != nil {
		switch r.text(a[1]) {
		case "key":
		case "value":
			by = 1
		default:
			fail("FilterArgumentError", `You can only sort by either "key" or "value"`)
		}
	}
	pairs := r.pairs(d)
	r.sort(pairs, a[2], func(x Value) Value { return folded(x.(*List).Items[by], a[0]) })
	return NewList(pairs...)
}

// sort sorts items by their keys; equal ones keep their order, backwards too.
func (r *renderer) sort(items []Value, backwards Value, key func(Value) Value) {
	type keyed struct{ key, item Value }
	all := make([]keyed, len(items))
	for i, x := range items {
		all[i] = keyed{key(x), x}
	}
	down := backwards != nil && truth(backwards)
	slices.SortStableFunc(all, func(x, y keyed) int {
		c := r.order(x.key, y.key, "<")
		if down {
			c = -c
		}
		return c
	})
	for i, x := range all {
		items[i] = x.item
	}
}

func sorted(r *renderer, v Value, a []Value) Value {
	l := r.list(v)
	var getters []func(Value) Value
	attributes := []Value{orNil(a[2])}
	if s, ok := str(orNil(a[2])); ok {
		attributes = nil
		for part := range strings.SplitSeq(s, ",") {
			attributes = append(attributes, Str(part))
		}
	}
	for _, x := range attributes {
		getters = append(getters, r.getter(x, nil))
	}
	r.sort(l.Items, a[0], func(x Value) Value {
		k := &List{kind: tupleKind}
		for _, get := range getters {
			k.Items = append(k.Items, folded(get(x), a[1]))
		}
		return k
	})
	return l
}

// getter returns a function that gets an attribute, "a.b" or a number; None is the value itself.
func (r *renderer) getter(attribute, other Value) func(Value) Value {
	if _, none := orNil(attribute).(None); none {
		return func(v Value) Value { return v }
	}
	path := []Value{attribute}
	if s, ok := str(attribute); ok {
		path = nil
		for part := range strings.SplitSeq(s, ".") {
			if i, err := strconv.Atoi(part); err == nil && i >= 0 {
				path = append(path, Int(i))
			} else {
				path = append(path, Str(part))
			}
		}
	}
	return func(v Value) Value {
		for _, k := range path {
			r.step()
			v = r.item(v, k)
			if _, u := v.(*undefined); u && other != nil {
				v = other
			}
		}
		return v
	}
}

func unique(r *renderer, v Value, a []Value) Value {
	get := r.getter(orNil(a[1]), nil)
	seen := &Dict{}
	out := &List{kind: generatorKind}
	for _, x := range r.items(v) {
		r.step()
		k := folded(get(x), a[0])
		if key(k) == nil {
			fail("TypeError", "unhashable type: '%s'", typeName(k))
		}
		if _, ok := seen.Get(k); !ok {
			seen.Set(k, None{})
			out.Items = append(out.Items, x)
		}
	}
	return out
}

// extreme returns the largest item with sign 1, the smallest with sign −1.
func (r *renderer) extreme(v Value, a []Value, sign int) Value {
	items := r.items(v)
	if len(items) == 0 {
		return &undefined{message: "No aggregated item, sequence was empty."}
	}
	get := r.getter(orNil(a[1]), nil)
	best, bestKey := items[0], folded(get(items[0]), a[0])
	op := map[int]string{1: ">", -1: "<"}[sign]
	for _, x := range items[1:] {
		k := folded(get(x), a[0])
		if sign*r.order(k, bestKey, op) > 0 {
			best, bestKey = x, k
		}
	}
	return best
}

func groupby(r *renderer, v Value, a []Value) Value {
	get := r.getter(a[0], a[1])
	items := r.list(v).Items
	r.sort(items, nil, func(x Value) Value { return folded(get(x), a[2]) })
	out := &List{}
	var last Value
	for _, x := range items {
		k := folded(get(x), a[2])
		if last == nil || !r.equal(last, k) {
			out.Items = append(out.Items, &List{kind: tupleKind, Items: []Value{get(x), &List{}}})
		}
		last = k
		group := out.Items[len(out.Items)-1].(*List).Items[1].(*List)
		group.Items = append(group.Items, x)
	}
	return out
}

func join(r *renderer, v Value, a []Value) Value {
	items := r.items(v)
	get := r.getter(orNil(a[1]), nil)
	with := ""
	if a[0] != nil {
		with = r.text(a[0])
	}
	var b strings.Builder
	for i, x := range items {
		if i > 0 {
			b.WriteString(with)
		}
		b.WriteString(r.text(get(x)))
		r.step()
		r.fits(b.Len())
	}
	return Str(r.made(b.String()))
}

func reverse(r *renderer, v Value, a []Value) Value {
	if s, ok := str(v); ok {
		r.charge(4 * len(s))
		runes := []rune(s)
		slices.Reverse(runes)
		return like(v, string(runes))
	}
	items, ok := r.iterate(v)
	if !ok {
		fail("FilterArgumentError", "argument must be iterable")
	}
	r.charge(16 * len(items))
	items = slices.Clone(items)
	slices.Reverse(items)
	return &List{kind: generatorKind, Items: items}
}

func sum(r *renderer, v Value, a []Value) Value {
	get := r.getter(orNil(a[0]), nil)
	total := Value(Int(0))
	if a[1] != nil {
		total = a[1]
	}
	if _, ok := str(total); ok {
		fail("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	for _, x := range r.items(v) {
		x = get(x)
		if s := r.add(total, x); s != nil {
			total = s
		} else {
			total = r.arithmetic("+", total, x)
		}
	}
	return total
}

// mapped is the filter map: an attribute of each item, or a filter of each.
func mapped(r *renderer, v Value, args []Value, keys []string, values []Value) Value {
	var of func(Value) Value
	if len(args) == 0 {
		var attribute, other Value
		for i, k := range keys {
			switch k {
			case "attribute":
				attribute = values[i]
			case "default":
				other = values[i]
			default:
				fail("FilterArgumentError", "Unexpected keyword argument %s", quoted(k))
			}
		}
		if attribute == nil {
			fail("FilterArgumentError", "map requires a filter argument")
		}
		of = r.getter(attribute, other)
	} else {
		name := r.text(args[0])
		f := filterNamed(name)
		if f == nil {
			fail("TemplateRuntimeError", "No filter named %s.", quoted(name))
		}
		of = func(x Value) Value { return f(r, x, args[1:], keys, values) }
	}
	out := &List{kind: generatorKind}
	if !truth(v) {
		return out
	}
	for _, x := range r.items(v) {
		r.step()
		out.Items = append(out.Items, of(x))
	}
	return out
}

// selector returns select, reject, selectattr or rejectattr.
func selector(want, attribute bool) filter {
	return func(r *renderer, v Value, args []Value, keys []string, values []Value) Value {
		get := func(x Value) Value { return x }
		if attribute {
			if len(args) == 0 {
				fail("FilterArgumentError", "Missing parameter for attribute name")
			}
			get, args = r.getter(args[0], nil), args[1:]
		}
		check := func(r *renderer, v Value, args []Value) bool { return truth(v) }
		if len(args) > 0 {
			name := r.text(args[0])
			if check = testNamed(name); check == nil {
				fail("TemplateRuntimeError", "No test named %s.", quoted(name))
			}
			args = args[1:]
		}
		out := &List{kind: generatorKind}
		if !truth(v) {
			return out
		}
		for _, x := range r.items(v) {
			r.step()
			if check(r, get(x), args) == want {
				out.Items = append(out.Items, x)
			}
		}
		return out
	}
}
