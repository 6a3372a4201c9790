package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// What a dictionary of tensors is made of: stored is a one-dimensional piece of memory, and array a
// tensor in one.
type (
	stored struct {
		key   string
		dtype DType
		n     int64 // elements
	}
	array struct {
		*stored
		first  int64
		shape  []int
		stride []int64
	}
)

func (*stored) what() string { return "a storage without shape" }
func (*array) what() string  { return "a tensor" }

// storedOf reads ("storage", class, key, device, elements), and a sixth member of None in files of the
// form before zip.
func storedOf(v value) (*stored, error) {
	t, _ := v.(tuple)
	if len(t) == 6 && t[5] == (other{}) {
		t = t[:5]
	}
	if len(t) != 5 || t[0] != text("storage") || !is[global](t[1]) || !is[text](t[2]) || !is[number](t[4]) {
		return nil, errors.New("a storage is not described as torch.save does")
	}
	types := map[global]DType{"torch.FloatStorage": F32, "torch.HalfStorage": F16, "torch.BFloat16Storage": BF16,
		"torch.DoubleStorage": "F64", "torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16",
		"torch.CharStorage": "I8", "torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL", "torch.ComplexFloatStorage": "C64"}
	class, key, n := t[1].(global), t[2].(text), t[4].(number)
	d, ok := types[class]
	if !ok {
		return nil, fmt.Errorf("a storage of class %.100q is not read", class)
	}
	return &stored{string(key), d, int64(n)}, nil
}

// call does what the functions do that make a dictionary of tensors, and refuses others.
func call(f string, args tuple) (value, error) {
	switch f {
	case "collections.OrderedDict":
		if len(args) == 0 {
			return &dictionary{}, nil
		}
	case "torch._utils._rebuild_parameter": // tensor, whether it is trained, hooks
		if len(args) == 3 && is[*array](args[0]) {
			return args[0], nil
		}
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2": // and whether it is trained, hooks
		if len(args) >= 4 {
			return arrayOf(args)
		}
	default:
		return nil, fmt.Errorf("it calls %.100q, which makes no dictionary of tensors", f)
	}
	return nil, fmt.Errorf("%d arguments of %s are not those of torch.save", len(args), f)
}

// maxRank is the number of dimensions up to which a tensor is read. Weights have at most four.
const maxRank = 8

// arrayOf reads the storage of a tensor, its first element, shape and strides.
func arrayOf(args tuple) (*array, error) {
	s, isStored := args[0].(*stored)
	first, isNumber := args[1].(number)
	shape, isShape := args[2].(tuple)
	stride, isStride := args[3].(tuple)
	if !isStored || !isNumber || !isShape || !isStride || len(shape) != len(stride) {
		return nil, errors.New("a tensor is not described as torch.save does")
	}
	if len(shape) > maxRank {
		return nil, fmt.Errorf("a tensor of %d dimensions, at most %d are read", len(shape), maxRank)
	}
	a := &array{s, int64(first), make([]int, len(shape)), make([]int64, len(shape))}
	for k := range shape {
		n, isNumber := shape[k].(number)
		step, isStep := stride[k].(number)
		if !isNumber || !isStep || n < 0 || n > math.MaxInt {
			return nil, fmt.Errorf("dimension %d of a tensor is no size and stride", k)
		}
		a.shape[k], a.stride[k] = int(n), int64(step)
	}
	return a, nil
}

// maxShare bounds the bytes of all tensors, as a multiple of those of the file. Encoder–decoders with one
// embedding everywhere store it under four or five names.
const maxShare = 16

// place enters the tensors of a dictionary, which so many bytes of a file of size describe. find tells where a
// storage lies.
func place(file string, state value, header, size int64, find func(*stored) (extent, bool)) (contents, error) {
	d, ok := state.(*dictionary)
	if !ok {
		return contents{}, noPickle(file, "it is %s, expected a dictionary of tensors", state.what())
	}
	c := contents{header: header}
	left := uint64(size) * maxShare
	seen := map[text]bool{}
	for _, it := range d.items {
		a, ok := it.value.(*array)
		if !ok {
			return contents{}, noPickle(file, "%.100q is %s, expected a tensor", it.key, it.value.what())
		}
		if seen[it.key] {
			return contents{}, &Error{File: file, Tensor: string(it.key), Kind: ErrDuplicate}
		}
		seen[it.key] = true
		e, ok := find(a.stored)
		if !ok {
			return contents{}, &Error{File: file, Tensor: string(it.key), Kind: ErrStorage, Detail: fmt.Sprintf("storage %.100q is missing", a.key)}
		}
		l, err := a.locate(string(it.key), e)
		if err != nil {
			err.File = file
			return contents{}, err
		}
		if uint64(l.Size) > left {
			return contents{}, &Error{File: file, Tensor: l.Name, Kind: ErrOverflow,
				Detail: fmt.Sprintf("with it, tensors that share memory take more than %d times the file's %d bytes", maxShare, size)}
		}
		left -= uint64(l.Size)
		c.tensors = append(c.tensors, l)
	}
	slices.SortFunc(c.tensors, func(a, b location) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.Name, b.Name))
	})
	return c, nil
}

// locate returns where a tensor lies, given where its storage does.
func (a *array) locate(name string, e extent) (location, *Error) {
	info, ok := newInfo(name, a.dtype, a.shape)
	size, known := a.dtype.Size(a.n)
	if !ok || !known {
		return location{}, &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%s %v in a storage of %d", a.dtype, a.shape, a.n)}
	}
	if size > e.size {
		return location{}, &Error{Tensor: name, Kind: ErrStorage, Detail: fmt.Sprintf("%d elements of %s in storage %.100q of %d bytes", a.n, a.dtype, a.key, e.size)}
	}
	l := location{Info: info, offset: e.offset, span: info.Size}
	if info.Size == 0 {
		return l, nil
	}
	last, next, inOrder := a.first, int64(1), true
	ok = a.first >= 0 && a.first < a.n
	for k := len(a.shape) - 1; ok && k >= 0; k-- {
		d, step := int64(a.shape[k]), a.stride[k]
		if d == 1 {
			continue
		}
		ok = step >= 0 && (step == 0 || d-1 <= (a.n-1-last)/step)
		last += (d - 1) * step
		inOrder = inOrder && step == next
		next *= d
	}
	if !ok {
		return location{}, &Error{Tensor: name, Kind: ErrStorage, Detail: fmt.Sprintf("shape %v with strides %v from element %d on of %d", a.shape, a.stride, a.first, a.n)}
	}
	_, element, _ := a.dtype.Block()
	l.offset += a.first * int64(element)
	if !inOrder {
		l.stride, l.span = a.stride, (last-a.first+1)*int64(element)
		if max(l.Size, l.span) > math.MaxInt {
			return location{}, &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%d bytes exceed the address space", l.Size)}
		}
	}
	return l, nil
}
