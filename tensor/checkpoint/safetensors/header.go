package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/strictjson"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

const (
	lengthBytes  = 8           // of the header's length, at the start of a file
	maxHeader    = 100_000_000 // the format's own limit
	metadataName = "__metadata__"
)

// read reads the start of a file and checks that its tensors fill the rest. It is a [checkpoint.Format].
func read(f *checkpoint.File) (checkpoint.Contents, error) {
	none := checkpoint.Contents{}
	size := f.Size()
	if size < lengthBytes {
		return none, &checkpoint.Error{Kind: ErrHeaderTooSmall, Detail: fmt.Sprintf("%d bytes", size)}
	}
	b, err := f.Read(0, lengthBytes)
	if err != nil {
		return none, err
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader {
		return none, &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("%d bytes", n)}
	}
	if n > uint64(size-lengthBytes) {
		return none, &checkpoint.Error{Kind: ErrHeaderLength, Detail: fmt.Sprintf("%d of %d bytes", n, size)}
	}
	text, err := f.Read(lengthBytes, int64(n))
	if err != nil {
		return none, err
	}
	entries, metadata, err := parseHeader(text)
	if err != nil {
		return none, err
	}
	start := lengthBytes + int64(n)
	tensors, err := locate(entries, start, uint64(size-start))
	return checkpoint.Contents{Tensors: tensors, Metadata: metadata, Header: int64(n)}, err
}

// entry is what the header says of a tensor.
type entry struct {
	name       string
	dtype      checkpoint.DType
	shape      []uint64
	begin, end uint64 // in the data, which starts after the header
}

// parseHeader returns the entries in the order of their data.
func parseHeader(text []byte) ([]entry, map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, nil, &checkpoint.Error{Kind: ErrHeaderUTF8}
	}
	s, ok := strictjson.New(text)
	if !ok {
		return nil, nil, &checkpoint.Error{Kind: ErrHeaderJSON, Detail: "malformed"}
	}
	var entries []entry
	var metadata map[string]string
	seen := map[string]bool{}
	found, err := s.Object(func(name string) error {
		if seen[name] {
			return &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrDuplicate}
		}
		seen[name] = true
		var err error
		if name == metadataName {
			if metadata, err = parseMetadata(s); err != nil {
				return &checkpoint.Error{Kind: ErrHeaderJSON, Detail: err.Error()}
			}
			return nil
		}
		e := entry{name: name}
		if err := e.parse(s); err != nil {
			return &checkpoint.Error{Tensor: name, Kind: ErrHeaderJSON, Detail: err.Error()}
		}
		if rank(e.dtype) < 0 {
			return &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrUnknownDType, Detail: fmt.Sprintf("%q", e.dtype)}
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if !found {
		return nil, nil, &checkpoint.Error{Kind: ErrHeaderJSON, Detail: "not an object"}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	return entries, metadata, nil
}

// parse reads {"dtype": …, "shape": […], "data_offsets": […]}; other members are ignored.
func (e *entry) parse(s *strictjson.Scanner) error {
	var dtype, shape, offsets int // how often each was given
	found, err := s.Object(func(key string) error {
		ok := false
		switch key {
		case "dtype":
			dtype++
			var d string
			d, ok = s.String()
			e.dtype = checkpoint.DType(d)
		case "shape":
			shape++
			e.shape, ok = s.Integers()
		case "data_offsets":
			offsets++
			var o []uint64
			if o, ok = s.Integers(); len(o) != 2 {
				return errors.New("data_offsets are not two integers")
			}
			e.begin, e.end = o[0], o[1]
		default:
			s.Skip()
			return nil
		}
		if !ok {
			return fmt.Errorf("%s has the wrong form", key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found || dtype != 1 || shape != 1 || offsets != 1 {
		return errors.New("not an object with one dtype, shape and data_offsets each")
	}
	return nil
}

// parseMetadata reads an object of strings, or null.
func parseMetadata(s *strictjson.Scanner) (map[string]string, error) {
	if s.Null() {
		return nil, nil
	}
	metadata := map[string]string{}
	found, err := s.Object(func(key string) error {
		value, ok := s.String()
		if _, twice := metadata[key]; twice || !ok {
			return fmt.Errorf("%s: %q is given twice or is not a string", metadataName, key)
		}
		metadata[key] = value
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%s is not an object of strings", metadataName)
	}
	return metadata, err
}

// locate checks that the entries, without holes and overlaps, fill size bytes of data, which start at a byte of the file.
func locate(entries []entry, start int64, size uint64) ([]checkpoint.Location, error) {
	tensors := make([]checkpoint.Location, len(entries))
	var end uint64
	for i, e := range entries {
		if e.begin != end || e.end < e.begin {
			return nil, &checkpoint.Error{Tensor: e.name, Kind: ErrOffset,
				Detail: fmt.Sprintf("bytes %d to %d, expected to start at %d", e.begin, e.end, end)}
		}
		end = e.end
		shape, n, ok := e.bits()
		switch {
		case !ok:
			return nil, &checkpoint.Error{Tensor: e.name, Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("%s %v", e.dtype, e.shape)}
		case n%8 != 0:
			return nil, &checkpoint.Error{Tensor: e.name, Kind: ErrMisaligned, Detail: fmt.Sprintf("%s %v", e.dtype, e.shape)}
		case n/8 != e.end-e.begin:
			return nil, &checkpoint.Error{Tensor: e.name, Kind: checkpoint.ErrTensorInfo,
				Detail: fmt.Sprintf("%s %v takes %d bytes, the offsets span %d", e.dtype, e.shape, n/8, e.end-e.begin)}
		}
		tensors[i] = checkpoint.Location{Info: checkpoint.Info{Name: e.name, DType: e.dtype, Shape: shape, Size: int64(n / 8)}, Offset: start + int64(e.begin)}
	}
	if end != size {
		return nil, &checkpoint.Error{Kind: ErrIncompleteFile, Detail: fmt.Sprintf("%d bytes of data, the tensors end at %d", size, end)}
	}
	return tensors, nil
}

// bits returns the shape as ints and the size of the tensor in bits. ok is false if one overflows.
func (e *entry) bits() (shape []int, n uint64, ok bool) {
	elements, size, _ := e.dtype.Block()
	n = 1
	shape = make([]int, len(e.shape))
	for i, d := range e.shape {
		hi, lo := bits.Mul64(n, d)
		if hi != 0 || d > math.MaxInt {
			return nil, 0, false
		}
		n, shape[i] = lo, int(d)
	}
	hi, lo := bits.Mul64(n, uint64(8*size/elements))
	return shape, lo, hi == 0
}
