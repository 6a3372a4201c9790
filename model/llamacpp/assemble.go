package llamacpp

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// assembled is a Source of tensors that are put together from those of another: what [checkpoint.Parts] takes apart.
type assembled struct {
	checkpoint.Source
	tensors map[string]*assembly
	names   []string
}

// assembly is a tensor of a file.
type assembly struct {
	info  checkpoint.Info
	shape []int
	dtype tensor.DType      // of the checkpoint's
	parts []checkpoint.Part // Name is that of the checkpoint's tensor
	rows  map[string]int    // of the checkpoint's, which row comes first

	values []float64 // computed; no parts
}

// describe gives the tensor its name and type: vectors and some small tables are F32.
func (m *assembly) describe(name string) error {
	dt := checkpoint.F32
	if m.dtype != tensor.F32 && m.values == nil && !inFloat32(name, m.shape) {
		dt = checkpoint.DType(m.dtype.String())
	}
	switch m.dtype {
	case tensor.F32, tensor.F16, tensor.BF16:
	default:
		return fmt.Errorf("llamacpp: tensor %q is %v; F32, F16 and BF16 are written to GGUF", name, m.dtype)
	}
	info, ok := checkpoint.NewInfo(name, dt, m.shape)
	if m.info = info; !ok {
		return fmt.Errorf("llamacpp: tensor %q has shape %.200s, which is too large", name, fmt.Sprint(m.shape))
	}
	return nil
}

// inFloat32 reports whether llama.cpp's converter writes a tensor in float32 whatever the rest has.
func inFloat32(name string, shape []int) bool {
	if len(shape) < 2 || strings.HasSuffix(name, "_norm.weight") || !strings.HasSuffix(name, ".weight") {
		return true
	}
	switch stem := strings.TrimSuffix(name, ".weight"); stem {
	case "position_embd", "token_types":
		return true
	default:
		return strings.HasSuffix(stem, ".ffn_gate_inp") || strings.HasSuffix(stem, ".ffn_gate_inp_shexp")
	}
}

// height returns the rows of a tensor, as [checkpoint.Part] counts them.
func height(shape []int) int {
	n := 1
	for i, d := range shape {
		if i == 0 || i < len(shape)-1 {
			n *= d
		}
	}
	return n
}

func (s *assembled) Names() iter.Seq[string] { return slices.Values(s.names) }

func (s *assembled) Lookup(name string) (checkpoint.Info, bool) {
	if m := s.tensors[name]; m != nil {
		return m.info, true
	}
	return checkpoint.Info{}, false
}

// asIs returns the name of the checkpoint's tensor that a tensor of the file is, or "".
func (m *assembly) asIs() string {
	if len(m.parts) != 1 {
		return ""
	}
	p := m.parts[0]
	if p.Order != nil || p.Add != 0 || m.rows[p.Name] != 0 || strings.HasSuffix(p.Name, ".T") || string(m.info.DType) != m.dtype.String() {
		return ""
	}
	return p.Name
}

func (s *assembled) Bytes(name string) ([]byte, error) {
	m := s.tensors[name]
	if m == nil {
		return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrNotFound}
	}
	if of := m.asIs(); of != "" {
		return s.Source.Bytes(of)
	}
	if m.values != nil {
		var b []byte
		for _, x := range m.values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
		}
		return b, nil
	}
	if m.info.Size > math.MaxInt {
		return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("%d bytes exceed the address space", m.info.Size)}
	}
	out := make([]byte, m.info.Size)
	for _, p := range m.parts {
		b, err := s.part(m, p)
		if err != nil {
			return nil, err
		}
		place(out, b, p, len(b)/max(1, partRows(p, m, len(b))))
	}
	return out, nil
}

// partRows returns how many rows of the tensor a part of so many bytes has.
func partRows(p checkpoint.Part, m *assembly, n int) int {
	dt, _ := m.info.DType.Tensor()
	width := 1
	if len(m.shape) > 1 {
		width = m.shape[len(m.shape)-1]
	}
	return n / max(1, dt.Bytes(width))
}

// place puts the rows of a part where the tensor has them.
func place(out, b []byte, p checkpoint.Part, row int) {
	if p.Order == nil {
		copy(out[p.First*row:], b)
		return
	}
	for i := range len(b) / max(1, row) {
		copy(out[(p.First+p.Order(i))*row:][:row], b[i*row:])
	}
}

// part returns the values of a part in the type of the tensor.
func (s *assembled) part(m *assembly, p checkpoint.Part) ([]byte, error) {
	name, turned := strings.CutSuffix(p.Name, ".T")
	info, _ := s.Source.Lookup(name)
	b, err := s.Source.Bytes(name)
	if err != nil {
		return nil, err
	}
	defer s.Source.Release(name)
	if skip := m.rows[p.Name]; skip > 0 {
		b = b[skip*(len(b)/max(1, info.Shape[0])):]
	}
	if turned {
		b = turn(b, info.Shape[0], info.Shape[1], m.dtype.Bytes(1))
	}
	if p.Add == 0 && string(m.info.DType) == m.dtype.String() {
		return b, nil
	}
	x := make([]float32, len(b)/m.dtype.Bytes(1))
	m.dtype.Decode(x, b)
	wide := make([]byte, 0, 4*len(x))
	for _, v := range x {
		wide = binary.LittleEndian.AppendUint32(wide, math.Float32bits(v-p.Add))
	}
	return wide, nil
}

// turn exchanges rows and columns.
func turn(b []byte, rows, columns, size int) []byte {
	out := make([]byte, 0, len(b))
	for j := range columns {
		for i := range rows {
			out = append(out, b[(i*columns+j)*size:][:size]...)
		}
	}
	return out
}

func (s *assembled) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	if m := s.tensors[name]; m != nil && m.asIs() != "" {
		return s.Source.Chunks(m.asIs(), size)
	}
	return func(yield func([]byte, error) bool) {
		b, err := s.Bytes(name)
		if err != nil {
			yield(nil, err)
			return
		}
		element := 4
		if m := s.tensors[name]; m.info.DType != checkpoint.F32 {
			element = 2
		}
		for piece := range slices.Chunk(b, max(1, size/element)*element) {
			if !yield(piece, nil) {
				return
			}
		}
	}
}

func (s *assembled) Release(name string) {
	if m := s.tensors[name]; m != nil && m.asIs() != "" {
		s.Source.Release(m.asIs())
	}
}
