package regex

import (
	"slices"
	"strings"
)

// How a repetition takes characters.
const (
	greedy = iota
	lazy
	possessive
)

const maxRepeat = 1 << 16

// quantified reads the quantifiers that follow an element.
func (p *parser) quantified(f fragment) (fragment, error) {
	for p.more() {
		lo, hi, ok := p.quantifier()
		if !ok {
			return f, nil
		}
		interval := p.expr[p.at-1] == '}'
		if lo > maxRepeat || hi > maxRepeat {
			return f, p.errorf("more than %d repetitions are not supported", maxRepeat)
		}
		if hi >= 0 && hi < lo {
			return f, p.errorf("a repetition of %d to %d", lo, hi)
		}
		mode := greedy
		switch {
		case p.dialect == Oniguruma && interval && lo == hi: // what follows repeats the whole
		case p.accept("?"):
			mode = lazy
		case (p.dialect == Tiktoken || !interval) && p.accept("+"):
			mode = possessive
		}
		var err error
		if f, err = p.repeat(f, lo, hi, mode); err != nil {
			return f, err
		}
	}
	return f, nil
}

// quantifier reads the bounds of a repetition; hi is −1 for none.
func (p *parser) quantifier() (lo, hi int, ok bool) {
	switch p.expr[p.at] {
	case '*':
		p.at++
		return 0, -1, true
	case '+':
		p.at++
		return 1, -1, true
	case '?':
		p.at++
		return 0, 1, true
	case '{':
		end := strings.IndexByte(p.rest(), '}')
		if end < 0 {
			return 0, 0, false
		}
		low, high, comma := strings.Cut(p.rest()[1:end], ",")
		lo, ok1 := number(low)
		hi, ok2 := number(high)
		switch {
		case !comma && low != "" && ok1:
			hi = lo
		case comma && ok1 && ok2 && (low != "" || high != ""):
			if high == "" {
				hi = -1
			}
		default:
			return 0, 0, false // a brace
		}
		p.at += end + 1
		return lo, hi, true
	}
	return 0, 0, false
}

func number(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(10*n+int(s[i]-'0'), 1<<20)
	}
	return n, true
}

// repeat repeats a fragment. A single character has an instruction of its own; other code is copied, with a loop at its end.
func (p *parser) repeat(f fragment, lo, hi, mode int) (fragment, error) {
	out := fragment{least: times(f.least, lo), most: times(f.most, hi)}
	if len(f.code) == 1 && (f.code[0].op == opSet || f.code[0].op == opText && f.most == 1) {
		p.size++
		s := f.code[0].set
		if s == nil {
			one, err := p.literalSet(f.code[0].text)
			if err != nil {
				return f, err
			}
			s = one
		}
		out.code = []inst{{op: opLoop, set: s, x: int32(lo), y: int32(hi), mode: mode}}
		return out, nil
	}
	copies := max(lo, hi)
	if p.size += copies * (len(f.code) + 1); hi < 0 {
		p.size += len(f.code) + 4
	}
	if err := p.check(); err != nil {
		return f, err
	}
	for range lo {
		out.code = append(out.code, clone(f.code)...)
	}
	if hi < 0 {
		out.code = append(out.code, p.loop(f, mode)...)
	}
	if rest := hi - lo; hi >= 0 && rest > 0 { // each of the rest within the one before it
		var tail []inst
		for range rest {
			body := append(clone(f.code), tail...)
			tail = append([]inst{branch(int32(len(body)+1), mode)}, body...)
		}
		out.code = append(out.code, tail...)
	}
	if mode == possessive {
		return p.atomic(out), nil
	}
	return out, nil
}

// loop repeats code any number of times, and ends when a round has matched nothing.
func (p *parser) loop(f fragment, mode int) []inst {
	body := clone(f.code)
	if f.least == 0 {
		slot := int32(p.slots)
		p.slots++
		body = append(append([]inst{{op: opMark, x: slot}}, body...), inst{op: opProgress, x: slot, y: 2})
	}
	n := int32(len(body))
	code := append([]inst{branch(n+2, mode)}, body...)
	return append(code, inst{op: opJump, x: -(n + 1)})
}

// branch tries what follows first, or, lazy, what lies skip instructions on.
func branch(skip int32, mode int) inst {
	if mode == lazy {
		return inst{op: opSplit, x: skip, y: 1}
	}
	return inst{op: opSplit, x: 1, y: skip}
}

func clone(code []inst) []inst { return slices.Clone(code) }
