package checkpoint

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
)

// ApplyScales returns src with each tensor name.weight that has a scale besides those of its blocks, name.scale, as F32:
// value × scale, rounded once. GGUF files have such scales for NVFP4, where without them weights are wrong by orders of
// magnitude. A scale is F32, F16 or BF16, of one element, or of one for each matrix of [n, out, in]. It is not shown, and
// neither is name.input_scale, which only products with 4-bit activations need.
//
// It returns [ErrScale] for a scale of another type or shape; reading a tensor returns it where a scale is not finite.
// The returned Source uses src, and closes it; it is src itself if there are no such scales.
func ApplyScales(src Source) (Source, error) {
	tensors, hidden := map[string]computation{}, map[string]bool{}
	for name := range src.Names() {
		stem, ok := strings.CutSuffix(name, ".scale")
		if !ok {
			continue
		}
		weight, ok := src.Lookup(stem + ".weight")
		if !ok {
			continue
		}
		t, err := newScaled(src, weight, name)
		if err != nil {
			return nil, err
		}
		tensors[weight.Name] = t
		if _, ok := src.Lookup(stem + ".input_scale"); ok {
			hidden[stem+".input_scale"] = true
		}
	}
	if len(tensors) == 0 {
		return src, nil
	}
	return newComputed(src, tensors, hidden), nil
}

// scaledTensor is a tensor with scales, as F32.
type scaledTensor struct {
	src    Source
	wide   Info
	dt     tensor.DType // as stored
	scales string       // name
	each   int          // elements that share a scale
}

func newScaled(src Source, weight Info, scales string) (*scaledTensor, error) {
	dt, err := weight.DType.Tensor()
	if err != nil {
		return nil, &Error{Tensor: weight.Name, Kind: ErrUnsupported, Detail: fmt.Sprintf("%s, which has %q", weight.DType, scales)}
	}
	info, _ := src.Lookup(scales)
	if s, err := info.DType.Tensor(); err != nil || s != tensor.F32 && s != tensor.F16 && s != tensor.BF16 {
		return nil, &Error{Tensor: scales, Kind: ErrScale, Detail: string(info.DType) + ", expected F32, F16 or BF16"}
	}
	wide, ok := NewInfo(weight.Name, F32, weight.Shape)
	if !ok {
		return nil, &Error{Tensor: weight.Name, Kind: ErrOverflow, Detail: fmt.Sprintf("%.200s as F32", fmt.Sprint(weight.Shape))}
	}
	each := int(wide.Size / 4)
	switch {
	case len(info.Shape) == 0 || slices.Equal(info.Shape, []int{1}):
	case len(weight.Shape) == 3 && slices.Equal(info.Shape, weight.Shape[:1]):
		each /= max(1, weight.Shape[0])
	default:
		return nil, &Error{Tensor: scales, Kind: ErrScale, Detail: fmt.Sprintf("it has shape %.200s for a tensor of %.200s, expected one, or one for each matrix", fmt.Sprint(info.Shape), fmt.Sprint(weight.Shape))}
	}
	return &scaledTensor{src, wide, dt, scales, each}, nil
}

func (t *scaledTensor) info() Info { return t.wide }

func (t *scaledTensor) stored() []string { return []string{t.wide.Name, t.scales} }

func (t *scaledTensor) chunks(elements int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scales, err := readScales(t.src, t.scales)
		if err != nil {
			yield(nil, err)
			return
		}
		block, bytes := t.dt.Block()
		var out []float32 // what is not yet given
		first := 0        // the next element
		for b, err := range t.src.Chunks(t.wide.Name, max(1, elements/block)*bytes) {
			if err != nil {
				yield(nil, err)
				return
			}
			old, n := len(out), len(b)/bytes*block
			out = slices.Grow(out, n)[:old+n]
			t.dt.Decode(out[old:], b)
			for i := old; i < len(out); first, i = first+1, i+1 {
				out[i] *= scales[first/t.each]
			}
			given := 0
			for ; len(out)-given >= elements; given += elements {
				if !yield(bytesview.Bytes(out[given:given+elements]), nil) {
					return
				}
			}
			out = out[:copy(out, out[given:])]
		}
		if len(out) > 0 {
			yield(bytesview.Bytes(out), nil)
		}
	}
}
