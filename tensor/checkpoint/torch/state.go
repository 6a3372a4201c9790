package torch

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// What a dictionary of tensors is made of: stored is a one-dimensional piece of memory, and array a
// tensor in one.
type (
	stored struct {
		key   string
		dtype checkpoint.DType
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
	types := map[global]checkpoint.DType{"torch.FloatStorage": checkpoint.F32, "torch.HalfStorage": checkpoint.F16, "torch.BFloat16Storage": checkpoint.BF16,
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

// contents returns the tensors of a dictionary, which so many bytes describe. find tells where a storage lies.
func contents(state value, header int64, find func(*stored) (extent, bool)) (checkpoint.Contents, error) {
	d, ok := state.(*dictionary)
	if !ok {
		return checkpoint.Contents{}, noPickle("it is %s, expected a dictionary of tensors", state.what())
	}
	c := checkpoint.Contents{Header: header}
	seen := map[text]bool{}
	for _, it := range d.items {
		a, ok := it.value.(*array)
		if !ok {
			return checkpoint.Contents{}, noPickle("%.100q is %s, expected a tensor", it.key, it.value.what())
		}
		if seen[it.key] {
			return checkpoint.Contents{}, &checkpoint.Error{Tensor: string(it.key), Kind: checkpoint.ErrDuplicate}
		}
		seen[it.key] = true
		e, ok := find(a.stored)
		if !ok {
			return checkpoint.Contents{}, &checkpoint.Error{Tensor: string(it.key), Kind: checkpoint.ErrStorage, Detail: fmt.Sprintf("storage %.100q is missing", a.key)}
		}
		l, err := a.locate(string(it.key), e)
		if err != nil {
			return checkpoint.Contents{}, err
		}
		c.Tensors = append(c.Tensors, l)
	}
	slices.SortFunc(c.Tensors, func(a, b checkpoint.Location) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Name, b.Name))
	})
	return c, nil
}

// locate returns where a tensor lies, given where its storage does: within it.
func (a *array) locate(name string, e extent) (checkpoint.Location, error) {
	none := checkpoint.Location{}
	info, ok := checkpoint.NewInfo(name, a.dtype, a.shape)
	size, known := a.dtype.Size(a.n)
	if !ok || !known {
		return none, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("%s %v in a storage of %d", a.dtype, a.shape, a.n)}
	}
	if size > e.size {
		return none, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrStorage, Detail: fmt.Sprintf("%d elements of %s in storage %.100q of %d bytes", a.n, a.dtype, a.key, e.size)}
	}
	if info.Size == 0 {
		return checkpoint.Location{Info: info, Offset: e.offset}, nil
	}
	last := a.first
	ok = a.first >= 0 && a.first < a.n
	for k := len(a.shape) - 1; ok && k >= 0; k-- {
		d, step := int64(a.shape[k]), a.stride[k]
		if d == 1 {
			continue
		}
		ok = step >= 0 && (step == 0 || d-1 <= (a.n-1-last)/step)
		last += (d - 1) * step
	}
	if !ok {
		return none, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrStorage, Detail: fmt.Sprintf("shape %v with strides %v from element %d on of %d", a.shape, a.stride, a.first, a.n)}
	}
	_, element, _ := a.dtype.Block()
	return checkpoint.Location{Info: info, Offset: e.offset + a.first*int64(element), Stride: a.stride}, nil
}
