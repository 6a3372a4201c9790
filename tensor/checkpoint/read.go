package checkpoint

import (
	"math"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
)

// ReadFloat32 reads a tensor of type F32, F16 or BF16 into new memory, widened to float32. It fails
// with [ErrNotFound], with [ErrUnsupported] for another type, with [ErrShape] as [Info.TensorShape]
// does, and if the bytes cannot be read. It releases the tensor.
//
// It is meant for small tensors, such as norms and biases, and for looking into files.
func ReadFloat32(src Source, name string) (tensor.Tensor, error) {
	info, ok := src.Lookup(name)
	if !ok {
		return tensor.Tensor{}, notFound(name)
	}
	shape, err := info.TensorShape()
	if err != nil {
		return tensor.Tensor{}, err
	}
	d, err := info.DType.Tensor()
	if err != nil {
		return tensor.Tensor{}, &Error{Tensor: name, Kind: ErrUnsupported, Detail: string(info.DType) + ", expected F32, F16 or BF16"}
	}
	t := tensor.Tensor{Shape: shape, Data: make([]float32, 0, shape.Len())}
	for b, err := range src.Chunks(name, 1<<20) {
		if err != nil {
			return tensor.Tensor{}, err
		}
		t.Data = widen(t.Data, d, b)
	}
	return t, nil
}

// widen appends the elements in b, of type d, to dst.
func widen(dst []float32, d tensor.DType, b []byte) []float32 {
	switch d {
	case tensor.F32:
		return append(dst, bytesview.Float32s(b)...)
	case tensor.F16:
		for _, x := range bytesview.Uint16s(b) {
			dst = append(dst, float16.Frombits(x).Float32())
		}
	case tensor.BF16:
		for _, x := range bytesview.Uint16s(b) {
			dst = append(dst, math.Float32frombits(uint32(x)<<16))
		}
	}
	return dst
}
