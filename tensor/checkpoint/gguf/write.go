package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Write writes metadata, which may be nil, and all tensors of src in their order as one file of version 3, little-endian. Tensors
// are aligned to "general.alignment" of the metadata, or to 32 bytes. It reads a tensor in pieces, when it is its turn.
//
// It returns [checkpoint.ErrUnknownDType] for a type that the format does not have, [ErrName], [checkpoint.ErrShape] and
// [ErrBlocks] for other tensors that it cannot hold, [ErrAlignment] or [ErrKeyType] for the alignment, [ErrKey] for an empty
// key, [checkpoint.ErrHeaderTooLarge], the errors of src, and those of w unchanged. Those of the first two kinds come before
// anything is written.
//
// The file is opened again by [Open] and by llama.cpp's loader; whether llama.cpp can run the model depends on its metadata.
func Write(w io.Writer, metadata *Metadata, src checkpoint.Source) error {
	h := header{}
	if metadata != nil {
		h.metadata = *metadata
	}
	alignment, err := h.alignment()
	if err != nil {
		return err
	}
	infos, err := tensorsOf(src)
	if err != nil {
		return err
	}
	b, err := appendHeader(nil, &h.metadata, infos, alignment)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if len(infos) > 0 {
		if err := writePadding(w, uint64(len(b)), alignment); err != nil {
			return err
		}
	}
	for _, info := range infos {
		if err := writeTensor(w, src, info, alignment); err != nil {
			return err
		}
	}
	return nil
}

// tensorsOf describes the tensors of a Source, if the format can hold them.
func tensorsOf(src checkpoint.Source) ([]checkpoint.Info, error) {
	var infos []checkpoint.Info
	for name := range src.Names() {
		info, ok := src.Lookup(name)
		if !ok {
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrNotFound}
		}
		if len(name) > maxName {
			return nil, &checkpoint.Error{Tensor: name, Kind: ErrName, Detail: fmt.Sprintf("%d bytes; at most %d are allowed", len(name), maxName)}
		}
		if number(info.DType) < 0 {
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrUnknownDType, Detail: fmt.Sprintf("%q", info.DType)}
		}
		if len(info.Shape) > maxDims {
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrShape, Detail: fmt.Sprintf("%d dimensions, at most %d are allowed", len(info.Shape), maxDims)}
		}
		if _, err := describe(name, info.DType, info.Shape); err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// number returns the number of a type in files, or −1.
func number(d checkpoint.DType) int {
	return slices.IndexFunc(ggmlTypes[:], func(t ggmlType) bool { return d != "" && t.dtype == d })
}

// appendHeader appends all that comes before the data and its padding.
func appendHeader(b []byte, m *Metadata, infos []checkpoint.Info, alignment uint64) ([]byte, error) {
	o := binary.LittleEndian
	b = o.AppendUint32(append(b, magic...), version)
	b = o.AppendUint64(o.AppendUint64(b, uint64(len(infos))), uint64(len(m.keys)))
	for _, key := range m.keys {
		if key == "" {
			return nil, &checkpoint.Error{Kind: ErrKey}
		}
		b = appendValue(appendString(b, key), m.values[key])
		if len(b) > maxHeader {
			return nil, &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("key %.200q", key)}
		}
	}
	offset := uint64(0)
	for _, info := range infos {
		b = o.AppendUint32(appendString(b, info.Name), uint32(len(info.Shape)))
		for _, d := range slices.Backward(info.Shape) {
			b = o.AppendUint64(b, uint64(d))
		}
		b = o.AppendUint64(o.AppendUint32(b, uint32(number(info.DType))), offset)
		offset += pad(uint64(info.Size), alignment)
	}
	if len(b) > maxHeader {
		return nil, &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("%d bytes", len(b))}
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v Value) []byte {
	o := binary.LittleEndian
	if v.array {
		b = o.AppendUint32(b, uint32(array))
	}
	b = o.AppendUint32(b, uint32(v.kind))
	if v.array {
		b = o.AppendUint64(b, uint64(v.Len()))
	}
	for _, s := range v.strings {
		b = appendString(b, s)
	}
	return append(b, v.numbers...)
}

// writeTensor writes the data of a tensor, padded.
func writeTensor(w io.Writer, src checkpoint.Source, info checkpoint.Info, alignment uint64) error {
	n := int64(0)
	for b, err := range src.Chunks(info.Name, 1<<20) {
		if err != nil {
			return err
		}
		n += int64(len(b))
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if n != info.Size {
		return &checkpoint.Error{Tensor: info.Name, Kind: checkpoint.ErrTensorInfo, Detail: fmt.Sprintf("its source gives %d bytes, and says %d", n, info.Size)}
	}
	return writePadding(w, uint64(n), alignment)
}

// writePadding writes zeros after n bytes.
func writePadding(w io.Writer, n, alignment uint64) error {
	zeros := make([]byte, min(alignment, 1<<16))
	for left := pad(n, alignment) - n; left > 0; {
		k, err := w.Write(zeros[:min(left, uint64(len(zeros)))])
		if err != nil {
			return err
		}
		left -= uint64(k)
	}
	return nil
}
