package jinja

import (
	"fmt"
	"strings"
	"time"
)

// global returns a function that every template has, or nil.
func global(name string) Value {
	var call func(r *renderer, args []Value, keys []string, values []Value) Value
	switch name {
	case "range":
		call = rangeOf
	case "namespace":
		call = func(r *renderer, args []Value, keys []string, values []Value) Value {
			n := &namespace{}
			for k, v := range dictFrom(r, args, keys, values).All {
				text, ok := str(k)
				if !ok {
					fail("TypeError", "the names of a namespace are strings")
				}
				n.set(text, v)
			}
			return n
		}
	case "dict":
		f := &function{name: name, typ: "TemplateDict"}
		f.call = func(r *renderer, args []Value, keys []string, values []Value) Value {
			return dictFrom(r, args, keys, values)
		}
		return f
	case "raise_exception":
		call = func(r *renderer, args []Value, keys []string, values []Value) Value {
			fail("TemplateError", "%s", r.text(bind(name, []string{"message"}, args, keys, values)[0]))
			return nil
		}
	case "strftime_now":
		call = func(r *renderer, args []Value, keys []string, values []Value) Value {
			return Str(r.made(strftime(r.now(), textOf(name, bind(name, []string{"format"}, args, keys, values)[0]))))
		}
	case "cycler":
		return &function{name: name, typ: "type", call: cycler}
	case "joiner":
		return &function{name: name, typ: "type", call: joiner}
	case "lipsum":
		call = func(*renderer, []Value, []string, []Value) Value {
			fail("TemplateRuntimeError", "lipsum is not supported")
			return nil
		}
	default:
		return nil
	}
	return &function{name: name, typ: "function", call: call}
}

// dictFrom is dict(...).
func dictFrom(r *renderer, args []Value, keys []string, values []Value) *Dict {
	d := &Dict{}
	if len(args) > 1 {
		fail("TypeError", "dict expected at most 1 argument, got %d", len(args))
	}
	if len(args) == 1 {
		if from, ok := args[0].(*Dict); ok {
			r.charge(64 * from.Len())
			d = from.Copy()
		} else {
			for i, x := range r.items(args[0]) {
				pair, ok := r.iterate(x)
				if !ok || len(pair) != 2 {
					fail("ValueError", "dictionary update sequence element #%d is no pair; 2 is required", i)
				}
				d.Set(pair[0], pair[1])
				r.step()
			}
		}
	}
	for i, k := range keys {
		d.Set(Str(k), values[i])
	}
	return d
}

// maxRange is the longest range of the sandbox.
const maxRange = 100_000

func rangeOf(r *renderer, args []Value, keys []string, values []Value) Value {
	if len(args) == 0 || len(args) > 3 || len(keys) > 0 {
		fail("TypeError", "range expected from 1 to 3 arguments, got %d", len(args))
	}
	n := make([]int64, len(args))
	for i, a := range args {
		r.defined(a)
		v, ok := integer(a)
		if !ok {
			fail("TypeError", "'%s' object cannot be interpreted as an integer", typeName(a))
		}
		n[i] = v
	}
	start, stop, step := int64(0), n[0], int64(1)
	if len(n) > 1 {
		start, stop = n[0], n[1]
	}
	if len(n) > 2 {
		step = n[2]
	}
	if step == 0 {
		fail("ValueError", "range() arg 3 must not be zero")
	}
	count := (float64(stop) - float64(start)) / float64(step)
	if count > maxRange {
		fail("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
	}
	l := &List{kind: rangeKind}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		l.Items = append(l.Items, Int(i))
	}
	r.charge(16 * len(l.Items))
	return l
}

func cycler(r *renderer, args []Value, keys []string, values []Value) Value {
	if len(args) == 0 {
		fail("RuntimeError", "at least one item has to be provided")
	}
	at := 0
	return &function{name: "cycler", typ: "Cycler", attr: func(name string) Value {
		switch name {
		case "current":
			return args[at]
		case "next":
			return method(name, func(*renderer, []Value, []string, []Value) Value {
				v := args[at]
				at = (at + 1) % len(args)
				return v
			})
		case "reset":
			return method(name, func(*renderer, []Value, []string, []Value) Value { at = 0; return None{} })
		}
		return nil
	}}
}

func joiner(r *renderer, args []Value, keys []string, values []Value) Value {
	sep := Value(Str(", "))
	if v := bind("joiner", []string{"sep?"}, args, keys, values)[0]; v != nil {
		sep = v
	}
	used := false
	return &function{name: "joiner", typ: "Joiner", call: func(*renderer, []Value, []string, []Value) Value {
		if used {
			return sep
		}
		used = true
		return Str("")
	}}
}

// strftime formats a time as C and Python do, in the C locale.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		pad := true
		if format[i] == '-' && i+1 < len(format) {
			pad = false
			i++
		}
		b.WriteString(timePart(t, format[i], pad))
	}
	return b.String()
}

// timePart returns what stands for %c.
func timePart(t time.Time, c byte, pad bool) string {
	number := func(n, width int) string {
		if !pad {
			width = 1
		}
		return fmt.Sprintf("%0*d", width, n)
	}
	_, week := t.ISOWeek()
	hour := (t.Hour()+11)%12 + 1
	switch c {
	case 'a', 'A', 'b', 'B', 'c', 'D', 'F', 'h', 'p', 'r', 'R', 'T', 'x', 'X':
		return t.Format(map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'D': "01/02/06",
			'F': "2006-01-02", 'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05"}[c])
	case 'C':
		return number(t.Year()/100, 2)
	case 'd':
		return number(t.Day(), 2)
	case 'e':
		return t.Format("_2")
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'G':
		y, _ := t.ISOWeek()
		return number(y, 4)
	case 'H':
		return number(t.Hour(), 2)
	case 'I':
		return number(hour, 2)
	case 'j':
		return number(t.YearDay(), 3)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", hour)
	case 'm':
		return number(int(t.Month()), 2)
	case 'M':
		return number(t.Minute(), 2)
	case 'n':
		return "\n"
	case 's':
		return fmt.Sprint(t.Unix())
	case 'S':
		return number(t.Second(), 2)
	case 't':
		return "\t"
	case 'u':
		return number((int(t.Weekday())+6)%7+1, 1)
	case 'U':
		return number((t.YearDay()+6-int(t.Weekday()))/7, 2)
	case 'V':
		return number(week, 2)
	case 'w':
		return number(int(t.Weekday()), 1)
	case 'W':
		return number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2)
	case 'y':
		return number(t.Year()%100, 2)
	case 'Y':
		return number(t.Year(), 1)
	case 'z', 'Z':
		return "" // the reference's clock has no zone
	case '%':
		return "%"
	}
	return "%" + string(c)
}
