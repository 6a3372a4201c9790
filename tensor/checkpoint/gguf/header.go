package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

const (
	magic            = "GGUF"
	version          = 3  // the newest; version 2 differs in nothing, version 1 had shorter counts
	defaultAlignment = 32 // of tensors
	maxName          = 63 // bytes of a tensor's name
	maxDims          = 4
	alignmentKey     = "general.alignment"
)

// header is what a file says of itself.
type header struct {
	metadata Metadata
	tensors  int
}

// entry is what the description says of a tensor.
type entry struct {
	checkpoint.Info
	swap   func([]byte) // if the byte order is not little-endian
	offset uint64       // in the data
}

// read reads the start of a file and checks that the rest has its tensors. It is a [checkpoint.Format].
func (h *header) read(f *checkpoint.File) (checkpoint.Contents, error) {
	none := checkpoint.Contents{}
	r := newReader(f)
	tensors, keys, err := r.start()
	if err != nil {
		return none, err
	}
	if err := h.readMetadata(r, keys); err != nil {
		return none, err
	}
	alignment, err := h.alignment()
	if err != nil {
		return none, err
	}
	entries, err := r.entries(tensors)
	if err != nil {
		return none, err
	}
	h.tensors = tensors
	locations, err := locate(entries, r.at, r.size, alignment)
	return checkpoint.Contents{Tensors: locations, Header: r.at}, err
}

// start reads what a file begins with, and finds out its byte order.
func (r *reader) start() (tensors, keys int, err error) {
	if err := r.fill(r.buf[:4]); err != nil || string(r.buf[:4]) != magic {
		return 0, 0, &checkpoint.Error{Kind: ErrMagic, Detail: fmt.Sprintf("%q", r.buf[:min(4, r.at)])}
	}
	v, err := r.uint32()
	if err != nil {
		return 0, 0, err
	}
	if v&math.MaxUint16 == 0 {
		r.order, v = binary.BigEndian, bits.ReverseBytes32(v)
	}
	switch {
	case v == 1:
		return 0, 0, &checkpoint.Error{Kind: ErrVersion, Detail: "1, of 2023: convert the model again"}
	case v != version && v != 2:
		return 0, 0, &checkpoint.Error{Kind: ErrVersion, Detail: fmt.Sprintf("%d, expected 2 or 3", v)}
	}
	const leastTensor, leastKey = 8 + 4 + 4 + 8, 8 + 4 + 1 // bytes
	if tensors, err = r.count(leastTensor, "tensors"); err != nil {
		return 0, 0, err
	}
	keys, err = r.count(leastKey, "keys")
	return tensors, keys, err
}

func (h *header) readMetadata(r *reader, keys int) error {
	for i := range keys {
		key, err := r.string()
		switch {
		case err != nil:
			return err
		case key == "":
			return &checkpoint.Error{Kind: ErrKey, Detail: fmt.Sprintf("number %d of %d", i+1, keys)}
		case h.metadata.Has(key):
			return &checkpoint.Error{Kind: checkpoint.ErrDuplicate, Detail: fmt.Sprintf("key %.200q", key)}
		}
		v, err := r.value()
		if e, ok := err.(*checkpoint.Error); ok {
			e.Detail = fmt.Sprintf("key %.200q: %s", key, e.Detail)
		}
		if err != nil {
			return err
		}
		h.metadata.Set(key, v)
	}
	return nil
}

// alignment returns the alignment of tensors.
func (h *header) alignment() (uint64, error) {
	v, ok := h.metadata.Value(alignmentKey)
	if !ok {
		return defaultAlignment, nil
	}
	if v.kind != Uint32 || v.array {
		return 0, &checkpoint.Error{Kind: ErrKeyType, Detail: fmt.Sprintf("%q is %s, expected uint32", alignmentKey, v.describe())}
	}
	a := v.bits(0)
	if bits.OnesCount64(a) != 1 {
		return 0, &checkpoint.Error{Kind: ErrAlignment, Detail: fmt.Sprintf("%d", a)}
	}
	return a, nil
}

// entries reads the descriptions of tensors.
func (r *reader) entries(n int) ([]entry, error) {
	seen := map[string]bool{}
	var entries []entry
	for i := range n {
		name, err := r.string()
		if err != nil {
			return nil, err
		}
		if len(name) > maxName {
			return nil, &checkpoint.Error{Tensor: name, Kind: ErrName, Detail: fmt.Sprintf("%d bytes, number %d of %d; at most %d are allowed", len(name), i+1, n, maxName)}
		}
		if seen[name] {
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrDuplicate}
		}
		seen[name] = true
		e, err := r.entry(name)
		if e, ok := err.(*checkpoint.Error); ok {
			e.Tensor = name
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (r *reader) entry(name string) (e entry, err error) {
	shape, err := r.shape()
	if err != nil {
		return e, err
	}
	id, err := r.uint32()
	if err != nil {
		return e, err
	}
	t, err := typeOf(id)
	if err != nil {
		return e, &checkpoint.Error{Kind: checkpoint.ErrUnknownDType, Detail: err.Error()}
	}
	if e.Info, err = describe(name, t.dtype, shape); err != nil {
		return e, err
	}
	if r.order == binary.BigEndian {
		e.swap = t.swap()
	}
	e.offset, err = r.uint64()
	return e, err
}

// shape reads a shape and returns it outermost first.
func (r *reader) shape() ([]int, error) {
	dims, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if dims > maxDims {
		return nil, &checkpoint.Error{Kind: checkpoint.ErrShape, Detail: fmt.Sprintf("%d dimensions, at most %d are allowed", dims, maxDims)}
	}
	shape := make([]int, dims)
	n := int64(1)
	for i := range shape {
		d, err := r.uint64()
		if err != nil {
			return nil, err
		}
		if d > math.MaxInt || d > 1 && n > math.MaxInt64/int64(d) {
			return nil, &checkpoint.Error{Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("dimension %d of the shape is %d", i+1, d)}
		}
		n *= int64(d)
		shape[len(shape)-1-i] = int(d)
	}
	return shape, nil
}

// describe describes a tensor if its rows are whole blocks, as they need not be elsewhere.
func describe(name string, d checkpoint.DType, shape []int) (checkpoint.Info, error) {
	block, _, _ := d.Block()
	if len(shape) > 0 && shape[len(shape)-1]%block != 0 || len(shape) == 0 && block > 1 {
		return checkpoint.Info{}, &checkpoint.Error{Tensor: name, Kind: ErrBlocks, Detail: fmt.Sprintf("%v, where %s has blocks of %d", shape, d, block)}
	}
	info, ok := checkpoint.NewInfo(name, d, shape)
	if !ok {
		return info, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("%s %v", d, shape)}
	}
	return info, nil
}

// locate checks that the tensors, each at the next multiple of the alignment, lie between the end of the description and that
// of the file.
func locate(entries []entry, end, size int64, alignment uint64) ([]checkpoint.Location, error) {
	start := pad(uint64(end), alignment)
	if len(entries) > 0 && start > uint64(size) {
		return nil, &checkpoint.Error{Kind: ErrTruncated, Detail: fmt.Sprintf("the tensors begin at byte %d of %d", start, size)}
	}
	locations := make([]checkpoint.Location, len(entries))
	next := uint64(0) // at most a little over 2⁶³ + alignment
	for i, e := range entries {
		if e.offset != next {
			return nil, &checkpoint.Error{Tensor: e.Name, Kind: ErrOffset, Detail: fmt.Sprintf("byte %d of the data, expected %d", e.offset, next)}
		}
		if uint64(e.Size) > uint64(size)-start-min(next, uint64(size)-start) {
			return nil, &checkpoint.Error{Tensor: e.Name, Kind: checkpoint.ErrStorage,
				Detail: fmt.Sprintf("%s %v, %d bytes from byte %d on of %d", e.DType, e.Shape, e.Size, start+next, size)}
		}
		locations[i] = checkpoint.Location{Info: e.Info, Offset: int64(start + next), Swap: e.swap}
		next += pad(uint64(e.Size), alignment)
	}
	if len(entries) > 0 && next > uint64(size)-start {
		return nil, &checkpoint.Error{Tensor: entries[len(entries)-1].Name, Kind: checkpoint.ErrStorage,
			Detail: fmt.Sprintf("it is padded to byte %d of %d: the file was cut", start+next, size)}
	}
	return locations, nil
}

// pad returns the next multiple of an alignment.
func pad(n, alignment uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }
