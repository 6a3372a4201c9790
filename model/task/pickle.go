package task

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// maxState bounds the size of a file of openState, maxProgram that of the pickle in it: a layer of BGE-M3
// has 2 MB, and a pickle of 300 bytes.
const (
	maxState   = 1 << 28
	maxProgram = 1 << 20
)

// openState reads what torch.save makes of the state of a layer: a zip with a pickle, data.pkl, and the
// numbers of each tensor. A pickle is a program that may call anything; the one here is interpreted, not
// run, and may name tensors of floating-point numbers and nothing else.
func openState(fsys fs.FS, name string) (checkpoint.Source, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	if info.Size() > maxState {
		return nil, fmt.Errorf("task: %s has %d bytes; the state of a layer has at most %d", name, info.Size(), maxState)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	entries, err := readState(data)
	if err != nil {
		return nil, fmt.Errorf("task: %s: %w; it can be converted with safetensors.torch.save_file(torch.load(%q, weights_only=True), …)", name, err, name)
	}
	return checkpoint.Memory(entries...)
}

func readState(data []byte) ([]checkpoint.Entry, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := map[string]*zip.File{} // by their path within the one folder
	for _, f := range z.File {
		_, rest, _ := bytes.Cut([]byte(f.Name), []byte("/"))
		files[string(rest)] = f
	}
	program, err := unzip(files["data.pkl"], min(len(data), maxProgram))
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	if order, err := unzip(files["byteorder"], 16); err == nil && string(order) != "little" {
		return nil, fmt.Errorf("its numbers are %s-endian", order)
	}
	v := unpickler{in: program, memo: map[uint32]*value{}}
	state, err := v.run()
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	var entries []checkpoint.Entry
	for i := 0; i+1 < len(state.items); i += 2 {
		key, t := state.items[i], state.items[i+1]
		if key.kind != text || t.kind != array {
			return nil, errors.New("data.pkl: it is no state of tensors by name")
		}
		numbers, err := unzip(files["data/"+path.Base(t.storage)], len(data))
		if err != nil {
			return nil, fmt.Errorf("data/%s: %w", t.storage, err)
		}
		e, err := t.entry(key.s, numbers)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", key.s, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// unzip returns the contents of a file that is stored as it is, as torch does.
func unzip(f *zip.File, limit int) ([]byte, error) {
	if f == nil {
		return nil, errors.New("it is missing")
	}
	if f.Method != zip.Store {
		return nil, errors.New("it is compressed")
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("it has %d bytes; at most %d make sense", f.UncompressedSize64, limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, int64(limit)))
}

// entry returns the tensor with its bytes of the storage.
func (t *value) entry(name string, storage []byte) (checkpoint.Entry, error) {
	n := int64(1)
	for k := len(t.shape) - 1; k >= 0; k-- {
		if t.shape[k] < 0 || t.shape[k] > maxState || t.shape[k] != 1 && t.stride[k] != n {
			return checkpoint.Entry{}, fmt.Errorf("shape %v with strides %v is not in order", t.shape, t.stride)
		}
		if n *= t.shape[k]; n > maxState {
			return checkpoint.Entry{}, fmt.Errorf("shape %v is too large", t.shape)
		}
	}
	size, _ := t.dtype.Size(n)
	start, _ := t.dtype.Size(max(0, min(t.n, maxState)))
	if t.n < 0 || start+size > int64(len(storage)) {
		return checkpoint.Entry{}, fmt.Errorf("%d numbers from %d are not among the %d bytes stored", n, t.n, len(storage))
	}
	shape := make([]int, len(t.shape))
	for k, d := range t.shape {
		shape[k] = int(d)
	}
	return checkpoint.Entry{Name: name, DType: t.dtype, Shape: shape, Data: storage[start : start+size]}, nil
}

// value is what the pickle makes.
type value struct {
	kind    kind
	s       string   // of text and names
	n       int64    // of numbers; the first element of an array
	items   []*value // of tuples and dictionaries: key, value, key, value
	storage string
	dtype   checkpoint.DType
	shape   []int64
	stride  []int64
}

type kind uint8

const (
	mark kind = iota
	other
	text
	number
	tuple
	dictionary
	name    // of something to call, or of a type of storage
	storage // what an array is a part of
	array
)

// unpickler runs the few operations that such a state takes (Python's pickle, protocol 2).
type unpickler struct {
	in    []byte
	stack []*value
	memo  map[uint32]*value
}

func (u *unpickler) run() (*value, error) {
	for len(u.in) > 0 {
		op := u.in[0]
		u.in = u.in[1:]
		if op == '.' {
			if v := u.pop(); v != nil && v.kind == dictionary && len(u.stack) == 0 {
				return v, nil
			}
			break
		}
		if err := u.step(op); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("it is cut off, or no dictionary")
}

func (u *unpickler) push(v *value) { u.stack = append(u.stack, v) }

// pop returns the top of the stack, or nil.
func (u *unpickler) pop() *value {
	if len(u.stack) == 0 {
		return nil
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v
}

// sinceMark takes everything above the last mark, and the mark.
func (u *unpickler) sinceMark() ([]*value, bool) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if u.stack[i].kind == mark {
			items := slices.Clone(u.stack[i+1:])
			u.stack = u.stack[:i]
			return items, true
		}
	}
	return nil, false
}

// take returns the next n bytes; fewer if there are fewer, which are then the last.
func (u *unpickler) take(n uint32) []byte {
	b := u.in[:min(uint64(n), uint64(len(u.in)))]
	u.in = u.in[len(b):]
	return b
}

// uint reads a little-endian number.
func (u *unpickler) uint(bytes uint32) uint32 {
	var b [4]byte
	copy(b[:], u.take(bytes))
	return binary.LittleEndian.Uint32(b[:])
}

func (u *unpickler) line() string {
	i := max(0, bytes.IndexByte(u.in, '\n'))
	s := string(u.in[:i])
	u.in = u.in[min(i+1, len(u.in)):]
	return s
}

func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		u.take(1)
	case 'c': // GLOBAL
		u.push(&value{kind: name, s: u.line() + "." + u.line()})
	case 'X': // BINUNICODE
		u.push(&value{kind: text, s: string(u.take(u.uint(4)))})
	case 'K', 'M', 'J': // BININT1, BININT2, BININT
		n := map[byte]uint32{'K': 1, 'M': 2, 'J': 4}[op]
		u.push(&value{kind: number, n: int64(int32(u.uint(n)))})
	case 0x88, 0x89, 'N': // NEWTRUE, NEWFALSE, NONE
		u.push(&value{kind: other})
	case '(': // MARK
		u.push(&value{kind: mark})
	case ')': // EMPTY_TUPLE
		u.push(&value{kind: tuple})
	case '}': // EMPTY_DICT
		u.push(&value{kind: dictionary})
	case 'q', 'r': // BINPUT, LONG_BINPUT
		n := map[byte]uint32{'q': 1, 'r': 4}[op]
		if len(u.stack) > 0 {
			u.memo[u.uint(n)] = u.stack[len(u.stack)-1]
		}
	case 'h', 'j': // BINGET, LONG_BINGET
		n := map[byte]uint32{'h': 1, 'j': 4}[op]
		v := u.memo[u.uint(n)]
		if v == nil {
			return errors.New("it recalls what it has not kept")
		}
		u.push(v)
	default:
		return u.combine(op)
	}
	return nil
}

// combine runs the operations that take several values off the stack.
func (u *unpickler) combine(op byte) error {
	broken := fmt.Errorf("operation %q lacks what it works on", op)
	switch op {
	case 't': // TUPLE
		items, ok := u.sinceMark()
		if !ok {
			return broken
		}
		u.push(&value{kind: tuple, items: items})
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		n := int(op) - 0x84
		if len(u.stack) < n {
			return broken
		}
		items := slices.Clone(u.stack[len(u.stack)-n:])
		u.stack = u.stack[:len(u.stack)-n]
		u.push(&value{kind: tuple, items: items})
	case 's', 'u': // SETITEM, SETITEMS
		var items []*value
		ok := len(u.stack) >= 3
		if op == 'u' {
			items, ok = u.sinceMark()
		} else if ok {
			v, k := u.pop(), u.pop()
			items = []*value{k, v}
		}
		if !ok || len(items)%2 != 0 || len(u.stack) == 0 || u.stack[len(u.stack)-1].kind != dictionary {
			return broken
		}
		d := u.stack[len(u.stack)-1]
		d.items = append(d.items, items...)
	case 'b': // BUILD: the state's own attributes, which hold no weights
		if len(u.stack) < 2 || u.stack[len(u.stack)-2].kind != dictionary {
			return broken
		}
		u.pop()
	case 'Q': // BINPERSID
		s, err := storageOf(u.pop())
		if err != nil {
			return err
		}
		u.push(s)
	case 'R': // REDUCE
		args, f := u.pop(), u.pop()
		if args == nil || f == nil || args.kind != tuple || f.kind != name {
			return broken
		}
		v, err := call(f.s, args.items)
		if err != nil {
			return err
		}
		u.push(v)
	default:
		return fmt.Errorf("operation %q is not one that a state of tensors takes", op)
	}
	return nil
}

// storageOf reads ("storage", type, key, device, numbers).
func storageOf(v *value) (*value, error) {
	if v == nil || v.kind != tuple || len(v.items) != 5 || v.items[1].kind != name || v.items[2].kind != text {
		return nil, errors.New("a storage is not described as torch does")
	}
	types := map[string]checkpoint.DType{"torch.FloatStorage": checkpoint.F32, "torch.HalfStorage": checkpoint.F16,
		"torch.BFloat16Storage": checkpoint.BF16}
	d, ok := types[v.items[1].s]
	if !ok {
		return nil, fmt.Errorf("a storage of type %s is not supported", v.items[1].s)
	}
	return &value{kind: storage, storage: v.items[2].s, dtype: d}, nil
}

// call does what the two functions do that a state names, and refuses others.
func call(f string, args []*value) (*value, error) {
	switch {
	case f == "collections.OrderedDict" && len(args) == 0:
		return &value{kind: dictionary}, nil
	case f == "torch._utils._rebuild_tensor_v2" && len(args) >= 4:
		s, first, shape, stride := args[0], args[1], args[2], args[3]
		if s.kind != storage || first.kind != number || shape.kind != tuple || stride.kind != tuple || len(shape.items) != len(stride.items) || len(shape.items) > 8 {
			break
		}
		v := &value{kind: array, storage: s.storage, dtype: s.dtype, n: first.n}
		for k := range shape.items {
			v.shape, v.stride = append(v.shape, shape.items[k].n), append(v.stride, stride.items[k].n)
		}
		return v, nil
	}
	return nil, fmt.Errorf("it calls %s, which a state of tensors does not", f)
}
