package checkpoint

import (
	"slices"

	"github.com/seed2010d43f/transformer/tensor"
)

// ReadFloat32 reads a tensor of type F32, F16, BF16 or MXFP4 into new memory, widened to float32, and releases it.
// It returns [ErrNotFound], [ErrUnsupported] for another type, [ErrShape] as [Info.TensorShape] does, or the
// error of reading.
//
// It is meant for small tensors, such as norms and biases, and for inspecting files.
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
	blockLen, blockSize := d.Block()
	for b, err := range src.Chunks(name, 1<<20) {
		if err != nil {
			return tensor.Tensor{}, err
		}
		done, n := len(t.Data), len(b)/blockSize*blockLen
		t.Data = slices.Grow(t.Data, n)[:done+n]
		d.Decode(t.Data[done:], b)
	}
	return t, nil
}
