package torch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// An unpickler reads Python's pickles, protocol 2. A pickle is a program that may call anything; this
// one is interpreted, not run: it takes the operations and calls that a dictionary of tensors is made of
// and refuses all others. See Lib/pickletools.py of CPython for the operations.
type unpickler struct {
	in    []byte // what is left
	size  int
	stack []value
	memo  map[uint32]value
}

func newUnpickler(in []byte) *unpickler { return &unpickler{in: in, size: len(in)} }

// maxStack bounds the stack: Python's pickler puts at most some two thousand values on it.
const maxStack = 1 << 16

// value is what a pickle makes.
type value interface{ what() string }

type (
	mark       struct{}
	other      struct{} // None, or a number with a fraction
	truth      bool
	text       string
	number     int64
	global     string // the name of a function or class
	tuple      []value
	list       struct{ items []value }
	dictionary struct{ items []item }
	item       struct {
		key   text
		value value
	}
)

func (mark) what() string        { return "a mark" }
func (other) what() string       { return "no tensor" }
func (truth) what() string       { return "a truth value" }
func (text) what() string        { return "a text" }
func (number) what() string      { return "a number" }
func (global) what() string      { return "a function or class" }
func (tuple) what() string       { return "a tuple" }
func (*list) what() string       { return "a list" }
func (*dictionary) what() string { return "a dictionary" }

// run reads one pickle.
func (u *unpickler) run() (value, error) {
	u.stack, u.memo = nil, map[uint32]value{}
	for len(u.in) > 0 {
		at, op := u.size-len(u.in), u.in[0]
		u.in = u.in[1:]
		if op == '.' {
			if len(u.stack) != 1 {
				return nil, fmt.Errorf("byte %d: the pickle ends with %d values, expected 1", at, len(u.stack))
			}
			return u.stack[0], nil
		}
		if err := u.step(op); err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
		if len(u.stack) > maxStack {
			return nil, fmt.Errorf("byte %d: more than %d values on the stack", at, maxStack)
		}
	}
	return nil, errors.New("the pickle is cut off")
}

func (u *unpickler) push(v value) { u.stack = append(u.stack, v) }

// pop takes n values off the top of the stack, or returns nil.
func (u *unpickler) pop(n int) []value {
	if len(u.stack) < n {
		return nil
	}
	items := slices.Clone(u.stack[len(u.stack)-n:])
	u.stack = u.stack[:len(u.stack)-n]
	return items
}

// top returns the top of the stack, or nil.
func (u *unpickler) top() value {
	if len(u.stack) == 0 {
		return nil
	}
	return u.stack[len(u.stack)-1]
}

// sinceMark takes everything above the last mark, and the mark.
func (u *unpickler) sinceMark() ([]value, bool) {
	for i, v := range slices.Backward(u.stack) {
		if v == (mark{}) {
			items := slices.Clone(u.stack[i+1:])
			u.stack = u.stack[:i]
			return items, true
		}
	}
	return nil, false
}

// take returns the next n bytes, or what is left if there are fewer: the pickle is cut off then.
func (u *unpickler) take(n uint32) []byte {
	b := u.in[:min(uint64(n), uint64(len(u.in)))]
	u.in = u.in[len(b):]
	return b
}

// uint reads a little-endian number.
func (u *unpickler) uint(n uint32) uint32 {
	var b [4]byte
	copy(b[:], u.take(n))
	return binary.LittleEndian.Uint32(b[:])
}

// long reads a little-endian number in two's complement.
func (u *unpickler) long() (number, bool) {
	b := u.take(u.uint(1))
	if len(b) > 8 {
		return 0, false
	}
	v := int64(0)
	for i, x := range b {
		v |= int64(x) << (8 * i)
	}
	shift := 64 - 8*len(b)
	return number(v << shift >> shift), true
}

func (u *unpickler) line() string {
	line, rest, _ := bytes.Cut(u.in, []byte("\n"))
	u.in = rest
	return string(line)
}

// step runs an operation that makes a value, or those that combine does.
func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		if v := u.uint(1); v > 2 {
			return fmt.Errorf("pickle protocol %d, expected torch.save's own, 2", v)
		}
	case 'c': // GLOBAL
		u.push(global(u.line() + "." + u.line()))
	case 'X': // BINUNICODE
		s := u.take(u.uint(4))
		if !utf8.Valid(s) {
			return fmt.Errorf("the text %.100q is not UTF-8", s)
		}
		u.push(text(s))
	case 'K': // BININT1
		u.push(number(u.uint(1)))
	case 'M': // BININT2
		u.push(number(u.uint(2)))
	case 'J': // BININT
		u.push(number(int32(u.uint(4))))
	case 0x8a: // LONG1
		v, ok := u.long()
		if !ok {
			return errors.New("a number of more than 8 bytes")
		}
		u.push(v)
	case 'G': // BINFLOAT
		u.take(8)
		u.push(other{})
	case 'N': // NONE
		u.push(other{})
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		u.push(truth(op == 0x88))
	case '(': // MARK
		u.push(mark{})
	case ')': // EMPTY_TUPLE
		u.push(tuple(nil))
	case ']': // EMPTY_LIST
		u.push(&list{})
	case '}': // EMPTY_DICT
		u.push(&dictionary{})
	case 'q': // BINPUT
		return u.keep(u.uint(1))
	case 'r': // LONG_BINPUT
		return u.keep(u.uint(4))
	case 'h': // BINGET
		return u.recall(u.uint(1))
	case 'j': // LONG_BINGET
		return u.recall(u.uint(4))
	default:
		return u.combine(op)
	}
	return nil
}

func (u *unpickler) keep(i uint32) error {
	v := u.top()
	if v == nil {
		return errors.New("nothing is there to keep")
	}
	u.memo[i] = v
	return nil
}

func (u *unpickler) recall(i uint32) error {
	v, ok := u.memo[i]
	if !ok {
		return fmt.Errorf("value %d is recalled and was not kept", i)
	}
	u.push(v)
	return nil
}

// combine runs the operations that take values off the stack.
func (u *unpickler) combine(op byte) error {
	var v value
	var err error
	switch op {
	case 't': // TUPLE
		items, ok := u.sinceMark()
		if !ok {
			return lacking(op)
		}
		v = tuple(items)
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		items := u.pop(int(op) - 0x84)
		if items == nil {
			return lacking(op)
		}
		v = tuple(items)
	case 'a', 'e', 's', 'u': // APPEND, APPENDS, SETITEM, SETITEMS
		return u.add(op)
	case 'b': // BUILD: what Python keeps beside the items, such as the versions of layers
		if args := u.pop(2); args == nil || !is[*dictionary](args[0]) {
			return lacking(op)
		} else {
			v = args[0]
		}
	case 'Q': // BINPERSID
		args := u.pop(1)
		if args == nil {
			return lacking(op)
		}
		v, err = storedOf(args[0])
	case 'R': // REDUCE
		args := u.pop(2)
		if args == nil || !is[global](args[0]) || !is[tuple](args[1]) {
			return lacking(op)
		}
		v, err = call(string(args[0].(global)), args[1].(tuple))
	case 0x81: // NEWOBJ
		args := u.pop(2)
		if args == nil || !is[global](args[0]) {
			return lacking(op)
		}
		return fmt.Errorf("it holds an object of class %.100q, which makes no dictionary of tensors", args[0])
	default:
		return fmt.Errorf("operation %s is none that a dictionary of tensors takes", opName(op))
	}
	if err == nil {
		u.push(v)
	}
	return err
}

// add puts items into the list or dictionary below them.
func (u *unpickler) add(op byte) error {
	var items []value
	ok := true
	switch op {
	case 'a':
		items = u.pop(1)
	case 's':
		items = u.pop(2)
	default:
		items, ok = u.sinceMark()
	}
	switch to := u.top().(type) {
	case *list:
		if ok = ok && (op == 'a' || op == 'e'); ok {
			to.items = append(to.items, items...)
		}
	case *dictionary:
		ok = ok && (op == 's' || op == 'u') && len(items)%2 == 0
		for i := 0; ok && i < len(items); i += 2 {
			key, isText := items[i].(text)
			if !isText {
				return fmt.Errorf("a key is %s, expected a text", items[i].what())
			}
			to.items = append(to.items, item{key, items[i+1]})
		}
	default:
		ok = false
	}
	if !ok {
		return lacking(op)
	}
	return nil
}

func is[T value](v value) bool {
	_, ok := v.(T)
	return ok
}

func lacking(op byte) error {
	return fmt.Errorf("operation %s lacks what it works on", opName(op))
}

// opName names operations that make or call objects in ways that torch.save does not, and others by
// their code.
func opName(op byte) string {
	names := map[byte]string{'i': "INST", 'o': "OBJ", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
		0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 'P': "PERSID", 'Q': "BINPERSID", 'R': "REDUCE", 'b': "BUILD",
		's': "SETITEM", 'u': "SETITEMS", 'a': "APPEND", 'e': "APPENDS", 't': "TUPLE"}
	if name := names[op]; name != "" {
		return name
	}
	return fmt.Sprintf("%#x", op)
}
