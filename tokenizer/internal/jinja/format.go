package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A spec says how a value is written: Python's [[fill]align][sign][#][0][width][,][.precision][type].
type spec struct {
	fill      string
	align     byte // '<', '>', '^', '=' or 0
	sign      byte // '+', ' ' or 0
	alternate bool
	width     int
	comma     byte // ',' or '_' or 0
	precision int  // −1: none
	kind      byte
	old       bool // of the operator %
}

// parseSpec reads a spec of str.format.
func (r *renderer) parseSpec(s string) spec {
	p := spec{fill: " ", precision: -1}
	whole := s
	if s != "" {
		_, n := utf8.DecodeRuneInString(s)
		if len(s) > n && strings.IndexByte("<>^=", s[n]) >= 0 {
			p.fill, p.align, s = s[:n], s[n], s[n+1:]
		} else if strings.IndexByte("<>^=", s[0]) >= 0 {
			p.align, s = s[0], s[1:]
		}
	}
	take := func(set string) byte {
		if s != "" && strings.IndexByte(set, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	if p.sign = take("+- "); p.sign == '-' {
		p.sign = 0
	}
	p.alternate = take("#") != 0
	if take("0") != 0 && p.align == 0 {
		p.fill, p.align = "0", '='
	}
	p.width = r.digits(&s, 0)
	p.comma = take(",_")
	if take(".") != 0 {
		if p.precision = r.digits(&s, -1); p.precision < 0 {
			fail("ValueError", "Format specifier missing precision")
		}
	}
	p.kind = take("bcdeEfFgGnosxX%")
	if s != "" {
		fail("ValueError", "Invalid format specifier '%s'", whole)
	}
	return p
}

// digits reads a number from the beginning of s.
func (r *renderer) digits(s *string, other int) int {
	n := 0
	for n < len(*s) && (*s)[n] >= '0' && (*s)[n] <= '9' {
		n++
	}
	if n == 0 {
		return other
	}
	v, err := strconv.Atoi((*s)[:n])
	if err != nil {
		v = math.MaxInt
	}
	r.fits(v)
	*s = (*s)[n:]
	return v
}

// write writes a value as a spec says.
func (r *renderer) formatted(v Value, p spec) string {
	i, whole := integer(v)
	f, isNumber := number(v)
	_, isBool := v.(Bool)
	switch {
	case isBool && p == (spec{fill: " ", precision: -1}):
		return r.text(v)
	case isNumber && !whole && strings.IndexByte("bcdosxX", p.kind) >= 0 && p.kind != 0:
		fail("ValueError", "Unknown format code '%c' for object of type 'float'", p.kind)
	case isNumber && strings.IndexByte("eEfFgG%", p.kind) >= 0 && p.kind != 0, isNumber && !whole:
		return r.numeric(floatDigits(math.Abs(f), p), math.Signbit(f), p)
	case whole && isNumber:
		if p.kind == 's' {
			fail("ValueError", "Unknown format code 's' for object of type '%s'", typeName(v))
		}
		if p.precision >= 0 && !p.old {
			fail("ValueError", "Precision not allowed in integer format specifier")
		}
		return r.numeric(intDigits(i, p), i < 0, p)
	case p.kind != 0 && p.kind != 's':
		fail("ValueError", "Unknown format code '%c' for object of type '%s'", p.kind, typeName(v))
	case p.sign != 0:
		fail("ValueError", "Sign not allowed in string format specifier")
	case p.align == '=' && p.fill != "0":
		fail("ValueError", "'=' alignment not allowed in string format specifier")
	case p.comma != 0:
		fail("ValueError", "Cannot specify '%c' with 's'.", p.comma)
	}
	s := r.text(v)
	if p.precision >= 0 {
		if runes := []rune(s); len(runes) > p.precision {
			s = string(runes[:p.precision])
		}
	}
	side := map[byte]int{'>': 1, '^': 0}
	at, ok := side[p.align]
	if !ok {
		at = -1
	}
	if at == 0 {
		return r.centered(s, p)
	}
	return r.padded(s, p.width, p.fill, at)
}

// centered puts a text in the middle; format puts what is left over at the right.
func (r *renderer) centered(s string, p spec) string {
	room := p.width - utf8.RuneCountInString(s)
	if room <= 0 {
		return s
	}
	return r.made(r.repeated(p.fill, int64(room/2)) + s + r.repeated(p.fill, int64(room-room/2)))
}

// numeric adds a sign and fills up.
func (r *renderer) numeric(digits string, negative bool, p spec) string {
	sign := ""
	if negative {
		sign = "-"
	} else if p.sign != 0 {
		sign = string(p.sign)
	}
	if p.alternate && strings.IndexByte("box", p.kind|0x20) >= 0 && p.kind != 0 {
		sign += "0" + string(p.kind)
	}
	room := p.width - len(sign) - utf8.RuneCountInString(digits)
	switch {
	case room <= 0:
		return sign + digits
	case p.align == '=':
		return r.made(sign + r.repeated(p.fill, int64(room)) + digits)
	case p.align == '<':
		return r.padded(sign+digits, p.width, p.fill, -1)
	case p.align == '^':
		return r.centered(sign+digits, p)
	}
	return r.padded(sign+digits, p.width, p.fill, 1)
}

// intDigits writes the digits of an integer without its sign.
func intDigits(i int64, p spec) string {
	u := uint64(i)
	if i < 0 {
		u = -u
	}
	switch p.kind {
	case 'b':
		return strconv.FormatUint(u, 2)
	case 'o':
		return strconv.FormatUint(u, 8)
	case 'x':
		return strconv.FormatUint(u, 16)
	case 'X':
		return strings.ToUpper(strconv.FormatUint(u, 16))
	case 'c':
		return character(i)
	}
	return grouped(strconv.FormatUint(u, 10), p.comma)
}

// character returns the character with a number.
func character(i int64) string {
	if i < 0 || i > unicode.MaxRune {
		fail("OverflowError", "%%c arg not in range(0x110000)")
	}
	return string(rune(i))
}

// grouped puts a comma before each three digits.
func grouped(s string, comma byte) string {
	if comma == 0 {
		return s
	}
	whole, rest, point := strings.Cut(s, ".")
	if strings.Contains(whole, "e") {
		return s
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + string(comma) + whole[i:]
	}
	if point {
		return whole + "." + rest
	}
	return whole
}

// floatDigits writes a float that is not negative.
func floatDigits(f float64, p spec) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return floatText(f)
	}
	n := p.precision
	if n < 0 {
		n = 6
	}
	n = min(n, 1000)
	switch p.kind {
	case 'f', 'F':
		return grouped(strconv.FormatFloat(f, 'f', n, 64), p.comma)
	case 'e', 'E':
		return strconv.FormatFloat(f, p.kind, n, 64)
	case '%':
		return strconv.FormatFloat(f*100, 'f', n, 64) + "%"
	case 0:
		if p.precision < 0 {
			return grouped(floatText(f), p.comma)
		}
	}
	return general(f, max(n, 1), p)
}

// general is the type g: exponents below −4 and from the precision on, no zeros at the end.
func general(f float64, n int, p spec) string {
	s := strconv.FormatFloat(f, 'e', n-1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	e, _ := strconv.Atoi(exponent)
	trim := func(s string) string {
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	limit := n
	if p.kind == 0 && limit > 1 {
		limit--
	}
	if e >= -4 && e < limit {
		s = trim(strconv.FormatFloat(f, 'f', max(n-1-e, 0), 64))
		if p.kind == 0 && !strings.Contains(s, ".") {
			s += ".0"
		}
		return grouped(s, p.comma)
	}
	s = trim(mantissa) + "e" + exponent
	if p.kind == 'G' {
		s = strings.ToUpper(s)
	}
	return s
}

// percent is Python's s % with.
func (r *renderer) percent(s string, with Value) string {
	args, indexed := []Value{with}, false // Python takes what has an index for a mapping, which may be left over
	switch v := with.(type) {
	case *List:
		if indexed = v.kind <= rangeKind; v.kind == tupleKind {
			args, indexed = v.Items, false
		}
	case *Dict, *undefined:
		indexed = true
	}
	mapping, _ := with.(*Dict)
	var b strings.Builder
	used, byName := 0, false
	next := func() Value {
		if used == len(args) {
			fail("TypeError", "not enough arguments for format string")
		}
		used++
		return args[used-1]
	}
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		r.step()
		p := spec{fill: " ", precision: -1, align: '>', old: true}
		var v Value
		if strings.HasPrefix(s, "(") {
			name, rest, ok := strings.Cut(s[1:], ")")
			if !ok {
				fail("ValueError", "incomplete format key")
			}
			if mapping == nil {
				fail("TypeError", "format requires a mapping")
			}
			if v, ok = mapping.Get(Str(name)); !ok {
				fail("KeyError", "%s", quoted(name))
			}
			s, byName = rest, true
		}
		for ; s != "" && strings.IndexByte("#0- +", s[0]) >= 0; s = s[1:] {
			switch s[0] {
			case '#':
				p.alternate = true
			case '0':
				if p.align == '>' {
					p.fill, p.align = "0", '='
				}
			case '-':
				p.fill, p.align = " ", '<'
			default:
				p.sign = s[0]
			}
		}
		star := func() int {
			if !strings.HasPrefix(s, "*") {
				return r.digits(&s, 0)
			}
			s = s[1:]
			n := intOr(next(), 0)
			r.fits(max(n, 0))
			return n
		}
		p.width = star()
		if strings.HasPrefix(s, ".") {
			s = s[1:]
			p.precision = star()
		}
		s = strings.TrimLeft(s, "hlL")
		if s == "" {
			fail("ValueError", "incomplete format")
		}
		p.kind, s = s[0], s[1:]
		if p.kind == '%' {
			b.WriteByte('%')
			continue
		}
		if v == nil {
			v = next()
		}
		b.WriteString(r.conversion(v, p))
		r.fits(b.Len())
	}
	if used < len(args) && !byName && !indexed {
		fail("TypeError", "not all arguments converted during string formatting")
	}
	return b.String() + s
}

// conversion is one conversion of %.
func (r *renderer) conversion(v Value, p spec) string {
	text := func(s string) string {
		if p.fill == "0" {
			p.fill, p.align = " ", '>'
		}
		p.kind = 's'
		return r.formatted(Str(s), p)
	}
	switch p.kind {
	case 's':
		return text(r.text(v))
	case 'r', 'a':
		var b strings.Builder
		r.repr(&b, v, 0)
		return text(b.String())
	case 'c':
		if s, ok := str(v); ok && utf8.RuneCountInString(s) == 1 {
			return text(s)
		}
		if i, ok := integer(v); ok {
			return text(character(i))
		}
		fail("TypeError", "%%c requires int or char")
	case 'd', 'i', 'u', 'x', 'X', 'o':
		f, ok := number(v)
		_, whole := integer(v)
		if !ok || !whole && strings.IndexByte("diu", p.kind) < 0 {
			r.defined(v)
			fail("TypeError", "%%%c format: a real number is required, not %s", p.kind, typeName(v))
		}
		if !whole {
			if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
				overflow()
			}
			v = Int(f)
		}
		if strings.IndexByte("iu", p.kind) >= 0 {
			p.kind = 'd'
		}
		if i, _ := integer(v); p.precision > 0 {
			digits := intDigits(i, spec{kind: p.kind})
			return r.numeric(r.padded(digits, p.precision, "0", 1), i < 0, p)
		}
		i, _ := integer(v)
		return r.formatted(Int(i), p)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, ok := number(v)
		if !ok {
			r.defined(v)
			fail("TypeError", "must be real number, not %s", typeName(v))
		}
		return r.formatted(Float(f), p)
	}
	fail("ValueError", "unsupported format character '%c'", p.kind)
	return ""
}

// format is str.format of the sandbox.
func (r *renderer) format(s string, args []Value, named *Dict) string {
	f := &formatter{r: r, args: args, named: named}
	return f.text(s, 2)
}

type formatter struct {
	r     *renderer
	args  []Value
	named *Dict
	next  int // the next number of a field without name; −1: fields have numbers
}

// text replaces the fields of s; depth bounds fields in the specs of fields.
func (f *formatter) text(s string, depth int) string {
	if depth < 0 {
		fail("ValueError", "Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		f.r.step()
		switch {
		case strings.HasPrefix(s, string(c)):
			b.WriteByte(c)
			s = s[1:]
		case c == '}':
			fail("ValueError", "Single '}' encountered in format string")
		default:
			var field string
			field, s = balanced(s)
			b.WriteString(f.field(field, depth))
			f.r.fits(b.Len())
		}
	}
	return b.String() + s
}

// balanced returns a field up to its brace, and what follows.
func balanced(s string) (field, rest string) {
	level := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	fail("ValueError", "expected '}' before end of string")
	return "", ""
}

func (f *formatter) field(s string, depth int) string {
	name, how, _ := strings.Cut(s, ":")
	name, conversion, converts := strings.Cut(name, "!")
	v := f.value(name)
	if converts {
		switch conversion {
		case "s":
			v = Str(f.r.text(v))
		case "r", "a":
			var b strings.Builder
			f.r.repr(&b, v, 0)
			v = Str(b.String())
		default:
			fail("ValueError", "Unknown conversion specifier %s", quoted(conversion))
		}
	}
	how = f.text(how, depth-1)
	switch v.(type) {
	case *List, *Dict, None, *undefined, *function:
		if how != "" {
			fail("TypeError", "unsupported format string passed to %s.__format__", typeName(v))
		}
	}
	return f.r.formatted(v, f.r.parseSpec(how))
}

// value looks up the name of a field: "", "0", "name", "name.attribute[key]".
func (f *formatter) value(name string) Value {
	first := name
	if i := strings.IndexAny(name, ".["); i >= 0 {
		first = name[:i]
	}
	rest := name[len(first):]
	var v Value
	i, err := strconv.Atoi(first)
	switch {
	case first == "" || err == nil:
		if first == "" && f.next < 0 {
			fail("ValueError", "cannot switch from manual field specification to automatic field numbering")
		}
		if first != "" && f.next > 0 {
			fail("ValueError", "cannot switch from automatic field numbering to manual field specification")
		}
		if first == "" {
			i = f.next
			f.next++
		} else {
			f.next = -1
		}
		if i < 0 || i >= len(f.args) {
			fail("IndexError", "Replacement index %d out of range for positional args tuple", i)
		}
		v = f.args[i]
	default:
		var ok bool
		if v, ok = f.named.Get(Str(first)); !ok {
			fail("KeyError", "%s", quoted(first))
		}
	}
	for rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			v, rest = f.r.attribute(v, rest[1:1+end]), rest[1+end:]
			continue
		}
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 {
			fail("ValueError", "Missing ']' in format string")
		}
		if n, err := strconv.Atoi(rest[1:end]); err == nil {
			v = f.r.item(v, Int(n))
		} else {
			v = f.r.item(v, Str(rest[1:end]))
		}
		rest = rest[end+1:]
	}
	return v
}
