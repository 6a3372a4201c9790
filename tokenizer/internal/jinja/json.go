package jinja

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// FromJSON reads a value; dicts keep the order of the text. Integers of more than 64 bits are an error.
func FromJSON(text []byte) (Value, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	v, err := fromJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the JSON value")
	}
	return v, nil
}

// maxJSON is how deep values may nest.
const maxJSON = 500

func fromJSON(d *json.Decoder, depth int) (Value, error) {
	if depth > maxJSON {
		return nil, fmt.Errorf("JSON values nest deeper than %d", maxJSON)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case nil:
		return None{}, nil
	case bool:
		return Bool(t), nil
	case string:
		return Str(t), nil
	case json.Number:
		if i, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return Int(i), nil
		} else if !strings.ContainsAny(t.String(), ".eE") {
			return nil, fmt.Errorf("the integer %s does not fit 64 bits", t)
		}
		f, err := t.Float64()
		if err != nil && !math.IsInf(f, 0) {
			return nil, err
		}
		return Float(f), nil
	}
	if t == json.Delim('[') {
		l := &List{}
		for d.More() {
			v, err := fromJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, v)
		}
		_, err := d.Token()
		return l, err
	}
	m := &Dict{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := fromJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		m.Set(Str(k.(string)), v)
	}
	_, err = d.Token()
	return m, err
}

// toJSON is the filter: a value as json.dumps of Python writes it, with ensure_ascii=False unless that is given.
func toJSON(r *renderer, v Value, a []Value) Value {
	w := &jsonWriter{r: r, comma: ", ", colon: ": "}
	w.ascii = a[0] != nil && truth(a[0])
	w.sorted = a[3] != nil && truth(a[3])
	if s, ok := str(orNil(a[1])); ok {
		w.indent, w.lines = s, true
	} else if _, none := orNil(a[1]).(None); !none {
		w.indent, w.lines = r.repeated(" ", int64(max(intOr(a[1], 0), 0))), true
	}
	if w.lines {
		w.comma = ","
	}
	if _, none := orNil(a[2]).(None); !none {
		parts := r.items(a[2])
		if len(parts) != 2 {
			fail("ValueError", "separators must be two texts")
		}
		w.comma, w.colon = textOf("separators", parts[0]), textOf("separators", parts[1])
	}
	w.value(v, 0)
	return Str(r.made(w.b.String()))
}

type jsonWriter struct {
	r            *renderer
	b            strings.Builder
	ascii        bool
	sorted       bool
	lines        bool // values stand on lines of their own
	indent       string
	comma, colon string
}

func (w *jsonWriter) value(v Value, depth int) {
	w.r.step()
	w.r.fits(w.b.Len())
	if depth > w.r.limits.Nesting {
		fail("RecursionError", "maximum recursion depth exceeded while encoding a JSON object")
	}
	switch v := v.(type) {
	case None:
		w.b.WriteString("null")
	case Bool:
		w.b.WriteString(strconv.FormatBool(bool(v)))
	case Int:
		w.b.WriteString(repr(v))
	case Float:
		w.float(float64(v))
	case Str, markup:
		s, _ := str(v)
		w.string(s)
	case *List:
		if v.kind != listKind && v.kind != tupleKind {
			w.refuse(v)
		}
		w.collection("[", "]", len(v.Items), depth, func(i int) { w.value(v.Items[i], depth+1) })
	case *Dict:
		if w.sorted {
			v = v.Copy()
			pairs := w.r.pairs(v)
			w.r.sort(pairs, nil, func(x Value) Value { return x.(*List).Items[0] })
			v = &Dict{}
			for _, p := range pairs {
				v.Set(p.(*List).Items[0], p.(*List).Items[1])
			}
		}
		w.collection("{", "}", v.Len(), depth, func(i int) {
			w.key(v.keys[i])
			w.b.WriteString(w.colon)
			w.value(v.values[i], depth+1)
		})
	default:
		w.refuse(v)
	}
}

func (w *jsonWriter) refuse(v Value) {
	fail("TypeError", "Object of type %s is not JSON serializable", typeName(v))
}

func (w *jsonWriter) collection(open, end string, n, depth int, item func(i int)) {
	w.b.WriteString(open)
	for i := range n {
		if i > 0 {
			w.b.WriteString(w.comma)
		}
		w.line(depth + 1)
		item(i)
	}
	if n > 0 {
		w.line(depth)
	}
	w.b.WriteString(end)
}

func (w *jsonWriter) line(depth int) {
	if w.lines {
		w.b.WriteByte('\n')
		w.b.WriteString(w.r.repeated(w.indent, int64(depth)))
	}
}

func (w *jsonWriter) key(k Value) {
	switch k := k.(type) {
	case Str, markup:
		s, _ := str(k)
		w.string(s)
	case None:
		w.string("null")
	case Bool:
		w.string(strconv.FormatBool(bool(k)))
	case Int:
		w.string(repr(k))
	case Float:
		w.b.WriteByte('"')
		w.float(float64(k))
		w.b.WriteByte('"')
	default:
		fail("TypeError", "keys must be str, int, float, bool or None, not %s", typeName(k))
	}
}

func (w *jsonWriter) float(f float64) {
	switch {
	case math.IsNaN(f):
		w.b.WriteString("NaN")
	case math.IsInf(f, 1):
		w.b.WriteString("Infinity")
	case math.IsInf(f, -1):
		w.b.WriteString("-Infinity")
	default:
		w.b.WriteString(floatText(f))
	}
}

func (w *jsonWriter) string(s string) {
	w.r.charge(len(s))
	w.b.WriteByte('"')
	start := 0
	for i, c := range s {
		var text string
		switch {
		case c == '"':
			text = `\"`
		case c == '\\':
			text = `\\`
		case c == '\n':
			text = `\n`
		case c == '\r':
			text = `\r`
		case c == '\t':
			text = `\t`
		case c == '\b':
			text = `\b`
		case c == '\f':
			text = `\f`
		case c < ' ':
			text = `\u` + hex(c, 4)
		case w.ascii && c >= 0x7f && c < 0x10000 && c != 0x7f:
			text = `\u` + hex(c, 4)
		case w.ascii && c >= 0x10000:
			high, low := utf16.EncodeRune(c)
			text = `\u` + hex(high, 4) + `\u` + hex(low, 4)
		default:
			continue
		}
		w.b.WriteString(s[start:i])
		w.b.WriteString(text)
		_, n := utf8.DecodeRuneInString(s[i:])
		start = i + n
	}
	w.b.WriteString(s[start:])
	w.b.WriteByte('"')
}
