package jinja

import (
	"fmt"
	"html"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// A filter makes a value of v. The arguments are those in its parentheses.
type filter func(r *renderer, v Value, args []Value, keys []string, values []Value) Value

// on returns a filter of text with parameters.
func on(name string, f func(r *renderer, v Value, a []Value) Value, params ...string) filter {
	return func(r *renderer, v Value, args []Value, keys []string, values []Value) Value {
		return f(r, v, bind("do_"+name, params, args, keys, values))
	}
}

// filterNamed returns a filter, or nil.
func filterNamed(name string) filter {
	switch name {
	case "abs":
		return on(name, abs)
	case "attr":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			text, _ := str(a[0])
			r.defined(v)
			if own := r.own(v, text); own != nil {
				return own
			}
			return missing(v, Str(text))
		}, "name")
	case "batch":
		return on(name, batch, "linecount", "fill_with?")
	case "capitalize":
		return onText(name, capitalize)
	case "center":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			return like(v, r.padded(r.text(v), intOr(a[0], 80), " ", 0))
		}, "width?")
	case "count", "length":
		return on(name, func(r *renderer, v Value, a []Value) Value { return lenOf(v) })
	case "d", "default":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			if _, u := v.(*undefined); u || a[1] != nil && truth(a[1]) && !truth(v) {
				if a[0] == nil {
					return Str("")
				}
				return a[0]
			}
			return v
		}, "default_value?", "boolean?")
	case "dictsort":
		return on(name, dictsort, "case_sensitive?", "by?", "reverse?")
	case "e", "escape":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			if _, safe := v.(markup); safe {
				return v
			}
			return markup(r.made(escape(r.text(v))))
		})
	case "filesizeformat":
		return on(name, fileSize, "binary?")
	case "first":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			if items := r.items(v); len(items) > 0 {
				return items[0]
			}
			return &undefined{message: "No first item, sequence was empty."}
		})
	case "float":
		return on(name, toFloat, "default?")
	case "forceescape":
		return on(name, func(r *renderer, v Value, a []Value) Value { return markup(r.made(escape(r.text(v)))) })
	case "format":
		return func(r *renderer, v Value, args []Value, keys []string, values []Value) Value {
			if len(args) > 0 && len(keys) > 0 {
				fail("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
			}
			var with Value = &List{kind: tupleKind, Items: args}
			if len(keys) > 0 {
				with = dictOf(keys, values)
			}
			return like(v, r.made(r.percent(r.text(v), with)))
		}
	case "groupby":
		return on(name, groupby, "attribute", "default?", "case_sensitive?")
	case "indent":
		return on(name, indent, "width?", "first?", "blank?")
	case "int":
		return on(name, toInt, "default?", "base?")
	case "items":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			d, ok := v.(*Dict)
			if _, u := v.(*undefined); u {
				d = &Dict{}
			} else if !ok {
				fail("TypeError", "Can only get item pairs from a mapping.")
			}
			return &List{kind: generatorKind, Items: r.pairs(d)}
		})
	case "join":
		return on(name, join, "d?", "attribute?")
	case "last":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			if l, ok := v.(*List); ok && l.kind == generatorKind {
				fail("TypeError", "'generator' object is not reversible")
			}
			if items := r.items(v); len(items) > 0 {
				return items[len(items)-1]
			}
			return &undefined{message: "No last item, sequence was empty."}
		})
	case "list":
		return on(name, func(r *renderer, v Value, a []Value) Value { return r.list(v) })
	case "lower":
		return onText(name, lower)
	case "map":
		return mapped
	case "max":
		return on(name, func(r *renderer, v Value, a []Value) Value { return r.extreme(v, a, 1) }, "case_sensitive?", "attribute?")
	case "min":
		return on(name, func(r *renderer, v Value, a []Value) Value { return r.extreme(v, a, -1) }, "case_sensitive?", "attribute?")
	case "reject":
		return selector(false, false)
	case "rejectattr":
		return selector(false, true)
	case "replace":
		return on(name, replace, "old", "new", "count?")
	case "reverse":
		return on(name, reverse)
	case "round":
		return on(name, round, "precision?", "method?")
	case "safe":
		return on(name, func(r *renderer, v Value, a []Value) Value { return markup(r.text(v)) })
	case "select":
		return selector(true, false)
	case "selectattr":
		return selector(true, true)
	case "slice":
		return on(name, sliced, "slices", "fill_with?")
	case "sort":
		return on(name, sorted, "reverse?", "case_sensitive?", "attribute?")
	case "string":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			if _, ok := str(v); ok {
				return v
			}
			return Str(r.made(r.text(v)))
		})
	case "striptags":
		return onText(name, striptags)
	case "sum":
		return on(name, sum, "attribute?", "start?")
	case "title":
		return onText(name, titled)
	case "tojson":
		return on(name, toJSON, "ensure_ascii?", "indent?", "separators?", "sort_keys?")
	case "trim":
		return on(name, func(r *renderer, v Value, a []Value) Value {
			return like(v, r.made(strip(r.text(v), a[0], true, true)))
		}, "chars?")
	case "truncate":
		return on(name, truncate, "length?", "killwords?", "end?", "leeway?")
	case "unique":
		return on(name, unique, "case_sensitive?", "attribute?")
	case "upper":
		return onText(name, upper)
	case "urlencode":
		return on(name, urlencode)
	case "wordcount":
		return on(name, func(r *renderer, v Value, a []Value) Value { return Int(wordCount(r.text(v))) })
	case "random", "pprint", "urlize", "wordwrap", "xmlattr":
		return func(*renderer, Value, []Value, []string, []Value) Value {
			fail("TemplateRuntimeError", "the filter %s is not supported", name)
			return nil
		}
	}
	return nil
}

// onText is on for a function of a text.
func onText(name string, f func(s string) string) filter {
	return on(name, func(r *renderer, v Value, a []Value) Value { return like(v, r.made(f(r.text(v)))) })
}

func intOr(v Value, other int) int {
	if v == nil {
		return other
	}
	i, ok := integer(v)
	if !ok {
		fail("TypeError", "'%s' object cannot be interpreted as an integer", typeName(v))
	}
	return int(i)
}

func lenOf(v Value) Value {
	n, ok := length(v)
	if !ok {
		fail("TypeError", "object of type '%s' has no len()", typeName(v))
	}
	return Int(n)
}

func dictOf(keys []string, values []Value) *Dict {
	d := &Dict{}
	for i, k := range keys {
		d.Set(Str(k), values[i])
	}
	return d
}

func abs(r *renderer, v Value, a []Value) Value {
	if i, ok := integer(v); ok {
		return Int(max(i, -i))
	}
	f, ok := v.(Float)
	if !ok {
		r.defined(v)
		fail("TypeError", "bad operand type for abs(): '%s'", typeName(v))
	}
	return Float(math.Abs(float64(f)))
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

func escape(s string) string { return htmlEscapes.Replace(s) }

func fileSize(r *renderer, v Value, a []Value) Value {
	f, ok := r.float(v)
	if !ok {
		fail("TypeError", "float() argument must be a string or a real number, not '%s'", typeName(v))
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if a[0] != nil && truth(a[0]) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	if f == 1 {
		return Str("1 Byte")
	}
	if f < base {
		return Str(fmt.Sprintf("%d Bytes", int64(f)))
	}
	unit := base
	for i, name := range units {
		if unit *= base; f < unit || i == len(units)-1 {
			return Str(fmt.Sprintf("%.1f %s", base*f/unit, name))
		}
	}
	return nil
}

// float returns float(v), and whether there is one.
func (r *renderer) float(v Value) (float64, bool) {
	if f, ok := number(v); ok {
		return f, true
	}
	s, ok := str(v)
	if !ok {
		return 0, false
	}
	s = strings.ToLower(strings.TrimFunc(s, isSpace))
	if strings.HasPrefix(s, "0x") || strings.ContainsAny(s, "xp") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func toFloat(r *renderer, v Value, a []Value) Value {
	r.defined(v)
	if f, ok := r.float(v); ok {
		return Float(f)
	}
	if a[0] != nil {
		return a[0]
	}
	return Float(0)
}

func toInt(r *renderer, v Value, a []Value) Value {
	r.defined(v)
	if i, ok := integer(v); ok {
		return Int(i)
	}
	if s, ok := str(v); ok {
		s = strings.TrimFunc(s, isSpace)
		base := intOr(a[1], 10)
		digits := s
		for _, x := range []struct {
			prefix string
			base   int
		}{{"0x", 16}, {"0o", 8}, {"0b", 2}} {
			if base == x.base && strings.HasPrefix(strings.ToLower(s), x.prefix) {
				digits = s[2:]
			}
		}
		if base == 0 || base >= 2 && base <= 36 {
			if i, err := strconv.ParseInt(strings.TrimPrefix(strings.ReplaceAll(digits, "_", ""), "+"), base, 64); err == nil {
				return Int(i)
			}
		}
	}
	if f, ok := r.float(v); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		if math.Abs(f) >= 1<<63 {
			overflow()
		}
		return Int(f)
	}
	if a[0] != nil {
		return a[0]
	}
	return Int(0)
}

func round(r *renderer, v Value, a []Value) Value {
	how := "common"
	if a[1] != nil {
		how = r.text(a[1])
	}
	digits := intOr(a[0], 0)
	if how != "common" && how != "ceil" && how != "floor" {
		fail("FilterArgumentError", "method must be common, ceil or floor")
	}
	f, ok := number(v)
	if !ok {
		r.defined(v)
		if how != "common" {
			fail("TypeError", "must be real number, not %s", typeName(v))
		}
		fail("TypeError", "type %s doesn't define __round__ method", typeName(v))
	}
	if digits > 300 || digits < -300 {
		fail("ValueError", "round() to %d digits", digits)
	}
	i, whole := integer(v)
	switch {
	case how == "common" && whole:
		if digits >= 0 {
			return Int(i)
		}
		step := math.Pow10(-digits)
		return Int(math.RoundToEven(f/step) * step)
	case how == "common" && digits >= 0:
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return Float(f)
	case how == "common":
		step := math.Pow10(-digits)
		return Float(math.RoundToEven(f/step) * step)
	}
	step := math.Pow10(digits)
	if how == "ceil" {
		return Float((math.Ceil(f*step) + 0) / step)
	}
	return Float((math.Floor(f*step) + 0) / step)
}

func replace(r *renderer, v Value, a []Value) Value {
	n := -1
	if a[2] != nil {
		if _, none := a[2].(None); !none {
			n = intOr(a[2], -1)
		}
	}
	return Str(r.replaced(r.text(v), r.text(a[0]), r.text(a[1]), n))
}

// replaced is strings.Replace within the limits.
func (r *renderer) replaced(s, from, to string, n int) string {
	count := strings.Count(s, from)
	if n >= 0 {
		count = min(count, n)
	}
	if grows := len(to) - len(from); grows > 0 && count > r.limits.Output/grows {
		r.fits(r.limits.Output + 1)
	}
	r.fits(len(s) + count*(len(to)-len(from)))
	r.charge(len(s) + count*len(to))
	return strings.Replace(s, from, to, n)
}

func indent(r *renderer, v Value, a []Value) Value {
	by := ""
	if s, ok := str(orNil(a[0])); ok {
		by = s
	} else {
		by = r.repeated(" ", int64(intOr(a[0], 4)))
	}
	first, blank := a[1] != nil && truth(a[1]), a[2] != nil && truth(a[2])
	s, ok := str(v)
	if !ok {
		r.defined(v)
		fail("TypeError", "unsupported operand type(s) for +=: '%s' and 'str'", typeName(v))
	}
	if n := strings.Count(s, "\n") + 1; len(by) > 0 && n > r.limits.Output/len(by) {
		r.fits(r.limits.Output + 1)
	}
	var b strings.Builder
	for i, line := range splitLines(s+"\n", false) {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && first || i > 0 && (blank || line != "") {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return like(v, r.made(b.String()))
}

func orNil(v Value) Value {
	if v == nil {
		return None{}
	}
	return v
}

// striptags removes comments and tags, and writes one space for each run of spaces.
func striptags(s string) string {
	var b strings.Builder
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '>') + 1
		if strings.HasPrefix(s[start:], "<!--") {
			if end = strings.Index(s[start+4:], "-->"); end >= 0 {
				end += 7
			}
		}
		if end <= 0 {
			break
		}
		b.WriteString(s[:start])
		s = s[start+end:]
	}
	b.WriteString(s)
	return html.UnescapeString(strings.Join(strings.FieldsFunc(b.String(), isSpace), " "))
}

func truncate(r *renderer, v Value, a []Value) Value {
	n, leeway, end := intOr(a[0], 255), 5, "..."
	if a[2] != nil {
		end = r.text(a[2])
	}
	if a[3] != nil {
		if _, none := a[3].(None); !none {
			leeway = intOr(a[3], 5)
		}
	}
	if _, ok := str(v); !ok {
		if count := lenOf(v).(Int); int(count) <= n+leeway {
			return v
		}
		fail("TypeError", "the filter truncate is for texts, not for '%s'", typeName(v))
	}
	s, tail := []rune(r.text(v)), len([]rune(end))
	if n < tail || leeway < 0 {
		fail("AssertionError", "expected length >= %d, got %d", tail, n)
	}
	if len(s) <= n+leeway {
		return v
	}
	cut := string(s[:n-tail])
	if a[1] == nil || !truth(a[1]) {
		if i := strings.LastIndexByte(cut, ' '); i >= 0 {
			cut = cut[:i]
		}
	}
	return like(v, r.made(cut+end))
}

func urlencode(r *renderer, v Value, a []Value) Value {
	quote := func(v Value, slash bool) string {
		s := strings.ReplaceAll(url.QueryEscape(r.text(v)), "+", "%20")
		if slash {
			s = strings.ReplaceAll(s, "%2F", "/")
		}
		return s
	}
	if _, ok := str(v); ok {
		return Str(r.made(quote(v, true)))
	}
	var pairs []Value
	if d, ok := v.(*Dict); ok {
		pairs = r.pairs(d)
	} else if items, ok := r.iterate(v); ok {
		pairs = items
	} else {
		return Str(r.made(quote(v, true)))
	}
	var parts []string
	for _, p := range pairs {
		pair, ok := r.iterate(p)
		if !ok || len(pair) != 2 {
			fail("ValueError", "not enough values to unpack (expected 2)")
		}
		parts = append(parts, strings.ReplaceAll(quote(pair[0], false), "%20", "+")+"="+strings.ReplaceAll(quote(pair[1], false), "%20", "+"))
	}
	return Str(r.made(strings.Join(parts, "&")))
}

// wordCount counts runs of letters, digits and underscores.
func wordCount(s string) int {
	n, in := 0, false
	for _, c := range s {
		is := wordRune(c)
		if is && !in {
			n++
		}
		in = is
	}
	return n
}
