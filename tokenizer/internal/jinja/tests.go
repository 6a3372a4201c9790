package jinja

// A test says whether v is something.
type test func(r *renderer, v Value, args []Value) bool

// testNamed returns a test, or nil.
func testNamed(name string) test {
	switch name {
	case "boolean":
		return is[Bool]
	case "callable":
		return func(r *renderer, v Value, args []Value) bool {
			f, ok := v.(*function)
			_, u := v.(*undefined) // Python finds its __call__
			return u || ok && f.call != nil
		}
	case "defined":
		return func(r *renderer, v Value, args []Value) bool { return !is[*undefined](r, v, nil) }
	case "undefined":
		return is[*undefined]
	case "divisibleby":
		return func(r *renderer, v Value, args []Value) bool {
			return r.equal(r.arithmetic("%", v, one("divisibleby", args)), Int(0))
		}
	case "odd":
		return func(r *renderer, v Value, args []Value) bool { return r.equal(r.arithmetic("%", v, Int(2)), Int(1)) }
	case "even":
		return func(r *renderer, v Value, args []Value) bool { return r.equal(r.arithmetic("%", v, Int(2)), Int(0)) }
	case "eq", "equalto", "==":
		return comparison("==")
	case "ne", "!=":
		return comparison("!=")
	case "lt", "lessthan", "<":
		return comparison("<")
	case "le", "<=":
		return comparison("<=")
	case "gt", "greaterthan", ">":
		return comparison(">")
	case "ge", ">=":
		return comparison(">=")
	case "in":
		return comparison("in")
	case "escaped":
		return is[markup]
	case "false":
		return func(r *renderer, v Value, args []Value) bool { return v == Bool(false) }
	case "true":
		return func(r *renderer, v Value, args []Value) bool { return v == Bool(true) }
	case "filter":
		return func(r *renderer, v Value, args []Value) bool { return filterNamed(hashable(r, v)) != nil }
	case "test":
		return func(r *renderer, v Value, args []Value) bool { return testNamed(hashable(r, v)) != nil }
	case "float":
		return is[Float]
	case "integer":
		return is[Int]
	case "number":
		return func(r *renderer, v Value, args []Value) bool { _, ok := number(v); return ok }
	case "iterable":
		return func(r *renderer, v Value, args []Value) bool {
			switch v.(type) {
			case Str, markup, *List, *Dict, *undefined:
				return true
			}
			return false
		}
	case "sequence":
		return func(r *renderer, v Value, args []Value) bool {
			switch x := v.(type) {
			case Str, markup, *Dict, *undefined:
				return true
			case *List:
				return x.kind <= rangeKind
			}
			return false
		}
	case "lower":
		return func(r *renderer, v Value, args []Value) bool { return isCased(r.text(v), false) }
	case "upper":
		return func(r *renderer, v Value, args []Value) bool { return isCased(r.text(v), true) }
	case "mapping":
		return is[*Dict]
	case "none":
		return is[None]
	case "sameas":
		return func(r *renderer, v Value, args []Value) bool {
			other := one("sameas", args)
			return typeName(v) == typeName(other) && v == other
		}
	case "string":
		return func(r *renderer, v Value, args []Value) bool { _, ok := str(v); return ok }
	}
	return nil
}

func is[T Value](r *renderer, v Value, args []Value) bool {
	_, ok := v.(T)
	return ok
}

func one(name string, args []Value) Value {
	if len(args) != 1 {
		fail("TypeError", "the test %s takes 1 argument, not %d", name, len(args))
	}
	return args[0]
}

func comparison(op string) test {
	return func(r *renderer, v Value, args []Value) bool { return r.compare(op, v, one(op, args)) }
}

// hashable returns the text of a value that can be a key.
func hashable(r *renderer, v Value) string {
	if key(v) == nil {
		fail("TypeError", "unhashable type: '%s'", typeName(v))
	}
	return r.text(v)
}
