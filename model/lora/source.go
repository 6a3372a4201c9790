package lora

import (
	"fmt"
	"iter"
	"slices"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// merged is the Source that [Adapter.Merge] returns. What it does not say is the base's.
type merged struct {
	checkpoint.Source
	plans  map[string]*plan
	hidden map[string]origin // found, and not listed
	names  []string          // the base's in its order, and then those that it does not have
}

// plan is a tensor that is not the base's.
type plan struct {
	info  checkpoint.Info
	from  origin
	delta *delta // nil for a tensor that is stored whole
}

// Names implements [checkpoint.Source].
func (m *merged) Names() iter.Seq[string] { return slices.Values(m.names) }

// Lookup implements [checkpoint.Source].
func (m *merged) Lookup(name string) (checkpoint.Info, bool) {
	if p := m.plans[name]; p != nil {
		return p.info, true
	}
	if o, ok := m.hidden[name]; ok {
		return renamed(o.info(), name), true
	}
	return m.Source.Lookup(name)
}

// at returns where a tensor lies that is given as it is stored.
func (m *merged) at(name string) origin {
	if p := m.plans[name]; p != nil {
		return p.from
	}
	if o, ok := m.hidden[name]; ok {
		return o
	}
	return origin{m.Source, name}
}

// Bytes implements [checkpoint.Source].
func (m *merged) Bytes(name string) ([]byte, error) {
	p := m.plans[name]
	if p == nil || p.delta == nil {
		o := m.at(name)
		return o.src.Bytes(o.name)
	}
	if int64(int(p.info.Size)) != p.info.Size {
		return nil, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrOverflow, Detail: fmt.Sprintf("%d bytes exceed the address space", p.info.Size)}
	}
	all := make([]byte, 0, p.info.Size)
	for b, err := range p.chunks(blockBytes) {
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

// Chunks implements [checkpoint.Source].
func (m *merged) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	p := m.plans[name]
	if p == nil || p.delta == nil {
		o := m.at(name)
		return o.src.Chunks(o.name, size)
	}
	if size <= 0 {
		panic(fmt.Sprintf("lora: chunks of %d bytes of %s", size, name))
	}
	return p.chunks(max(size&^3, 4))
}

// InPlace implements [checkpoint.InPlace], for what is the base's.
func (m *merged) InPlace(name string) (tensor.Stored, bool) {
	_, hidden := m.hidden[name]
	if base, ok := m.Source.(checkpoint.InPlace); ok && m.plans[name] == nil && !hidden {
		return base.InPlace(name)
	}
	return tensor.Stored{}, false
}

// Check implements [checkpoint.InPlace].
func (m *merged) Check() error {
	if base, ok := m.Source.(checkpoint.InPlace); ok {
		return base.Check()
	}
	return nil
}

// Release implements [checkpoint.Source].
func (m *merged) Release(name string) {
	o := m.at(name)
	o.src.Release(o.name)
}

// blockBytes is the memory for rows that are merged at a time, where the reader does not say.
const blockBytes = 4 << 20

// cols returns the width of the rows as which the tensor is computed: a vector is one row.
func (p *plan) cols() int { return p.info.Shape[len(p.info.Shape)-1] }

// chunks yields the tensor in pieces of size bytes, a multiple of 4.
func (p *plan) chunks(size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var norms []float32
		if d := p.delta; d.norms != nil && d.columns {
			var err error
			if norms, err = d.norms(p); err != nil {
				yield(nil, err)
				return
			}
		}
		var left []byte // of the blocks so far
		for w, err := range p.blocks(size, norms) {
			if err == nil && p.delta.magnitude != nil && !finite(w.Data) {
				err = fmt.Errorf("lora: %.200q has numbers that are not finite once the adapter is merged", p.info.Name)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			b := bytesview.Bytes(w.Data)
			if len(left) > 0 || len(b) > size {
				left = append(left, b...)
				b = left
			}
			for ; len(b) >= size; b = b[size:] {
				if !yield(b[:size:size], nil) {
					return
				}
			}
			left = append(left[:0], b...)
		}
		if len(left) > 0 {
			yield(left, nil)
		}
	}
}

// blocks yields merged rows, as many as fit into size bytes and one at least. They are valid until the next.
func (p *plan) blocks(size int, norms []float32) iter.Seq2[tensor.Tensor, error] {
	return func(yield func(tensor.Tensor, error) bool) {
		cols := p.cols()
		dt, err := p.from.info().DType.Tensor()
		if err != nil {
			yield(tensor.Tensor{}, err)
			return
		}
		row, first := dt.Bytes(cols), 0
		var w, sum tensor.Tensor
		for b, err := range p.from.src.Chunks(p.from.name, max(1, size/4/cols)*row) {
			if err == nil && len(b)%row != 0 {
				err = fmt.Errorf("lora: tensor %.200q comes in pieces that are no whole rows", p.from.name)
			}
			if err != nil {
				yield(tensor.Tensor{}, err)
				return
			}
			n := len(b) / row
			if w.Data == nil || w.Rows() != n {
				w, sum = tensor.New(n, cols), tensor.New(n, cols)
			}
			dt.Decode(w.Data, b)
			p.delta.apply(w, first, norms, sum)
			if !yield(w, nil) {
				return
			}
			first += n
		}
	}
}
