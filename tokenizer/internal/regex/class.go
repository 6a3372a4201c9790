package regex

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// class reads a character class, after the bracket that opens it.
func (p *parser) class() ([]chars.RuneRange, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf("classes nest deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	not := p.accept("^")
	var all, list []chars.RuneRange // all: what stands before an &&
	both := false
	add := func(r ...chars.RuneRange) { list = append(list, r...) }
	for first := true; ; first = false {
		if !p.more() {
			return nil, p.errorf("a class is not closed")
		}
		switch {
		case !first && p.accept("]"):
			list = chars.Ordered(list)
			if both {
				list = intersect(all, list)
			}
			if not {
				list = chars.Complement(list)
			}
			p.ranges += len(list) / 64
			return list, p.check()
		case p.accept("&&"):
			if list = chars.Ordered(list); both {
				list = intersect(all, list)
			}
			all, list, both = list, nil, true
			continue
		case strings.HasPrefix(p.rest(), "[:") && strings.Contains(p.rest(), ":]"):
			r, err := p.posix()
			if err != nil {
				return nil, err
			}
			add(r...)
			continue
		case p.accept("["):
			r, err := p.class()
			if err != nil {
				return nil, err
			}
			add(r...)
			continue
		}
		lo, ranges, err := p.member()
		if err != nil {
			return nil, err
		}
		if ranges != nil {
			add(ranges...)
			continue
		}
		hi := lo
		if rest := p.rest(); len(rest) > 1 && rest[0] == '-' && rest[1] != ']' && rest[1] != '[' && !strings.HasPrefix(rest[1:], "&&") {
			was := p.at
			p.at++
			var class []chars.RuneRange
			if hi, class, err = p.member(); err != nil {
				return nil, err
			}
			if class != nil { // the dash is one
				p.at, hi = was, lo
			}
		}
		if hi < lo {
			return nil, p.errorf("the range %c-%c is empty", lo, hi)
		}
		if r := []chars.RuneRange{{Lo: lo, Hi: hi}}; p.fold { // properties stay as they are
			add(folded(r)...)
		} else {
			add(r...)
		}
	}
}

// member reads a character of a class, or a class by its escape.
func (p *parser) member() (rune, []chars.RuneRange, error) {
	if p.expr[p.at] != '\\' {
		return p.rune(), nil, nil
	}
	if len(p.rest()) > 1 && p.rest()[1] == 'b' {
		p.at += 2
		return '\b', nil, nil
	}
	return p.escaped()
}

// posix reads a class such as [:alpha:].
func (p *parser) posix() ([]chars.RuneRange, error) {
	p.at += 2
	not := p.accept("^")
	end := strings.Index(p.rest(), ":]")
	name := p.rest()[:end]
	ranges := p.named(name, named)
	if ranges == nil || len(name) < 2 {
		return nil, p.errorf("the class [:%.50s:] is not supported", name)
	}
	p.at += end + 2
	if not {
		ranges = chars.Complement(ranges)
	}
	return ranges, nil
}

// escaped reads an escape: a character, or the characters of a class.
func (p *parser) escaped() (rune, []chars.RuneRange, error) {
	p.at++
	if !p.more() {
		return 0, nil, p.errorf("it ends with a backslash")
	}
	switch c := p.rune(); c {
	case 'd', 's', 'w', 'h':
		return 0, p.named(string(c), named), nil
	case 'D', 'S', 'W', 'H':
		return 0, p.named(string(c), func(s string) []chars.RuneRange { return chars.Complement(named(strings.ToLower(s))) }), nil
	case 'p', 'P':
		r, err := p.property(c == 'P')
		return 0, r, err
	case 'n':
		return '\n', nil, nil
	case 'r':
		return '\r', nil, nil
	case 't':
		return '\t', nil, nil
	case 'f':
		return '\f', nil, nil
	case 'v':
		return '\v', nil, nil
	case 'a':
		return '\a', nil, nil
	case 'e':
		return 0x1b, nil, nil
	case 'x', 'u', '0':
		r, err := p.coded(c)
		return r, nil, err
	default:
		if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return 0, nil, p.errorf("\\%c is not supported", c)
		}
		return c, nil, nil
	}
}

// coded reads \x41, \x{41}, \u0041 and \0.
func (p *parser) coded(c rune) (rune, error) {
	digits, base := 0, 16
	switch {
	case c == '0':
		for digits < 2 && digits < len(p.rest()) && p.rest()[digits] >= '0' && p.rest()[digits] <= '7' {
			digits++
		}
		base = 8
		if digits == 0 {
			return 0, nil
		}
	case p.accept("{"):
		digits = strings.IndexByte(p.rest(), '}')
	case c == 'u':
		digits = 4
	default:
		for digits < 2 && digits < len(p.rest()) && strings.IndexByte("0123456789abcdefABCDEF", p.rest()[digits]) >= 0 {
			digits++
		}
	}
	if digits < 1 || digits > len(p.rest()) {
		return 0, p.errorf("the digits after \\%c are wrong", c)
	}
	n, err := strconv.ParseUint(p.rest()[:digits], base, 32)
	if err != nil || n > unicode.MaxRune || c == 'x' && n > 0x7f && !strings.HasSuffix(p.expr[:p.at], "{") {
		return 0, p.errorf("the digits after \\%c are wrong", c)
	}
	p.at += digits
	p.accept("}")
	return rune(n), nil
}

// named returns what find does for a name, which is asked once.
func (p *parser) named(name string, find func(string) []chars.RuneRange) []chars.RuneRange {
	r, ok := p.known[name]
	if !ok {
		r = find(name)
		p.known[name] = r
	}
	return r
}

// property reads what follows \p or \P.
func (p *parser) property(not bool) ([]chars.RuneRange, error) {
	name := ""
	if p.accept("{") {
		end := strings.IndexByte(p.rest(), '}')
		if end < 0 {
			return nil, p.errorf("a property does not end")
		}
		name = p.rest()[:end]
		p.at += end + 1
	} else if p.more() {
		name = string(p.rune())
	}
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		name, not = rest, !not
	}
	ranges := p.named("p{"+name, func(string) []chars.RuneRange { return chars.Property(name) })
	if ranges == nil {
		ranges = named(strings.ToLower(name))
	}
	if ranges == nil {
		return nil, p.errorf("the property %.50q is not supported", name)
	}
	if not {
		ranges = chars.Complement(ranges)
	}
	return ranges, nil
}
