package regex

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// A Dialect is a syntax of regular expressions.
type Dialect int

const (
	Oniguruma Dialect = iota // of tokenizer.json: Ruby's
	Tiktoken                 // of fancy-regex, in which tiktoken's patterns are written
)

const (
	maxCode   = 1 << 13 // instructions of a compiled pattern
	maxRanges = 1 << 17 // ranges of all its classes
	maxDepth  = 250     // of groups within groups
)

// fragment is compiled code that falls through at its end, and how many characters it may match; most −1: any number.
type fragment struct {
	code        []inst
	least, most int
}

// parser compiles an expression as it reads it.
type parser struct {
	dialect Dialect
	expr    string
	at      int
	fold    bool // case does not matter
	dotAll  bool // . matches a newline
	spaced  bool // white space and comments are passed over
	depth   int
	groups  int
	refers  bool // there may be references to groups
	names   map[string]int
	slots   int
	size    int // instructions so far, copies too
	ranges  int
	sets    map[string]*set // by what is written
	word    *set            // nil: not asked for
	known   map[string][]chars.RuneRange
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("pattern %.200q: %s", p.expr, fmt.Sprintf(format, args...))
}

func (p *parser) more() bool { return p.at < len(p.expr) }

func (p *parser) rest() string { return p.expr[p.at:] }

// accept takes s if it comes next.
func (p *parser) accept(s string) bool {
	if !strings.HasPrefix(p.rest(), s) {
		return false
	}
	p.at += len(s)
	return true
}

func (p *parser) rune() rune {
	r, n := utf8.DecodeRuneInString(p.rest())
	p.at += n
	return r
}

func widest(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return max(a, b)
}

func plus(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return min(a+b, 1<<20)
}

func times(a, n int) int {
	if a < 0 && n != 0 || n < 0 && a != 0 {
		return -1
	}
	return min(a*n, 1<<20)
}

// alternatives reads up to the end or a closing parenthesis.
func (p *parser) alternatives() (fragment, error) {
	if p.depth++; p.depth > maxDepth {
		return fragment{}, p.errorf("groups nest deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	fold, dotAll, spaced := p.fold, p.dotAll, p.spaced
	defer func() { p.fold, p.dotAll, p.spaced = fold, dotAll, spaced }()
	var branches []fragment
	for {
		f, err := p.sequence()
		if err != nil {
			return f, err
		}
		branches = append(branches, f)
		if !p.accept("|") {
			break
		}
	}
	out := branches[len(branches)-1]
	for _, b := range slices.Backward(branches[:len(branches)-1]) {
		code := append([]inst{{op: opSplit, x: 1, y: int32(len(b.code) + 2)}}, b.code...)
		code = append(code, inst{op: opJump, x: int32(len(out.code) + 1)})
		out = fragment{append(code, out.code...), min(b.least, out.least), widest(b.most, out.most)}
	}
	p.size += 2 * len(branches)
	return out, p.check()
}

func (p *parser) check() error {
	if p.size > maxCode {
		return p.errorf("it is too large: more than %d instructions", maxCode)
	}
	if p.ranges > maxRanges {
		return p.errorf("it has too many classes")
	}
	return nil
}

func (p *parser) sequence() (fragment, error) {
	var out fragment
	for p.more() && p.expr[p.at] != '|' && p.expr[p.at] != ')' {
		f, err := p.atom()
		if err == nil {
			f, err = p.quantified(f)
		}
		if err != nil {
			return out, err
		}
		if n := len(out.code); n > 0 && len(f.code) == 1 && f.code[0].op == opText && out.code[n-1].op == opText && out.code[n-1].last {
			out.code[n-1].text += f.code[0].text // one comparison for a run of characters
		} else {
			out.code = append(out.code, f.code...)
		}
		out.least, out.most = plus(out.least, f.least), plus(out.most, f.most)
	}
	for i := range out.code {
		out.code[i].last = false // what follows is no part of the run
	}
	return out, nil
}

// atom reads one element without its quantifiers.
func (p *parser) atom() (fragment, error) {
	switch c := p.expr[p.at]; c {
	case '(':
		p.at++
		return p.group()
	case '[':
		start := p.at
		p.at++
		r, err := p.class()
		if err != nil {
			return fragment{}, err
		}
		return p.single(p.expr[start:p.at], r)
	case '.':
		p.at++
		if p.dotAll {
			return p.single(".all", []chars.RuneRange{{Lo: 0, Hi: unicode.MaxRune}})
		}
		return p.single(".", chars.Complement([]chars.RuneRange{{Lo: '\n', Hi: '\n'}}))
	case '^':
		p.at++
		if p.dialect == Tiktoken {
			return p.assert(opTextStart)
		}
		return p.assert(opLineStart)
	case '$':
		p.at++
		if p.dialect == Tiktoken {
			return p.assert(opTextEnd)
		}
		return p.assert(opLineEnd)
	case '\\':
		return p.escape()
	case '*', '+', '?':
		return fragment{}, p.errorf("%q has nothing to repeat", c)
	case ' ', '\t', '\n', '\r', '#':
		if p.spaced {
			if p.at++; c == '#' {
				for p.more() && p.expr[p.at] != '\n' {
					p.at++
				}
			}
			return fragment{}, nil
		}
	}
	return p.literal(p.rune())
}

func (p *parser) assert(o op) (fragment, error) {
	p.size++
	return fragment{[]inst{{op: o}}, 0, 0}, nil
}

func (p *parser) literal(r rune) (fragment, error) {
	if p.fold && unicode.SimpleFold(r) != r {
		return p.single(string(r), []chars.RuneRange{{Lo: r, Hi: r}})
	}
	p.size++
	return fragment{[]inst{{op: opText, text: string(r), last: true}}, 1, 1}, nil
}

// single matches one character of a class, which is written as key.
func (p *parser) single(key string, ranges []chars.RuneRange) (fragment, error) {
	if p.fold {
		key = "(?i)" + key
	}
	s := p.sets[key]
	if s == nil {
		if p.fold && len(ranges) == 1 && ranges[0].Lo == ranges[0].Hi {
			for r, c := ranges[0].Lo, unicode.SimpleFold(ranges[0].Lo); c != r; c = unicode.SimpleFold(c) {
				ranges = append(ranges, chars.RuneRange{Lo: c, Hi: c})
			}
		}
		s = newSet(ranges)
		p.ranges += len(s.ranges)
		p.sets[key] = s
	}
	p.size++
	return fragment{[]inst{{op: opSet, set: s}}, 1, 1}, p.check()
}

// group reads what follows an opening parenthesis.
func (p *parser) group() (fragment, error) {
	capture := 0
	look := func(o op, behind bool) (fragment, error) {
		f, err := p.closed()
		if behind && f.most < 0 && err == nil {
			err = p.errorf("a look behind must be of limited length")
		}
		if p.size++; behind {
			f.code = append(f.code, inst{op: opTextEnd})
		}
		return fragment{[]inst{{op: o, sub: append(f.code, inst{op: opMatch}), x: int32(f.least), y: int32(f.most)}}, 0, 0}, err
	}
	switch {
	case p.accept("?:"):
	case p.accept("?="):
		return look(opAhead, false)
	case p.accept("?!"):
		return look(opNotAhead, false)
	case p.accept("?<="):
		return look(opBehind, true)
	case p.accept("?<!"):
		return look(opNotBehind, true)
	case p.accept("?>"):
		f, err := p.closed()
		return p.atomic(f), err
	case p.accept("?#"):
		i := strings.IndexByte(p.rest(), ')')
		if i < 0 {
			return fragment{}, p.errorf("a comment does not end")
		}
		p.at += i + 1
		return fragment{}, nil
	case p.accept("?P<"), p.accept("?<"), p.accept("?'"):
		end := strings.IndexAny(p.rest(), ">'")
		if end <= 0 {
			return fragment{}, p.errorf("a group's name does not end")
		}
		p.groups++
		capture = p.groups
		p.names[p.rest()[:end]] = capture
		p.at += end + 1
	case p.accept("?"):
		return p.flags()
	default:
		p.groups++
		capture = p.groups
	}
	f, err := p.closed()
	if capture > 0 && p.refers {
		f.code = append(append([]inst{{op: opSave, x: int32(2 * capture)}}, f.code...), inst{op: opSave, x: int32(2*capture + 1)})
		p.size += 2
	}
	return f, err
}

// closed reads up to the parenthesis that closes a group.
func (p *parser) closed() (fragment, error) {
	f, err := p.alternatives()
	if err == nil && !p.accept(")") {
		err = p.errorf("a parenthesis is not closed")
	}
	return f, err
}

func (p *parser) atomic(f fragment) fragment {
	p.size++
	return fragment{[]inst{{op: opAtomic, sub: append(f.code, inst{op: opMatch})}}, f.least, f.most}
}

// flags reads (?i) and (?i:...), after the question mark.
func (p *parser) flags() (fragment, error) {
	fold, dotAll, spaced := p.fold, p.dotAll, p.spaced
	for on := true; p.more(); {
		switch c := p.rune(); c {
		case '-':
			on = false
		case 'i':
			p.fold = on
		case 'm', 's':
			if (c == 'm') == (p.dialect == Oniguruma) {
				p.dotAll = on
			} else {
				return fragment{}, p.errorf("the flag %c is not supported", c)
			}
		case 'x':
			p.spaced = on
		case 'u':
		case ')': // up to the end of the group it stands in
			return fragment{}, nil
		case ':':
			f, err := p.closed()
			p.fold, p.dotAll, p.spaced = fold, dotAll, spaced
			return f, err
		default:
			return fragment{}, p.errorf("a group that begins with (?%c is not supported", c)
		}
	}
	return fragment{}, p.errorf("a parenthesis is not closed")
}

// escape reads an escape outside of a class.
func (p *parser) escape() (fragment, error) {
	start := p.at
	if len(p.rest()) < 2 {
		return fragment{}, p.errorf("it ends with a backslash")
	}
	switch c := p.expr[p.at+1]; c {
	case 'A', 'z', 'Z', 'b', 'B', 'G', 'K', 'R', 'X':
		o, ok := map[byte]op{'A': opTextStart, 'z': opTextEnd, 'Z': opTextEndLine, 'b': opWord, 'B': opNotWord}[c]
		if !ok {
			return fragment{}, p.errorf("\\%c is not supported", c)
		}
		if p.at += 2; c == 'b' || c == 'B' {
			p.word = newSet(named("w"))
		}
		return p.assert(o)
	case '1', '2', '3', '4', '5', '6', '7', '8', '9', 'k':
		return p.reference()
	}
	r, ranges, err := p.escaped()
	switch {
	case err != nil:
		return fragment{}, err
	case ranges != nil:
		return p.single(p.expr[start:p.at], ranges)
	}
	return p.literal(r)
}

func (p *parser) reference() (fragment, error) {
	p.at++
	n := 0
	if p.accept("k<") {
		end := strings.IndexByte(p.rest(), '>')
		if end < 0 {
			return fragment{}, p.errorf("a reference does not end")
		}
		name := p.rest()[:end]
		p.at += end + 1
		if n = p.names[name]; n == 0 {
			n, _ = strconv.Atoi(name)
		}
	} else {
		n = int(p.rune() - '0')
	}
	if n <= 0 || n > p.groups {
		return fragment{}, p.errorf("there is no group that a reference names")
	}
	p.size++
	return fragment{[]inst{{op: opReference, x: int32(2 * n)}}, 0, -1}, nil
}

func (p *parser) literalSet(s string) (*set, error) {
	r, _ := utf8.DecodeRuneInString(s)
	f, err := p.single(string(r), []chars.RuneRange{{Lo: r, Hi: r}})
	if err != nil {
		return nil, err
	}
	return f.code[0].set, nil
}
