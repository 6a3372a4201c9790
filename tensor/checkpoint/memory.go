package checkpoint

import (
	"fmt"
	"iter"
	"slices"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
)

// Entry is a tensor in memory: its name, type, shape, and little-endian row-major bytes.
type Entry struct {
	Name  string
	DType DType
	Shape []int // outermost first; empty for a scalar
	Data  []byte
}

// Float32 returns t as an Entry. On little-endian hosts it shares the memory of t.
func Float32(name string, t tensor.Tensor) Entry {
	return Entry{name, F32, slices.Clone(t.Shape[:t.Shape.Rank()]), bytesview.Bytes(t.Data)}
}

// Memory returns a Source of the given tensors. It shares their data and shapes, which must not change while
// it is in use. It returns an error if a name occurs twice ([ErrDuplicate]), a type is unknown
// ([ErrUnknownDType]), or the data has another length than type and shape need ([ErrTensorInfo]).
func Memory(entries ...Entry) (Source, error) {
	m := &memory{data: map[string][]byte{}, infos: map[string]Info{}}
	for _, e := range entries {
		if _, _, ok := e.DType.Block(); !ok {
			return nil, &Error{Tensor: e.Name, Kind: ErrUnknownDType, Detail: fmt.Sprintf("%q", e.DType)}
		}
		if _, ok := m.infos[e.Name]; ok {
			return nil, &Error{Tensor: e.Name, Kind: ErrDuplicate}
		}
		info, ok := NewInfo(e.Name, e.DType, e.Shape)
		if !ok || info.Size != int64(len(e.Data)) {
			return nil, &Error{Tensor: e.Name, Kind: ErrTensorInfo, Detail: fmt.Sprintf("%s %v in %d bytes", e.DType, e.Shape, len(e.Data))}
		}
		m.names = append(m.names, e.Name)
		m.infos[e.Name] = info
		m.data[e.Name] = e.Data
	}
	return m, nil
}

type memory struct {
	names []string
	infos map[string]Info
	data  map[string][]byte
}

func (m *memory) Names() iter.Seq[string] { return slices.Values(m.names) }

func (m *memory) Lookup(name string) (Info, bool) {
	info, ok := m.infos[name]
	return info, ok
}

func (m *memory) Bytes(name string) ([]byte, error) {
	if _, ok := m.infos[name]; !ok {
		return nil, notFound(name)
	}
	return m.data[name], nil
}

func (m *memory) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	info, ok := m.infos[name]
	if !ok {
		return failed(notFound(name))
	}
	v := func(_ []byte, off, n int64) ([]byte, error) { return m.data[name][off : off+n : off+n], nil }
	return chunks(info, size, v, func(off, n int64) {})
}

// InPlace implements InPlace.
func (m *memory) InPlace(name string) (tensor.Stored, bool) {
	b, ok := m.data[name]
	return tensor.Stored{Data: b}, ok
}

// Check implements InPlace.
func (m *memory) Check() error { return nil }

func (m *memory) Release(string) {}

func (m *memory) Close() error { return nil }
