package jinja

import (
	"math"
	"strings"
)

func (x *constExpr) eval(r *renderer, s *scope) Value { return x.value }

func (x *nameExpr) eval(r *renderer, s *scope) Value {
	r.step()
	if v, ok := s.get(x.name); ok {
		return v
	}
	if f := global(x.name); f != nil {
		return f
	}
	return &undefined{message: quoted(x.name) + " is undefined"}
}

func (x *seqExpr) eval(r *renderer, s *scope) Value {
	l := &List{kind: x.kind, Items: make([]Value, len(x.items))}
	for i, item := range x.items {
		l.Items[i] = item.eval(r, s)
	}
	r.charge(16 * len(l.Items))
	return l
}

func (x *dictExpr) eval(r *renderer, s *scope) Value {
	d := &Dict{}
	for i, k := range x.keys {
		d.Set(k.eval(r, s), x.values[i].eval(r, s))
		r.step()
	}
	return d
}

func (x *condExpr) eval(r *renderer, s *scope) Value {
	if truth(x.test.eval(r, s)) {
		return x.then.eval(r, s)
	}
	if x.else_ == nil {
		return &undefined{message: "the inline if-expression evaluated to false and no else section was defined."}
	}
	return x.else_.eval(r, s)
}

func (x *andExpr) eval(r *renderer, s *scope) Value {
	if v := x.left.eval(r, s); !truth(v) {
		return v
	}
	return x.right.eval(r, s)
}

func (x *orExpr) eval(r *renderer, s *scope) Value {
	if v := x.left.eval(r, s); truth(v) {
		return v
	}
	return x.right.eval(r, s)
}

func (x *notExpr) eval(r *renderer, s *scope) Value { return Bool(!truth(x.of.eval(r, s))) }

func (x *negExpr) eval(r *renderer, s *scope) Value {
	v := x.of.eval(r, s)
	r.defined(v)
	if i, ok := integer(v); ok {
		if x.op == "-" {
			i = -i
		}
		return Int(i)
	}
	if f, ok := v.(Float); ok {
		if x.op == "-" {
			f = -f
		}
		return f
	}
	fail("TypeError", "bad operand type for unary %s: '%s'", x.op, typeName(v))
	return nil
}

func (x *binaryExpr) eval(r *renderer, s *scope) Value {
	a := x.left.eval(r, s)
	b := x.right.eval(r, s)
	defer atLine(x.line)
	r.step()
	if x.op == "+" {
		if v := r.add(a, b); v != nil {
			return v
		}
	}
	return r.arithmetic(x.op, a, b)
}

// add adds texts and lists; it returns nil for other values.
func (r *renderer) add(a, b Value) Value {
	switch x := a.(type) {
	case Str:
		switch y := b.(type) {
		case Str:
			r.fits(len(x) + len(y))
			r.charge(len(x) + len(y))
			return x + y
		case markup:
			return markup(r.made(escape(string(x)) + string(y)))
		}
		r.defined(b)
		fail("TypeError", `can only concatenate str (not "%s") to str`, typeName(b))
	case markup:
		switch y := b.(type) {
		case Str:
			return markup(r.made(string(x) + escape(string(y))))
		case markup:
			return markup(r.made(string(x + y)))
		}
	case *List:
		if x.kind != listKind && x.kind != tupleKind {
			return nil
		}
		y, ok := b.(*List)
		if !ok || y.kind != x.kind {
			r.defined(b)
			fail("TypeError", `can only concatenate %s (not "%s") to %[1]s`, typeName(a), typeName(b))
		}
		r.charge(16 * (len(x.Items) + len(y.Items)))
		return &List{kind: x.kind, Items: append(append(make([]Value, 0, len(x.Items)+len(y.Items)), x.Items...), y.Items...)}
	}
	return nil
}

func (r *renderer) arithmetic(op string, a, b Value) Value {
	if s, ok := str(a); ok && op == "%" {
		return like(a, r.made(r.percent(s, b)))
	}
	r.defined(a)
	r.defined(b)
	if op == "*" {
		if v := r.repeat(a, b); v != nil {
			return v
		}
		if v := r.repeat(b, a); v != nil {
			return v
		}
	}
	i, whole := integer(a)
	j, also := integer(b)
	if whole && also {
		return intArithmetic(op, i, j)
	}
	x, ok := number(a)
	y, fine := number(b)
	if !ok || !fine {
		name := op
		switch {
		case op == "**":
			name = "** or pow()"
		case op == "*" && repeats(a):
			fail("TypeError", "can't multiply sequence by non-int of type '%s'", typeName(b))
		case op == "*" && repeats(b):
			fail("TypeError", "can't multiply sequence by non-int of type '%s'", typeName(a))
		}
		fail("TypeError", "unsupported operand type(s) for %s: '%s' and '%s'", name, typeName(a), typeName(b))
	}
	return floatArithmetic(op, x, y)
}

// repeat returns a text or a list that is repeated, or nil.
func (r *renderer) repeat(v, times Value) Value {
	n, ok := integer(times)
	if !ok {
		return nil
	}
	n = max(n, 0)
	switch v := v.(type) {
	case Str:
		return Str(r.repeated(string(v), n))
	case markup:
		return markup(r.repeated(string(v), n))
	case *List:
		if v.kind != listKind && v.kind != tupleKind {
			return nil
		}
		if len(v.Items) > 0 && n > int64(r.limits.Output/16/len(v.Items)) {
			r.fits(r.limits.Output + 1)
		}
		r.charge(16 * int(n) * len(v.Items))
		l := &List{kind: v.kind}
		for range n {
			l.Items = append(l.Items, v.Items...)
		}
		return l
	}
	return nil
}

// repeats reports whether a value times an integer repeats it.
func repeats(v Value) bool {
	if l, ok := v.(*List); ok {
		return l.kind == listKind || l.kind == tupleKind
	}
	_, ok := str(v)
	return ok
}

func (r *renderer) repeated(s string, n int64) string {
	if len(s) == 0 || n <= 0 {
		return ""
	}
	if n > int64(r.limits.Output/len(s)) {
		r.fits(r.limits.Output + 1)
	}
	r.charge(len(s) * int(n))
	return strings.Repeat(s, int(n))
}

func overflow() { fail("OverflowError", "the result does not fit an integer of 64 bits") }

func intArithmetic(op string, a, b int64) Value {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return Int(c)
		}
		overflow()
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return Int(c)
		}
		overflow()
	case "*":
		if a == 0 || b == 0 {
			return Int(0)
		}
		if c := a * b; c/b == a && (c < 0) == ((a < 0) != (b < 0)) && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64) {
			return Int(c)
		}
		overflow()
	case "/":
		if b == 0 {
			fail("ZeroDivisionError", "division by zero")
		}
		return Float(float64(a) / float64(b))
	case "//", "%":
		if b == 0 {
			fail("ZeroDivisionError", "integer division or modulo by zero")
		}
		if b == -1 {
			if op == "%" {
				return Int(0)
			}
			return intArithmetic("-", 0, a)
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == "%" {
			return Int(m)
		}
		return Int(q)
	case "**":
		if b < 0 {
			return floatArithmetic(op, float64(a), float64(b))
		}
		if a == 0 || a == 1 || a == -1 {
			if b%2 == 0 {
				a *= a
			}
			if b == 0 {
				a = 1
			}
			return Int(a)
		}
		v := Value(Int(1))
		for range min(b, 64) {
			v = intArithmetic("*", int64(v.(Int)), a)
		}
		if b > 64 {
			overflow()
		}
		return v
	}
	return nil
}

func floatArithmetic(op string, a, b float64) Value {
	switch op {
	case "+":
		return Float(a + b)
	case "-":
		return Float(a - b)
	case "*":
		return Float(a * b)
	case "**":
		if a == 0 && b < 0 {
			fail("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		p := math.Pow(a, b)
		if a < 0 && math.IsNaN(p) && !math.IsNaN(b) {
			fail("TypeError", "a negative number to a power with a fraction is complex, which is not supported")
		}
		if math.IsInf(p, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
			fail("OverflowError", "(34, 'Numerical result out of range')")
		}
		return Float(p)
	}
	if b == 0 {
		fail("ZeroDivisionError", "float %s", map[string]string{"/": "division by zero", "//": "floor division by zero", "%": "modulo"}[op])
	}
	if op == "/" {
		return Float(a / b)
	}
	m := math.Mod(a, b)
	quotient := (a - m) / b
	if m == 0 {
		m = math.Copysign(0, b)
	} else if (m < 0) != (b < 0) {
		m, quotient = m+b, quotient-1
	}
	if op == "%" {
		return Float(m)
	}
	if quotient == 0 {
		return Float(math.Copysign(0, a/b))
	}
	whole := math.Floor(quotient)
	if quotient-whole > 0.5 {
		whole++
	}
	return Float(whole)
}

func (x *concatExpr) eval(r *renderer, s *scope) Value {
	var b strings.Builder
	for _, part := range x.parts {
		b.WriteString(r.text(part.eval(r, s)))
		r.fits(b.Len())
	}
	return Str(r.made(b.String()))
}

func (x *compareExpr) eval(r *renderer, s *scope) Value {
	left := x.first.eval(r, s)
	defer atLine(x.line)
	for i, op := range x.ops {
		right := x.rest[i].eval(r, s)
		if !r.compare(op, left, right) {
			return Bool(false)
		}
		left = right
	}
	return Bool(true)
}

func (r *renderer) compare(op string, a, b Value) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	x, isNumber := number(a)
	y, both := number(b)
	if isNumber && both && (math.IsNaN(x) || math.IsNaN(y)) {
		return false
	}
	c := r.order(a, b, op)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// contains is Python's v in all.
func (r *renderer) contains(all, v Value) bool {
	if text, ok := str(all); ok {
		part, ok := str(v)
		if !ok {
			fail("TypeError", "'in <string>' requires string as left operand, not %s", typeName(v))
		}
		r.charge(len(text))
		return strings.Contains(text, part)
	}
	if d, ok := all.(*Dict); ok {
		if key(v) == nil {
			fail("TypeError", "unhashable type: '%s'", typeName(v))
		}
		_, ok := d.Get(v)
		return ok
	}
	items, ok := r.iterate(all)
	if !ok {
		fail("TypeError", "argument of type '%s' is not iterable", typeName(all))
	}
	for _, x := range items {
		if r.equal(v, x) {
			return true
		}
	}
	return false
}

func (x *attrExpr) eval(r *renderer, s *scope) Value {
	v := x.of.eval(r, s)
	r.step()
	defer atLine(x.line)
	return r.attribute(v, x.name)
}

// attribute is v.name: a method or an attribute of Python, or else the value at the key.
func (r *renderer) attribute(v Value, name string) Value {
	r.defined(v)
	if a := r.own(v, name); a != nil {
		return a
	}
	if d, ok := v.(*Dict); ok {
		if x, ok := d.Get(Str(name)); ok {
			return x
		}
	}
	return missing(v, Str(name))
}

// missing is what is not there at a key of v.
func missing(v, k Value) Value {
	if name, ok := k.(Str); ok {
		return &undefined{message: quoted(described(v)) + " has no attribute " + quoted(string(name))}
	}
	return &undefined{message: described(v) + " has no element " + repr(k)}
}

// own returns an attribute that Python's type has, or nil.
func (r *renderer) own(v Value, name string) Value {
	if strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") && dunder(name) || mutates(v, name) {
		return &undefined{kind: "SecurityError", message: "access to attribute " + quoted(name) + " of " + quoted(typeName(v)) + " object is unsafe."}
	}
	switch v := v.(type) {
	case Str, markup:
		if m := stringMethod(v, name); m != nil {
			return m
		}
	case *Dict:
		if m := dictMethod(v, name); m != nil {
			return m
		}
	case *List:
		if m := listMethod(v, name); m != nil {
			return m
		}
	case *namespace:
		if x, ok := v.Get(Str(name)); ok {
			return x
		}
	case *function:
		if v.attr != nil {
			return v.attr(name)
		}
	}
	return nil
}

// dunder reports whether every object of Python has the attribute.
func dunder(name string) bool {
	switch name {
	case "__class__", "__doc__", "__init__", "__new__", "__repr__", "__str__", "__hash__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
		"__dir__", "__getattribute__", "__setattr__", "__delattr__", "__format__", "__reduce__", "__reduce_ex__", "__sizeof__", "__subclasshook__",
		"__init_subclass__", "__getstate__":
		return true
	}
	return false
}

// mutates reports whether an attribute would change a list or a dict.
func mutates(v Value, name string) bool {
	switch v := v.(type) {
	case *Dict:
		switch name {
		case "clear", "pop", "popitem", "setdefault", "update":
			return true
		}
	case *List:
		switch name {
		case "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove":
			return v.kind == listKind
		}
	}
	return false
}

func (x *itemExpr) eval(r *renderer, s *scope) Value {
	v := x.of.eval(r, s)
	if slice, ok := x.key.(*sliceExpr); ok {
		defer atLine(x.line)
		return r.slice(v, slice, s)
	}
	k := x.key.eval(r, s)
	defer atLine(x.line)
	r.step()
	return r.item(v, k)
}

// item is v[k], or an attribute of Python with that name.
func (r *renderer) item(v, k Value) Value {
	r.defined(v)
	switch c := v.(type) {
	case *Dict:
		if x, ok := c.Get(k); ok {
			return x
		}
	case *List:
		if i, ok := integer(k); ok && c.kind <= rangeKind {
			if i < 0 {
				i += int64(len(c.Items))
			}
			if i >= 0 && i < int64(len(c.Items)) {
				return c.Items[i]
			}
		}
	case Str, markup:
		if i, ok := integer(k); ok {
			text, _ := str(v)
			if x, ok := r.runeAt(text, i); ok {
				return x
			}
		}
	}
	if name, ok := str(k); ok {
		if a := r.own(v, name); a != nil {
			return a
		}
		k = Str(name)
	}
	return missing(v, k)
}

func (r *renderer) runeAt(text string, i int64) (Value, bool) {
	r.charge(len(text))
	runes := []rune(text)
	if i < 0 {
		i += int64(len(runes))
	}
	if i < 0 || i >= int64(len(runes)) {
		return nil, false
	}
	return Str(string(runes[i])), true
}

func (x *sliceExpr) eval(r *renderer, s *scope) Value {
	fail("TypeError", "a slice is supported alone in brackets only")
	return nil
}

// slice is v[start:stop:step].
func (r *renderer) slice(v Value, x *sliceExpr, s *scope) Value {
	bound := func(e expr) (int64, bool) {
		if e == nil {
			return 0, false
		}
		b := e.eval(r, s)
		if _, none := b.(None); none {
			return 0, false
		}
		i, ok := integer(b)
		if !ok {
			fail("TypeError", "slice indices must be integers or None or have an __index__ method")
		}
		return i, true
	}
	start, hasStart := bound(x.start)
	stop, hasStop := bound(x.stop)
	step, hasStep := bound(x.step)
	if !hasStep {
		step = 1
	}
	r.defined(v)
	if step == 0 {
		fail("ValueError", "slice step cannot be zero")
	}
	switch c := v.(type) {
	case *List:
		if c.kind > rangeKind {
			break
		}
		at := indices(int64(len(c.Items)), start, hasStart, stop, hasStop, step)
		r.charge(16 * len(at))
		l := &List{kind: c.kind, Items: make([]Value, len(at))}
		for i, j := range at {
			l.Items[i] = c.Items[j]
		}
		return l
	case Str, markup:
		text, _ := str(v)
		r.charge(8 * len(text))
		runes := []rune(text)
		at := indices(int64(len(runes)), start, hasStart, stop, hasStop, step)
		part := make([]rune, len(at))
		for i, j := range at {
			part[i] = runes[j]
		}
		return like(v, string(part))
	}
	return &undefined{message: described(v) + " has no element slice"}
}

// like returns a text as markup if v is that.
func like(v Value, text string) Value {
	if _, safe := v.(markup); safe {
		return markup(text)
	}
	return Str(text)
}

// indices returns the places that a slice of n items takes.
func indices(n, start int64, hasStart bool, stop int64, hasStop bool, step int64) []int64 {
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	clamp := func(i int64) int64 {
		if i < 0 {
			return max(i+n, low)
		}
		return min(i, high)
	}
	from, to := low, high
	if step < 0 {
		from, to = high, low
	}
	if hasStart {
		from = clamp(start)
	}
	if hasStop {
		to = clamp(stop)
	}
	var at []int64
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		at = append(at, i)
		if step > 0 && i > to-step || step < 0 && i < to-step {
			break
		}
	}
	return at
}

func (x *callExpr) eval(r *renderer, s *scope) Value {
	fn := x.fn.eval(r, s)
	args, keys, values := x.args.eval(r, s)
	defer atLine(x.line)
	return r.call(fn, args, keys, values)
}

func (r *renderer) call(fn Value, args []Value, keys []string, values []Value) Value {
	defer r.enter()()
	r.defined(fn)
	f, ok := fn.(*function)
	if !ok || f.call == nil {
		fail("TypeError", "'%s' object is not callable", typeName(fn))
	}
	return f.call(r, args, keys, values)
}

// eval returns the arguments of a call.
func (a *arguments) eval(r *renderer, s *scope) (args []Value, keys []string, values []Value) {
	if n := len(a.positional); n > 0 {
		args = make([]Value, n, n+1)
		for i, x := range a.positional {
			args[i] = x.eval(r, s)
		}
	}
	for i, x := range a.keywords {
		keys, values = append(keys, a.names[i]), append(values, x.eval(r, s))
	}
	if a.dynamic != nil {
		more := r.items(a.dynamic.eval(r, s))
		r.charge(16 * len(more))
		args = append(args, more...)
	}
	if a.dynamicMap != nil {
		d, ok := a.dynamicMap.eval(r, s).(*Dict)
		if !ok {
			fail("TypeError", "argument after ** must be a mapping")
		}
		r.charge(32 * d.Len())
		for k, v := range d.All {
			text, ok := str(k)
			if !ok {
				fail("TypeError", "keywords must be strings")
			}
			keys, values = append(keys, text), append(values, v)
		}
	}
	return args, keys, values
}

func (x *filterExpr) eval(r *renderer, s *scope) Value { return x.apply(r, s, x.of.eval(r, s)) }

// apply filters v.
func (x *filterExpr) apply(r *renderer, s *scope, v Value) Value {
	args, keys, values := x.args.eval(r, s)
	defer atLine(x.line)
	r.step()
	if x.fn == nil {
		fail("TemplateRuntimeError", "No filter named '%s' found.", x.name)
	}
	return x.fn(r, v, args, keys, values)
}

func (x *testExpr) eval(r *renderer, s *scope) Value {
	v := x.of.eval(r, s)
	args, keys, values := x.args.eval(r, s)
	defer atLine(x.line)
	r.step()
	if x.fn == nil {
		fail("TemplateRuntimeError", "No test named '%s' found.", x.name)
	}
	if len(keys) > 0 {
		args = append(args, values...)
	}
	return Bool(x.fn(r, v, args))
}

// bind places the arguments of a call of what in the order of its parameters. A name that ends in ? may be left out,
// and is nil then.
func bind(what string, params []string, args []Value, keys []string, values []Value) []Value {
	all := make([]Value, len(params))
	if len(args) > len(params) {
		fail("TypeError", "%s() takes %d positional arguments but %d were given", what, len(params), len(args))
	}
	copy(all, args)
	for i, k := range keys {
		at := -1
		for j, p := range params {
			if strings.TrimSuffix(p, "?") == k {
				at = j
			}
		}
		if at < 0 {
			fail("TypeError", "%s() got an unexpected keyword argument '%s'", what, k)
		}
		if all[at] != nil {
			fail("TypeError", "%s() got multiple values for argument '%s'", what, k)
		}
		all[at] = values[i]
	}
	for i, p := range params {
		if all[i] == nil && !strings.HasSuffix(p, "?") {
			fail("TypeError", "%s() missing 1 required positional argument: '%s'", what, p)
		}
	}
	return all
}
