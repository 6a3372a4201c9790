package checkpoint

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
)

// MultiplyScales returns src with each tensor name.weight that has a tensor name.scale as the product of both, in F32. GGUF
// files have such pairs: the weights, of type NVFP4 for instance, hold no more than relative values. The scale is one F32
// number, or one for each entry of the first dimension, as for each of stacked experts. A tensor name.input_scale beside them,
// which is for activations of 4 bits, is hidden.
//
// It returns [ErrScale] if the two do not fit each other, and [ErrUnsupported] if the weights are of no type that can be
// decoded; reading a tensor returns ErrScale where a scale is no number. The returned Source uses src, and closes it.
func MultiplyScales(src Source) (Source, error) {
	tensors, hidden := map[string]computation{}, map[string]bool{}
	for stored := range src.Names() {
		base, ok := strings.CutSuffix(stored, ".scale")
		if !ok {
			continue
		}
		t, err := newScaled(src, base)
		if err != nil {
			return nil, err
		}
		tensors[base+".weight"] = t
		hidden[base+".input_scale"] = true
	}
	if len(tensors) == 0 {
		return src, nil
	}
	return newComputed(src, tensors, hidden), nil
}

// scaled is a tensor that is stored as relative values and scales.
type scaled struct {
	src         Source
	of          Info // the relative values
	dt          tensor.DType
	scale       string
	scales      int64 // their number
	product     Info
	perScale    int64 // elements
	inBlock, by int   // elements and bytes of a stored block
}

func newScaled(src Source, base string) (*scaled, error) {
	t := &scaled{src: src, scale: base + ".scale"}
	info, ok := src.Lookup(base + ".weight")
	scale, _ := src.Lookup(t.scale)
	if !ok {
		return nil, &Error{Tensor: t.scale, Kind: ErrScale, Detail: fmt.Sprintf("%q is not there", base+".weight")}
	}
	dt, err := info.DType.Tensor()
	if err != nil {
		return nil, &Error{Tensor: info.Name, Kind: ErrUnsupported, Detail: string(info.DType)}
	}
	t.of, t.dt = info, dt
	t.inBlock, t.by = dt.Block()
	t.product, ok = NewInfo(info.Name, F32, info.Shape)
	if !ok {
		return nil, &Error{Tensor: info.Name, Kind: ErrOverflow, Detail: fmt.Sprintf("%v as F32", info.Shape)}
	}
	t.scales = scale.Size / 4
	elements := t.product.Size / 4
	if scale.DType != F32 || t.scales < 1 || t.scales > 1 && (len(info.Shape) == 0 || t.scales != int64(info.Shape[0])) {
		return nil, &Error{Tensor: t.scale, Kind: ErrScale, Detail: fmt.Sprintf("it is %s %.200s; %.500q, %.200s, needs one F32 number, or one for each entry of its first dimension",
			scale.DType, fmt.Sprint(scale.Shape), info.Name, fmt.Sprint(info.Shape))}
	}
	t.perScale = max(elements/t.scales, 1)
	return t, nil
}

func (t *scaled) info() Info { return t.product }

func (t *scaled) stored() []string { return []string{t.of.Name, t.scale} }

// chunks yields the products, in pieces of n of them.
func (t *scaled) chunks(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scales, err := ReadFloat32(t.src, t.scale)
		if err == nil {
			err = finite(t.scale, scales.Data)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		var x []float32
		var out []byte
		done := int64(0)
		for b, err := range t.src.Chunks(t.of.Name, (n+t.inBlock-1)/t.inBlock*t.by) {
			if err == nil && len(b)%t.by != 0 {
				err = &Error{Tensor: t.of.Name, Kind: ErrFormat, Detail: "it comes in pieces that are not whole blocks"}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			x = append(x[:0], make([]float32, len(b)/t.by*t.inBlock)...)
			t.dt.Decode(x, b)
			for _, v := range x {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v*scales.Data[done/t.perScale]))
				done++
			}
			whole := 0
			for ; len(out)-whole >= 4*n; whole += 4 * n {
				if !yield(out[whole:whole+4*n], nil) {
					return
				}
			}
			out = append(out[:0], out[whole:]...)
		}
		if len(out) > 0 {
			yield(out, nil)
		}
	}
}
