package checkpoint

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

const (
	blocksSuffix = "_blocks"
	mxfp4Suffix  = "_scales"
)

// JoinMXFP4 returns src with each pair of tensors name_blocks and name_scales as one, name, of type [MXFP4]. This is
// how gpt-oss stores its experts. The blocks are U8, [..., rows, G, 16]: 32 elements of a row, two in a byte, the
// even one in the lower four bits. The scales are U8, [..., rows, G]: exponents of two, plus 127. The tensor is
// [..., rows, 32·G]: a row holds the weights of one output, where the file of a model without MXFP4 has the
// transposed matrix. In blocks of [MXFP4] elements of a byte are 16 apart: they are moved.
//
// It returns [ErrScale] if the two do not fit each other, and [ErrDuplicate] if there is a tensor with that name
// already; reading a tensor returns ErrScale where a scale is NaN, 255. The returned Source uses src, and closes it.
// A [Maker] is returned unchanged.
func JoinMXFP4(src Source) (Source, error) {
	if m, ok := src.(Maker); ok {
		return m, nil
	}
	tensors := map[string]computation{}
	for stored := range src.Names() {
		name, isBlocks := strings.CutSuffix(stored, blocksSuffix)
		if !isBlocks {
			continue
		}
		t, err := newMXFP4(src, name)
		if err != nil {
			return nil, err
		}
		tensors[name] = t
	}
	for stored := range src.Names() {
		if name, isScales := strings.CutSuffix(stored, mxfp4Suffix); isScales && tensors[name] == nil {
			return nil, &Error{Tensor: stored, Kind: ErrScale, Detail: fmt.Sprintf("%q is not there", name+blocksSuffix)}
		}
	}
	return newComputed(src, tensors, map[string]bool{}), nil
}

// mxfp4 is a tensor whose blocks and scales are stored apart.
type mxfp4 struct {
	src            Source
	joined         Info
	blocks, scales string // names
}

func newMXFP4(src Source, name string) (*mxfp4, error) {
	t := &mxfp4{src: src, blocks: name + blocksSuffix, scales: name + mxfp4Suffix}
	if _, ok := src.Lookup(name); ok {
		return nil, &Error{Tensor: name, Kind: ErrDuplicate, Detail: fmt.Sprintf("it is stored, and as %q too", t.blocks)}
	}
	blocks, _ := src.Lookup(t.blocks)
	scales, ok := src.Lookup(t.scales)
	n := len(blocks.Shape)
	switch {
	case !ok:
		return nil, &Error{Tensor: t.blocks, Kind: ErrScale, Detail: fmt.Sprintf("%q is not there", t.scales)}
	case blocks.DType != "U8" || scales.DType != "U8":
		return nil, &Error{Tensor: t.blocks, Kind: ErrScale, Detail: fmt.Sprintf("it is %s and %q is %s; both must be U8", blocks.DType, t.scales, scales.DType)}
	case n < 3 || blocks.Shape[n-1] != 16:
		return nil, &Error{Tensor: t.blocks, Kind: ErrScale, Detail: fmt.Sprintf("it has shape %.200s, expected [..., rows, blocks, 16]", fmt.Sprint(blocks.Shape))}
	case !slices.Equal(scales.Shape, blocks.Shape[:n-1]):
		return nil, grid(t.scales, scales.Shape, blocks, fmt.Sprint(blocks.Shape[:n-1]))
	}
	shape := slices.Clone(scales.Shape)
	if g := shape[n-2]; g > math.MaxInt32/32 {
		return nil, &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%d blocks in a row", g)}
	}
	shape[n-2] *= 32
	if t.joined, ok = NewInfo(name, MXFP4, shape); !ok {
		return nil, &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%v as MXFP4", shape)}
	}
	return t, nil
}

func (t *mxfp4) info() Info { return t.joined }

func (t *mxfp4) stored() []string { return []string{t.blocks, t.scales} }

func (t *mxfp4) chunks(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scales, err := t.src.Bytes(t.scales)
		if i := bytes.IndexByte(scales, 255); err == nil && i >= 0 {
			err = &Error{Tensor: t.scales, Kind: ErrScale, Detail: fmt.Sprintf("scale %d is NaN (255)", i)}
		}
		if err != nil {
			yield(nil, err)
			return
		}
		var out []byte
		for b, err := range t.src.Chunks(t.blocks, 16*n) {
			if err == nil && len(b)%16 != 0 {
				err = &Error{Tensor: t.blocks, Kind: ErrFormat, Detail: "it comes in pieces that are not whole blocks"}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			out = out[:0]
			for ; len(b) > 0; b, scales = b[16:], scales[1:] {
				out = appendMXFP4(out, scales[0], (*[16]byte)(b))
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// appendMXFP4 appends a block whose elements are stored in pairs of neighbours.
func appendMXFP4(out []byte, scale byte, pairs *[16]byte) []byte {
	out = append(out, scale)
	for i := range 8 {
		lower, upper := pairs[i], pairs[i+8]
		out = append(out, lower&15|upper&15<<4, lower>>4|upper&0xF0)
	}
	return out
}
