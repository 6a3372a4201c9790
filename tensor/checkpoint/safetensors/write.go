package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Write writes all tensors of src, and metadata if it is not empty, as one safetensors file. The bytes are
// those of the format's own writer: tensors sorted by type, widest first, then by name, and a header padded
// to 8 bytes.
//
// It returns [checkpoint.ErrUnknownDType] for a type that the format does not have, [ErrName] for a name that
// it cannot hold, [checkpoint.ErrHeaderTooLarge], the errors of src, and those of w unchanged.
func Write(w io.Writer, src checkpoint.Source, metadata map[string]string) error {
	infos, err := writeOrder(src)
	if err != nil {
		return err
	}
	header, err := appendHeader(make([]byte, lengthBytes), infos, metadata)
	if err != nil {
		return err
	}
	for len(header)%lengthBytes != 0 {
		header = append(header, ' ')
	}
	n := len(header) - lengthBytes
	if n > maxHeader {
		return &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("%d bytes", n)}
	}
	binary.LittleEndian.PutUint64(header, uint64(n))
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, info := range infos {
		for b, err := range src.Chunks(info.Name, 1<<20) {
			if err != nil {
				return err
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeOrder returns the tensors in the order of their data.
func writeOrder(src checkpoint.Source) ([]checkpoint.Info, error) {
	var infos []checkpoint.Info
	for name := range src.Names() {
		info, ok := src.Lookup(name)
		switch {
		case !ok:
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrNotFound}
		case name == metadataName || !utf8.ValidString(name):
			return nil, &checkpoint.Error{Tensor: name, Kind: ErrName, Detail: "it must be UTF-8 and not " + metadataName}
		case rank(info.DType) < 0:
			return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrUnknownDType, Detail: fmt.Sprintf("%q", info.DType)}
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b checkpoint.Info) int {
		return cmp.Or(cmp.Compare(rank(b.DType), rank(a.DType)), cmp.Compare(a.Name, b.Name))
	})
	return infos, nil
}

// appendHeader appends the header's JSON.
func appendHeader(b []byte, infos []checkpoint.Info, metadata map[string]string) ([]byte, error) {
	b = append(b, '{')
	if len(metadata) > 0 {
		b = append(b, `"`+metadataName+`":{`...)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, &checkpoint.Error{Kind: ErrName, Detail: fmt.Sprintf("metadata %q: %q is not UTF-8", key, metadata[key])}
			}
			if len(b)+len(key)+len(metadata[key]) > maxHeader {
				return nil, &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("metadata %.100q", key)}
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, key), ':')
			b = appendString(b, metadata[key])
		}
		b = append(b, '}')
	}
	end := int64(0)
	for i, info := range infos {
		if i > 0 || len(metadata) > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, info.Name), `:{"dtype":"`...)
		b = append(append(b, info.DType...), `","shape":[`...)
		for k, d := range info.Shape {
			if k > 0 {
				b = append(b, ',')
			}
			b = fmt.Append(b, d)
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, end, end+info.Size)
		end += info.Size
	}
	return append(b, '}'), nil
}

// appendString appends s, which is UTF-8, as JSON.
func appendString(b []byte, s string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("safetensors: encoding a string: " + err.Error())
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// rank returns the place of d among the types of the format, narrower ones first, and −1
// if it is none of them.
func rank(d checkpoint.DType) int {
	types := [...]checkpoint.DType{"BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0",
		"F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", checkpoint.F16, checkpoint.BF16, "I32", "U32", checkpoint.F32, "C64", "F64", "I64", "U64"}
	return slices.Index(types[:], d)
}
