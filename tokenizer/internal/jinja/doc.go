// Package jinja renders templates of Jinja 3.1, the language of chat templates, as transformers sets it up: sandboxed,
// immutable, with trim_blocks, lstrip_blocks, loop controls and the tag generation.
//
// A template is parsed once and rendered any number of times, from any number of goroutines:
//
//	t, err := jinja.Parse(source, jinja.Limits{})
//	text, err := t.Render(jinja.Context{Variables: map[string]jinja.Value{"name": jinja.Str("you")}})
//
// Values are Python's: a dict keeps the order of its keys, a length counts code points, and printing a list writes what
// Python writes. Errors have Python's or Jinja's kind and message.
//
// A template is not trusted. It reaches nothing but its variables, and [Limits] bound its source, its nesting, its steps
// and the text that it makes: one that loops, recurses or grows ends with an error of the kind LimitError.
//
// Not there: templates that name others (extends, include, import), the filters random, pprint, urlize and xmlattr,
// lipsum, and integers beyond 64 bits. Each is an error that names it.
package jinja

import "fmt"

// An Error is what a template failed with.
type Error struct {
	Kind    string // the class of Python or Jinja, such as "TemplateSyntaxError" or "TypeError"
	Message string
	Line    int // in the template, from 1; 0 where it is not known
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s: %s (line %d of the template)", e.Kind, e.Message, e.Line)
	}
	return e.Kind + ": " + e.Message
}

// Limits bound what a template may use. A zero field means the default.
type Limits struct {
	Source  int // bytes of the template; default 1 MiB
	Nesting int // of statements, expressions and calls; default 200
	Steps   int // names looked up, statements, and each 256 bytes made, in one rendering; by default enough for what the variables hold
	Output  int // bytes of any text that it makes; default 16 MiB, and four times the text in the variables
}

func (l Limits) filled() Limits {
	for _, x := range []struct {
		field *int
		value int
	}{{&l.Source, 1 << 20}, {&l.Nesting, 200}} {
		if *x.field == 0 {
			*x.field = x.value
		}
	}
	return l
}

// fail ends parsing or rendering; Parse and Render return the error.
func fail(kind, format string, args ...any) {
	panic(&Error{Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// caught sets err to the error that fail made.
func caught(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		*err = e
	default:
		panic(e)
	}
}
