package jinja

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// Small templates give what the reference gives: the text, or an error of its kind. Errors that a template or what is
// undefined raises have its message too; Python's own messages are near.
func TestReference(t *testing.T) {
	var f struct {
		Variables json.RawMessage
		Cases     []struct{ T, Text, Error string }
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/cases.json.gz"), &f); err != nil {
		t.Fatal(err)
	}
	v, err := FromJSON(f.Variables)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) < 1900 {
		t.Fatalf("%d cases", len(f.Cases))
	}
	for _, c := range f.Cases {
		text := ""
		template, err := Parse(c.T, Limits{})
		if err == nil {
			text, err = template.Render(Context{Variables: v.(*Dict)})
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%s: %v is no *Error", c.T, err)
		}
		kind, message, _ := strings.Cut(c.Error, ": ")
		switch {
		case err != nil && (strings.Contains(e.Message, "not supported") || strings.Contains(e.Message, "64 bits")):
		case c.Error == "":
			if err != nil || text != c.Text {
				t.Errorf("%s: %q, %v; want %q", c.T, text, err, c.Text)
			}
		case err == nil:
			t.Errorf("%s: %q, want the error %s", c.T, text, c.Error)
		case e.Kind != kind && !sameCause(e.Kind, kind):
			t.Errorf("%s: %v, want %s", c.T, err, c.Error)
		case (kind == "TemplateError" || kind == "SecurityError" || kind == "UndefinedError" && !strings.Contains(message, "inline if")) && e.Message != message:
			t.Errorf("%s: %q, want %q", c.T, e.Message, message)
		}
	}
}

// sameCause reports whether two kinds are of one cause, which is seen at another place here.
func sameCause(got, want string) bool {
	switch got {
	case "TypeError", "ValueError", "AttributeError", "FilterArgumentError":
		return want == "TypeError" || want == "ValueError" || want == "AttributeError"
	case "UndefinedError": // an operand is looked at before the format, or before the filter
		return want == "TypeError" || want == "ValueError"
	}
	return false
}

// A template cannot take much time or memory, whatever it says.
func TestHostile(t *testing.T) {
	deep := strings.Repeat
	for name, source := range map[string]string{
		"source":           deep("x", 2<<20),
		"parentheses":      "{{ " + deep("(", 100_000) + " }}",
		"lists":            "{{ " + deep("[", 100_000) + deep("]", 100_000) + " }}",
		"not":              "{{ " + deep("not ", 200_000) + "x }}",
		"minus":            "{{ " + deep("-", 200_000) + "1 }}",
		"attributes":       "{{ x" + deep(".a", 200_000) + " }}",
		"filters":          "{{ x" + deep("|list", 100_000) + " }}",
		"tests":            "{{ x" + deep(" is defined", 50_000) + " }}",
		"calls":            "{{ x" + deep("()", 200_000) + " }}",
		"blocks":           deep("{% if x %}", 50_000),
		"elif":             "{% if x %}" + deep("{% elif x %}", 50_000) + "{% endif %}",
		"conditions":       "{{ " + deep("1 if 1 else ", 50_000) + "1 }}",
		"targets":          "{% set " + deep("(", 100_000) + "a = 1 %}",
		"range":            "{% for i in range(10**9) %}{% endfor %}",
		"loops":            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
		"macro":            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"two macros":       "{% macro a() %}{{ b() }}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
		"recursive loop":   "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
		"doubling":         "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
		"doubling by ~":    "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
		"doubling lists":   "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
		"repeating":        "{{ 'abc' * 10**12 }}",
		"repeating lists":  "{{ [1] * 10**12 }}",
		"centre":           "{{ 'a'|center(10**12) }}",
		"zeros":            "{{ 'a'.zfill(10**12) }}",
		"indent":           "{{ 'a\nb'|indent(10**12) }}",
		"indent by a text": "{{ ('a\n' * 100000)|indent('b' * 100000) }}",
		"json":             "{{ [1,2]|tojson(indent=10**12) }}",
		"width":            "{{ '%1000000000000d' % 1 }}",
		"width in format":  "{{ '{:1000000000000}'.format(1) }}",
		"precision":        "{{ '%.1000000000000f' % 1 }}",
		"star":             "{{ '%*d' % (10**12, 1) }}",
		"replace":          "{{ ('a' * 100000)|replace('a', 'b' * 100000) }}",
		"replace nothing":  "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
		"join":             "{{ (['a'] * 100000)|join('b' * 100000) }}",
		"batch":            "{{ [1]|batch(10**12, 0)|list }}",
		"slice":            "{{ [1]|slice(10**12)|list }}",
		"round":            "{{ 1.5|round(10**12) }}",
		"power":            "{{ 10 ** 10 ** 10 }}",
		"shifted pad":      "{{ 'a'.ljust(9223372036854775807) }}",
		"tabs":             "{{ '\t'.expandtabs(10**12) }}",
		"ever growing":     "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
		"compare deep":     "{% set ns = namespace(x=[], y=[]) %}{% for i in range(3000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
		"writing":          "{% for i in range(100000) %}" + deep("x", 1000) + "{% endfor %}",
		"blocks in loops":  "{% for i in range(100000) %}{% set x %}" + deep("y", 10_000) + "{% endset %}{% endfor %}",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			template, err := Parse(source, Limits{})
			if err == nil {
				_, err = template.Render(Context{})
			}
			if err == nil {
				t.Fatal("no error")
			}
			// Milliseconds; a busy machine and the race detector are given two hundred times that.
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%v: %v", took, err)
			}
		})
	}
}

// Tags that mark what a model writes give the parts of the text.
func TestSpans(t *testing.T) {
	template, err := Parse("a{% for x in ['b', 'ü'] %}<{% generation %}{{ x }}{% endgeneration %}>{% endfor %}", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	text, spans, err := template.RenderSpans(Context{})
	if err != nil || len(spans) != 2 || text[spans[0].Start:spans[0].End] != "b" || text[spans[1].Start:spans[1].End] != "ü" {
		t.Errorf("%q, %v, %v", text, spans, err)
	}
}

// Whatever a template is, it renders or gives an Error.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{ a|b(c, d=1) }}", "{% for x in y if z %}{{ loop.index }}{% else %}{% endfor %}", "{% set ns.x = 1 %}", "{%- macro m(a, b=1) -%}{{ caller() }}{% endmacro %}",
		"{{ '%d' % 3 }}{{ '{:>5}'.format(1) }}{{ x[1:-1:2] }}", "{% raw %}{{{% endraw %}", "{# c #}\n{{ {'a': [1, (2,)]}|tojson(indent=2) }}"} {
		f.Add(s)
	}
	variables, err := FromJSON([]byte(`{"messages": [{"role": "user", "content": "x"}], "tools": null, "y": [1, 2.5, "ü"]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		template, err := Parse(source, Limits{})
		if err == nil {
			_, err = template.Render(Context{Variables: variables.(*Dict)})
		}
		if e := (*Error)(nil); err != nil && !errors.As(err, &e) {
			t.Error(err)
		}
	})
}
