package regex

import (
	"bytes"
	"unicode/utf8"
)

type op uint8

const (
	opMatch       op = iota
	opText           // a string
	opSet            // one character of a set
	opLoop           // x to y characters of a set
	opSplit          // goes on x instructions on, or else y
	opJump           // goes on x instructions on
	opMark           // notes the place in slot x
	opProgress       // goes on y instructions on if the place is that of slot x
	opSave           // notes the place in capture x
	opReference      // the text of captures x and x+1
	opAhead          // sub matches here
	opNotAhead       // it does not
	opBehind         // sub, of x to y characters, matches what ends here
	opNotBehind      // it does not
	opAtomic         // sub, of which the first match counts
	opTextStart      // \A
	opTextEnd        // \z
	opTextEndLine    // \Z
	opLineStart      // ^
	opLineEnd        // $
	opWord           // \b
	opNotWord        // \B
)

// inst is an instruction. Jumps count from it.
type inst struct {
	op   op
	mode int
	x, y int32
	text string
	last bool // while compiling: the text may grow
	set  *set
	sub  []inst
}

// frame is a way not yet taken.
type frame struct {
	code  []inst
	pc    int32
	pos   int32
	least int32 // of a loop: how far back it may go; of a place: what was there
	kind  frameKind
	loop  *inst
}

type frameKind uint8

const (
	way      frameKind = iota // goes on at pc
	shorter                   // a greedy loop with one character less
	longer                    // a lazy loop with one more
	restores                  // a place to put back
)

// machine runs one search by backtracking. It counts its steps.
type machine struct {
	b      []byte
	places []int32 // slots of marks, then captures
	marks  int
	stack  []frame
	steps  int // that are left
	word   *set
}

// run matches code at pos and returns where the match ends, or −1.
func (m *machine) run(code []inst, pos int32) int32 {
	base := len(m.stack)
	pc := int32(0)
	for {
		if m.steps--; m.steps < 0 {
			m.stack = m.stack[:base]
			return -1
		}
		in := &code[pc]
		ok := true
		switch in.op {
		case opMatch:
			m.keep(base)
			return pos
		case opText:
			if ok = len(m.b)-int(pos) >= len(in.text) && string(m.b[pos:int(pos)+len(in.text)]) == in.text; ok {
				pos += int32(len(in.text))
				pc++
			}
		case opSet:
			n := in.set.step(m.b, int(pos))
			if ok = n > 0; ok {
				pos += int32(n)
				pc++
			}
		case opLoop:
			if pos, ok = m.loop(code, pc, pos); ok {
				pc++
			}
		case opSplit:
			m.stack = append(m.stack, frame{code: code, pc: pc + in.y, pos: pos})
			pc += in.x
		case opJump:
			pc += in.x
		case opMark:
			m.set(int(in.x), pos)
			pc++
		case opProgress:
			if m.places[in.x] == pos {
				pc += in.y
			} else {
				pc++
			}
		case opSave:
			m.set(m.marks+int(in.x), pos)
			pc++
		case opReference:
			from, to := m.places[m.marks+int(in.x)], m.places[m.marks+int(in.x)+1]
			if ok = from >= 0 && to >= from && bytes.HasPrefix(m.b[pos:], m.b[from:to]); ok {
				m.steps -= int(to - from)
				pos += to - from
				pc++
			}
		case opAtomic:
			end := m.run(in.sub, pos)
			if ok = end >= 0; ok {
				pos = end
				pc++
			}
		case opAhead, opNotAhead:
			ok = (m.run(in.sub, pos) >= 0) == (in.op == opAhead)
			pc++
		case opBehind, opNotBehind:
			ok = m.behind(in, pos) == (in.op == opBehind)
			pc++
		default:
			ok = m.assert(in.op, int(pos))
			pc++
		}
		if ok {
			continue
		}
		if code, pc, pos = m.back(base); code == nil {
			return -1
		}
	}
}

// keep drops the ways above base, but puts back no place.
func (m *machine) keep(base int) {
	kept := m.stack[:base]
	for _, f := range m.stack[base:] {
		if f.kind == restores && base > 0 {
			kept = append(kept, f)
		}
	}
	m.stack = kept
}

// set notes a place.
func (m *machine) set(i int, pos int32) {
	m.stack = append(m.stack, frame{kind: restores, pc: int32(i), least: m.places[i]})
	m.places[i] = pos
}

// loop takes characters of a set as often as the instruction says, and leaves the other ways on the stack.
func (m *machine) loop(code []inst, pc, pos int32) (int32, bool) {
	in := &code[pc]
	count, most := int32(0), in.y
	if in.mode == lazy {
		most = in.x
	}
	least := pos
	for most < 0 || count < most {
		n := in.set.step(m.b, int(pos))
		if n == 0 {
			break
		}
		pos += int32(n)
		if count++; count == in.x {
			least = pos
		}
	}
	m.steps -= int(count)
	if count < in.x {
		return pos, false
	}
	switch {
	case in.mode == lazy && in.x != in.y:
		m.stack = append(m.stack, frame{code: code, pc: pc + 1, pos: pos, least: count, kind: longer, loop: in})
	case in.mode == greedy && pos > least:
		m.stack = append(m.stack, frame{code: code, pc: pc + 1, pos: pos, least: least, kind: shorter})
	}
	return pos, true
}

// back takes the last way that is left above base; code is nil where there is none.
func (m *machine) back(base int) (code []inst, pc, pos int32) {
	for len(m.stack) > base {
		f := &m.stack[len(m.stack)-1]
		switch f.kind {
		case restores:
			m.places[f.pc] = f.least
		case way:
			code, pc, pos = f.code, f.pc, f.pos
			m.stack = m.stack[:len(m.stack)-1]
			return code, pc, pos
		case shorter:
			_, n := utf8.DecodeLastRune(m.b[:f.pos])
			f.pos -= int32(n)
			code, pc, pos = f.code, f.pc, f.pos
			if f.pos <= f.least {
				m.stack = m.stack[:len(m.stack)-1]
			}
			return code, pc, pos
		case longer:
			if n := f.loop.set.step(m.b, int(f.pos)); n > 0 && (f.loop.y < 0 || f.least < f.loop.y) {
				f.pos += int32(n)
				f.least++
				return f.code, f.pc, f.pos
			}
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return nil, 0, 0
}

// behind reports whether sub matches something that ends at pos.
func (m *machine) behind(in *inst, pos int32) bool {
	start := pos
	for n := int32(0); n <= in.y; n++ {
		if n >= in.x && m.endsAt(in.sub, start, pos) {
			return true
		}
		if start == 0 || m.steps < 0 {
			return false
		}
		_, w := utf8.DecodeLastRune(m.b[:start])
		start -= int32(w)
	}
	return false
}

// endsAt reports whether code matches what lies between two places, for which the text ends at the second.
func (m *machine) endsAt(code []inst, start, end int32) bool {
	whole := m.b
	m.b = m.b[:end]
	defer func() { m.b = whole }()
	return m.run(code, start) >= 0 // the code ends with the end of the text
}

func (m *machine) assert(o op, pos int) bool {
	switch o {
	case opTextStart:
		return pos == 0
	case opTextEnd:
		return pos == len(m.b)
	case opTextEndLine:
		return pos == len(m.b) || pos == len(m.b)-1 && m.b[pos] == '\n'
	case opLineStart: // no place after a newline that ends the text
		return pos == 0 || m.b[pos-1] == '\n' && pos < len(m.b)
	case opLineEnd:
		return pos == len(m.b) || m.b[pos] == '\n'
	}
	before := false
	if pos > 0 {
		_, n := utf8.DecodeLastRune(m.b[:pos])
		before = m.word.step(m.b, pos-n) > 0
	}
	return (before != (m.word.step(m.b, pos) > 0)) == (o == opWord)
}

// search returns the first match from a place on; start is −1 for none.
func (m *machine) search(p *program, from int32) (start, end int32) {
	for at := from; int(at) <= len(m.b) && m.steps >= 0; {
		if p.first != "" {
			n := bytes.Index(m.b[at:], []byte(p.first))
			if n < 0 {
				break
			}
			at += int32(n)
		}
		if end := m.run(p.code, at); end >= 0 {
			for i := range m.places {
				m.places[i] = -1
			}
			return at, end
		}
		if int(at) == len(m.b) {
			break
		}
		_, n := utf8.DecodeRune(m.b[at:])
		at += int32(n)
	}
	return -1, -1
}
