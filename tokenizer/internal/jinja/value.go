package jinja

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Value is one of None, Bool, Int, Float, Str, *List, *Dict and types of this package that only templates make.
type Value interface{ isValue() }

type (
	None  struct{}
	Bool  bool
	Int   int64
	Float float64
	Str   string

	// markup is a text that the filters safe and escape made: what is added to it is escaped.
	markup string

	// List is a sequence of Python: a list, and inside a template also a tuple, a range or what a filter yields.
	List struct {
		Items []Value
		kind  seqKind
		spent bool // a generator that has been read
	}

	// Dict maps keys to values, in the order in which they were set first.
	Dict struct {
		keys, values []Value
		index        map[Value]int
	}

	namespace struct{ Dict }

	// undefined stands for what is not there. It can be printed and tested; all else fails with its message.
	undefined struct {
		message string
		kind    string // of the error; "" is UndefinedError
	}

	function struct {
		name string
		typ  string // the name of its type
		call func(r *renderer, args []Value, keys []string, values []Value) Value
		attr func(name string) Value // nil: none
	}
)

func (None) isValue()       {}
func (Bool) isValue()       {}
func (Int) isValue()        {}
func (Float) isValue()      {}
func (Str) isValue()        {}
func (markup) isValue()     {}
func (*List) isValue()      {}
func (*Dict) isValue()      {}
func (*undefined) isValue() {}
func (*function) isValue()  {}

type seqKind uint8

const (
	listKind seqKind = iota
	tupleKind
	rangeKind
	generatorKind
	keysKind
	valuesKind
	itemsKind
)

// NewList returns a list of values, which it keeps.
func NewList(items ...Value) *List { return &List{Items: items} }

// key returns what stands for a value as a key of a map: equal values have equal keys. It is nil if a value cannot be one.
func key(v Value) Value {
	switch v := v.(type) {
	case Bool:
		if v {
			return Int(1)
		}
		return Int(0)
	case Float:
		if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1<<62 {
			return Int(f)
		}
		return v
	case markup:
		return Str(v)
	case None, Int, Str, *undefined, *function:
		return v
	case *List:
		if v.kind != tupleKind && v.kind != rangeKind {
			return nil
		}
		var b strings.Builder
		b.WriteString("\x00tuple")
		for _, x := range v.Items {
			k := key(x)
			if k == nil {
				return nil
			}
			text := repr(k)
			b.WriteString(strconv.Itoa(len(text)))
			b.WriteString(typeName(k))
			b.WriteString(text)
		}
		return Str(b.String())
	}
	return nil
}

// Len returns the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Get returns the value at a key, and whether there is one.
func (d *Dict) Get(k Value) (Value, bool) {
	if d.index == nil {
		for i, own := range d.keys {
			if own == k {
				return d.values[i], true
			}
		}
		if _, text := k.(Str); text {
			return nil, false
		}
	}
	if k = key(k); k == nil {
		return nil, false
	}
	if d.index == nil {
		for i, own := range d.keys {
			if key(own) == k {
				return d.values[i], true
			}
		}
		return nil, false
	}
	i, ok := d.index[k]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// small is the number of keys up to which a dict has no index.
const small = 8

// Set sets the value at a key. It panics if a key cannot be one, such as a list.
func (d *Dict) Set(k, v Value) {
	at := key(k)
	if at == nil {
		fail("TypeError", "unhashable type: '%s'", typeName(k))
	}
	if d.index == nil {
		for i, own := range d.keys {
			if own == k || key(own) == at {
				d.values[i] = v
				return
			}
		}
	} else if i, ok := d.index[at]; ok {
		d.values[i] = v
		return
	}
	d.keys, d.values = append(d.keys, k), append(d.values, v)
	if d.index != nil {
		d.index[at] = len(d.keys) - 1
	} else if len(d.keys) > small {
		d.index = make(map[Value]int, 2*small)
		for i, own := range d.keys {
			d.index[key(own)] = i
		}
	}
}

// All calls f with each key and value, in order, until it returns false.
func (d *Dict) All(f func(k, v Value) bool) {
	for i, k := range d.keys {
		if !f(k, d.values[i]) {
			return
		}
	}
}

// Copy returns a copy of the dict that has the same values.
func (d *Dict) Copy() *Dict {
	c := &Dict{}
	for i, k := range d.keys {
		c.Set(k, d.values[i])
	}
	return c
}

// typeName returns the name of a value's type in Python.
func typeName(v Value) string {
	switch v := v.(type) {
	case None:
		return "NoneType"
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Float:
		return "float"
	case Str:
		return "str"
	case markup:
		return "Markup"
	case *List:
		return [...]string{"list", "tuple", "range", "generator", "dict_keys", "dict_values", "dict_items"}[v.kind]
	case *Dict:
		return "dict"
	case *namespace:
		return "TemplateNamespace"
	case *function:
		return v.typ
	}
	return "Undefined"
}

// described is what Jinja calls a value in the message of what is undefined in it.
func described(v Value) string {
	switch v := v.(type) {
	case None:
		return "None"
	case markup:
		return "markupsafe.Markup object"
	case *function:
		if v.typ == "Macro" || v.typ == "LoopContext" {
			return "jinja2.runtime." + v.typ + " object"
		}
	case *namespace:
		return "transformers.utils.chat_template_utils._cached_compile_jinja_template.<locals>.TemplateNamespace object"
	}
	return typeName(v) + " object"
}

func truth(v Value) bool {
	switch v := v.(type) {
	case None, *undefined:
		return false
	case Bool:
		return bool(v)
	case Int:
		return v != 0
	case Float:
		return v != 0
	case Str:
		return v != ""
	case markup:
		return v != ""
	case *List:
		return v.kind == generatorKind || len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	}
	return true
}

// text returns str(v).
func (r *renderer) text(v Value) string {
	switch v := v.(type) {
	case Str:
		return string(v)
	case markup:
		return string(v)
	case *undefined:
		return ""
	case *List, *Dict, *namespace:
		var b strings.Builder
		r.repr(&b, v, 0)
		return b.String()
	}
	return repr(v)
}

// repr returns repr(v) of a value that is not a collection.
func repr(v Value) string {
	switch v := v.(type) {
	case None:
		return "None"
	case Bool:
		if v {
			return "True"
		}
		return "False"
	case Int:
		return strconv.FormatInt(int64(v), 10)
	case Float:
		return floatText(float64(v))
	case Str:
		return quoted(string(v))
	case markup:
		return "Markup(" + quoted(string(v)) + ")"
	case *function:
		if v.typ == "Macro" {
			return "<Macro " + quoted(v.name) + ">"
		}
		return "<" + v.typ + " " + v.name + ">"
	}
	return "Undefined"
}

// repr writes repr(v). What it writes counts as steps.
func (r *renderer) repr(b *strings.Builder, v Value, depth int) {
	if depth > r.limits.Nesting {
		fail("RecursionError", "maximum recursion depth exceeded while getting the repr of an object")
	}
	r.step()
	r.fits(b.Len())
	switch v := v.(type) {
	case *List:
		open, end := "[", "]"
		switch v.kind {
		case tupleKind:
			if open, end = "(", ")"; len(v.Items) == 1 {
				end = ",)"
			}
		case generatorKind:
			b.WriteString("<generator object>")
			return
		case keysKind, valuesKind, itemsKind:
			open, end = typeName(v)+"([", "])"
		case rangeKind:
			start, stop := Value(Int(0)), Value(Int(0))
			if n := len(v.Items); n > 0 {
				start, stop = v.Items[0], v.Items[n-1].(Int)+1
			}
			b.WriteString("range(" + repr(start) + ", " + repr(stop) + ")")
			return
		}
		b.WriteString(open)
		for i, x := range v.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			r.repr(b, x, depth+1)
		}
		b.WriteString(end)
	case *Dict:
		r.reprDict(b, v, depth)
	case *namespace:
		b.WriteString("<Namespace ")
		r.reprDict(b, &v.Dict, depth)
		b.WriteString(">")
	default:
		b.WriteString(repr(v))
	}
}

func (r *renderer) reprDict(b *strings.Builder, d *Dict, depth int) {
	b.WriteByte('{')
	for i, k := range d.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		r.repr(b, k, depth+1)
		b.WriteString(": ")
		r.repr(b, d.values[i], depth+1)
	}
	b.WriteByte('}')
}

// floatText writes a float as Python does.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	e, _ := strconv.Atoi(exponent)
	if e < -4 || e >= 16 {
		sign := "+"
		if e < 0 {
			sign, e = "-", -e
		}
		if e < 10 {
			sign += "0"
		}
		return mantissa + "e" + sign + strconv.Itoa(e)
	}
	if s = strconv.FormatFloat(f, 'f', -1, 64); !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quoted writes a text as Python's repr does.
func quoted(s string) string {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, c := range s {
		switch {
		case c == rune(q) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == ' ' || c >= ' ' && c < 0x7f:
			b.WriteRune(c)
		case c < 0x7f && c < ' ' || c == 0x7f || c < 0x100 && !unicode.IsPrint(c):
			b.WriteString(`\x` + hex(c, 2))
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x10000:
			b.WriteString(`\u` + hex(c, 4))
		default:
			b.WriteString(`\U` + hex(c, 8))
		}
	}
	b.WriteByte(q)
	return b.String()
}

func hex(c rune, width int) string {
	s := strconv.FormatInt(int64(c), 16)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// number returns a value as a float, and whether it is a number.
func number(v Value) (float64, bool) {
	switch v := v.(type) {
	case Bool:
		if v {
			return 1, true
		}
		return 0, true
	case Int:
		return float64(v), true
	case Float:
		return float64(v), true
	}
	return 0, false
}

// integer returns a value as an integer, and whether it is one; booleans are.
func integer(v Value) (int64, bool) {
	switch v := v.(type) {
	case Bool:
		if v {
			return 1, true
		}
		return 0, true
	case Int:
		return int64(v), true
	}
	return 0, false
}

// str returns the text of a string, and whether v is one.
func str(v Value) (string, bool) {
	switch v := v.(type) {
	case Str:
		return string(v), true
	case markup:
		return string(v), true
	}
	return "", false
}

// equal is Python's ==.
func (r *renderer) equal(a, b Value) bool {
	r.step()
	if x, ok := number(a); ok {
		y, ok := number(b)
		if i, whole := integer(a); whole {
			if j, whole := integer(b); whole {
				return i == j
			}
		}
		return ok && x == y
	}
	switch x := a.(type) {
	case Str, markup:
		s, _ := str(a)
		t, ok := str(b)
		return ok && s == t
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case *List:
		y, ok := b.(*List)
		if !ok || x.kind != y.kind || len(x.Items) != len(y.Items) || x.kind == generatorKind && x != y {
			return false
		}
		defer r.enter()()
		for i := range x.Items {
			if !r.equal(x.Items[i], y.Items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || x.Len() != y.Len() {
			return false
		}
		defer r.enter()()
		for i, k := range x.keys {
			if v, ok := y.Get(k); !ok || !r.equal(x.values[i], v) {
				return false
			}
		}
		return true
	}
	return a == b
}

// order is Python's order: negative, 0 or positive. op names the comparison in errors.
func (r *renderer) order(a, b Value, op string) int {
	r.step()
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			if i, whole := integer(a); whole {
				if j, whole := integer(b); whole {
					return cmp.Compare(i, j)
				}
			}
			return cmp.Compare(x, y)
		}
	}
	if x, ok := str(a); ok {
		if y, ok := str(b); ok {
			return strings.Compare(x, y)
		}
	}
	if x, ok := a.(*List); ok {
		if y, ok := b.(*List); ok && x.kind == y.kind && (x.kind == listKind || x.kind == tupleKind) {
			defer r.enter()()
			for i := range min(len(x.Items), len(y.Items)) {
				if !r.equal(x.Items[i], y.Items[i]) {
					return r.order(x.Items[i], y.Items[i], op)
				}
			}
			return cmp.Compare(len(x.Items), len(y.Items))
		}
	}
	r.defined(a)
	r.defined(b)
	fail("TypeError", "'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	return 0
}

// defined fails if v is undefined.
func (r *renderer) defined(v Value) {
	if u, ok := v.(*undefined); ok {
		u.fail()
	}
}

func (u *undefined) fail() {
	kind := u.kind
	if kind == "" {
		kind = "UndefinedError"
	}
	fail(kind, "%s", u.message)
}

// length returns len(v), or false if it has none.
func length(v Value) (int, bool) {
	switch v := v.(type) {
	case Str:
		return utf8.RuneCountInString(string(v)), true
	case markup:
		return utf8.RuneCountInString(string(v)), true
	case *List:
		return len(v.Items), v.kind != generatorKind
	case *Dict:
		return v.Len(), true
	case *undefined:
		return 0, true
	}
	return 0, false
}

// iterate returns what a loop over v visits, or false if v cannot be looped over.
func (r *renderer) iterate(v Value) ([]Value, bool) {
	switch v := v.(type) {
	case *List:
		if v.kind == generatorKind {
			if v.spent {
				return nil, true
			}
			v.spent = true
		}
		return v.Items, true
	case *Dict:
		return v.keys, true
	case *undefined:
		return nil, true
	case Str, markup:
		s, _ := str(v)
		r.charge(16 * len(s))
		items := make([]Value, 0, len(s))
		for _, c := range s {
			items = append(items, Str(string(c)))
		}
		return items, true
	}
	return nil, false
}

// items is iterate, and fails where that cannot be.
func (r *renderer) items(v Value) []Value {
	items, ok := r.iterate(v)
	if !ok {
		fail("TypeError", "'%s' object is not iterable", typeName(v))
	}
	return items
}
