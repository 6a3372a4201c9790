package checkpoint

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

const (
	lengthBytes  = 8           // of the header's length, at the start of a file
	maxHeader    = 100_000_000 // the format's own limit
	metadataName = "__metadata__"
)

// readHeader reads the start of a safetensors file and checks that its tensors fill the rest.
func readHeader(file string, s storage) (contents, error) {
	size := s.size()
	if size < lengthBytes {
		return contents{}, &Error{File: file, Kind: ErrHeaderTooSmall, Detail: fmt.Sprintf("%d bytes", size)}
	}
	b, err := s.view(nil, 0, lengthBytes)
	if err != nil {
		return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader {
		return contents{}, &Error{File: file, Kind: ErrHeaderTooLarge, Detail: fmt.Sprintf("%d bytes", n)}
	}
	if n > uint64(size-lengthBytes) {
		return contents{}, &Error{File: file, Kind: ErrHeaderLength, Detail: fmt.Sprintf("%d of %d bytes", n, size)}
	}
	text, err := s.view(nil, lengthBytes, int64(n))
	if err != nil {
		return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	entries, metadata, err := parseHeader(file, text)
	if err != nil {
		return contents{}, err
	}
	start := lengthBytes + int64(n)
	infos, err := checkEntries(file, entries, uint64(size-start))
	if err != nil {
		return contents{}, err
	}
	c := contents{make([]location, len(entries)), metadata, int64(n)}
	for i, e := range entries {
		c.tensors[i] = location{Info: infos[i], offset: start + int64(e.begin), span: infos[i].Size}
	}
	return c, nil
}

// entry is what the header says of a tensor.
type entry struct {
	name       string
	dtype      DType
	shape      []uint64
	begin, end uint64 // in the data, which starts after the header
}

// parseHeader returns the entries in the order of their data.
func parseHeader(file string, text []byte) ([]entry, map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, nil, &Error{File: file, Kind: ErrHeaderUTF8}
	}
	if !json.Valid(text) {
		return nil, nil, &Error{File: file, Kind: ErrHeaderJSON, Detail: "malformed"}
	}
	s := &scanner{text: text}
	var entries []entry
	var metadata map[string]string
	seen := map[string]bool{}
	found, err := s.object(func(name string) error {
		if seen[name] {
			return &Error{File: file, Tensor: name, Kind: ErrDuplicate}
		}
		seen[name] = true
		var err error
		if name == metadataName {
			if metadata, err = parseMetadata(s); err != nil {
				return &Error{File: file, Kind: ErrHeaderJSON, Detail: err.Error()}
			}
			return nil
		}
		e := entry{name: name}
		if err := e.parse(s); err != nil {
			return &Error{File: file, Tensor: name, Kind: ErrHeaderJSON, Detail: err.Error()}
		}
		if safetensorsRank(e.dtype) < 0 {
			return &Error{File: file, Tensor: name, Kind: ErrUnknownDType, Detail: fmt.Sprintf("%q", e.dtype)}
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if !found {
		return nil, nil, &Error{File: file, Kind: ErrHeaderJSON, Detail: "not an object"}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	return entries, metadata, nil
}

// parse reads {"dtype": …, "shape": […], "data_offsets": […]}; other members are ignored.
func (e *entry) parse(s *scanner) error {
	var dtype, shape, offsets int // how often each was given
	found, err := s.object(func(key string) error {
		ok := false
		switch key {
		case "dtype":
			dtype++
			var d string
			d, ok = s.str()
			e.dtype = DType(d)
		case "shape":
			shape++
			e.shape, ok = s.numbers()
		case "data_offsets":
			offsets++
			var o []uint64
			if o, ok = s.numbers(); len(o) != 2 {
				return errors.New("data_offsets are not two integers")
			}
			e.begin, e.end = o[0], o[1]
		default:
			s.skip()
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
func parseMetadata(s *scanner) (map[string]string, error) {
	if s.next() == 'n' {
		s.skip()
		return nil, nil
	}
	metadata := map[string]string{}
	found, err := s.object(func(key string) error {
		value, ok := s.str()
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

// checkEntries checks that the entries, without holes and overlaps, fill size bytes of data.
func checkEntries(file string, entries []entry, size uint64) ([]Info, error) {
	infos := make([]Info, len(entries))
	var end uint64
	for i, e := range entries {
		if e.begin != end || e.end < e.begin {
			return nil, &Error{File: file, Tensor: e.name, Kind: ErrOffset,
				Detail: fmt.Sprintf("bytes %d to %d, expected to start at %d", e.begin, e.end, end)}
		}
		end = e.end
		shape, n, ok := e.bits()
		switch {
		case !ok:
			return nil, &Error{File: file, Tensor: e.name, Kind: ErrOverflow, Detail: fmt.Sprintf("%s %v", e.dtype, e.shape)}
		case n%8 != 0:
			return nil, &Error{File: file, Tensor: e.name, Kind: ErrMisaligned, Detail: fmt.Sprintf("%s %v", e.dtype, e.shape)}
		case n/8 != e.end-e.begin:
			return nil, &Error{File: file, Tensor: e.name, Kind: ErrTensorInfo,
				Detail: fmt.Sprintf("%s %v takes %d bytes, the offsets span %d", e.dtype, e.shape, n/8, e.end-e.begin)}
		}
		infos[i] = Info{e.name, e.dtype, shape, int64(n / 8)}
	}
	if end != size {
		return nil, &Error{File: file, Kind: ErrIncompleteFile, Detail: fmt.Sprintf("%d bytes of data, the tensors end at %d", size, end)}
	}
	return infos, nil
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
