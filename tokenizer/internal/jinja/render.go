package jinja

import (
	"strings"
	"time"
)

// A Context is what a template sees.
type Context struct {
	Variables *Dict
	Now       func() time.Time // the clock of strftime_now; nil means time.Now
}

// A Span is a part of a text, in bytes.
type Span struct{ Start, End int }

// Render returns the text that the template makes. The error is an [*Error].
func (t *Template) Render(c Context) (string, error) {
	text, _, err := t.RenderSpans(c)
	return text, err
}

// RenderSpans is [Template.Render], and returns which parts of the text stand between the tags generation and
// endgeneration: what a model wrote.
func (t *Template) RenderSpans(c Context) (text string, spans []Span, err error) {
	defer caught(&err)
	r := &renderer{limits: t.limits, now: c.Now}
	if r.now == nil {
		r.now = time.Now
	}
	values, size := measure(c.Variables)
	if r.limits.Steps == 0 {
		r.limits.Steps = 200_000 + 100*values + size/16
	}
	if r.limits.Output == 0 {
		r.limits.Output = 16<<20 + 4*size
	}
	root := &scope{}
	if c.Variables != nil {
		for k, v := range c.Variables.All {
			if name, ok := k.(Str); ok {
				root.set(string(name), v)
			}
		}
	}
	r.globals = root
	r.root = &scope{parent: root}
	r.out = new(strings.Builder)
	r.outermost = r.out
	r.block(t.body, r.root)
	return r.out.String(), r.spans, nil
}

// measure returns the number of values in v and the bytes of their texts.
func measure(d *Dict) (values, size int) {
	var walk func(v Value)
	walk = func(v Value) {
		values++
		switch v := v.(type) {
		case Str:
			size += len(v)
		case *List:
			for _, x := range v.Items {
				walk(x)
			}
		case *Dict:
			for k, x := range v.All {
				walk(k)
				walk(x)
			}
		}
	}
	if d != nil {
		walk(d)
	}
	return values, size
}

// renderer is the state of one rendering.
type renderer struct {
	limits  Limits
	steps   int
	depth   int
	now     func() time.Time
	globals *scope // the variables
	root    *scope // what the template sets outside of loops and macros

	out, outermost *strings.Builder
	spans          []Span
	signal         signal
}

// signal says that statements are left.
type signal uint8

const (
	goOn signal = iota
	breaks
	continues
)

// step counts a step.
func (r *renderer) step() {
	if r.steps++; r.steps > r.limits.Steps {
		fail("LimitError", "the template takes more than %d steps", r.limits.Steps)
	}
}

// charge counts the bytes that something takes: a step for each 256.
func (r *renderer) charge(bytes int) {
	r.steps += bytes >> 8
	r.step()
}

// fits fails if a text of so many bytes is longer than the limit.
func (r *renderer) fits(bytes int) {
	if bytes < 0 || bytes > r.limits.Output {
		fail("LimitError", "the template makes a text of more than %d bytes", r.limits.Output)
	}
}

// made is what a new text passes through: it counts.
func (r *renderer) made(s string) string {
	r.fits(len(s))
	r.charge(len(s))
	return s
}

// enter counts one more level of calls; the function that it returns ends it.
func (r *renderer) enter() func() {
	if r.depth++; r.depth > r.limits.Nesting {
		fail("RecursionError", "the template calls itself deeper than %d", r.limits.Nesting)
	}
	return func() { r.depth-- }
}

// scope has the variables that one part of a template sets.
type scope struct {
	names  []string
	values []Value
	parent *scope
}

func (s *scope) set(name string, v Value) {
	for i, own := range s.names {
		if own == name {
			s.values[i] = v
			return
		}
	}
	s.names, s.values = append(s.names, name), append(s.values, v)
}

func (s *scope) get(name string) (Value, bool) {
	for ; s != nil; s = s.parent {
		for i := len(s.names) - 1; i >= 0; i-- {
			if s.names[i] == name {
				return s.values[i], true
			}
		}
	}
	return nil, false
}

// block runs statements until one of them leaves.
func (r *renderer) block(body []node, s *scope) {
	for _, n := range body {
		r.step()
		if n.exec(r, s); r.signal != goOn {
			return
		}
	}
}

// capture returns what statements write.
func (r *renderer) capture(body []node, s *scope) string {
	defer r.enter()()
	out := r.out
	r.out = new(strings.Builder)
	r.block(body, s)
	text := r.out.String()
	r.out = out
	return text
}

func (r *renderer) write(s string) {
	r.fits(r.out.Len() + len(s))
	r.charge(len(s))
	r.out.WriteString(s)
}

func (n *outputNode) exec(r *renderer, s *scope) {
	for _, x := range n.parts {
		r.write(r.text(x.eval(r, s)))
	}
}

func (n *setNode) exec(r *renderer, s *scope) { r.assign(&n.target, n.value.eval(r, s), s) }

func (n *setBlockNode) exec(r *renderer, s *scope) {
	var v Value = Str(r.capture(n.body, &scope{parent: s}))
	for _, f := range n.filters {
		v = f.apply(r, s, v)
	}
	r.assign(&n.target, v, s)
}

func (n *filterNode) exec(r *renderer, s *scope) {
	inner := &scope{parent: s}
	var v Value = Str(r.capture(n.body, inner))
	for _, f := range n.filters {
		v = f.apply(r, inner, v)
	}
	r.write(r.text(v))
}

// assign sets a target.
func (r *renderer) assign(t *target, v Value, s *scope) {
	switch {
	case t.tuple:
		defer atLine(t.line)
		items, ok := r.iterate(v)
		if !ok {
			fail("TypeError", "cannot unpack non-iterable %s object", typeName(v))
		}
		if len(items) > len(t.parts) {
			fail("ValueError", "too many values to unpack (expected %d)", len(t.parts))
		}
		if len(items) < len(t.parts) {
			fail("ValueError", "not enough values to unpack (expected %d, got %d)", len(t.parts), len(items))
		}
		for i := range t.parts {
			r.assign(&t.parts[i], items[i], s)
		}
	case t.attribute != "":
		defer atLine(t.line)
		v0, _ := s.get(t.name)
		ns, ok := v0.(*namespace)
		if !ok {
			fail("TemplateRuntimeError", "cannot assign attribute on non-namespace object")
		}
		ns.set(t.attribute, v)
	default:
		s.set(t.name, v)
	}
}

// set sets an attribute of the namespace.
func (n *namespace) set(name string, v Value) {
	if strings.HasPrefix(name, "_") {
		fail("SecurityError", "Chat templates cannot store underscore-prefixed attributes on a namespace, but got %s. Please rename the attribute.", quoted(name))
	}
	n.Set(Str(name), v)
}

func (n *ifNode) exec(r *renderer, s *scope) {
	if truth(n.test.eval(r, s)) {
		r.block(n.then, s)
	} else {
		r.block(n.else_, s)
	}
}

func (n *withNode) exec(r *renderer, s *scope) {
	inner := &scope{parent: s}
	for i := range n.targets {
		r.assign(&n.targets[i], n.values[i].eval(r, s), inner)
	}
	r.block(n.body, inner)
}

func (n *blockNode) exec(r *renderer, s *scope) { r.block(n.body, &scope{parent: r.root}) }

func (n *generationNode) exec(r *renderer, s *scope) {
	text := r.capture(n.body, &scope{parent: s})
	if r.out == r.outermost {
		r.spans = append(r.spans, Span{r.out.Len(), r.out.Len() + len(text)})
	}
	r.write(text)
}

func (breakNode) exec(r *renderer, s *scope)    { r.signal = breaks }
func (continueNode) exec(r *renderer, s *scope) { r.signal = continues }

func (n *forNode) exec(r *renderer, s *scope) {
	defer atLine(n.line)
	r.loop(n, n.in.eval(r, s), s, 0)
}

// loop runs a loop over v.
func (r *renderer) loop(n *forNode, v Value, s *scope, depth int) {
	defer r.enter()()
	items, ok := r.iterate(v)
	if !ok {
		fail("TypeError", "'%s' object is not iterable", typeName(v))
	}
	if n.filter != nil {
		var kept []Value
		for _, item := range items {
			inner := &scope{parent: s}
			r.assign(&n.target, item, inner)
			if truth(n.filter.eval(r, inner)) {
				kept = append(kept, item)
			}
		}
		items = kept
	}
	l := &loopState{items: items, depth: depth}
	var recurse func(v Value) Value
	if n.recursive {
		recurse = func(v Value) Value {
			out := r.out
			r.out = new(strings.Builder)
			r.loop(n, v, s, depth+1)
			text := r.out.String()
			r.out = out
			return Str(text)
		}
	}
	self := l.value(recurse)
	for i, item := range items {
		r.step()
		l.at = i
		inner := &scope{parent: s, names: make([]string, 0, 4), values: make([]Value, 0, 4)}
		inner.set("loop", self)
		r.assign(&n.target, item, inner)
		r.block(n.body, inner)
		done := r.signal == breaks
		if r.signal = goOn; done {
			break
		}
	}
	if len(items) == 0 {
		r.block(n.none, &scope{parent: s})
	}
}

// loopState is what a loop tells its body.
type loopState struct {
	items   []Value
	at      int
	depth   int
	changed *List
}

func (l *loopState) value(recurse func(v Value) Value) *function {
	return &function{name: "loop", typ: "LoopContext", attr: l.attribute, call: func(r *renderer, args []Value, keys []string, values []Value) Value {
		if recurse == nil {
			fail("TypeError", "The loop must have the 'recursive' marker to be called recursively.")
		}
		return recurse(bind("loop", []string{"iterable"}, args, keys, values)[0])
	}}
}

func (l *loopState) attribute(name string) Value {
	n := len(l.items)
	switch name {
	case "index":
		return Int(l.at + 1)
	case "index0":
		return Int(l.at)
	case "revindex":
		return Int(n - l.at)
	case "revindex0":
		return Int(n - l.at - 1)
	case "first":
		return Bool(l.at == 0)
	case "last":
		return Bool(l.at == n-1)
	case "length":
		return Int(n)
	case "depth":
		return Int(l.depth + 1)
	case "depth0":
		return Int(l.depth)
	case "previtem":
		if l.at == 0 {
			return &undefined{message: "there is no previous item"}
		}
		return l.items[l.at-1]
	case "nextitem":
		if l.at == n-1 {
			return &undefined{message: "there is no next item"}
		}
		return l.items[l.at+1]
	case "cycle":
		return method("cycle", func(r *renderer, args []Value, keys []string, values []Value) Value {
			if len(args) == 0 {
				fail("TypeError", "no items for cycling given")
			}
			return args[l.at%len(args)]
		})
	case "changed":
		return method("changed", func(r *renderer, args []Value, keys []string, values []Value) Value {
			now := &List{Items: args, kind: tupleKind}
			changed := l.changed == nil || !r.equal(l.changed, now)
			l.changed = now
			return Bool(changed)
		})
	}
	return nil
}

func method(name string, call func(r *renderer, args []Value, keys []string, values []Value) Value) *function {
	return &function{name: name, typ: "method", call: call}
}

func (n *macroNode) exec(r *renderer, s *scope) { s.set(n.name, n.bound(s)) }

// bound returns the macro in the scope that it was defined in.
func (n *macroNode) bound(s *scope) *function {
	return &function{name: n.name, typ: "Macro", attr: n.attribute, call: func(r *renderer, args []Value, keys []string, values []Value) Value {
		return n.call(r, s, args, keys, values)
	}}
}

func (n *macroNode) attribute(name string) Value {
	switch name {
	case "name":
		return Str(n.name)
	case "arguments":
		t := &List{kind: tupleKind}
		for _, p := range n.params {
			t.Items = append(t.Items, Str(p.name))
		}
		return t
	case "catch_kwargs":
		return Bool(n.kwargs)
	case "catch_varargs":
		return Bool(n.varargs)
	case "caller":
		return Bool(n.caller)
	}
	return nil
}

func (n *macroNode) call(r *renderer, s *scope, args []Value, keys []string, values []Value) Value {
	inner := &scope{parent: s}
	taken := make([]bool, len(keys))
	keyword := func(name string) (Value, bool) {
		for i, k := range keys {
			if k == name && !taken[i] {
				taken[i] = true
				return values[i], true
			}
		}
		return nil, false
	}
	for i, p := range n.params {
		v, ok := Value(nil), i < len(args)
		if ok {
			v = args[i]
		} else if v, ok = keyword(p.name); !ok {
			v = &undefined{message: "parameter " + quoted(p.name) + " was not provided"}
			if p.value != nil {
				v = p.value.eval(r, inner)
			}
		}
		inner.set(p.name, v)
	}
	if n.caller && !n.ownsCaller {
		v, ok := keyword("caller")
		if !ok {
			v = &undefined{message: "No caller defined"}
		}
		inner.set("caller", v)
	}
	n.rest(inner, args, keys, values, taken)
	return Str(r.capture(n.body, inner))
}

// rest hands the macro the arguments that it has no parameters for.
func (n *macroNode) rest(inner *scope, args []Value, keys []string, values []Value, taken []bool) {
	others := &Dict{}
	for i, k := range keys {
		if taken[i] {
			continue
		}
		if !n.kwargs {
			fail("TypeError", "macro %s takes no keyword argument %s", quoted(n.name), quoted(k))
		}
		others.Set(Str(k), values[i])
	}
	if n.kwargs {
		inner.set("kwargs", others)
	}
	if n.varargs {
		inner.set("varargs", &List{kind: tupleKind, Items: args[min(len(args), len(n.params)):]})
	} else if len(args) > len(n.params) {
		fail("TypeError", "macro %s takes not more than %d argument(s)", quoted(n.name), len(n.params))
	}
}

func (n *callNode) exec(r *renderer, s *scope) {
	fn := n.call.fn.eval(r, s)
	args, keys, values := n.call.args.eval(r, s)
	keys, values = append(keys, "caller"), append(values, n.body.bound(s))
	defer atLine(n.call.line)
	r.write(r.text(r.call(fn, args, keys, values)))
}
