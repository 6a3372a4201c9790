package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

func upper(s string) string { return cases.Upper(language.Und).String(s) }
func lower(s string) string { return cases.Lower(language.Und).String(s) }

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return firstUpper(s[:n]) + lower(s[n:])
}

// firstUpper returns the title case of one character.
func firstUpper(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	if t := unicode.ToTitle(r); t != r {
		return string(t)
	}
	first := []rune(upper(s))
	if len(first) < 2 {
		return string(first)
	}
	return string(first[:1]) + lower(string(first[1:]))
}

// titled is the filter title: words begin after spaces, hyphens and opening brackets.
func titled(s string) string {
	var b strings.Builder
	start := true
	for _, c := range s {
		switch {
		case isSpace(c) || strings.ContainsRune("-({[<", c):
			start = true
			b.WriteRune(c)
		case start:
			b.WriteString(upper(string(c)))
			start = false
		default:
			b.WriteString(lower(string(c)))
		}
	}
	return b.String()
}

// pythonTitle is the method title: words begin after what has no case.
func pythonTitle(s string) string {
	var b strings.Builder
	cased := false
	for _, c := range s {
		if cased {
			b.WriteString(lower(string(c)))
		} else {
			b.WriteString(firstUpper(string(c)))
		}
		cased = unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c)
	}
	return b.String()
}

// isCased reports whether a text has letters with case, all of them upper, or all lower.
func isCased(s string, up bool) bool {
	some := false
	for _, c := range s {
		switch {
		case unicode.IsTitle(c), up && unicode.IsLower(c), !up && unicode.IsUpper(c):
			return false
		case unicode.IsUpper(c), unicode.IsLower(c):
			some = true
		}
	}
	return some
}

func wordRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c) }

// every reports whether a text is not empty and all its characters are of a kind.
func every(s string, is func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return !is(c) }) < 0
}

// strip removes characters at the ends: those in chars, or spaces where that is None or nil.
func strip(s string, chars Value, left, right bool) string {
	is := isSpace
	if set, ok := str(orNil(chars)); ok {
		is = func(c rune) bool { return strings.ContainsRune(set, c) }
	} else if _, none := orNil(chars).(None); !none {
		fail("TypeError", "strip arg must be None or str")
	}
	if left {
		s = strings.TrimLeftFunc(s, is)
	}
	if right {
		s = strings.TrimRightFunc(s, is)
	}
	return s
}

// splitLines splits a text at line breaks as Python does.
func splitLines(s string, keep bool) []string {
	var lines []string
	start := 0
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if !(c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
			i += n
			continue
		}
		if c == '\r' && strings.HasPrefix(s[i+1:], "\n") {
			n = 2
		}
		end := i
		if i += n; keep {
			end = i
		}
		lines, start = append(lines, s[start:end]), i
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// padded fills a text up to a width: side −1 puts it at the left, 1 at the right, 0 in the middle.
func (r *renderer) padded(s string, width int, fill string, side int) string {
	room := width - utf8.RuneCountInString(s)
	if room <= 0 {
		return s
	}
	left := 0
	switch side {
	case 0:
		left = room/2 + room&width&1
	case 1:
		left = room
	}
	return r.made(r.repeated(fill, int64(left)) + s + r.repeated(fill, int64(room-left)))
}

// stringMethod returns a method of a text, or nil.
func stringMethod(v Value, name string) Value {
	s, _ := str(v)
	plain := func(f func(string) string) Value {
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			bind(name, nil, args, keys, values)
			return like(v, r.made(f(s)))
		})
	}
	tells := func(f func(string) bool) Value {
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			bind(name, nil, args, keys, values)
			return Bool(f(s))
		})
	}
	with := func(f func(r *renderer, a []Value) Value, params ...string) Value {
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			r.charge(len(s))
			return f(r, bind(name, params, args, keys, values))
		})
	}
	switch name {
	case "upper":
		return plain(upper)
	case "lower":
		return plain(lower)
	case "casefold":
		return plain(func(s string) string { return cases.Fold().String(s) })
	case "capitalize":
		return plain(capitalize)
	case "title":
		return plain(pythonTitle)
	case "swapcase":
		return plain(func(s string) string {
			var b strings.Builder
			for _, c := range s {
				if unicode.IsUpper(c) {
					b.WriteString(lower(string(c)))
				} else {
					b.WriteString(upper(string(c)))
				}
			}
			return b.String()
		})
	case "strip", "lstrip", "rstrip":
		return with(func(r *renderer, a []Value) Value { return like(v, strip(s, a[0], name != "rstrip", name != "lstrip")) }, "chars?")
	case "split", "rsplit":
		return with(func(r *renderer, a []Value) Value { return r.split(v, s, a, name == "rsplit") }, "sep?", "maxsplit?")
	case "splitlines":
		return with(func(r *renderer, a []Value) Value { return texts(v, splitLines(s, a[0] != nil && truth(a[0]))) }, "keepends?")
	case "partition", "rpartition":
		return with(func(r *renderer, a []Value) Value { return partition(v, s, a[0], name == "rpartition") }, "sep")
	case "replace":
		return with(func(r *renderer, a []Value) Value {
			n := -1
			if a[2] != nil {
				n = intOr(a[2], -1)
			}
			return like(v, r.replaced(s, textOf(name, a[0]), textOf(name, a[1]), n))
		}, "old", "new", "count?")
	case "startswith", "endswith":
		return with(func(r *renderer, a []Value) Value { return Bool(affixed(s, name, a)) }, "prefix", "start?", "end?")
	case "removeprefix":
		return with(func(r *renderer, a []Value) Value { return like(v, strings.TrimPrefix(s, textOf(name, a[0]))) }, "prefix")
	case "removesuffix":
		return with(func(r *renderer, a []Value) Value { return like(v, strings.TrimSuffix(s, textOf(name, a[0]))) }, "suffix")
	case "find", "rfind", "index", "rindex":
		return with(func(r *renderer, a []Value) Value { return find(s, name, a) }, "sub", "start?", "end?")
	case "count":
		return with(func(r *renderer, a []Value) Value {
			part, _ := between(s, a[1], a[2])
			return Int(strings.Count(part, textOf(name, a[0])))
		}, "sub", "start?", "end?")
	case "join":
		return with(func(r *renderer, a []Value) Value { return r.joined(v, s, a[0]) }, "iterable")
	case "center", "ljust", "rjust", "zfill":
		return with(func(r *renderer, a []Value) Value { return r.justified(v, s, name, a) }, "width", "fillchar?")
	case "expandtabs":
		return with(func(r *renderer, a []Value) Value { return like(v, r.expandTabs(s, intOr(a[0], 8))) }, "tabsize?")
	case "format":
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			return like(v, r.made(r.format(s, args, dictOf(keys, values))))
		})
	case "format_map":
		return with(func(r *renderer, a []Value) Value {
			d, ok := a[0].(*Dict)
			if !ok {
				fail("TypeError", "format_map() needs a mapping, not '%s'", typeName(a[0]))
			}
			return like(v, r.made(r.format(s, nil, d)))
		}, "mapping")
	case "isdecimal":
		return tells(func(s string) bool { return every(s, unicode.IsDigit) })
	case "isdigit":
		return tells(func(s string) bool {
			return every(s, func(c rune) bool {
				return unicode.IsDigit(c) || strings.ContainsRune("¹²³⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", c)
			})
		})
	case "isnumeric":
		return tells(func(s string) bool { return every(s, unicode.IsNumber) })
	case "isalpha":
		return tells(func(s string) bool { return every(s, unicode.IsLetter) })
	case "isalnum":
		return tells(func(s string) bool {
			return every(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
		})
	case "isspace":
		return tells(func(s string) bool { return every(s, isSpace) })
	case "isascii":
		return tells(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return c > 127 }) < 0 })
	case "isidentifier":
		return tells(func(s string) bool { return s != "" && nameLength(s) == len(s) })
	case "isupper":
		return tells(func(s string) bool { return isCased(s, true) })
	case "islower":
		return tells(func(s string) bool { return isCased(s, false) })
	case "istitle":
		return tells(func(s string) bool { return pythonTitle(s) == s && upper(s) != lower(s) })
	case "encode", "maketrans", "translate", "isprintable":
		return method(name, func(*renderer, []Value, []string, []Value) Value {
			fail("TemplateRuntimeError", "the method %s of a string is not supported", name)
			return nil
		})
	}
	return nil
}

// textOf returns an argument that must be a text.
func textOf(what string, v Value) string {
	s, ok := str(v)
	if !ok {
		fail("TypeError", "%s() argument must be str, not %s", what, typeName(v))
	}
	return s
}

func texts(v Value, parts []string) *List {
	l := &List{}
	for _, p := range parts {
		l.Items = append(l.Items, like(v, p))
	}
	return l
}

func (r *renderer) split(v Value, s string, a []Value, right bool) Value {
	n := -1
	if a[1] != nil {
		n = intOr(a[1], -1)
	}
	if _, none := orNil(a[0]).(None); none {
		return texts(v, splitFields(s, n, right))
	}
	sep := textOf("split", a[0])
	if sep == "" {
		fail("ValueError", "empty separator")
	}
	r.charge(16 * strings.Count(s, sep))
	if !right || n < 0 {
		if n >= 0 {
			n++
		}
		return texts(v, strings.SplitN(s, sep, n))
	}
	var parts []string
	for ; n > 0; n-- {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		parts, s = append(parts, s[i+len(sep):]), s[:i]
	}
	parts = append(parts, s)
	slices.Reverse(parts)
	return texts(v, parts)
}

// splitFields splits at spaces, at most n times.
func splitFields(s string, n int, right bool) []string {
	if n < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	var parts []string
	if right {
		for s = strings.TrimRightFunc(s, isSpace); s != "" && n > 0; n-- {
			i := strings.LastIndexFunc(s, isSpace)
			if i < 0 {
				break
			}
			_, w := utf8.DecodeRuneInString(s[i:])
			parts, s = append(parts, s[i+w:]), strings.TrimRightFunc(s[:i], isSpace)
		}
		if s != "" {
			parts = append(parts, s)
		}
		slices.Reverse(parts)
		return parts
	}
	for s = strings.TrimLeftFunc(s, isSpace); s != "" && n > 0; n-- {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			break
		}
		parts, s = append(parts, s[:i]), strings.TrimLeftFunc(s[i:], isSpace)
	}
	if s != "" {
		parts = append(parts, s)
	}
	return parts
}

func partition(v Value, s string, sep Value, right bool) Value {
	at := textOf("partition", sep)
	if at == "" {
		fail("ValueError", "empty separator")
	}
	parts := []string{s, "", ""}
	if i := strings.Index(s, at); !right && i >= 0 {
		parts = []string{s[:i], at, s[i+len(at):]}
	} else if right {
		parts = []string{"", "", s}
		if i := strings.LastIndex(s, at); i >= 0 {
			parts = []string{s[:i], at, s[i+len(at):]}
		}
	}
	l := texts(v, parts)
	l.kind = tupleKind
	return l
}

// between returns s[start:end] in characters, and where it begins.
func between(s string, start, end Value) (string, int) {
	if _, none := orNil(start).(None); none {
		if _, none := orNil(end).(None); none {
			return s, 0
		}
	}
	runes := []rune(s)
	clamp := func(v Value, other int) int {
		if _, none := orNil(v).(None); none {
			return other
		}
		i := intOr(v, 0)
		if i < 0 {
			i += len(runes)
		}
		return min(max(i, 0), len(runes))
	}
	from, to := clamp(start, 0), clamp(end, len(runes))
	if from > to {
		return "", from
	}
	return string(runes[from:to]), from
}

func affixed(s, name string, a []Value) bool {
	part, _ := between(s, a[1], a[2])
	options := []Value{a[0]}
	if l, ok := a[0].(*List); ok && l.kind == tupleKind {
		options = l.Items
	}
	for _, o := range options {
		x, ok := str(o)
		if !ok {
			fail("TypeError", "%s first arg must be str or a tuple of str, not %s", name, typeName(o))
		}
		if name == "startswith" && strings.HasPrefix(part, x) || name == "endswith" && strings.HasSuffix(part, x) {
			return true
		}
	}
	return false
}

func find(s, name string, a []Value) Value {
	part, from := between(s, a[1], a[2])
	what := textOf(name, a[0])
	i := strings.Index(part, what)
	if name[0] == 'r' {
		i = strings.LastIndex(part, what)
	}
	if i >= 0 {
		return Int(from + utf8.RuneCountInString(part[:i]))
	}
	if strings.HasSuffix(name, "index") {
		fail("ValueError", "substring not found")
	}
	return Int(-1)
}

func (r *renderer) joined(v Value, with string, all Value) Value {
	items := r.items(all)
	var b strings.Builder
	for i, x := range items {
		s, ok := str(x)
		if !ok {
			fail("TypeError", "sequence item %d: expected str instance, %s found", i, typeName(x))
		}
		if i > 0 {
			b.WriteString(with)
		}
		b.WriteString(s)
		r.step()
		r.fits(b.Len())
	}
	return like(v, r.made(b.String()))
}

func (r *renderer) justified(v Value, s, name string, a []Value) Value {
	fill := " "
	if a[1] != nil {
		if fill = textOf(name, a[1]); utf8.RuneCountInString(fill) != 1 {
			fail("TypeError", "The fill character must be exactly one character long")
		}
	}
	width := intOr(a[0], 0)
	switch name {
	case "center":
		return like(v, r.padded(s, width, fill, 0))
	case "ljust":
		return like(v, r.padded(s, width, fill, -1))
	case "rjust":
		return like(v, r.padded(s, width, fill, 1))
	}
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return like(v, s[:1]+r.padded(s[1:], width-1, "0", 1))
	}
	return like(v, r.padded(s, width, "0", 1))
}

func (r *renderer) expandTabs(s string, size int) string {
	var b strings.Builder
	column := 0
	for _, c := range s {
		switch {
		case c == '\t':
			n := 0
			if size > 0 {
				n = size - column%size
			}
			b.WriteString(r.repeated(" ", int64(n)))
			r.fits(b.Len())
			column += n
		default:
			b.WriteRune(c)
			if column++; c == '\n' || c == '\r' {
				column = 0
			}
		}
	}
	return r.made(b.String())
}

// dictMethod returns a method of a dict, or nil.
func dictMethod(d *Dict, name string) Value {
	with := func(f func(r *renderer, a []Value) Value, params ...string) Value {
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			return f(r, bind(name, params, args, keys, values))
		})
	}
	switch name {
	case "get":
		return with(func(r *renderer, a []Value) Value {
			if key(a[0]) == nil {
				fail("TypeError", "unhashable type: '%s'", typeName(a[0]))
			}
			if v, ok := d.Get(a[0]); ok {
				return v
			}
			return orNil(a[1])
		}, "key", "default?")
	case "keys":
		return with(func(r *renderer, a []Value) Value { return &List{kind: keysKind, Items: d.keys} })
	case "values":
		return with(func(r *renderer, a []Value) Value { return &List{kind: valuesKind, Items: d.values} })
	case "items":
		return with(func(r *renderer, a []Value) Value { return &List{kind: itemsKind, Items: r.pairs(d)} })
	case "copy":
		return with(func(r *renderer, a []Value) Value { r.charge(64 * d.Len()); return d.Copy() })
	}
	return nil
}

// listMethod returns a method of a list or a tuple, or nil.
func listMethod(l *List, name string) Value {
	if l.kind > rangeKind {
		return nil
	}
	with := func(f func(r *renderer, a []Value) Value, params ...string) Value {
		return method(name, func(r *renderer, args []Value, keys []string, values []Value) Value {
			return f(r, bind(name, params, args, keys, values))
		})
	}
	switch name {
	case "count":
		return with(func(r *renderer, a []Value) Value {
			n := 0
			for _, x := range l.Items {
				if r.equal(x, a[0]) {
					n++
				}
			}
			return Int(n)
		}, "value")
	case "index":
		return with(func(r *renderer, a []Value) Value {
			for i, x := range l.Items {
				if r.equal(x, a[0]) {
					return Int(i)
				}
			}
			fail("ValueError", "%s is not in list", r.text(a[0]))
			return nil
		}, "value")
	case "copy":
		if l.kind == listKind {
			return with(func(r *renderer, a []Value) Value { return r.list(l) })
		}
	}
	return nil
}
